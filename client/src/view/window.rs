//! The window and what fills it.

mod conversation;
mod dialogs;
mod rooms;

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    path::PathBuf,
    rc::{Rc, Weak},
};

use jiff::{Timestamp, tz::TimeZone};
use slint::{ComponentHandle, ModelRc, SharedString, Timer, VecModel};

use super::{
    accounts, attach, avatars::Avatars, caret::Caret, convert, desktop::Guests, feedback, fonts, games, help,
    images::Images, menu, picker::Picker, polls, presence, room_menu, search, shared, threads, ui,
};
use crate::{
    model::{
        app::{AppModel, Changed, Page},
        command::Command,
        desktop::Place,
        jump::News,
        notify::Bursts,
        person,
        rooms::RoomSummary,
        timeline::{Keep, Row},
        update::{Connection, Update},
        verify,
        viewer::Viewed,
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
    pub(super) avatars: RefCell<Avatars>,
    pub(super) boards: games::Boards,
    pub(super) caret: Caret,
    pub(super) told_used: presence::Told,
    pub(super) held: room_menu::Held,
    pub(super) images: Rc<RefCell<Images>>,
    shown_whole: RefCell<HashSet<String>>,
    clipboard: RefCell<Option<arboard::Clipboard>>,
    pub(super) zone: TimeZone,
    comma: Cell<bool>,
    /// Picture shown in the viewer.
    pub(super) viewed: RefCell<Option<Viewed>>,
    /// The longest side it was asked for with.
    pub(super) viewed_side: Cell<u32>,
    me: Weak<Self>,
    pub(super) guests: RefCell<Option<Guests>>,
    pub(super) bursts: RefCell<Bursts>,
    /// Runs while a burst waits.
    pub(super) bursting: Timer,
    /// Runs until the person may be disturbed again.
    pub(super) resting: Timer,
    /// A link that waits for the rooms.
    pub(super) link: RefCell<Option<String>>,
    /// Where the window was last while it was not maximised.
    pub(super) place: Cell<Option<Place>>,
    /// Ctrl is held.
    pub(super) control: Cell<bool>,
    pub(super) picker: Picker,
    pub(super) poll: polls::Draft,
    /// Runs while a draft is not kept yet.
    pub(super) quiet: slint::Timer,
    /// Rows of the open thread.
    pub(super) thread: threads::Shown,
    /// The message that a menu or a dialog is about.
    pub(super) asked: RefCell<menu::Asked>,
    pub(super) help: help::Shown,
    pub(super) search: search::Panel,
    pub(super) feedback: feedback::Desk,
    /// What the account chose on this computer.
    pub(super) own: accounts::Held,
    pub(super) guard: shared::Guard,
    /// The verification that runs.
    pub(super) verifying: RefCell<verify::State>,
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
        if let Some(even) = fonts::register() {
            window.global::<ui::Theme>().set_even_family(even.into());
        }
        let view = Rc::new_cyclic(|me| Self {
            me: me.clone(),
            window,
            app: RefCell::default(),
            settings: RefCell::new(settings),
            data_dir,
            send,
            rooms: Rc::default(),
            shown_rooms: RefCell::default(),
            rows: Rc::default(),
            shown_rows: RefCell::default(),
            avatars: RefCell::default(),
            boards: games::Boards::default(),
            caret: Caret::default(),
            told_used: presence::Told::default(),
            held: room_menu::Held::default(),
            images: Rc::default(),
            shown_whole: RefCell::default(),
            clipboard: RefCell::default(),
            zone: TimeZone::system(),
            comma: Cell::new(true),
            viewed: RefCell::default(),
            viewed_side: Cell::default(),
            guests: RefCell::default(),
            bursts: RefCell::default(),
            bursting: Timer::default(),
            resting: Timer::default(),
            link: RefCell::default(),
            place: Cell::default(),
            control: Cell::default(),
            picker: Picker::default(),
            poll: polls::Draft::default(),
            quiet: slint::Timer::default(),
            thread: threads::Shown::default(),
            asked: RefCell::default(),
            help: help::Shown::default(),
            search: search::Panel::default(),
            feedback: feedback::Desk::default(),
            own: accounts::Held::default(),
            guard: shared::Guard::default(),
            verifying: RefCell::default(),
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
        let last = settings.user.clone().filter(|_| !settings.shared());
        sign_in.set_user(options.user.clone().or(last).unwrap_or_default().into());
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
        let language = options.lang.unwrap_or_else(|| settings.speaks(sys_locale::get_locale().as_deref()));
        drop(settings);
        self.begin_settings();
        self.show_shared();
        self.show_preset(options);
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

    /// Itself, for what comes later.
    pub(super) fn itself(&self) -> Weak<Self> {
        self.me.clone()
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
            Update::Voice(news) => return self.voice_news(news),
            Update::Sound(heard) => return self.heard(heard),
            Update::Crypto(news) => return self.crypto_news(news),
            Update::Verify(news) => return self.verify_news(news),
            Update::Devices(news) => return self.devices_news(news),
            Update::Servers(servers) => return self.found_servers(&servers),
            Update::Jump(News::Found { room, key }) => return self.found_in(&room, Some(&key)),
            Update::Jump(News::Nothing { room }) => return self.found_in(&room, None),
            Update::Jump(News::Thread { room, root }) => return self.found_in_thread(&room, &root),
            Update::Search(news) => return self.search_news(news),
            Update::Feedback(news) => return self.feedback_news(news),
            Update::Accounts(news) => return self.accounts_news(news),
            update => update,
        };
        let app = self.window.global::<ui::App>();
        match &update {
            Update::SignedOut(reason) => {
                app.set_signing_out(false);
                self.silence();
                self.tell(ui::Done::None);
                self.forget_account_settings();
                self.leave_home();
                self.propose_server();
                self.forget_recovery();
                self.forget_verify();
                self.forget_devices();
                self.forget_search();
                self.forget_feedback();
                let sign_in = self.window.global::<ui::SignIn>();
                sign_in.set_busy(false);
                sign_in.set_password(SharedString::default());
                sign_in.set_failure(reason.map_or_else(|| self.why_signed_out(), convert::failure));
                app.set_overlay(ui::Overlay::None);
                self.window.global::<ui::Tour>().set_running(false);
                self.window.global::<ui::MessageMenu>().set_open(false);
                self.window.global::<ui::Panel>().set_side(ui::Side::None);
                self.window.global::<ui::RoomMenu>().set_filter(ui::RoomFilter::All);
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
                self.redraw(|shown| shown.media.as_str() == source || shown.poster.as_str() == source);
                self.show_files();
                self.show_settings();
            }
            Update::Viewer(news) => self.take_picture(news),
            Update::Media(news) => self.take_media(news.clone()),
            Update::Connection(Connection::Online) => {
                self.images.borrow_mut().forget_failures();
                self.retry_avatars();
                self.redraw(|shown| shown.picture_state == ui::PictureState::Failed);
            }
            Update::Avatar(news) => self.show_avatar(news),
            Update::Profile(news) => {
                self.profile_news(news);
                self.look_at_own(news);
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
            Update::Opened => self.tell(ui::Done::None),
            Update::Settings(news) => self.settings_news(news.clone()),
            Update::Notify(came) => self.called(came),
            Update::Desktop(news) => self.found(news.clone()),
            Update::Manage(news) => self.take_settings(news),
            Update::Crowd(news) => self.take_crowd(news),
            Update::SpaceNews(news) => self.take_space_news(news),
            Update::Entered(room) => {
                self.close_space();
                self.free_dialogs();
                let room = room.clone();
                self.open(&room);
            }
            _ => {}
        }
        let loaded = matches!(update, Update::RoomsLoaded);
        let people = matches!(update, Update::Presence(_) | Update::Connection(_));
        let profile = matches!(update, Update::Profile(_) | Update::SignedIn(_) | Update::SignedOut(_));
        let of_sheet = matches!(update, Update::Attach(_));
        let of_files = matches!(update, Update::Timeline { .. } | Update::Paging { .. });
        let changed = self.app.borrow_mut().apply(update);
        self.show(changed);
        let done = self.app.borrow_mut().more();
        self.follow_up(done);
        if people {
            self.look_at_people();
        }
        if profile {
            self.show_profile();
        }
        if of_sheet {
            attach::show(self);
        }
        if of_files {
            self.show_files();
            self.show_neighbours();
        }
        if loaded {
            self.reopen();
            self.enter_first_room();
            self.follow_waiting();
            self.welcome();
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
        let last = self.own.choices.borrow().room.clone();
        if let Some(room) =
            last.filter(|room| self.app.borrow().open.is_none() && self.app.borrow().rooms.get(room).is_some())
        {
            self.open(&room);
        }
    }

    /// Shows a room.
    pub(super) fn open(&self, room: &str) {
        self.bursts.borrow_mut().forget(room);
        let draft = self.window.global::<ui::Talk>().get_draft();
        let opened = self.app.borrow_mut().open(room, &draft);
        self.show_another(opened);
        let peer = self.app.borrow().rooms.get(room).map(|room| room.peer.clone());
        self.ask_presence(&peer.unwrap_or_default());
        self.choose_own(|own| own.room = Some(room.to_owned()));
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
            self.forget_crowd();
            self.window.global::<ui::Talk>().set_answering(false);
            self.window.global::<ui::Compose>().set_attaching(false);
            // A board belongs to its room, and so do a thread and what is pinned.
            let panel = self.window.global::<ui::Panel>();
            if matches!(panel.get_side(), ui::Side::Game | ui::Side::Thread | ui::Side::Pins) {
                panel.set_side(ui::Side::None);
            }
            self.leave_search();
            self.forget_changed();
            self.window.global::<ui::MessageMenu>().set_open(false);
            self.window.global::<ui::MessageMenu>().set_selecting(SharedString::default());
            self.clear_thread_rows();
            self.show_threads();
            self.show_pins();
            // Another room has another recording, or none.
            self.window.global::<ui::Voice>().set_record(ui::RecordStep::None);
            self.show_recording();
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
            self.show_unread();
        }
        if changed.header {
            self.show_header();
        }
        if changed.members {
            self.show_members();
            self.boards.forget();
            self.show_game();
        }
        if changed.typing {
            let names: Vec<SharedString> = self.app.borrow().typing.iter().map(Into::into).collect();
            self.window.global::<ui::Talk>().set_typing(ModelRc::new(VecModel::from(names)));
        }
        if changed.chip {
            self.show_chip();
        }
        if changed.suggestions {
            self.show_suggestions();
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
            talk.set_rows_before(talk.get_to_row());
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

    pub(super) fn show_page(&self) {
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
            let user = (!settings.shared()).then(|| person::localpart(&account.user_id).to_owned());
            if settings.server.as_deref() != Some(account.server.as_str()) || settings.user != user {
                settings.server = Some(account.server.clone());
                settings.user = user;
                settings.save(&self.data_dir);
            }
        }
    }

    pub(super) fn now_ms() -> i64 {
        Timestamp::now().as_millisecond()
    }

    /// The time zone of this computer.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Numbers have a comma where English has a point.
    pub(super) fn speaks_with_comma(&self) -> bool {
        self.comma.get()
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
