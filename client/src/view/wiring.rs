//! Presses and keys: every callback of the window, each a line or a few.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{
    attach, avatars, composer, games, media, picker, polls, presence, profile, room_menu, ui, viewer, window::View,
};
use crate::{
    model::{
        command::{Command, Credentials},
        spaces::{Entry, Wish},
    },
    settings::{LanguageChoice, ThemeChoice},
};

/// Connects a callback to a function of the view, unless the view is gone.
macro_rules! on {
    ($view:expr, $global:ident, $callback:ident, |$this:ident $(, $arg:ident)*| $body:expr) => {{
        let weak = Rc::downgrade($view);
        $view.window.global::<ui::$global>().$callback(move |$($arg),*| {
            let Some($this) = weak.upgrade() else { return Default::default() };
            $body
        });
    }};
}

pub(super) use on;

/// Connects everything.
pub fn wire(view: &Rc<View>) {
    sign_in(view);
    rooms(view);
    talk(view);
    messages(view);
    dialogs(view);
    preferences(view);
    games::wire(view);
    avatars::wire(view);
    presence::wire(view);
    room_menu::wire(view);
    profile::wire(view);
    attach::wire(view);
    media::wire(view);
    viewer::wire(view);
    super::settings::wire(view);
    super::manage::wire(view);
    super::members::wire(view);
    super::spaces::wire(view);
    composer::wire(view);
    picker::wire(view);
    polls::wire(view);
    super::menu::wire(view);
    super::threads::wire(view);
    super::pins::wire(view);
    super::forward::wire(view);
    super::voice::wire(view);
    super::help::wire(view);
    super::crypto::wire(view);
    super::verify::wire(view);
    super::devices::wire(view);
    super::jump::wire(view);
    super::search::wire(view);
    super::feedback::wire(view);
    super::shared::wire(view);
    super::accounts::wire(view);
    window(view);
}

fn sign_in(view: &Rc<View>) {
    on!(view, SignIn, on_submit, |this| {
        let page = this.window.global::<ui::SignIn>();
        this.help.arriving.set(true);
        page.set_busy(true);
        page.set_failure(ui::Failure::None);
        let who = Credentials {
            server: page.get_server().into(),
            user: page.get_user().into(),
            password: page.get_password().into(),
            token: page.get_code().into(),
        };
        this.send(if page.get_registering() { Command::Register(who) } else { Command::SignIn(who) });
    });
    on!(view, App, on_sign_out, |this| {
        this.window.global::<ui::App>().set_signing_out(true);
        this.send(Command::SignOut);
    });
    on!(view, App, on_open_link, |this, link| {
        if this.follow(&link) {
            return;
        }
        // Others wrote it: nothing but pages and letters is opened, so that no link starts a program.
        if !["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
            return this.complain(ui::Failure::CannotOpen);
        }
        if let Err(error) = open::that_detached(link.as_str()) {
            tracing::warn!(%error, "link cannot be opened");
            this.complain(ui::Failure::CannotOpen);
        }
    });
}

fn rooms(view: &Rc<View>) {
    on!(view, Rooms, on_open, |this, room| this.open(&room));
    on!(view, Rooms, on_filter, |this, words| {
        this.app.borrow_mut().rooms.set_search(&words);
        this.show_rooms();
    });
    on!(view, Rooms, on_back, |this| this.leave_open());
    on!(view, Rooms, on_choose_space, |this, id| {
        let changed = this.app.borrow_mut().choose_space(&id);
        this.show(changed);
    });
}

