//! The dialog in which a message is sent on.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{convert, ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    forward::{News, Wish},
    person,
};

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Forward, on_search, |this, term| {
        this.app.borrow_mut().forward.term = term.into();
        this.show_forward();
    });
    on!(view, Forward, on_toggle, |this, room| {
        this.app.borrow_mut().forward.toggle(&room);
        this.show_forward();
    });
    on!(view, Forward, on_send, |this| {
        let wish = this.app.borrow_mut().forward.finish();
        if let Some(wish) = wish {
            this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
            this.send(Command::Forward(wish));
        }
    });
}

impl View {
    /// Takes news about what is sent on.
    pub(super) fn forward_news(&self, news: News) {
        match news {
            News::Places(places) => {
                self.app.borrow_mut().forward.places = Some(places);
                self.show_forward();
            }
            News::Sent => self.tell(ui::Done::Forwarded),
        }
    }

    /// Asks where a message is to be sent on to.
    pub(super) fn forward(&self, key: &str) {
        {
            let mut app = self.app.borrow_mut();
            let Some(room) = app.open.clone() else { return };
            app.forward.begin(&room, key);
        }
        self.window.global::<ui::Forward>().set_term(SharedString::default());
        self.show_forward();
        self.window.global::<ui::App>().set_overlay(ui::Overlay::Forward);
        self.send(Command::Forward(Wish::Places));
    }

    fn show_forward(&self) {
        let app = self.app.borrow();
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let places: Vec<ui::ForwardEntry> = app
            .forward
            .rooms(&app.rooms)
            .into_iter()
            .map(|room| {
                let name = if room.name.is_empty() { unnamed.as_str() } else { &room.name };
                ui::ForwardEntry {
                    id: room.id.as_str().into(),
                    name: name.into(),
                    initials: person::initials(name).into(),
                    tint: person::tint(room.face()),
                    direct: room.direct,
                    chosen: app.forward.chosen.contains(&room.id),
                }
            })
            .collect();
        let page = self.window.global::<ui::Forward>();
        page.set_places(ModelRc::new(VecModel::from(places)));
        page.set_loading(app.forward.places.is_none());
        page.set_chosen(convert::count(app.forward.chosen.len() as u64));
    }
}
