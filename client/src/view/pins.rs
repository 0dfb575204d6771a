//! The bar of pinned messages, and their list.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};

use super::{
    convert, ui,
    window::View,
    wiring::{self, on},
};
use crate::model::{
    command::Command,
    person,
    pins::{News, Pin, Wish},
};

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Pins, on_next, |this| {
        let pin = this.app.borrow_mut().pins.turn();
        if let Some(pin) = pin {
            this.go_to_pin(&pin.key);
            this.show_pins();
        }
    });
    on!(view, Pins, on_show, |this, key| this.go_to_pin(&key));
    on!(view, Pins, on_unpin, |this, key| this.pin(&key, false));
    on!(view, Pins, on_show_list, |this| this.window.global::<ui::Panel>().set_side(ui::Side::Pins));
}

impl View {
    /// Takes news about pins.
    pub(super) fn pins_news(&self, news: News) {
        let News::Pinned { room, pins } = news;
        if self.app.borrow().open.as_ref() != Some(&room) {
            return;
        }
        self.app.borrow_mut().pins.set(pins);
        self.show_pins();
        self.redraw(|shown| shown.pinned != self.app.borrow().pins.get(&shown.key).is_some());
    }

    /// Shows the bar and the list.
    pub(super) fn show_pins(&self) {
        let app = self.app.borrow();
        let pins = self.window.global::<ui::Pins>();
        pins.set_may_pin(app.details.can_pin);
        pins.set_place(convert::count(app.pins.place() as u64));
        pins.set_shown(app.pins.shown().map(entry).unwrap_or_default());
        let list: Vec<ui::PinEntry> = app.pins.all().map(entry).collect();
        pins.set_list(ModelRc::new(VecModel::from(list)));
    }

    /// Pins a message, or no longer.
    pub(super) fn pin(&self, key: &str, pinned: bool) {
        let key = key.to_owned();
        wiring::with_open(self, |room| {
            Command::Pins(if pinned { Wish::Pin { room, key } } else { Wish::Unpin { room, key } })
        });
    }

    fn go_to_pin(&self, key: &str) {
        let thread = self.app.borrow().pins.get(key).and_then(|pin| pin.thread.clone());
        if let Some(root) = thread {
            return self.open_thread(&root);
        }
        self.jump(key);
    }
}

fn entry(pin: &Pin) -> ui::PinEntry {
    let (kind, text) = convert::preview(&pin.preview);
    ui::PinEntry {
        key: pin.key.as_str().into(),
        who: pin.who.as_str().into(),
        initials: person::initials(&pin.who).into(),
        tint: person::tint(&pin.sender),
        kind,
        text: text.into(),
    }
}
