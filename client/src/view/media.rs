//! Files of messages: bringing them here, opening and showing them, and the list of those of the room.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use slint::{ComponentHandle, Model, ModelRc, VecModel};

use super::{
    convert,
    images::{self, Thumbnail},
    ui,
    window::View,
};
use crate::model::{
    command::Command,
    item::{Body, Media, Message, SendState},
    media::{self, FileKind, Loads, News, Place, Step, Then, Wish},
    stamp,
};

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    let weak = Rc::downgrade(view);
    view.window.global::<ui::Talk>().on_open_media(move |key| {
        if let Some(this) = weak.upgrade() {
            press(&this, &key);
        }
    });
    let weak = Rc::downgrade(view);
    view.window.global::<ui::Talk>().on_save_media(move |key| {
        let Some(this) = weak.upgrade() else { return };
        let media = this.app.borrow().media(&key);
        if let Some((_, media)) = media {
            save(&this, media);
        }
    });
    let weak = Rc::downgrade(view);
    view.window.global::<ui::Media>().on_stop(move |key| {
        let Some(this) = weak.upgrade() else { return };
        let media = this.app.borrow().media(&key);
        if let Some((_, media)) = media {
            this.send(Command::Media(Wish::Stop { source: media.source }));
        }
    });
    let weak = Rc::downgrade(view);
    view.window.global::<ui::Media>().on_show(move |key| {
        let Some(this) = weak.upgrade() else { return };
        let media = this.app.borrow().media(&key);
        if let Some((_, media)) = media {
            show_in_folder(&this, &media);
        }
    });
    let files = view.window.global::<ui::Files>();
    let weak = Rc::downgrade(view);
    files.on_open(move |pictures| {
        let Some(this) = weak.upgrade() else { return };
        let files = this.window.global::<ui::Files>();
        files.set_pictures(pictures);
        files.set_list(ModelRc::default());
        this.window.global::<ui::App>().set_overlay(ui::Overlay::Files);
        this.show_files();
    });
    let weak = Rc::downgrade(view);
    files.on_load_more(move || {
        let Some(this) = weak.upgrade() else { return };
        let command = this.app.borrow_mut().load_past();
        command.into_iter().for_each(|command| this.send(command));
        this.show_files();
    });
}

/// What a press on a file does: a picture is looked at, a film is played, any other file is brought here first and
/// opened by the next press. A program is never started.
fn press(this: &Rc<View>, key: &str) {
    let Some((picture, media)) = this.app.borrow().media(key) else { return };
    if picture {
        return this.view_picture(key);
    }
    let program = media::is_program(&media.name);
    let place = this.app.borrow().loads.place(&media.source).map(Path::to_path_buf);
    match place.filter(|path| path.exists()) {
        Some(_) if program => show_in_folder(this, &media),
        Some(path) => open(this, &path),
        None => {
            let film = this
                .app
                .borrow()
                .timeline()
                .and_then(|timeline| timeline.message(key))
                .is_some_and(|message| matches!(message.body, Body::Video(_)));
            let folder = downloads(this);
            load(this, media, Place::Folder(folder), film && !program);
        }
    }
}

/// Brings a file to this computer.
fn load(this: &View, media: Media, to: Place, open: bool) {
    if this.app.borrow_mut().loads.begin(&media.source, media.size, open) {
        let address = media::address(&media.source).to_owned();
        this.send(Command::Media(Wish::Load { source: media.source, name: media.name, to }));
        this.show_file(&address);
    }
}