fn talk(view: &Rc<View>) {
    on!(view, Talk, on_send, |this, text| {
        let done = this.app.borrow_mut().send(&text);
        this.follow_up(done);
    });
    on!(view, Talk, on_typed, |this, text| {
        this.window.global::<ui::Talk>().set_draft(text.clone());
        let command = this.app.borrow_mut().typed(&text);
        command.into_iter().for_each(|command| this.send(command));
        this.keep_later();
    });
    on!(view, Talk, on_cancel_chip, |this| {
        let changed = this.app.borrow_mut().cancel_chip();
        this.show(changed);
    });
    on!(view, Talk, on_edit_last, |this| {
        let changed = this.app.borrow_mut().edit_last();
        this.show(changed);
    });
    on!(view, Talk, on_older, |this, fit| {
        let done = this.app.borrow_mut().older(usize::try_from(fit).unwrap_or_default());
        let moved = done.0.rows.is_some();
        this.follow_up(done);
        moved
    });
    on!(view, Talk, on_try_older, |this| {
        let done = this.app.borrow_mut().try_older();
        this.follow_up(done);
    });
    on!(view, Talk, on_newer, |this| {
        let done = this.app.borrow_mut().newer();
        this.follow_up(done);
    });
    on!(view, Talk, on_jump, |this, key| {
        // Without a key, to the newest message.
        let done =
            if key.is_empty() { (this.app.borrow_mut().jump_to_end(), None) } else { this.app.borrow_mut().jump(&key) };
        this.follow_up(done);
    });
    on!(view, Talk, on_resized, |this| this.redraw(|shown| shown.pictured));
    on!(view, Talk, on_accept_invite, |this| {
        this.window.global::<ui::Talk>().set_answering(true);
        with_open(&this, Command::Accept);
    });
    on!(view, Talk, on_decline_invite, |this| {
        this.window.global::<ui::Talk>().set_answering(true);
        with_open(&this, Command::Decline);
    });
}

/// Asks something of the open room.
pub(super) fn with_open(this: &View, command: impl FnOnce(String) -> Command) {
    let open = this.app.borrow().open.clone();
    if let Some(room) = open {
        this.send(command(room));
    }
}

fn messages(view: &Rc<View>) {
    on!(view, Talk, on_discard, |this, key| with_open(&this, |room| Command::Remove { room, key: key.into() }));
    on!(view, Talk, on_retry, |this, key| with_open(&this, |room| Command::Retry { room, key: key.into() }));
    on!(view, Talk, on_react, |this, key, reaction| {
        with_open(&this, |room| Command::React { room, key: key.into(), reaction: reaction.into() });
    });
    on!(view, Talk, on_show_all, |this, id| this.show_whole(&id));
}

/// Puts words into the clipboard.
pub(super) fn copy(this: &View, words: String) {
    match this.with_clipboard(|clipboard| clipboard.set_text(words).ok()) {
        Some(()) => this.tell(ui::Done::Copied),
        None => this.complain(ui::Failure::Other),
    }
}

fn dialogs(view: &Rc<View>) {
    on!(view, App, on_open_overlay, |this, overlay| {
        this.free_dialogs();
        let people = this.window.global::<ui::People>();
        people.set_term(SharedString::default());
        people.set_found(ModelRc::new(VecModel::default()));
        people.set_searched(false);
        people.set_failure(ui::Failure::None);
        let directory = this.window.global::<ui::Directory>();
        directory.set_failure(ui::Failure::None);
        directory.set_term(SharedString::default());
        this.window.global::<ui::App>().set_overlay(overlay);
        this.window.global::<ui::Tour>().set_running(false);
        match overlay {
            ui::Overlay::Help => this.begin_help(),
            ui::Overlay::Shortcuts => this.show_keys(),
            _ => {}
        }
        if matches!(overlay, ui::Overlay::NewRoom | ui::Overlay::NewSpace) {
            this.begin_new_place();
        }
        if overlay == ui::Overlay::Directory {
            directory.set_searching(true);
            this.send(Command::FindRooms(String::new()));
        }
    });
    on!(view, App, on_close_overlay, |this| {
        this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        this.end_viewing();
        this.close_space();
        this.tidy_feedback();
    });
    on!(view, Panel, on_show_info, |this| this.window.global::<ui::Panel>().set_side(ui::Side::Info));
    on!(view, Panel, on_hide, |this| this.window.global::<ui::Panel>().set_side(ui::Side::None));
    on!(view, Panel, on_write_to, |this, user| this.send(Command::StartChat(user.into())));
    on!(view, Panel, on_copy_address, |this| {
        let address = this.app.borrow().details.address.clone();
        copy(&this, address);
    });
    on!(view, Panel, on_leave, |this| {
        this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        with_open(&this, Command::Leave);
    });
    on!(view, People, on_search, |this, term| {
        let people = this.window.global::<ui::People>();
        people.set_term(term.clone());
        people.set_failure(ui::Failure::None);
        if term.trim().is_empty() {
            people.set_found(ModelRc::new(VecModel::default()));
            people.set_searched(false);
            people.set_searching(false);
        } else {
            people.set_searching(true);
            this.send(Command::FindPeople(term.into()));
        }
    });
    on!(view, People, on_start_chat, |this, user| {
        this.window.global::<ui::People>().set_busy(true);
        this.send(Command::StartChat(user.into()));
    });
    on!(view, People, on_invite, |this, user| {
        this.window.global::<ui::People>().set_busy(true);
        with_open(&this, |room| Command::Invite { room, user: user.into() });
    });
    on!(view, Directory, on_search, |this, term| {
        let directory = this.window.global::<ui::Directory>();
        directory.set_term(term.clone());
        directory.set_failure(ui::Failure::None);
        directory.set_searching(true);
        this.send(Command::FindRooms(term.into()));
    });
    on!(view, Directory, on_join, |this, room| {
        let joined = this.app.borrow().rooms.get(&room).is_some_and(|room| !room.invited);
        let space = this.app.borrow().rooms.is_space(&room);
        if joined || space {
            this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
            if space {
                let changed = this.app.borrow_mut().choose_space(&room);
                this.show(changed);
            } else {
                this.open(&room);
            }
        } else {
            let directory = this.window.global::<ui::Directory>();
            directory.set_failure(ui::Failure::None);
            directory.set_busy_with(room.clone());
            let knock = this
                .app
                .borrow()
                .public_rooms
                .1
                .iter()
                .any(|found| found.id == room.as_str() && found.entry == Entry::Knock);
            this.send(if knock { Command::Spaces(Wish::Ask(room.into())) } else { Command::Join(room.into()) });
        }
    });
}

