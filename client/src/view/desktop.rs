//! The window as a guest of the desktop: its place, the tray, links and keys, and what another start hands over.

use std::rc::Rc;

use slint::{
    CloseRequestResponse, ComponentHandle, PhysicalPosition, PhysicalSize,
    winit_030::{
        WinitWindowAccessor,
        winit::{
            event::WindowEvent,
            keyboard::{KeyCode, PhysicalKey},
        },
    },
};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{convert, ui, window::View};
use crate::{
    desktop::popups::Popups,
    model::{
        app::Page,
        command::Command,
        desktop::{News, Outside, Place, Screen, Wish},
        link::{self, Target},
        notify::Rest,
        rooms::Scope,
        shortcuts::{self, Action, Key},
    },
};

/// What the window has of the desktop. Tests have none of it.
pub(super) struct Guests {
    pub(super) popups: Popups,
    tray: Option<ui::Tray>,
}

impl View {
    /// Takes its place on the desktop: the tray, and where the window was. `outside` is what comes to it from there.
    pub fn settle(self: &Rc<Self>, popups: Popups, mut outside: UnboundedReceiver<Outside>) -> anyhow::Result<()> {
        let tray = ui::Tray::new().inspect_err(|error| tracing::info!(%error, "no tray")).ok();
        if let Some(tray) = &tray {
            self.wire_tray(tray);
            if let Err(error) = tray.show() {
                tracing::info!(%error, "no tray");
            }
        }
        *self.guests.borrow_mut() = Some(Guests { popups, tray });
        self.show_unread();
        self.show_tray();
        self.put_window();
        let weak = Rc::downgrade(self);
        slint::spawn_local(async move {
            while let Some(outside) = outside.recv().await {
                let Some(this) = weak.upgrade() else { return };
                this.come(outside);
            }
        })?;
        let weak = Rc::downgrade(self);
        self.window.window().on_close_requested(move || {
            let Some(this) = weak.upgrade() else { return CloseRequestResponse::HideWindow };
            this.keep_place();
            // Nobody looks at a window that is gone; the system does not always say so.
            this.focus(false);
            // Whoever closes the window of a shared computer goes.
            if !this.settings.borrow().close_to_tray || this.own.passing().is_some() {
                this.quit();
            }
            // Without a tray this was all that kept the program running.
            CloseRequestResponse::HideWindow
        });
        Ok(())
    }

    /// Whether the program has its place on the desktop.
    pub(super) fn settled(&self) -> bool {
        self.guests.borrow().is_some()
    }

    fn wire_tray(self: &Rc<Self>, tray: &ui::Tray) {
        let weak = Rc::downgrade(self);
        tray.on_open(move || {
            if let Some(this) = weak.upgrade() {
                this.come(Outside::Show);
            }
        });
        let weak = Rc::downgrade(self);
        tray.on_rest(move || {
            if let Some(this) = weak.upgrade() {
                let resting = this.window.global::<ui::Prefs>().get_resting();
                this.rest((!resting).then_some(Rest::Morning));
            }
        });
        let weak = Rc::downgrade(self);
        tray.on_quit(move || {
            if let Some(this) = weak.upgrade() {
                this.quit();
            }
        });
    }

    /// Ends the program.
    pub(super) fn quit(&self) {
        self.keep_place();
        if let Err(error) = slint::quit_event_loop() {
            tracing::warn!(%error, "the program cannot be ended");
        }
    }

    /// Unread messages in the title and the tray.
    pub(super) fn show_unread(&self) {
        let model = self.app.borrow();
        let unread = convert::count(model.rooms.unread(&Scope::All, model.watched()));
        drop(model);
        self.window.global::<ui::Desktop>().set_unread(unread);
        if let Some(tray) = self.guests.borrow().as_ref().and_then(|guests| guests.tray.as_ref()) {
            tray.set_unread(unread);
        }
    }

    /// Whether the person is not to be disturbed, in the menu of the tray.
    pub(super) fn show_tray(&self) {
        if let Some(tray) = self.guests.borrow().as_ref().and_then(|guests| guests.tray.as_ref()) {
            tray.set_resting(self.window.global::<ui::Prefs>().get_resting());
        }
    }

