//! The open conversation: its rows, their pictures, and what the composer answers.

use slint::{ComponentHandle, Model, VecModel};

use super::View;
use crate::{
    model::{
        command::Command,
        patch::{self, Step},
        timeline::{Keep, Row, Timeline},
    },
    view::{
        convert::{self, Context},
        ui,
    },
};

impl View {
    pub(super) fn show_chip(&self) {
        let model = self.app.borrow();
        let talk = self.window.global::<ui::Talk>();
        talk.set_chip(model.chip.is_some());
        if let Some(chip) = &model.chip {
            let (kind, text) = convert::preview(&chip.preview);
            talk.set_chip_editing(chip.editing);
            talk.set_chip_who(chip.who.as_str().into());
            talk.set_chip_kind(kind);
            talk.set_chip_text(text.into());
        } else {
            talk.set_chip_editing(false);
        }
    }

    /// Works with what the conversion of rows needs, and asks for the thumbnails that it misses.
    pub(in crate::view) fn convert(&self, threaded: bool, work: impl FnOnce(&mut Context<'_>)) {
        let scale = self.window.window().scale_factor();
        let mut images = self.images.borrow_mut();
        let shown_whole = self.shown_whole.borrow();
        let model = self.app.borrow();
        let direct = model.open.as_ref().and_then(|open| model.rooms.get(open)).is_some_and(|room| room.direct);
        let text_width =
            if threaded { convert::THREAD_WIDTH } else { self.window.global::<ui::Talk>().get_text_width() };
        let mut context = Context {
            zone: &self.zone,
            own: model.own_id(),
            now_ms: Self::now_ms(),
            images: &mut images,
            wanted: Vec::new(),
            // In a chat of two the check marks say it.
            readers: if direct { None } else { Some(&model.members) },
            loads: &model.loads,
            shown_whole: &shown_whole,
            comma: self.comma.get(),
            text_width,
            scale,
            letters: self.window.global::<ui::Theme>().get_scale(),
            threaded,
            app: &model,
        };
        work(&mut context);
        for media in context.wanted {
            self.send(Command::Thumbnail {
                source: media.source,
                thumbnail: media.thumbnail,
                size: ((convert::PICTURE_BOX.0 * scale) as u32, (convert::PICTURE_BOX.1 * scale) as u32),
            });
        }
    }

    /// Shows the rows of the open room, rebuilding only those that changed.
    pub(in crate::view) fn show_rows(&self, keep: Keep) {
        let rows = self.app.borrow().timeline().map(Timeline::rows).unwrap_or_default();
        self.window.global::<ui::Talk>().set_keep(convert::keep(keep));
        self.convert(false, |context| exchange(&self.rows, &mut self.shown_rows.borrow_mut(), rows, context));
        self.show_unread_threads();
    }

    /// Shows the rows of the open thread, rebuilding only those that changed.
    pub(in crate::view) fn show_thread_rows(&self, keep: Keep) {
        let rows = self.app.borrow().threads.timeline.rows();
        self.window.global::<ui::Threads>().set_keep(convert::keep(keep));
        self.convert(true, |context| {
            exchange(&self.thread.rows, &mut self.thread.before.borrow_mut(), rows, context);
        });
    }

    /// Nothing of the thread's rows on screen stays.
    pub(in crate::view) fn clear_thread_rows(&self) {
        self.thread.before.borrow_mut().clear();
        self.thread.rows.set_vec(Vec::new());
    }

    /// Draws those rows anew that something besides their messages changed for.
    pub(in crate::view) fn redraw(&self, needs: impl Fn(&ui::MessageRow) -> bool) {
        for (threaded, shown, rows) in
            [(false, &self.rows, &self.shown_rows), (true, &self.thread.rows, &self.thread.before)]
        {
            self.convert(threaded, |context| {
                for (index, row) in rows.borrow().iter().enumerate() {
                    if shown.row_data(index).is_some_and(|shown| needs(&shown)) {
                        shown.set_row_data(index, convert::row(row, context));
                    }
                }
            });
        }
    }

    /// Shows a long message in full.
    pub(in crate::view) fn show_whole(&self, id: &str) {
        self.shown_whole.borrow_mut().insert(id.to_owned());
        self.window.global::<ui::Talk>().set_keep(ui::Keep::Place);
        self.redraw(|shown| shown.id.as_str() == id);
    }

    /// Tells what is at the end of the open room as read while the person can see it.
    pub(in crate::view) fn seen(&self) {
        if self.window.global::<ui::Talk>().get_at_bottom() && self.window.window().is_visible() {
            let command = self.app.borrow_mut().see();
            command.into_iter().for_each(|command| self.send(command));
        }
    }
}

/// Turns the rows on screen into others, rebuilding only those that changed.
fn exchange(shown: &VecModel<ui::MessageRow>, before: &mut Vec<Row>, rows: Vec<Row>, context: &mut Context<'_>) {
    if before.is_empty() {
        shown.set_vec(rows.iter().map(|row| convert::row(row, context)).collect::<Vec<_>>());
    } else {
        for step in patch::steps(before, &rows, |a, b| a.item.id == b.item.id) {
            match step {
                Step::Remove(index) => {
                    shown.remove(index);
                }
                Step::Insert(index) => shown.insert(index, convert::row(&rows[index], context)),
                Step::Set(index) => shown.set_row_data(index, convert::row(&rows[index], context)),
            }
        }
    }
    *before = rows;
}