/// Asks where to, then brings it there; the folder is remembered.
pub(super) fn save(this: &Rc<View>, media: Media) {
    let weak = Rc::downgrade(this);
    let folder = downloads(this);
    let asked = slint::spawn_local(async move {
        let dialog = rfd::AsyncFileDialog::new().set_directory(folder).set_file_name(media::safe_name(&media.name));
        if let (Some(place), Some(this)) = (dialog.save_file().await, weak.upgrade()) {
            let path = place.path().to_path_buf();
            this.choose_own(|own| own.downloads = path.parent().map(Path::to_path_buf));
            this.tell(ui::Done::Fetching);
            load(&this, media, Place::Path(path), false);
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "a place to save cannot be asked for");
    }
}

/// The folder that files come to: the one chosen last, else the system's.
fn downloads(this: &View) -> PathBuf {
    let chosen = this.own.choices.borrow().downloads.clone().filter(|folder| folder.is_dir());
    let system = || directories::UserDirs::new().and_then(|dirs| dirs.download_dir().map(Path::to_path_buf));
    // Nobody else at a shared computer finds them.
    let passing = this.own.passing().map(|folder| folder.join("downloads"));
    chosen.or(passing).or_else(system).unwrap_or_else(|| this.data_dir.join("downloads"))
}

fn open(this: &View, path: &Path) {
    if media::is_program(&path.to_string_lossy()) {
        return this.complain(ui::Failure::Program);
    }
    if let Err(error) = open::that_detached(path) {
        tracing::warn!(%error, "file cannot be opened");
        this.complain(ui::Failure::CannotOpen);
    }
}

fn show_in_folder(this: &View, media: &Media) {
    let place = this.app.borrow().loads.place(&media.source).map(Path::to_path_buf);
    match place.as_deref().filter(|path| path.exists()).and_then(Path::parent) {
        Some(folder) => {
            if let Err(error) = open::that_detached(folder) {
                tracing::warn!(%error, "folder cannot be opened");
                this.complain(ui::Failure::CannotOpen);
            }
        }
        None => {
            // Somebody deleted or moved it: it can be brought again.
            this.app.borrow_mut().loads.gone(&media.source);
            this.show_file(media::address(&media.source));
        }
    }
}

pub(super) fn kind(kind: FileKind) -> ui::FileKind {
    match kind {
        FileKind::Picture => ui::FileKind::Picture,
        FileKind::Video => ui::FileKind::Video,
        FileKind::Audio => ui::FileKind::Audio,
        FileKind::Document => ui::FileKind::Document,
        FileKind::Table => ui::FileKind::Table,
        FileKind::Slides => ui::FileKind::Slides,
        FileKind::Archive => ui::FileKind::Archive,
        FileKind::Code => ui::FileKind::Code,
        FileKind::Program => ui::FileKind::Program,
        FileKind::Other => ui::FileKind::Other,
    }
}

/// What a message says of its file.
pub(super) fn entry(message: &Message, media: &Media, loads: &Loads, comma: bool) -> ui::FileEntry {
    let (step, progress, done) = match (message.state, loads.step(&media.source)) {
        (SendState::Sending(told), _) => {
            let done = told.zip(media.size).map(|(part, size)| (size as f64 * f64::from(part)) as u64);
            (ui::FileStep::Sending, told, done)
        }
        (_, Some(Step::Loading { done, total })) => {
            let part = total.filter(|total| *total > 0).map(|total| (*done as f64 / total as f64) as f32);
            // What the SDK opens in memory comes all at once.
            (ui::FileStep::Loading, part.filter(|_| *done > 0), Some(*done).filter(|done| *done > 0))
        }
        (_, Some(Step::Here(_))) => (ui::FileStep::Here, None, None),
        (_, None) => (ui::FileStep::Away, None, None),
    };
    ui::FileEntry {
        kind: kind(media::kind(&media.name, &media.mime)),
        step,
        progress: progress.unwrap_or(-1.0),
        done: done.map(|done| convert::bytes(done, comma)).unwrap_or_default().into(),
        animated: media.animated,
        duration: media.duration_ms.map(clock).unwrap_or_default().into(),
    }
}

/// `1:05` or `1:02:03`.
pub(super) fn clock(duration_ms: u64) -> String {
    let seconds = duration_ms.div_ceil(1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

impl View {
    /// Takes what happened to files.
    pub(super) fn take_media(&self, news: News) {
        let addresses: Vec<String> = match &news {
            News::Known(known) => known.iter().map(|(address, _)| address.clone()).collect(),
            News::Progress { address, .. } | News::Ended { address, .. } => vec![address.clone()],
        };
        let ended = matches!(news, News::Ended { .. });
        let then = self.app.borrow_mut().loads.apply(news);
        for address in &addresses {
            self.show_file(address);
        }
        let told = self.window.global::<ui::App>().get_done() == ui::Done::Fetching;
        match then {
            Then::Open(path) => open(self, &path),
            Then::Tell(failure) => self.complain(convert::failure(failure)),
            Then::Nothing if ended && told => self.tell(ui::Done::Saved),
            Then::Nothing => {}
        }
    }

    /// Draws anew what shows a file.
    fn show_file(&self, address: &str) {
        self.redraw(|shown| !shown.media.is_empty() && media::address(&shown.media) == address);
        self.show_files();
    }

    /// Fills the list of files while it is on screen.
    pub(super) fn show_files(&self) {
        if self.window.global::<ui::App>().get_overlay() != ui::Overlay::Files {
            return;
        }
        let files = self.window.global::<ui::Files>();
        let messages = self.app.borrow().files(files.get_pictures());
        let mut entries = Vec::with_capacity(messages.len());
        self.convert(false, |context| {
            for message in &messages {
                let Some(media) = message.body.media() else { continue };
                let (picture, picture_state) = match context.thumbnail(&message.body) {
                    Some(Thumbnail::Ready(image)) => (image, ui::PictureState::Ready),
                    Some(Thumbnail::Loading) => (images::or_clear(None), ui::PictureState::Loading),
                    Some(Thumbnail::Failed) | None => (images::or_clear(None), ui::PictureState::None),
                };
                entries.push(ui::RoomFile {
                    key: message.key.as_str().into(),
                    name: media.name.as_str().into(),
                    size: media.size.map(|size| convert::bytes(size, context.comma)).unwrap_or_default().into(),
                    who: message.sender_name.as_str().into(),
                    own: message.own,
                    stamp: convert::stamp(stamp::for_list(message.at_ms, context.now_ms, context.zone)),
                    file: entry(message, media, context.loads, context.comma),
                    picture,
                    picture_state,
                });
            }
        });
        let before = files.get_list();
        if before.row_count() == entries.len() {
            for (index, entry) in entries.into_iter().enumerate() {
                if before.row_data(index).as_ref() != Some(&entry) {
                    before.set_row_data(index, entry);
                }
            }
        } else {
            files.set_list(ModelRc::new(VecModel::from(entries)));
        }
        let app = self.app.borrow();
        let timeline = app.timeline();
        files.set_loading(timeline.is_some_and(|timeline| timeline.loading));
        files.set_more(timeline.is_some_and(|timeline| !timeline.at_start && !timeline.is_whole()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_is_as_long_as_a_clock_says() {
        assert_eq!(clock(900), "0:01");
        assert_eq!(clock(65_000), "1:05");
        assert_eq!(clock(3_723_000), "1:02:03");
    }

    #[test]
    fn a_file_tells_how_far_it_is() {
        let media = Media { source: "mxc://academy/1".into(), size: Some(2_000_000), ..Media::default() };
        let message = |state| Message { state, ..Message::words("$1", "@anna:academy", "Анна", "") };
        let mut loads = Loads::default();
        let sending = entry(&message(SendState::Sending(Some(0.5))), &media, &loads, false);
        assert_eq!((sending.step, sending.done.as_str()), (ui::FileStep::Sending, "1.0 MB"));
        let away = entry(&message(SendState::Sent), &media, &loads, false);
        assert_eq!(away.step, ui::FileStep::Away);
        loads.begin("mxc://academy/1", media.size, false);
        let loading = entry(&message(SendState::Sent), &media, &loads, false);
        assert_eq!((loading.step, loading.progress), (ui::FileStep::Loading, -1.0));
    }
}
