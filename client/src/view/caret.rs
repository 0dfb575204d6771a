//! The caret of the composer rests while nobody uses the window. A caret that blinks has the window drawn anew twice a
//! second for as long as it has the focus, which is all that a window costs at which nothing happens. Others let theirs
//! rest too: GTK's does after ten seconds.
//!
//! The pages' library stops it only for a window that is not active, so the window is told that it is not, and drawn as if
//! it were: with the frame around the composer and a caret that stands still.

use std::{cell::Cell, time::Duration};

use slint::{
    ComponentHandle, Timer, TimerMode,
    platform::WindowEvent,
    winit_030::winit::event::{ElementState, WindowEvent as SystemEvent},
};

use super::{ui, window::View};

/// How long it blinks after the window was last used.
const BLINKS: Duration = Duration::from_secs(10);

/// Whether it rests.
#[derive(Default)]
pub(super) struct Caret {
    still: Timer,
    rests: Cell<bool>,
}

impl View {
    /// Looks at what the window system tells, before the pages do: what a person does wakes the caret.
    pub(super) fn watch_caret(&self, event: &SystemEvent) {
        match event {
            SystemEvent::Focused(focused) => {
                // The pages hear of it next.
                self.show_caret(false);
                self.caret.still.stop();
                if *focused {
                    self.begin_caret();
                }
            }
            SystemEvent::KeyboardInput { .. }
            | SystemEvent::Ime(_)
            | SystemEvent::CursorMoved { .. }
            | SystemEvent::MouseInput { state: ElementState::Pressed, .. }
            | SystemEvent::MouseWheel { .. }
            | SystemEvent::Touch(_)
                if self.caret.rests.get() =>
            {
                self.show_caret(false);
                self.window.window().dispatch_event(WindowEvent::WindowActiveChanged(true));
                self.begin_caret();
            }
            SystemEvent::KeyboardInput { .. } | SystemEvent::Ime(_) | SystemEvent::MouseInput { .. }
                if self.caret.still.running() =>
            {
                self.caret.still.restart();
            }
            _ => {}
        }
    }

    fn begin_caret(&self) {
        let weak = self.itself();
        self.caret.still.start(TimerMode::Repeated, BLINKS, move || {
            if let Some(this) = weak.upgrade() {
                this.rest_caret();
            }
        });
    }

    /// Only the composer's: whoever is in a dialog is about to write.
    fn rest_caret(&self) {
        if self.window.global::<ui::Compose>().get_focused() {
            self.caret.still.stop();
            self.show_caret(true);
            self.window.window().dispatch_event(WindowEvent::WindowActiveChanged(false));
        }
    }

    fn show_caret(&self, rests: bool) {
        self.caret.rests.set(rests);
        self.window.global::<ui::Compose>().set_rests(rests);
    }
}
