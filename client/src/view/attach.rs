//! The sheet of files: what comes onto it by the dialog, the clipboard and by dropping, and what it shows.

use std::{path::PathBuf, rc::Rc, sync::Arc};

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{convert, images, media, ui, window::View};
use crate::model::{
    attach::{Content, Refusal},
    update::Pixels,
};

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    let weak = Rc::downgrade(view);
    view.window.global::<ui::Talk>().on_attach(move || {
        if let Some(this) = weak.upgrade() {
            ask(&this);
        }
    });
    let weak = Rc::downgrade(view);
    view.window.global::<ui::Talk>().on_paste_picture(move || weak.upgrade().is_some_and(|this| paste(&this)));
    let sheet = view.window.global::<ui::Attach>();
    let weak = Rc::downgrade(view);
    sheet.on_add(move || {
        if let Some(this) = weak.upgrade() {
            ask(&this);
        }
    });
    let weak = Rc::downgrade(view);
    sheet.on_remove(move |id| {
        let Some(this) = weak.upgrade() else { return };
        if let Ok(id) = id.parse() {
            this.app.borrow_mut().sheet.remove(id);
        }
        if this.app.borrow().sheet.entries.is_empty() {
            close(&this);
        }
        show(&this);
    });
    let weak = Rc::downgrade(view);
    sheet.on_shrink_changed(move || {
        if let Some(this) = weak.upgrade() {
            show(&this);
        }
    });
    let weak = Rc::downgrade(view);
    sheet.on_send(move || {
        let Some(this) = weak.upgrade() else { return };
        let sheet = this.window.global::<ui::Attach>();
        let done = this.app.borrow_mut().send_sheet(&sheet.get_caption(), sheet.get_shrink());
        close(&this);
        this.follow_up(done);
    });
    let weak = Rc::downgrade(view);
    sheet.on_cancel(move || {
        if let Some(this) = weak.upgrade() {
            close(&this);
        }
    });
}

/// Files on disk with their names.
pub(super) fn from_disk(paths: impl IntoIterator<Item = PathBuf>) -> Vec<(String, Content)> {
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned());
            (name, Content::File(path))
        })
        .collect()
}

fn ask(this: &Rc<View>) {
    let weak = Rc::downgrade(this);
    let asked = slint::spawn_local(async move {
        let files = rfd::AsyncFileDialog::new().pick_files().await.unwrap_or_default();
        if let Some(this) = weak.upgrade() {
            this.attach(from_disk(files.iter().map(|file| file.path().to_path_buf())));
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "files cannot be asked for");
    }
}

/// Files that were copied elsewhere, or a picture; true if there was anything of that kind.
fn paste(this: &View) -> bool {
    let files = this.with_clipboard(|clipboard| clipboard.get().file_list().ok()).unwrap_or_default();
    if !files.is_empty() {
        this.attach(from_disk(files));
        return true;
    }
    let picture = this.with_clipboard(|clipboard| {
        // Words win: programs that copy words often add a picture of them.
        if clipboard.get_text().is_ok_and(|text| !text.is_empty()) {
            return None;
        }
        clipboard.get_image().ok()
    });
    let Some(picture) = picture else { return false };
    let (Ok(width), Ok(height)) = (u32::try_from(picture.width), u32::try_from(picture.height)) else { return false };
    let pixels = Pixels { width, height, rgba: picture.bytes.into_owned() };
    let name = jiff::Zoned::now().strftime("%Y-%m-%d %H-%M-%S.png").to_string();
    this.attach(vec![(name, Content::Pixels(Arc::new(pixels)))]);
    true
}

fn close(this: &View) {
    this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
    this.window.global::<ui::Attach>().set_caption(SharedString::default());
}

/// Fills the sheet.
pub(super) fn show(this: &View) {
    let page = this.window.global::<ui::Attach>();
    let app = this.app.borrow();
    let shrink = page.get_shrink();
    let comma = this.speaks_with_comma();
    let entries: Vec<ui::AttachEntry> = app
        .sheet
        .entries
        .iter()
        .map(|entry| ui::AttachEntry {
            id: slint::format!("{}", entry.id),
            name: entry.name.as_str().into(),
            size: entry.size.map(|size| convert::bytes(size, comma)).unwrap_or_default().into(),
            kind: media::kind(entry.kind),
            pictured: entry.preview.is_some(),
            picture: images::or_clear(entry.preview.as_ref().map(images::image)),
            refusal: match app.sheet.refusal(entry, shrink) {
                None => ui::Refusal::None,
                Some(Refusal::TooLarge) => ui::Refusal::TooLarge,
                Some(Refusal::Unreadable) => ui::Refusal::Unreadable,
            },
        })
        .collect();
    page.set_can_shrink(app.sheet.can_shrink());
    page.set_ready(i32::try_from(app.sheet.ready(shrink)).unwrap_or(i32::MAX));
    page.set_list(ModelRc::new(VecModel::from(entries)));
}

impl View {
    /// Puts files on the sheet, which comes up if it is not. Over another dialog nothing happens.
    pub fn attach(&self, files: Vec<(String, Content)>) {
        let app = self.window.global::<ui::App>();
        let more = match app.get_overlay() {
            ui::Overlay::Attach => true,
            ui::Overlay::None => false,
            _ => return,
        };
        let draft = self.window.global::<ui::Talk>().get_draft();
        let (caption, commands) = self.app.borrow_mut().attach(files, more, &draft);
        if commands.is_empty() {
            return;
        }
        if let Some(caption) = caption {
            self.window.global::<ui::Attach>().set_caption(caption.into());
        }
        show(self);
        app.set_overlay(ui::Overlay::Attach);
        commands.into_iter().for_each(|command| self.send(command));
    }

    /// Files are held over the window, or not any more.
    pub fn hover(&self, hovered: bool) {
        self.window.global::<ui::Attach>().set_hovered(hovered);
    }
}
