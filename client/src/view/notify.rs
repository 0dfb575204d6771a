//! Calling the person: notifications, their sound, and the window's call for attention.

use std::time::Duration;

use jiff::Zoned;
use slint::{ComponentHandle, TimerMode};

use super::{convert, ui, window::View};
use crate::{
    desktop::popups::Note,
    model::notify::{self, Came, PAUSE_MS, Popup, Says},
};

impl View {
    /// The push rules say to tell of something.
    pub(super) fn called(&self, came: &Came) {
        let now = Zoned::now();
        let choices = self.settings.borrow().notifications;
        let quiet = choices.quiet(&now);
        let watched = self.app.borrow().watched().map(str::to_owned);
        let Some(sound) = notify::decide(&choices, quiet, watched.as_deref(), came) else { return };
        if came.mention || came.direct || came.invited {
            self.want_attention();
        }
        let popup = self.bursts.borrow_mut().take(&choices, came, sound, now.timestamp().as_millisecond());
        if let Some(popup) = popup {
            self.pop_up(popup);
        }
        self.wait_for_bursts();
    }

    /// Shows what waited, once it has waited long enough.
    fn wait_for_bursts(&self) {
        if self.bursting.running() || !self.bursts.borrow().waits() {
            return;
        }
        let weak = self.itself();
        let pause = Duration::from_millis(PAUSE_MS.unsigned_abs());
        self.bursting.start(TimerMode::SingleShot, pause, move || {
            let Some(this) = weak.upgrade() else { return };
            let due = this.bursts.borrow_mut().due(Self::now_ms());
            // Quiet may have begun, and the room may have been opened meanwhile.
            let quiet = this.settings.borrow().notifications.quiet(&Zoned::now());
            let watched = this.app.borrow().watched().map(str::to_owned);
            for popup in due.into_iter().filter(|popup| !quiet && watched.as_deref() != Some(&popup.room)) {
                this.pop_up(popup);
            }
            this.wait_for_bursts();
        });
    }

    fn pop_up(&self, popup: Popup) {
        let guests = self.guests.borrow();
        let Some(guests) = guests.as_ref() else { return };
        let desktop = self.window.global::<ui::Desktop>();
        let words = self.window.global::<ui::Words>();
        let room = if popup.room_name.is_empty() { words.invoke_unnamed() } else { popup.room_name.as_str().into() };
        let title = match popup.says {
            Says::Message(_) | Says::NewMessage if !popup.direct => {
                desktop.invoke_who_where(popup.who.as_str().into(), room)
            }
            _ => room,
        };
        let body = match &popup.says {
            Says::Message(preview) => {
                let (kind, text) = convert::preview(preview);
                words.invoke_kind_of(kind, text.into())
            }
            Says::NewMessage => desktop.invoke_new_message(),
            Says::Several(count) => desktop.invoke_several(convert::count((*count).into())),
            Says::Invitation => desktop.invoke_invitation(popup.who.as_str().into()),
        };
        guests.popups.show(Note {
            about: popup.room,
            title: title.into(),
            body: body.into(),
            action: desktop.invoke_open().into(),
            sound: popup.sound,
        });
    }

    /// The window asks for attention in the list of windows until it is looked at.
    fn want_attention(&self) {
        use slint::winit_030::{WinitWindowAccessor, winit::window::UserAttentionType};
        self.window.window().with_winit_window(|window| {
            if !window.has_focus() {
                window.request_user_attention(Some(UserAttentionType::Informational));
            }
        });
    }
}
