//! The window and what fills it.

mod conversation;
mod dialogs;
mod rooms;

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    path::PathBuf,
    rc::Rc,
};

use jiff::{Timestamp, tz::TimeZone};
use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::{convert, fonts, images::Images, menu, threads, ui};
use crate::{
    model::{
        app::{AppModel, Changed, Page},
        command::Command,
        item::Media,
        person,
        rooms::RoomSummary,
        timeline::{Keep, Row},
        update::{Connection, Update},
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
    shown_whole: RefCell<HashSet<String>>,
    clipboard: RefCell<Option<arboard::Clipboard>>,
    zone: TimeZone,
    comma: Cell<bool>,
    /// File shown in the viewer.
    pub(super) viewed: RefCell<Option<Media>>,
    /// Rows of the open thread.
    pub(super) thread: threads::Shown,
    /// The message that a menu or a dialog is about.
    pub(super) asked: RefCell<menu::Asked>,
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
        fonts::register();
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
            viewed: RefCell::default(),
            thread: threads::Shown::default(),
            asked: RefCell::default(),
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
            .filter_map(|key| {
                Some(ui::EmojiEntry { key: (*key).into(), picture: images.emoji(key, convert::REACTION)? })
            })
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
        self.clear_rows();
        self.show_rows(Keep::Follow);
        self.clear_thread_rows();
        self.show_threads();
        self.shown_rooms.borrow_mut().clear();
        self.rooms.set_vec(Vec::new());
        self.show_rooms();
        self.show_header();
    }

    /// Nothing of the rows on screen stays.
    fn clear_rows(&self) {
        self.shown_rows.borrow_mut().clear();
        self.rows.set_vec(Vec::new());
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
        let update = match update {
            Update::Menu(news) => return self.menu_news(news),
            Update::Threads(news) => return self.threads_news(news),
            Update::Pins(news) => return self.pins_news(news),
            Update::Forward(news) => return self.forward_news(news),
            update => update,
        };
        let app = self.window.global::<ui::App>();
        match &update {
            Update::SignedOut(reason) => {
                app.set_signing_out(false);
                self.tell(ui::Done::None);
                let sign_in = self.window.global::<ui::SignIn>();
                sign_in.set_busy(false);
                sign_in.set_password(SharedString::default());
                sign_in.set_failure(reason.map_or(ui::Failure::None, convert::failure));
                app.set_overlay(ui::Overlay::None);
                self.window.global::<ui::MessageMenu>().set_open(false);
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
                self.redraw(|shown| shown.media.as_str() == source);
            }
            Update::Picture { source, pixels } => self.show_picture(source, pixels.as_ref()),
            Update::Connection(Connection::Online) => {
                self.images.borrow_mut().forget_failures();
                self.redraw(|shown| shown.picture_state == ui::PictureState::Failed);
            }
            Update::DialogFailed(failure) => self.dialog_failed(*failure),
            Update::Failed(failure) => {
                self.window.global::<ui::Talk>().set_answering(false);
                self.complain(convert::failure(*failure));
            }
            Update::Invited => {
                app.set_overlay(ui::Overlay::None);
                self.tell(ui::Done::Invited);
            }
            Update::Saved => self.tell(ui::Done::Saved),
            Update::Opened => self.tell(ui::Done::None),
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
        let done = self.app.borrow_mut().more();
        self.follow_up(done);
        if loaded {
            self.reopen();
        }
    }

    /// Says what did not work.
    pub(super) fn complain(&self, failure: ui::Failure) {
        let app = self.window.global::<ui::App>();
        app.set_done(ui::Done::None);
        app.set_failure(failure);
    }

    /// Says what was done, or takes back what was said.
    pub(super) fn tell(&self, done: ui::Done) {
        let app = self.window.global::<ui::App>();
        app.set_failure(ui::Failure::None);
        app.set_done(done);
    }

    /// The window got or lost the focus.
    pub fn focus(&self, focused: bool) {
        let changed = self.app.borrow_mut().focus(focused);
        self.show(changed);
        self.see_thread();
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
        let opened = self.app.borrow_mut().open(room, &draft);
        self.show_another(opened);
        let mut settings = self.settings.borrow_mut();
        if settings.room.as_deref() != Some(room) {
            settings.room = Some(room.to_owned());
            settings.save(&self.data_dir);
        }
    }

    /// Goes back to the list of rooms, where there is no place for both.
    pub(super) fn leave_open(&self) {
        let draft = self.window.global::<ui::Talk>().get_draft();
        let left = self.app.borrow_mut().leave_open(&draft);
        self.show_another(left);
    }

    /// Shows what is open now, unless it was open before.
    fn show_another(&self, (changed, commands): (Changed, Vec<Command>)) {
        if changed.rows.is_some() {
            self.clear_rows();
            self.shown_whole.borrow_mut().clear();
            self.window.global::<ui::Talk>().set_answering(false);
            // A board belongs to its room, and so do a thread and what is pinned.
            let panel = self.window.global::<ui::Panel>();
            if matches!(panel.get_side(), ui::Side::Game | ui::Side::Thread | ui::Side::Pins) {
                panel.set_side(ui::Side::None);
            }
            self.window.global::<ui::MessageMenu>().set_open(false);
            self.window.global::<ui::MessageMenu>().set_selecting(SharedString::default());
            self.clear_thread_rows();
            self.show_threads();
            self.show_pins();
        }
        self.follow_up((changed, commands));
    }

    /// Shows what changed and sends what follows from it.
    pub(super) fn follow_up(&self, (changed, commands): (Changed, impl IntoIterator<Item = Command>)) {
        self.show(changed);
        commands.into_iter().for_each(|command| self.send(command));
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
            talk.set_draft_version(talk.get_draft_version() + 1);
        }
        if changed.to_bottom {
            let talk = self.window.global::<ui::Talk>();
            talk.set_to_bottom(talk.get_to_bottom() + 1);
        }
        if changed.to_row {
            let talk = self.window.global::<ui::Talk>();
            talk.set_sought(self.app.borrow().row.as_str().into());
            talk.set_to_row(talk.get_to_row() + 1);
        }
        if changed.found {
            self.show_found();
        }
        if changed.game {
            self.show_game();
        }
        if let Some(failure) = changed.failed {
            self.complain(convert::failure(failure));
        }
        self.seen();
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

    /// The time zone of the computer.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(super) fn now_ms() -> i64 {
        Timestamp::now().as_millisecond()
    }

    /// Shows the board beside the conversation.
    pub(super) fn show_game(&self) {
        let model = self.app.borrow();
        let panel = self.window.global::<ui::Game>();
        panel.set_refusal(model.refusal.as_str().into());
        panel.set_starting(model.starting);
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

    /// Works with the clipboard, if the system has one. It is kept: on X11 its content lives in this program.
    pub(super) fn with_clipboard<T>(&self, work: impl FnOnce(&mut arboard::Clipboard) -> Option<T>) -> Option<T> {
        let mut clipboard = self.clipboard.borrow_mut();
        if clipboard.is_none() {
            *clipboard = arboard::Clipboard::new().inspect_err(|error| tracing::info!(%error, "no clipboard")).ok();
        }
        clipboard.as_mut().and_then(work)
    }
}
