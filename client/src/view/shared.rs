//! A computer that many share: the switch that makes it one, and signing out whoever stopped using it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use slint::{ComponentHandle, Timer, TimerMode};

use super::{ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    shared::{Deed, MINUTES, Watch},
};

/// Watches over a session on a shared computer.
#[derive(Default)]
pub(super) struct Guard {
    watch: RefCell<Option<Watch>>,
    second: Timer,
    /// Why nobody is signed in: somebody stopped using the program.
    left: Cell<bool>,
}

impl View {
    /// Shows what kind of computer this is.
    pub(super) fn show_shared(&self) {
        let settings = self.settings.borrow();
        let shared = self.window.global::<ui::Shared>();
        shared.set_on(settings.shared());
        shared.set_decided(settings.preset.shared_computer.is_some());
        let minutes = settings.idle_minutes();
        shared.set_minutes(minutes.into());
        let step = MINUTES.iter().position(|known| *known == minutes);
        shared.set_step(step.and_then(|step| i32::try_from(step).ok()).unwrap_or(-1));
    }

    /// A session began that leaves nothing behind, or there is none.
    pub(super) fn begin_watch(&self, on: bool) {
        self.window.global::<ui::Shared>().set_warned(false);
        if !on {
            *self.guard.watch.borrow_mut() = None;
            self.guard.second.stop();
            return;
        }
        self.guard.left.set(false);
        let minutes = self.settings.borrow().idle_minutes();
        *self.guard.watch.borrow_mut() = Some(Watch::begin(minutes, Self::now_ms()));
        let weak = self.itself();
        self.guard.second.start(TimerMode::Repeated, Duration::from_secs(1), move || {
            if let Some(this) = weak.upgrade() {
                let deed = this.guard.watch.borrow_mut().as_mut().map(|watch| watch.second(Self::now_ms()));
                this.follow_watch(deed);
            }
        });
    }

    /// A key or the mouse was used.
    pub(super) fn awake(&self) {
        let deed = self.guard.watch.borrow_mut().as_mut().map(|watch| watch.used(Self::now_ms()));
        self.follow_watch(deed);
    }

    fn follow_watch(&self, deed: Option<Deed>) {
        let shared = self.window.global::<ui::Shared>();
        match deed {
            Some(Deed::Warn(left)) => {
                shared.set_left(i32::try_from(left).unwrap_or(i32::MAX));
                shared.set_warned(true);
            }
            Some(Deed::Calm) => shared.set_warned(false),
            Some(Deed::End) => {
                self.vanish();
                self.guard.left.set(true);
                self.send(Command::SignOut);
            }
            Some(Deed::Nothing) | None => {}
        }
    }

    /// Why nobody is signed in, where nobody asked for it.
    pub(super) fn why_signed_out(&self) -> ui::Failure {
        if self.guard.left.take() { ui::Failure::Idle } else { ui::Failure::None }
    }
}

/// Connects the switch and the question.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Shared, on_toggled, |this| {
        this.choose(|settings| {
            settings.shared_computer = !settings.shared_computer;
            if settings.shared_computer {
                settings.user = None;
            }
        });
        this.show_shared();
    });
    on!(view, Shared, on_minutes_picked, |this, step| {
        let minutes = usize::try_from(step).ok().and_then(|step| MINUTES.get(step)).copied();
        this.choose(|settings| settings.idle_minutes = minutes);
        this.show_shared();
        let minutes = this.settings.borrow().idle_minutes();
        if let Some(watch) = &mut *this.guard.watch.borrow_mut() {
            watch.set(minutes);
        }
    });
    on!(view, Shared, on_stay, |this| this.awake());
    on!(view, Shared, on_leave, |this| {
        this.vanish();
        this.send(Command::SignOut);
    });
}
