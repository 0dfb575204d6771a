//! The list of rooms: the menu of a room, the choice of kinds, and the keys that go from room to room.

use std::{cell::Cell, rc::Rc};

use slint::{
    ComponentHandle,
    winit_030::winit::{
        event::{ElementState, KeyEvent, WindowEvent},
        keyboard::{KeyCode, ModifiersState, PhysicalKey},
    },
};

use super::{ui, window::View};
use crate::model::{
    command::Command,
    room_menu::{Act, Filter, Notify, Wish},
};

/// The keys that change others and are held down.
#[derive(Default)]
pub(super) struct Held(Cell<ModifiersState>);

pub(super) fn notify(notify: Notify) -> ui::RoomNotify {
    match notify {
        Notify::All => ui::RoomNotify::All,
        Notify::Mentions => ui::RoomNotify::Mentions,
        Notify::Mute => ui::RoomNotify::Mute,
    }
}

impl View {
    fn about_room(&self, room: &str, act: Act) {
        self.send(Command::RoomMenu(Wish { room: room.to_owned(), act }));
    }

    /// Opens the room so many steps further down the list.
    fn step(&self, steps: i32) {
        let next = {
            let model = self.app.borrow();
            model.rooms.neighbour(model.open.as_deref(), steps)
        };
        if let Some(room) = next {
            self.open(&room);
        }
    }

    /// Gives the search of rooms the focus, bringing the list back where there is no place for both.
    fn seek(&self) {
        let window = self.window.window();
        let narrow = window.size().to_logical(window.scale_factor()).width < 640.0;
        if narrow && self.app.borrow().open.is_some() {
            self.leave_open();
        }
        self.window.global::<ui::RoomMenu>().set_seek(true);
    }

    /// Takes keys that do the same wherever the focus is; by their place, so that they work in every layout of letters.
    pub(super) fn take_key(&self, event: &WindowEvent) -> bool {
        match event {
            WindowEvent::ModifiersChanged(modifiers) => {
                self.held.0.set(modifiers.state());
                false
            }
            WindowEvent::KeyboardInput {
                event: KeyEvent { state: ElementState::Pressed, physical_key: PhysicalKey::Code(code), .. },
                ..
            } => self.take_code(*code),
            _ => false,
        }
    }

    fn take_code(&self, code: KeyCode) -> bool {
        let app = self.window.global::<ui::App>();
        if app.get_page() != ui::Page::Main || app.get_overlay() != ui::Overlay::None {
            return false;
        }
        let held = self.held.0.get();
        match code {
            KeyCode::KeyK if held == ModifiersState::CONTROL => self.seek(),
            KeyCode::ArrowDown if held == ModifiersState::ALT => self.step(1),
            KeyCode::ArrowUp if held == ModifiersState::ALT => self.step(-1),
            _ => return false,
        }
        true
    }
}

/// Connects everything.
pub(super) fn wire(view: &Rc<View>) {
    let menu = view.window.global::<ui::RoomMenu>();
    let on = |work: fn(&View, &str, bool)| {
        let weak = Rc::downgrade(view);
        move |room: slint::SharedString, on| {
            if let Some(this) = weak.upgrade() {
                work(&this, &room, on);
            }
        }
    };
    menu.on_favourite(on(|this, room, on| this.about_room(room, Act::Favourite(on))));
    menu.on_low(on(|this, room, on| this.about_room(room, Act::Low(on))));
    menu.on_mark(on(|this, room, unread| this.about_room(room, Act::Mark(unread))));
    let weak = Rc::downgrade(view);
    menu.on_notify(move |room, notify| {
        let Some(this) = weak.upgrade() else { return };
        let notify = match notify {
            ui::RoomNotify::All => Notify::All,
            ui::RoomNotify::Mentions => Notify::Mentions,
            ui::RoomNotify::Mute => Notify::Mute,
        };
        this.about_room(&room, Act::Notify(notify));
    });
    let weak = Rc::downgrade(view);
    menu.on_leave(move |room| {
        let Some(this) = weak.upgrade() else { return };
        // The question names the open room.
        this.open(&room);
        this.window.global::<ui::App>().set_overlay(ui::Overlay::Leave);
    });
    let weak = Rc::downgrade(view);
    menu.on_choose(move |filter| {
        let Some(this) = weak.upgrade() else { return };
        this.window.global::<ui::RoomMenu>().set_filter(filter);
        this.app.borrow_mut().rooms.set_filter(match filter {
            ui::RoomFilter::All => Filter::All,
            ui::RoomFilter::Unread => Filter::Unread,
            ui::RoomFilter::People => Filter::People,
            ui::RoomFilter::Rooms => Filter::Rooms,
        });
        this.show_rooms();
    });
    let weak = Rc::downgrade(view);
    menu.on_step(move |steps| {
        if let Some(this) = weak.upgrade() {
            this.step(steps);
        }
    });
}
