//! Who is here, as what is on screen asks it; and that the person at this screen is.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use slint::ComponentHandle;

use super::{convert, ui, window::View};
use crate::model::{
    command::Command,
    presence::{Kind, Wish},
    stamp,
    update::Connection,
};

/// The Matrix side is told of keys and movements once in so long at most.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// When the Matrix side was last told that the window is used.
#[derive(Default)]
pub(super) struct Told(Cell<Option<Instant>>);

impl View {
    fn presence(&self, person: &str) -> ui::PresenceEntry {
        let model = self.app.borrow();
        // While the server is away nobody knows.
        let known = model.presence.get(person).filter(|_| model.connection == Connection::Online);
        let Some(known) = known else { return ui::PresenceEntry::default() };
        let kind = match known.kind {
            Kind::Online => ui::PresenceKind::Online,
            Kind::Idle => ui::PresenceKind::Idle,
            Kind::Offline => ui::PresenceKind::Offline,
        };
        let since = known.active_ms.and_then(|at| stamp::for_day(at, Self::now_ms(), &self.zone));
        ui::PresenceEntry { kind, since: convert::stamp(since) }
    }

    /// Somebody came or went, or the server did: what is on screen looks again.
    pub(super) fn look_at_people(&self) {
        let presence = self.window.global::<ui::Presence>();
        presence.set_version(presence.get_version().wrapping_add(1));
    }

    /// Asks about a person whose presence is on screen.
    pub(super) fn ask_presence(&self, person: &str) {
        if !person.is_empty() {
            self.send(Command::Presence(Wish::Ask(person.to_owned())));
        }
    }

    /// The window was used.
    pub(super) fn used(&self) {
        self.awake();
        let now = Instant::now();
        if self.told_used.0.get().is_none_or(|told| now.duration_since(told) >= TOLD_EVERY) {
            self.told_used.0.set(Some(now));
            self.send(Command::Presence(Wish::Used));
        }
    }
}

/// Connects the question of what is on screen.
pub(super) fn wire(view: &Rc<View>) {
    let weak = Rc::downgrade(view);
    view.window
        .global::<ui::Presence>()
        .on_look(move |person, _| weak.upgrade().map(|this| this.presence(&person)).unwrap_or_default());
}
