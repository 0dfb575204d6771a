//! Servers found in the network, on the sign-in page.

use slint::{ComponentHandle, ModelRc, VecModel};

use super::{ui, window::View};
use crate::model::discovery::Found;

impl View {
    /// Shows what was found. The only one is chosen where nobody chose another: it can be seen, and changed.
    pub(super) fn found_servers(&self, servers: &[Found]) {
        let page = self.window.global::<ui::SignIn>();
        if let [only] = servers
            && page.get_server().is_empty()
            && !page.get_busy()
        {
            page.set_server(only.address.as_str().into());
        }
        let entries: VecModel<ui::FoundServer> = servers
            .iter()
            .map(|found| ui::FoundServer { title: found.title.as_str().into(), address: found.address.as_str().into() })
            .collect();
        self.window.global::<ui::Discovery>().set_servers(ModelRc::new(entries));
    }
}
