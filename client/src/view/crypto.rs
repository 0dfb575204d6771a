//! The recovery key: its bar, its dialog, and its lines in the settings.

use std::rc::Rc;

use slint::{ComponentHandle, SharedString};

use super::{convert, ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    crypto::{News, Secret, Standing, Trouble, Wish},
};

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Crypto, on_begin, |this| {
        let page = this.window.global::<ui::Crypto>();
        page.set_trouble(ui::RecoveryTrouble::None);
        if !page.get_busy() {
            let locked = page.get_standing() == ui::RecoveryStanding::Locked;
            page.set_step(if locked { ui::RecoveryStep::Unlock } else { ui::RecoveryStep::About });
        }
        this.window.global::<ui::App>().set_overlay(ui::Overlay::Recovery);
    });
    on!(view, Crypto, on_later, |this| this.send(Command::Crypto(Wish::Later)));
    on!(view, Crypto, on_make, |this, password| this.ask_crypto(Wish::Make(Secret(password.into()))));
    on!(view, Crypto, on_unlock, |this, key| this.ask_crypto(Wish::Unlock(Secret(key.into()))));
    on!(view, Crypto, on_reset, |this, password| this.ask_crypto(Wish::Reset(Secret(password.into()))));
    on!(view, Crypto, on_copy, |this| {
        let page = this.window.global::<ui::Crypto>();
        let key = String::from(page.get_key());
        let copied = this.with_clipboard(|clipboard| clipboard.set_text(key).ok()).is_some();
        page.set_copied(copied);
        if !copied {
            this.complain(ui::Failure::Other);
        }
    });
    on!(view, Crypto, on_save, |this| {
        let key = String::from(this.window.global::<ui::Crypto>().get_key());
        let weak = Rc::downgrade(&this);
        let asked = slint::spawn_local(async move {
            let dialog = rfd::AsyncFileDialog::new().set_file_name("parta-key.txt");
            let Some(file) = dialog.save_file().await else { return };
            let saved = std::fs::write(file.path(), format!("{key}\n"));
            let Some(this) = weak.upgrade() else { return };
            match saved {
                Ok(()) => this.tell(ui::Done::Saved),
                Err(error) => {
                    tracing::warn!(%error, "the recovery key cannot be saved");
                    this.complain(ui::Failure::CannotSave);
                }
            }
        });
        if let Err(error) = asked {
            tracing::warn!(%error, "a file cannot be asked for");
        }
    });
    on!(view, Crypto, on_ask_again, |this| {
        let Some(room) = this.app.borrow().open.clone() else { return };
        this.window.global::<ui::Crypto>().set_asking(true);
        this.send(Command::Crypto(Wish::AskAgain(room)));
    });
    on!(view, Crypto, on_weigh, |this| {
        this.window.global::<ui::Crypto>().set_unsent(0);
        this.send(Command::Crypto(Wish::Weigh));
    });
    on!(view, Crypto, on_kept, |this| {
        this.send(Command::Crypto(Wish::Kept));
        this.close_recovery();
    });
    on!(view, Crypto, on_close, |this| this.close_recovery());
}

impl View {
    fn ask_crypto(&self, wish: Wish) {
        let page = self.window.global::<ui::Crypto>();
        page.set_busy(true);
        page.set_all(0);
        page.set_trouble(ui::RecoveryTrouble::None);
        self.send(Command::Crypto(wish));
    }

    /// The key does not stay in the window.
    fn close_recovery(&self) {
        let page = self.window.global::<ui::Crypto>();
        page.set_key(SharedString::default());
        page.set_copied(false);
        self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
    }

    /// The account is another one, or none.
    pub(super) fn forget_recovery(&self) {
        let page = self.window.global::<ui::Crypto>();
        page.set_key(SharedString::default());
        page.set_copied(false);
        page.set_busy(false);
        page.set_asking(false);
        page.set_unsent(0);
        page.set_reminds(false);
        page.set_standing(ui::RecoveryStanding::Unknown);
    }

    /// Takes news of recovery.
    pub(super) fn crypto_news(&self, news: News) {
        let page = self.window.global::<ui::Crypto>();
        match news {
            News::Stands(standing, reminds) => {
                page.set_standing(match standing {
                    Standing::Unknown => ui::RecoveryStanding::Unknown,
                    Standing::Missing => ui::RecoveryStanding::Missing,
                    Standing::Unsaved => ui::RecoveryStanding::Unsaved,
                    Standing::Locked => ui::RecoveryStanding::Locked,
                    Standing::Ready => ui::RecoveryStanding::Ready,
                });
                page.set_reminds(reminds);
            }
            News::Progress(done, all) => {
                page.set_saved(convert::count(done));
                page.set_all(convert::count(all));
            }
            News::Made(key) => {
                page.set_busy(false);
                page.set_key(key.0.into());
                page.set_copied(false);
                page.set_step(ui::RecoveryStep::Key);
                // The key is seen even where the dialog was closed meanwhile.
                self.window.global::<ui::App>().set_overlay(ui::Overlay::Recovery);
            }
            News::Unlocked => {
                page.set_busy(false);
                if self.window.global::<ui::App>().get_overlay() == ui::Overlay::Recovery {
                    self.close_recovery();
                }
            }
            News::Trouble(trouble) => {
                page.set_busy(false);
                let (trouble, failure) = self::trouble(trouble);
                page.set_failure(failure);
                page.set_trouble(trouble);
            }
            News::Asked { left } => {
                page.set_asking(false);
                if left {
                    self.complain(ui::Failure::NoKeys);
                }
            }
            News::Unsent(count) => page.set_unsent(convert::count(count as u64)),
        }
    }
}

/// Why a wish was not done, for the window.
pub(super) fn trouble(trouble: Trouble) -> (ui::RecoveryTrouble, ui::Failure) {
    match trouble {
        Trouble::WrongKey => (ui::RecoveryTrouble::WrongKey, ui::Failure::None),
        Trouble::Password => (ui::RecoveryTrouble::Password, ui::Failure::None),
        Trouble::WrongPassword => (ui::RecoveryTrouble::WrongPassword, ui::Failure::None),
        Trouble::Elsewhere => (ui::RecoveryTrouble::Elsewhere, ui::Failure::None),
        Trouble::Failed(failure) => (ui::RecoveryTrouble::Failed, convert::failure(failure)),
    }
}
