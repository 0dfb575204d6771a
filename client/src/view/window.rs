//! The window and what fills it.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    path::PathBuf,
    rc::Rc,
};

use jiff::{Timestamp, tz::TimeZone};
use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::{
    convert::{self, Context},
    images::{self, Images},
    ui,
};
use crate::{
    model::{
        app::{AppModel, Changed, Page},
        command::Command,
        item::{ItemKind, Media},
        patch::{self, Step},
        person,
        rooms::{RoomSummary, Scope},
        timeline::{Keep, Row},
        update::{Connection, Failure, Update},
    },
    options::{Language, Options, Theme},
    settings::{self, Settings},
};

/// Emoji offered for a quick reaction.
const QUICK: [&str; 8] = ["👍", "❤️", "😂", "🎉", "🤔", "😢", "👏", "✅"];

/// The window, its state, and where commands go.
pub struct View {
    pub(super) window: ui::MainWindow,
    pub(super) app: RefCell<AppModel>,
    pub(super) settings: RefCell<Settings>,
    pub(super) data_dir: PathBuf,
    send: Box<dyn Fn(Command)>,
    rooms: Rc<VecModel<ui::RoomEntry>>,
    shown_rooms: RefCell<Vec<(RoomSummary, bool)>>,
    rows: Rc<VecModel<ui::MessageRow>>,
    shown_rows: RefCell<Vec<Row>>,
    pub(super) images: RefCell<Images>,
    pub(super) shown_whole: RefCell<HashSet<String>>,
    clipboard: RefCell<Option<arboard::Clipboard>>,
    zone: TimeZone,
    comma: Cell<bool>,
    /// The last message told as read, so that it is told once.
    told_read: RefCell<String>,
    /// File shown in the viewer.
    pub(super) viewed: RefCell<Option<Media>>,
    /// A draft is put into the composer by counting this up.
    draft_version: Cell<i32>,
    to_bottom: Cell<i32>,
}

impl View {
    /// Makes the window. Commands go to `send`.
    pub fn new(
        send: Box<dyn Fn(Command)>,
        settings: Settings,
        data_dir: PathBuf,
        options: &Options,
    ) -> Result<Rc<Self>, slint::PlatformError> {
        let window = ui::MainWindow::new()?;
        let view = Rc::new(Self {
            window,
            app: RefCell::default(),
            settings: RefCell::new(settings),
            data_dir,
            send,
            rooms: Rc::default(),
            shown_rooms: RefCell::default(),
            rows: Rc::default(),
            shown_rows: RefCell::default(),
            images: RefCell::default(),
            shown_whole: RefCell::default(),
            clipboard: RefCell::default(),
            zone: TimeZone::system(),
            comma: Cell::new(true),
            told_read: RefCell::default(),
            viewed: RefCell::default(),
            draft_version: Cell::new(0),
            to_bottom: Cell::new(0),
        });
        view.begin(options);
        Ok(view)
    }

    fn begin(&self, options: &Options) {
        let settings = self.settings.borrow();
        let app = self.window.global::<ui::App>();
        app.set_version(env!("CARGO_PKG_VERSION").into());
        self.window.global::<ui::Rooms>().set_list(ModelRc::from(Rc::clone(&self.rooms)));
        self.window.global::<ui::Talk>().set_rows(ModelRc::from(Rc::clone(&self.rows)));
        let sign_in = self.window.global::<ui::SignIn>();
        sign_in.set_server(options.server.clone().or_else(|| settings.server.clone()).unwrap_or_default().into());
        sign_in.set_user(options.user.clone().or_else(|| settings.user.clone()).unwrap_or_default().into());
        let pages = self.window.global::<ui::Settings>();
        pages.set_language(match settings.language {
            settings::LanguageChoice::System => 0,
            settings::LanguageChoice::Ru => 1,
            settings::LanguageChoice::En => 2,
        });
        pages.set_theme(match options.theme {
            Some(Theme::Light) => ui::ThemeChoice::Light,
            Some(Theme::Dark) => ui::ThemeChoice::Dark,
            None => convert::theme(settings.theme),
        });
        let language =
            options.lang.unwrap_or_else(|| settings::language(settings.language, sys_locale::get_locale().as_deref()));
        drop(settings);
        self.speak(language);
        let mut images = self.images.borrow_mut();
        let quick: Vec<ui::EmojiEntry> = QUICK
            .iter()
            .filter_map(|key| Some(ui::EmojiEntry { key: (*key).into(), picture: images.emoji(key)? }))
            .collect();
        self.window.global::<ui::Talk>().set_emoji(ModelRc::new(VecModel::from(quick)));
    }

