//! The composer: what it offers while a name is typed, formatting, and drafts.

use std::{rc::Rc, time::Duration};

use slint::{ComponentHandle, ModelRc, SharedString, TimerMode, VecModel};

use super::{convert, images, ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    composer::{self, Mark, Suggestion, Written},
    person,
};

/// A draft is kept once nothing was typed for so long.
const QUIET: Duration = Duration::from_secs(2);

/// Connects the callbacks of the composer.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Compose, on_moved, |this, text, cursor| {
        let russian = this.language_code() == "ru";
        let changed = this.app.borrow_mut().moved(&text, place(cursor), russian);
        this.show(changed);
    });
    on!(view, Compose, on_take, |this, index, text, cursor| {
        let taken = this.app.borrow_mut().take_suggestion(place(index), &text, place(cursor));
        this.show_suggestions();
        taken.map_or_else(ui::Written::default, written)
    });
    on!(view, Compose, on_dismiss, |this| {
        this.app.borrow_mut().composer.dismiss();
        this.show_suggestions();
    });
    on!(view, Compose, on_mark, |_this, sign, text, anchor, cursor| {
        written(composer::mark(&selected(text, anchor, cursor), mark(sign)))
    });
    on!(view, Compose, on_insert, |_this, words, text, anchor, cursor| {
        if words.is_empty() {
            return ui::Written::default();
        }
        written(composer::insert(&selected(text, anchor, cursor), &words))
    });
}

/// A place in words, in bytes, or in a list.
fn place(index: i32) -> usize {
    usize::try_from(index).unwrap_or(0)
}

fn selected(text: SharedString, anchor: i32, cursor: i32) -> Written {
    Written { text: text.into(), anchor: place(anchor), cursor: place(cursor) }
}

fn written(written: Written) -> ui::Written {
    let place = |at: usize| i32::try_from(at).unwrap_or(i32::MAX);
    ui::Written { anchor: place(written.anchor), cursor: place(written.cursor), text: written.text.into(), done: true }
}

fn mark(mark: ui::Mark) -> Mark {
    match mark {
        ui::Mark::Bold => Mark::Bold,
        ui::Mark::Italic => Mark::Italic,
        ui::Mark::Strike => Mark::Strike,
        ui::Mark::Code => Mark::Code,
        ui::Mark::Link => Mark::Link,
        ui::Mark::Quote => Mark::Quote,
        ui::Mark::List => Mark::List,
    }
}

impl View {
    /// Shows what is offered while a name is typed.
    pub(super) fn show_suggestions(&self) {
        let model = self.app.borrow();
        let mut images = self.images.borrow_mut();
        let entries: Vec<ui::Suggestion> = model
            .composer
            .suggestions
            .iter()
            .map(|suggestion| match suggestion {
                Suggestion::Person { id, name } => ui::Suggestion {
                    kind: ui::SuggestionKind::Person,
                    title: name.as_str().into(),
                    hint: id.as_str().into(),
                    initials: person::initials(name).into(),
                    tint: person::tint(id),
                    ..ui::Suggestion::default()
                },
                Suggestion::Everyone { written } => ui::Suggestion {
                    kind: ui::SuggestionKind::Everyone,
                    title: (*written).into(),
                    ..ui::Suggestion::default()
                },
                Suggestion::Emoji { key, name } => {
                    let picture = images.emoji(key, convert::REACTION);
                    ui::Suggestion {
                        kind: ui::SuggestionKind::Emoji,
                        title: if picture.is_some() { format!(":{name}:") } else { format!("{key} :{name}:") }.into(),
                        pictured: picture.is_some(),
                        picture: images::or_clear(picture),
                        ..ui::Suggestion::default()
                    }
                }
            })
            .collect();
        let compose = self.window.global::<ui::Compose>();
        compose.set_chosen(0);
        compose.set_suggestions(ModelRc::new(VecModel::from(entries)));
    }

    /// The words in the composer changed: their draft is kept once the person stops for a while.
    pub(super) fn keep_later(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.quiet.start(TimerMode::SingleShot, QUIET, move || {
            if let Some(this) = weak.upgrade() {
                this.keep_draft();
            }
        });
    }

    /// Has the draft of the open room kept now.
    pub(super) fn keep_draft(&self) {
        let draft = self.window.global::<ui::Talk>().get_draft();
        let command = self.app.borrow_mut().keep_draft(&draft);
        command.into_iter().for_each(|command| self.send(command));
    }

    /// The window is closed: what is being written is kept, and everything ends.
    pub fn end(&self) {
        self.keep_draft();
        self.send(Command::End);
    }

    /// Puts words into the composer where its cursor is; without any it only gets the focus.
    pub(super) fn put_in(&self, words: &str) {
        let compose = self.window.global::<ui::Compose>();
        compose.set_to_insert(words.into());
        compose.set_inserted(compose.get_inserted() + 1);
    }
}