    /// Something came from outside of the window.
    pub(super) fn come(&self, outside: Outside) {
        self.to_front();
        match outside {
            Outside::Show => {}
            Outside::Room(room) => {
                if self.app.borrow().rooms.get(&room).is_some() {
                    self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
                    self.open(&room);
                }
            }
            Outside::Link(link) => self.wait_for(&link),
        }
    }

    fn to_front(&self) {
        let window = self.window.window();
        let hidden = !window.is_visible();
        if let Err(error) = self.window.show() {
            tracing::warn!(%error, "the window cannot be shown");
        }
        if hidden {
            self.put_window();
        }
        window.set_minimized(false);
        window.with_winit_window(|window| window.focus_window());
    }

    /// Follows a link now, or as soon as the rooms of the account are known.
    pub fn wait_for(&self, link: &str) {
        let ready = self.app.borrow().page == Page::Main && self.app.borrow().rooms_loaded;
        if !ready {
            *self.link.borrow_mut() = Some(link.to_owned());
        } else if !self.go_to(link) {
            self.complain(ui::Failure::CannotOpen);
        }
    }

    /// Follows the link that waited.
    pub(super) fn follow_waiting(&self) {
        let link = self.link.borrow_mut().take();
        if let Some(link) = link {
            self.wait_for(&link);
        }
    }

    /// Follows a link in a message: a person's opens their card. Returns whether it is one of Matrix.
    pub(super) fn follow(&self, link: &str) -> bool {
        if let Some(Target::Person(user)) = link::parse(link) {
            self.window.global::<ui::Profile>().invoke_open(user.into());
            return true;
        }
        self.go_to(link)
    }

    /// Goes to the person, the room or the message that a link leads to. Returns whether it is one of Matrix.
    fn go_to(&self, link: &str) -> bool {
        let Some(target) = link::parse(link) else { return false };
        self.send(Command::Desktop(match target {
            Target::Person(user) => Wish::Chat(user),
            Target::Room { address, event, via } => Wish::Find { address, event, via },
        }));
        true
    }

    /// Shows what a link leads to.
    pub(super) fn found(&self, news: News) {
        let app = self.window.global::<ui::App>();
        match news {
            News::Found { room, event } => {
                app.set_overlay(ui::Overlay::None);
                self.open(&room);
                if let Some(event) = event {
                    self.jump(&event);
                }
            }
            News::NoChat(user) => {
                app.invoke_open_overlay(ui::Overlay::NewChat);
                self.window.global::<ui::People>().invoke_search(user.into());
            }
            News::Offer { address, room } => {
                app.invoke_open_overlay(ui::Overlay::Directory);
                let directory = self.window.global::<ui::Directory>();
                directory.set_term(address.as_str().into());
                if let Some(room) = room {
                    self.app.borrow_mut().public_rooms = (address, vec![room]);
                    self.show_found();
                } else {
                    directory.invoke_search(address.into());
                }
            }
        }
    }

    /// Does what a key does everywhere. Returns false for what others do.
    pub fn act(&self, action: Action) -> bool {
        let main = self.app.borrow().page == Page::Main;
        let app = self.window.global::<ui::App>();
        match action {
            Action::Find if main && app.get_overlay() == ui::Overlay::None => self.begin_search(None),
            Action::NewChat if main => app.invoke_open_overlay(ui::Overlay::NewChat),
            Action::Settings => app.invoke_open_overlay(ui::Overlay::Settings),
            Action::Back if main => {
                if app.get_overlay() == ui::Overlay::None {
                    self.leave_open();
                } else {
                    app.invoke_close_overlay();
                }
            }
            Action::Larger => self.choose(|settings| settings.resize_text(true)),
            Action::Smaller => self.choose(|settings| settings.resize_text(false)),
            Action::Plain => self.choose(|settings| settings.text_size = 100),
            Action::Quit => self.quit(),
            Action::Sheet => app.invoke_open_overlay(ui::Overlay::Shortcuts),
            Action::Help => app.invoke_open_overlay(ui::Overlay::Help),
            // The pages have these themselves.
            Action::Search | Action::Find | Action::NewChat | Action::Back => return false,
        }
        true
    }