    /// Speaks a language from now on.
    pub(super) fn speak(&self, language: Language) {
        let code = match language {
            Language::Ru => "ru",
            Language::En => "",
        };
        if let Err(error) = slint::select_bundled_translation(code) {
            tracing::warn!(%error, "language cannot be chosen");
        }
        self.comma.set(language == Language::Ru);
        self.shown_rows.borrow_mut().clear();
        self.rows.set_vec(Vec::new());
        self.show_rows(Keep::Follow);
        self.show_rooms();
    }

    /// The window itself.
    pub fn window(&self) -> &ui::MainWindow {
        &self.window
    }

    /// Shows the window until it is closed.
    pub fn run(&self) -> Result<(), slint::PlatformError> {
        self.window.run()
    }

    /// Passes a command on.
    pub(super) fn send(&self, command: Command) {
        (self.send)(command);
    }

    /// Takes what the Matrix side told.
    pub fn apply(self: &Rc<Self>, update: Update) {
        let app = self.window.global::<ui::App>();
        match &update {
            Update::SignedOut(reason) => {
                let sign_in = self.window.global::<ui::SignIn>();
                sign_in.set_busy(false);
                sign_in.set_password(SharedString::default());
                sign_in.set_failure(reason.map_or(ui::Failure::None, convert::failure));
                app.set_overlay(ui::Overlay::None);
                self.window.global::<ui::Panel>().set_side(ui::Side::None);
            }
            Update::SignInFailed(failure) => {
                let sign_in = self.window.global::<ui::SignIn>();
                sign_in.set_busy(false);
                sign_in.set_failure(convert::failure(*failure));
            }
            Update::SignedIn(_) => {
                let sign_in = self.window.global::<ui::SignIn>();
                sign_in.set_busy(false);
                sign_in.set_failure(ui::Failure::None);
                sign_in.set_password(SharedString::default());
                sign_in.set_code(SharedString::default());
            }
            Update::Thumbnail { source, pixels } => {
                self.images.borrow_mut().put(source, pixels.as_ref());
                self.refresh_pictures(source);
            }
            Update::Picture { source, pixels } => self.show_picture(source, pixels.as_ref()),
            Update::Connection(Connection::Online) => self.images.borrow_mut().forget_failures(),
            Update::DialogFailed(failure) => self.dialog_failed(*failure),
            Update::Failed(failure) => app.set_failure(convert::failure(*failure)),
            Update::Invited => app.set_overlay(ui::Overlay::None),
            Update::Entered(room) => {
                app.set_overlay(ui::Overlay::None);
                self.free_dialogs();
                let room = room.clone();
                self.open(&room);
            }
            _ => {}
        }
        let loaded = matches!(update, Update::RoomsLoaded);
        let changed = self.app.borrow_mut().apply(update);
        self.show(changed);
        if loaded {
            self.reopen();
        }
    }

    /// Opens the room that was open when the program was closed.
    fn reopen(&self) {
        let last = self.settings.borrow().room.clone();
        if let Some(room) =
            last.filter(|room| self.app.borrow().open.is_none() && self.app.borrow().rooms.get(room).is_some())
        {
            self.open(&room);
        }
    }

