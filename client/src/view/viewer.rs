//! The viewer: a picture over the window, and the ones before and after it.

use std::{borrow::Cow, rc::Rc};

use slint::{ComponentHandle, Image};

use super::{convert, images, media, ui, window::View};
use crate::model::{
    command::Command,
    stamp,
    viewer::{News, Viewed, Wish},
};

/// Sides that a picture is decoded to at first: as the window needs it, within these.
const FIRST: (u32, u32) = (1_280, 2_560);
/// Longest side for a picture that is enlarged.
const LONGEST: u32 = 8_192;
/// Pixels at most for a picture that is enlarged: four bytes each.
const MOST: f32 = 32e6;

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    let viewer = view.window.global::<ui::Viewer>();
    let weak = Rc::downgrade(view);
    viewer.on_save(move || {
        let Some(this) = weak.upgrade() else { return };
        let viewed = this.viewed.borrow().clone();
        if let Some(viewed) = viewed {
            media::save(&this, viewed.media);
        }
    });
    let weak = Rc::downgrade(view);
    viewer.on_open_outside(move || {
        let Some(this) = weak.upgrade() else { return };
        let viewed = this.viewed.borrow().clone();
        if let Some(viewed) = viewed {
            this.tell(ui::Done::Fetching);
            this.send(Command::OpenFile { source: viewed.media.source, name: viewed.media.name });
        }
    });
    let weak = Rc::downgrade(view);
    viewer.on_copy(move || {
        if let Some(this) = weak.upgrade() {
            copy(&this);
        }
    });
    let weak = Rc::downgrade(view);
    viewer.on_go(move |by| {
        let Some(this) = weak.upgrade() else { return };
        let Some(viewed) = this.viewed.borrow().clone() else { return };
        let (before, after) = this.app.borrow().neighbours(&viewed);
        if let Some(next) = if by < 0 { before } else { after } {
            this.view(next);
        }
    });
    let weak = Rc::downgrade(view);
    viewer.on_sharpen(move || {
        if let Some(this) = weak.upgrade() {
            this.sharpen();
        }
    });
}

/// Puts the picture into the clipboard: on a thread of its own, for it is written as a file there.
fn copy(this: &Rc<View>) {
    let Some(pixels) = this.window.global::<ui::Viewer>().get_picture().to_rgba8() else { return };
    // On X11 the content lives as long as this program has a clipboard.
    this.with_clipboard(|_| Some(()));
    let (sender, copied) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let data = arboard::ImageData {
            width: pixels.width() as usize,
            height: pixels.height() as usize,
            bytes: Cow::Borrowed(pixels.as_bytes()),
        };
        let done = arboard::Clipboard::new().and_then(|mut clipboard| clipboard.set_image(data));
        if let Err(error) = &done {
            tracing::info!(%error, "picture was not copied");
        }
        let _ = sender.send(done.is_ok());
    });
    let weak = Rc::downgrade(this);
    let waits = slint::spawn_local(async move {
        let done = copied.await.unwrap_or(false);
        match weak.upgrade() {
            Some(this) if done => this.tell(ui::Done::Copied),
            Some(this) => this.complain(ui::Failure::Other),
            None => {}
        }
    });
    if let Err(error) = waits {
        tracing::warn!(%error, "nobody waits for the clipboard");
    }
}

impl View {
    /// Shows the picture of a message.
    pub(super) fn view_picture(&self, key: &str) {
        let viewed = self.app.borrow().timeline().and_then(|timeline| timeline.message(key)).and_then(Viewed::of);
        if let Some(viewed) = viewed {
            self.view(viewed);
        }
    }

    fn view(&self, viewed: Viewed) {
        let viewer = self.window.global::<ui::Viewer>();
        let size = |side: Option<u32>| side.map_or(0.0, |side| side as f32);
        let (width, height) = (size(viewed.media.width), size(viewed.media.height));
        let known = width > 0.0 && height > 0.0;
        viewer.set_name(viewed.media.name.as_str().into());
        viewer.set_who(viewed.who.as_str().into());
        viewer.set_own(viewed.own);
        viewer.set_stamp(convert::stamp(stamp::for_day(viewed.at_ms, Self::now_ms(), self.zone())));
        viewer.set_whole_width(if known { width } else { 0.0 });
        viewer.set_whole_height(if known { height } else { 0.0 });
        // Until it is here, what the conversation shows of it.
        viewer.set_picture(self.images.borrow().peek(&viewed.media.source).unwrap_or_default());
        viewer.set_state(ui::PictureState::Loading);
        let window = self.window.window().size();
        let side = window.width.max(window.height).clamp(FIRST.0, FIRST.1);
        self.viewed_side.set(side);
        self.send(Command::Viewer(Wish::Look { source: viewed.media.source.clone(), side }));
        *self.viewed.borrow_mut() = Some(viewed);
        self.window.global::<ui::App>().set_overlay(ui::Overlay::Viewer);
        self.show_neighbours();
        if !viewer.get_before() {
            // The first of those that are loaded: there may be others before it.
            let command = self.app.borrow_mut().load_past();
            command.into_iter().for_each(|command| self.send(command));
        }
    }

    /// Says whether there are pictures before and after, of those that are loaded.
    pub(super) fn show_neighbours(&self) {
        let Some(viewed) = self.viewed.borrow().clone() else { return };
        let (before, after) = self.app.borrow().neighbours(&viewed);
        let viewer = self.window.global::<ui::Viewer>();
        viewer.set_before(before.is_some());
        viewer.set_after(after.is_some());
    }

    /// The person went to where the picture has too few pixels.
    fn sharpen(&self) {
        let Some(source) = self.viewed.borrow().as_ref().map(|viewed| viewed.media.source.clone()) else { return };
        let viewer = self.window.global::<ui::Viewer>();
        let (width, height) = (viewer.get_whole_width(), viewer.get_whole_height());
        let longest = width.max(height);
        let side = (longest * (MOST / (width * height).max(1.0)).sqrt().min(1.0)) as u32;
        let side = side.min(LONGEST);
        if side > self.viewed_side.get() {
            self.viewed_side.set(side);
            self.send(Command::Viewer(Wish::Look { source, side }));
        }
    }

    /// Takes a picture that came.
    pub(super) fn take_picture(&self, news: &News) {
        if self.viewed.borrow().as_ref().is_none_or(|viewed| viewed.media.source != news.source) {
            return;
        }
        let viewer = self.window.global::<ui::Viewer>();
        match &news.look {
            Some(look) => {
                viewer.set_picture(images::image(&look.pixels));
                viewer.set_whole_width(look.whole.0 as f32);
                viewer.set_whole_height(look.whole.1 as f32);
                viewer.set_state(ui::PictureState::Ready);
            }
            // Fewer pixels are better than none.
            None if viewer.get_state() == ui::PictureState::Ready => {}
            None => viewer.set_state(ui::PictureState::Failed),
        }
    }

    /// Nothing is viewed any more.
    pub(super) fn end_viewing(&self) {
        *self.viewed.borrow_mut() = None;
        self.window.global::<ui::Viewer>().set_picture(Image::default());
    }
}
