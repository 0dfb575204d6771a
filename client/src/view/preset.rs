//! What an administrator decided for this computer, as the window shows it.

use slint::ComponentHandle;

use super::{ui, window::View};
use crate::{
    model::{
        command::Command,
        link::{self, Target},
    },
    options::Options,
    preset::Proxy,
};

impl View {
    /// Shows what was decided. What the command line says goes before.
    pub(super) fn show_preset(&self, options: &Options) {
        let settings = self.settings.borrow();
        let decided = &settings.preset;
        let preset = self.window.global::<ui::Preset>();
        preset.set_title(decided.title.as_deref().unwrap_or_default().into());
        preset.set_server_known(decided.server.is_some() && options.server.is_none());
        preset.set_proxy(decided.proxy.as_ref().map(Proxy::shown).unwrap_or_default().into());
        preset.set_no_proxy(decided.proxy == Some(Proxy::None));
        preset.set_authorities(decided.ca_file.is_some());
        let server = options.server.clone().or_else(|| decided.server.clone()).or_else(|| settings.server.clone());
        drop(settings);
        self.window.global::<ui::SignIn>().set_server(server.unwrap_or_default().into());
    }

    /// Nobody is signed in: who sits down now signs in at the server that was decided on.
    pub(super) fn propose_server(&self) {
        let preset = self.window.global::<ui::Preset>();
        let server = self.settings.borrow().preset.server.clone();
        if let Some(server) = server.filter(|_| preset.get_server_known()) {
            preset.set_server_asked(false);
            self.window.global::<ui::SignIn>().set_server(server.into());
        }
    }

    /// Shows the room that was decided on to an account that has not opened any here.
    pub(super) fn enter_first_room(&self) {
        let room = self.settings.borrow().preset.room.clone();
        let Some(room) = room else { return };
        let new = self.own.choices.borrow().room.is_none() && self.app.borrow().open.is_none();
        if !new || self.link.borrow().is_some() {
            return;
        }
        let address = match link::parse(&room) {
            Some(Target::Room { address, .. }) => address,
            _ => room,
        };
        self.send(Command::Join(address));
    }
}