    /// Shows a room.
    pub(super) fn open(&self, room: &str) {
        let draft = self.window.global::<ui::Talk>().get_draft();
        let (changed, commands) = self.app.borrow_mut().open(room, &draft);
        self.shown_whole.borrow_mut().clear();
        self.told_read.borrow_mut().clear();
        if changed.rows.is_some() {
            // Another room: nothing of the rows on screen stays.
            self.shown_rows.borrow_mut().clear();
            self.rows.set_vec(Vec::new());
        }
        self.show(changed);
        commands.into_iter().for_each(|command| self.send(command));
        let mut settings = self.settings.borrow_mut();
        if settings.room.as_deref() != Some(room) {
            settings.room = Some(room.to_owned());
            settings.save(&self.data_dir);
        }
    }

    /// Shows what changed.
    pub(super) fn show(&self, changed: Changed) {
        if changed.page {
            self.show_page();
        }
        if changed.rooms {
            self.show_rooms();
        }
        if changed.spaces || changed.rooms {
            self.show_spaces();
        }
        if changed.header {
            self.show_header();
        }
        if changed.members {
            self.show_members();
            self.show_game();
        }
        if changed.typing {
            let names: Vec<SharedString> = self.app.borrow().typing.iter().map(Into::into).collect();
            self.window.global::<ui::Talk>().set_typing(ModelRc::new(VecModel::from(names)));
        }
        if changed.chip {
            self.show_chip();
        }
        if let Some(keep) = changed.rows {
            self.show_rows(keep);
        }
        if changed.draft {
            let talk = self.window.global::<ui::Talk>();
            talk.set_draft(self.app.borrow().draft().into());
            self.draft_version.set(self.draft_version.get() + 1);
            talk.set_draft_version(self.draft_version.get());
        }
        if changed.to_bottom {
            self.to_bottom.set(self.to_bottom.get() + 1);
            self.window.global::<ui::Talk>().set_to_bottom(self.to_bottom.get());
        }
        if changed.found {
            self.show_found();
        }
        if changed.game {
            self.show_game();
        }
    }

    fn show_page(&self) {
        let model = self.app.borrow();
        let app = self.window.global::<ui::App>();
        app.set_page(match model.page {
            Page::Starting => ui::Page::Starting,
            Page::SignIn => ui::Page::SignIn,
            Page::Main => ui::Page::Main,
        });
        app.set_connection(convert::connection(model.connection));
        if let Some(account) = &model.account {
            app.set_own_id(account.user_id.as_str().into());
            app.set_own_name(account.name.as_str().into());
            app.set_own_initials(person::initials(&account.name).into());
            app.set_own_tint(person::tint(&account.user_id));
            app.set_server(account.server.trim_end_matches('/').into());
            let mut settings = self.settings.borrow_mut();
            let user = person::localpart(&account.user_id);
            if settings.server.as_deref() != Some(account.server.as_str()) || settings.user.as_deref() != Some(user) {
                settings.server = Some(account.server.clone());
                settings.user = Some(user.to_owned());
                settings.save(&self.data_dir);
            }
        }
    }

    fn now_ms() -> i64 {
        Timestamp::now().as_millisecond()
    }

    pub(super) fn show_rooms(&self) {
        let model = self.app.borrow();
        let now = Self::now_ms();
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let open = model.open.as_deref();
        let visible: Vec<(RoomSummary, bool)> =
            model.rooms.visible().into_iter().map(|room| (room.clone(), open == Some(&room.id))).collect();
        let mut before = self.shown_rooms.borrow_mut();
        let entry = |index: usize| convert::room(&visible[index].0, &unnamed, open, now, &self.zone);
        for step in patch::steps(&before, &visible, |a, b| a.0.id == b.0.id) {
            match step {
                Step::Remove(index) => {
                    self.rooms.remove(index);
                }
                Step::Insert(index) => self.rooms.insert(index, entry(index)),
                Step::Set(index) => self.rooms.set_row_data(index, entry(index)),
            }
        }
        let rooms = self.window.global::<ui::Rooms>();
        rooms.set_total(i32::try_from(model.rooms.len()).unwrap_or(i32::MAX));
        rooms.set_loaded(model.rooms_loaded && model.connection != Connection::Connecting || !model.rooms.is_empty());
        *before = visible;
    }

