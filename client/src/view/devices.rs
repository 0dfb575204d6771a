//! The account's devices in the settings.

use std::rc::Rc;

use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::{convert, crypto, ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    crypto::Secret,
    devices::{LONGEST_NAME, News, Standing, Wish},
    stamp,
};

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Devices, on_load, |this| this.load_devices());
    on!(view, Devices, on_rename, |this, id, name| {
        let name: String = name.trim().chars().take(LONGEST_NAME).collect();
        if !name.is_empty() {
            this.send(Command::Devices(Wish::Rename { id: id.into(), name }));
        }
    });
    on!(view, Devices, on_sign_out, |this, password| {
        let page = this.window.global::<ui::Devices>();
        let leaving = page.get_leaving();
        let ids: Vec<String> = page
            .get_list()
            .iter()
            .filter(|device| !device.here && (leaving == "*" || device.id == leaving))
            .map(|device| device.id.into())
            .collect();
        if !ids.is_empty() && !page.get_busy() {
            page.set_busy(true);
            page.set_trouble(ui::RecoveryTrouble::None);
            this.send(Command::Devices(Wish::SignOut { ids, password: Secret(password.into()) }));
        }
    });
}

impl View {
    /// Asks which devices there are.
    pub(super) fn load_devices(&self) {
        let page = self.window.global::<ui::Devices>();
        page.set_loading(true);
        page.set_missed(ui::Failure::None);
        self.send(Command::Devices(Wish::List));
    }

    /// The account is another one, or none.
    pub(super) fn forget_devices(&self) {
        let page = self.window.global::<ui::Devices>();
        page.set_list(ModelRc::default());
        page.set_others(0);
        page.set_busy(false);
        page.set_leaving(SharedString::default());
        page.set_renaming(SharedString::default());
        page.set_missed(ui::Failure::None);
    }

    /// Takes news of devices.
    pub(super) fn devices_news(&self, news: News) {
        let page = self.window.global::<ui::Devices>();
        page.set_loading(false);
        match news {
            News::Known(devices) => {
                page.set_missed(ui::Failure::None);
                page.set_others(convert::count(devices.iter().filter(|device| !device.here).count() as u64));
                let here = devices.iter().find(|device| device.here);
                page.set_here_confirmed(here.is_some_and(|here| here.standing == Standing::Confirmed));
                let list: Vec<ui::DeviceEntry> = devices
                    .into_iter()
                    .map(|device| ui::DeviceEntry {
                        id: device.id.into(),
                        name: device.name.into(),
                        known: device.seen_ms.is_some(),
                        seen: convert::stamp(
                            device.seen_ms.and_then(|at| stamp::for_list(at, Self::now_ms(), self.zone())),
                        ),
                        here: device.here,
                        standing: match device.standing {
                            Standing::NoKeys => ui::DeviceStanding::NoKeys,
                            Standing::Unconfirmed => ui::DeviceStanding::Unconfirmed,
                            Standing::Confirmed => ui::DeviceStanding::Confirmed,
                        },
                    })
                    .collect();
                page.set_list(ModelRc::new(VecModel::from(list)));
            }
            News::SignedOut => {
                page.set_busy(false);
                page.set_leaving(SharedString::default());
            }
            News::Failed(failure) => {
                if page.get_list().row_count() == 0 {
                    page.set_missed(convert::failure(failure));
                } else {
                    self.complain(convert::failure(failure));
                }
            }
            News::Refused(trouble) => {
                page.set_busy(false);
                let (trouble, failure) = crypto::trouble(trouble);
                page.set_failure(failure);
                page.set_trouble(trouble);
            }
        }
    }
}