    /// Puts the window where it was; the first time a small screen is filled.
    fn put_window(&self) {
        let place = self.settings.borrow().place.filter(Place::sound);
        if let Some(place) = place {
            let window = self.window.window();
            window.set_size(PhysicalSize::new(place.width, place.height));
            window.set_position(PhysicalPosition::new(place.x, place.y));
            window.set_maximized(place.maximised);
        }
        let weak = self.itself();
        // Which screens there are is known only once the window is.
        let checked = slint::spawn_local(async move {
            let Some(this) = weak.upgrade() else { return };
            let window = this.window.window();
            let Ok(winit) = window.winit_window().await else { return };
            let screens: Vec<Screen> = winit
                .available_monitors()
                .map(|screen| Screen {
                    x: screen.position().x,
                    y: screen.position().y,
                    width: screen.size().width,
                    height: screen.size().height,
                })
                .collect();
            let Some(first) = screens.first() else { return };
            match place {
                Some(place) if place.lies_on(&screens) => {}
                Some(_) => window.set_position(PhysicalPosition::new(first.x + 40, first.y + 40)),
                None if first.is_small_for(window.size().width, window.size().height) => window.set_maximized(true),
                None => {}
            }
        });
        if let Err(error) = checked {
            tracing::debug!(%error, "screens cannot be looked at");
        }
    }

    /// The window moved or changed its size: where it goes back to when it is no longer maximised.
    pub(super) fn moved(&self) {
        let window = self.window.window();
        // Asked of the system: the window's own word of it comes later than its new size.
        let maximised = window.with_winit_window(|window| window.is_maximized()).unwrap_or(true);
        if maximised || window.is_minimized() || window.is_fullscreen() || !window.is_visible() {
            return;
        }
        let (position, size) = (window.position(), window.size());
        let place = Place { x: position.x, y: position.y, width: size.width, height: size.height, maximised: false };
        self.place.set(Some(place).filter(Place::sound));
    }

    /// Keeps where the window is.
    fn keep_place(&self) {
        self.moved();
        let maximised = self.window.window().is_maximized();
        let mut settings = self.settings.borrow_mut();
        let place = self.place.get().or(settings.place).map(|place| Place { maximised, ..place });
        if settings.place != place {
            settings.place = place;
            settings.save(&self.data_dir);
        }
    }
}

/// Looks at what the window system tells before the pages do. Returns true for a key that has done its work.
pub(super) fn watch(view: &View, event: &WindowEvent) -> bool {
    match event {
        WindowEvent::ModifiersChanged(modifiers) => {
            // AltGr is told as Ctrl and Alt on some systems, and is for writing.
            let state = modifiers.state();
            view.control.set(state.control_key() && !state.alt_key());
            false
        }
        WindowEvent::KeyboardInput { event, is_synthetic: false, .. } if event.state.is_pressed() => {
            let action = key(event.physical_key).and_then(|key| shortcuts::action(key, view.control.get()));
            action.is_some_and(|action| view.act(action))
        }
        WindowEvent::Moved(_) | WindowEvent::Resized(_) => {
            view.moved();
            false
        }
        _ => false,
    }
}

/// A key of the table of shortcuts. By its place, for in a Russian layout no key writes a `k`.
fn key(key: PhysicalKey) -> Option<Key> {
    let PhysicalKey::Code(code) = key else { return None };
    Some(match code {
        KeyCode::KeyK => Key::Letter('k'),
        KeyCode::KeyF => Key::Letter('f'),
        KeyCode::KeyN => Key::Letter('n'),
        KeyCode::KeyQ => Key::Letter('q'),
        KeyCode::KeyW => Key::Letter('w'),
        KeyCode::Comma => Key::Letter(','),
        KeyCode::Slash => Key::Letter('/'),
        KeyCode::Equal | KeyCode::NumpadAdd => Key::Plus,
        KeyCode::Minus | KeyCode::NumpadSubtract => Key::Minus,
        KeyCode::Digit0 | KeyCode::Numpad0 => Key::Zero,
        KeyCode::F1 => Key::F1,
        _ => return None,
    })
}