    fn show_spaces(&self) {
        let model = self.app.borrow();
        let unread = |scope: &Scope| i32::try_from(model.rooms.unread(scope)).unwrap_or(i32::MAX);
        let chosen = model.rooms.scope();
        let mut entries = vec![
            ui::SpaceEntry { selected: *chosen == Scope::All, ..ui::SpaceEntry::default() },
            ui::SpaceEntry {
                id: "direct".into(),
                unread: unread(&Scope::Direct),
                selected: *chosen == Scope::Direct,
                ..ui::SpaceEntry::default()
            },
        ];
        let mut title = SharedString::default();
        if *chosen == Scope::Direct {
            title = "direct".into();
        }
        for space in model.rooms.spaces() {
            let scope = Scope::Space(space.id.clone());
            let selected = *chosen == scope;
            if selected {
                title = space.name.as_str().into();
            }
            entries.push(ui::SpaceEntry {
                id: space.id.as_str().into(),
                name: space.name.as_str().into(),
                initials: person::initials(&space.name).into(),
                tint: person::tint(&space.id),
                unread: unread(&scope),
                selected,
            });
        }
        let rooms = self.window.global::<ui::Rooms>();
        rooms.set_scope_title(title);
        let shown = rooms.get_spaces();
        if shown.row_count() == entries.len() && shown.iter().zip(&entries).all(|(a, b)| a == *b) {
            return;
        }
        rooms.set_spaces(ModelRc::new(VecModel::from(entries)));
    }

