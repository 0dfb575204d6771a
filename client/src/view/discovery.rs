//! Servers found in the network, on the sign-in page.

use slint::{ComponentHandle, Model, ModelRc, VecModel};

use super::{ui, window::View};
use crate::model::discovery::Found;

impl View {
    /// Shows what was found. The only one is chosen where nobody chose another: it can be seen, and changed. It goes on
    /// being chosen when more of its addresses are heard and another one is the better.
    pub(super) fn found_servers(&self, servers: &[Found]) {
        let page = self.window.global::<ui::SignIn>();
        let discovery = self.window.global::<ui::Discovery>();
        let before = discovery.get_servers();
        if let [only] = servers
            && !page.get_busy()
        {
            let chosen = page.get_server();
            let moved = before.row_count() == 1
                && before.iter().any(|found| found.title == only.title && found.address == chosen);
            if chosen.is_empty() || moved {
                page.set_server(only.address.as_str().into());
            }
            if chosen.is_empty() {
                discovery.set_filled_in(discovery.get_filled_in() + 1);
            }
        }
        let entries: VecModel<ui::FoundServer> = servers
            .iter()
            .map(|found| ui::FoundServer { title: found.title.as_str().into(), address: found.address.as_str().into() })
            .collect();
        discovery.set_servers(ModelRc::new(entries));
    }
}