fn preferences(view: &Rc<View>) {
    on!(view, Settings, on_language_picked, |this, index| {
        let choice = match index {
            1 => LanguageChoice::Ru,
            2 => LanguageChoice::En,
            _ => LanguageChoice::System,
        };
        this.window.global::<ui::Settings>().set_language(index);
        {
            let mut settings = this.settings.borrow_mut();
            settings.language = choice;
            settings.save(&this.data_dir);
        }
        let language = this.settings.borrow().speaks(sys_locale::get_locale().as_deref());
        this.speak(language);
    });
    on!(view, Settings, on_theme_picked, |this, choice| {
        this.window.global::<ui::Settings>().set_theme(choice);
        let mut settings = this.settings.borrow_mut();
        settings.theme = match choice {
            ui::ThemeChoice::System => ThemeChoice::System,
            ui::ThemeChoice::Light => ThemeChoice::Light,
            ui::ThemeChoice::Dark => ThemeChoice::Dark,
        };
        settings.save(&this.data_dir);
    });
}

/// What only the window system tells: its focus, and files dropped on the window, which go onto the sheet of the open room.
fn window(view: &Rc<View>) {
    use slint::winit_030::{EventResult, WinitWindowAccessor, winit::event::WindowEvent};
    let weak = Rc::downgrade(view);
    view.window.window().on_winit_window_event(move |_, event| {
        if let Some(this) = weak.upgrade() {
            this.watch_caret(event);
            if matches!(
                event,
                WindowEvent::KeyboardInput { .. }
                    | WindowEvent::CursorMoved { .. }
                    | WindowEvent::MouseInput { .. }
                    | WindowEvent::MouseWheel { .. }
                    | WindowEvent::Touch(_)
            ) {
                this.used();
            }
            if this.take_key(event) {
                return EventResult::PreventDefault;
            }
        }
        let this = weak.upgrade();
        if this.as_ref().is_some_and(|this| super::desktop::watch(this, event)) {
            return EventResult::PreventDefault;
        }
        match (event, this) {
            (WindowEvent::Focused(focused), Some(this)) => this.focus(*focused),
            (WindowEvent::DroppedFile(path), Some(this)) => {
                this.hover(false);
                this.attach(attach::from_disk([path.clone()]));
            }
            (WindowEvent::HoveredFile(_), Some(this)) => this.hover(true),
            (WindowEvent::HoveredFileCancelled, Some(this)) => this.hover(false),
            _ => {}
        }
        EventResult::Propagate
    });
}