    fn show_header(&self) {
        let model = self.app.borrow();
        let talk = self.window.global::<ui::Talk>();
        let room = model.open.as_ref().and_then(|open| model.rooms.get(open).map(|room| (open, room)));
        talk.set_open(model.open.is_some());
        let (loading, filling) = model
            .timeline()
            .map_or((true, true), |timeline| (timeline.loading && !timeline.is_empty(), !timeline.at_start));
        talk.set_loading_older(loading);
        talk.set_filling(filling);
        let Some(open) = &model.open else {
            self.window.global::<ui::Panel>().set_side(ui::Side::None);
            return;
        };
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let name = room.map(|(_, room)| room.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(&unnamed);
        let details = &model.details;
        talk.set_room(ui::RoomHeader {
            id: open.as_str().into(),
            name: name.into(),
            initials: person::initials(name).into(),
            tint: person::tint(open),
            topic: details.topic.as_str().into(),
            address: details.address.as_str().into(),
            direct: room.is_some_and(|(_, room)| room.direct),
            encrypted: details.encrypted,
            public: details.public,
            members: i32::try_from(details.members).unwrap_or(i32::MAX),
            invited: room.is_some_and(|(_, room)| room.invited),
            inviter: room.map(|(_, room)| room.inviter.as_str().into()).unwrap_or_default(),
            can_invite: details.can_invite,
            can_write: details.can_write,
        });
    }

    fn show_members(&self) {
        let model = self.app.borrow();
        let own = model.account.as_ref().map(|account| account.user_id.as_str());
        let members: Vec<ui::MemberEntry> = model
            .members
            .iter()
            .map(|member| ui::MemberEntry {
                id: member.id.as_str().into(),
                name: member.name.as_str().into(),
                initials: person::initials(&member.name).into(),
                tint: person::tint(&member.id),
                role: i32::try_from(member.level).unwrap_or(100),
                invited: member.invited,
                own: own == Some(&member.id),
            })
            .collect();
        self.window.global::<ui::Panel>().set_members(ModelRc::new(VecModel::from(members)));
    }

    fn show_chip(&self) {
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

    /// Shows the rows of the open room, rebuilding only those that changed.
    pub(super) fn show_rows(&self, keep: Keep) {
        let model = self.app.borrow();
        let rows = model.timeline().map(crate::model::timeline::Timeline::rows).unwrap_or_default();
        let talk = self.window.global::<ui::Talk>();
        talk.set_keep(convert::keep(keep));
        let mut images = self.images.borrow_mut();
        let shown_whole = self.shown_whole.borrow();
        let mut context = Context {
            zone: &self.zone,
            now_ms: Self::now_ms(),
            images: &mut images,
            wanted: Vec::new(),
            may_remove: model.details.can_remove,
            shown_whole: &shown_whole,
            comma: self.comma.get(),
        };
        let mut before = self.shown_rows.borrow_mut();
        if before.is_empty() {
            self.rows.set_vec(rows.iter().map(|row| convert::row(row, &mut context)).collect::<Vec<_>>());
        } else {
            for step in patch::steps(&before, &rows, |a, b| a.item.id == b.item.id) {
                match step {
                    Step::Remove(index) => {
                        self.rows.remove(index);
                    }
                    Step::Insert(index) => self.rows.insert(index, convert::row(&rows[index], &mut context)),
                    Step::Set(index) => self.rows.set_row_data(index, convert::row(&rows[index], &mut context)),
                }
            }
        }
        *before = rows;
        let wanted = std::mem::take(&mut context.wanted);
        drop((before, model));
        let scale = self.window.window().scale_factor();
        for media in wanted {
            self.send(Command::Thumbnail {
                source: media.source,
                thumbnail: media.thumbnail,
                size: ((convert::PICTURE_BOX.0 * scale) as u32, (convert::PICTURE_BOX.1 * scale) as u32),
            });
        }
        self.seen();
    }

    /// Draws a thumbnail that came into every row that shows it.
    fn refresh_pictures(&self, source: &str) {
        let model = self.app.borrow();
        let mut images = self.images.borrow_mut();
        let shown_whole = self.shown_whole.borrow();
        let mut context = Context {
            zone: &self.zone,
            now_ms: Self::now_ms(),
            images: &mut images,
            wanted: Vec::new(),
            may_remove: model.details.can_remove,
            shown_whole: &shown_whole,
            comma: self.comma.get(),
        };
        for (index, row) in self.shown_rows.borrow().iter().enumerate() {
            if let ItemKind::Message(message) = &row.item.kind
                && message.body.media().is_some_and(|media| media.source == source)
            {
                self.rows.set_row_data(index, convert::row(row, &mut context));
            }
        }
    }

    /// Draws one row anew.
    pub(super) fn refresh_row(&self, id: &str) {
        let found = self.shown_rows.borrow().iter().position(|row| row.item.id == id);
        if let Some(index) = found {
            self.shown_rows.borrow_mut().remove(index);
            self.rows.remove(index);
            self.show_rows(Keep::Place);
        }
    }

    /// Tells the newest message as read while the person can see it.
    pub(super) fn seen(&self) {
        let talk = self.window.global::<ui::Talk>();
        let model = self.app.borrow();
        if model.page != Page::Main || !talk.get_at_bottom() || !self.window.window().is_visible() {
            return;
        }
        let Some(room) = &model.open else { return };
        let Some(newest) = model
            .timeline()
            .filter(|timeline| timeline.follows())
            .and_then(|timeline| timeline.messages().find(|message| message.remote))
        else {
            return;
        };
        let mut told = self.told_read.borrow_mut();
        if *told != newest.key && model.has_unread() {
            told.clone_from(&newest.key);
            self.send(Command::MarkRead(room.clone()));
        }
    }

    /// Shows the board beside the conversation.
    pub(super) fn show_game(&self) {
        let model = self.app.borrow();
        let panel = self.window.global::<ui::Game>();
        panel.set_refusal(model.refusal.as_str().into());
        let Some((board, _)) = model.shown_board() else {
            panel.set_shown(false);
            return;
        };
        let own = model.own_id();
        let name = |user: &str| {
            model
                .members
                .iter()
                .find(|member| member.id == user)
                .map_or_else(|| person::localpart(user).to_owned(), |member| member.name.clone())
        };
        let fields: Vec<ui::FieldEntry> =
            model.table.fields(board, own).into_iter().map(|field| convert::field(board.kind, field)).collect();
        panel.set_columns(i32::try_from(board.columns()).unwrap_or(8));
        panel.set_game(convert::game(board, &model.table, own, name));
        let before = panel.get_fields();
        if before.row_count() == fields.len() {
            for (index, field) in fields.into_iter().enumerate() {
                if before.row_data(index).as_ref() != Some(&field) {
                    before.set_row_data(index, field);
                }
            }
        } else {
            panel.set_fields(ModelRc::new(VecModel::from(fields)));
        }
        panel.set_shown(true);
    }

    /// `ru` or `en`.
    pub(super) fn language_code(&self) -> &'static str {
        if self.comma.get() { "ru" } else { "en" }
    }

    fn show_picture(&self, source: &str, pixels: Option<&crate::model::update::Pixels>) {
        if self.viewed.borrow().as_ref().is_none_or(|media| media.source != source) {
            return;
        }
        let viewer = self.window.global::<ui::Viewer>();
        match pixels {
            Some(pixels) => {
                viewer.set_picture(images::image(pixels));
                viewer.set_state(ui::PictureState::Ready);
            }
            None => viewer.set_state(ui::PictureState::Failed),
        }
    }

    fn show_found(&self) {
        let model = self.app.borrow();
        let people = self.window.global::<ui::People>();
        if people.get_term() == model.people.0.as_str() {
            let found: Vec<ui::PersonEntry> = model
                .people
                .1
                .iter()
                .map(|found| ui::PersonEntry {
                    id: found.id.as_str().into(),
                    name: found.name.as_str().into(),
                    initials: person::initials(&found.name).into(),
                    tint: person::tint(&found.id),
                })
                .collect();
            people.set_found(ModelRc::new(VecModel::from(found)));
            people.set_searching(false);
            people.set_searched(!model.people.0.is_empty());
        }
        let directory = self.window.global::<ui::Directory>();
        let found: Vec<ui::DirectoryEntry> = model
            .public_rooms
            .1
            .iter()
            .map(|room| ui::DirectoryEntry {
                id: room.id.as_str().into(),
                address: room.address.as_str().into(),
                name: room.name.as_str().into(),
                topic: room.topic.as_str().into(),
                initials: person::initials(&room.name).into(),
                tint: person::tint(&room.id),
                members: i32::try_from(room.members).unwrap_or(i32::MAX),
                joined: model.rooms.get(&room.id).is_some_and(|room| !room.invited),
            })
            .collect();
        directory.set_found(ModelRc::new(VecModel::from(found)));
        directory.set_searching(false);
        directory.set_searched(true);
    }

    fn dialog_failed(&self, failure: Failure) {
        let failure = convert::failure(failure);
        self.free_dialogs();
        match self.window.global::<ui::App>().get_overlay() {
            ui::Overlay::NewChat | ui::Overlay::Invite => self.window.global::<ui::People>().set_failure(failure),
            ui::Overlay::NewRoom => self.window.global::<ui::NewRoom>().set_failure(failure),
            ui::Overlay::Directory => self.window.global::<ui::Directory>().set_failure(failure),
            _ => self.window.global::<ui::App>().set_failure(failure),
        }
    }

    /// Nothing asked from a dialog is under way any more.
    pub(super) fn free_dialogs(&self) {
        let people = self.window.global::<ui::People>();
        people.set_busy(false);
        people.set_searching(false);
        let directory = self.window.global::<ui::Directory>();
        directory.set_busy_with(SharedString::default());
        directory.set_searching(false);
        self.window.global::<ui::NewRoom>().set_busy(false);
    }

    /// Works with the clipboard, if the system has one. It is kept: on X11 its content lives in this program.
    pub(super) fn with_clipboard<T>(&self, work: impl FnOnce(&mut arboard::Clipboard) -> Option<T>) -> Option<T> {
        let mut clipboard = self.clipboard.borrow_mut();
        if clipboard.is_none() {
            *clipboard = arboard::Clipboard::new().inspect_err(|error| tracing::info!(%error, "no clipboard")).ok();
        }
        clipboard.as_mut().and_then(work)
    }
}
