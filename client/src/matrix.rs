//! The only code that touches matrix-sdk. Commands come in through a channel, updates go out through another; nothing
//! here knows of a window.

mod accounts;
mod actions;
mod attach;
mod avatars;
mod composer;
mod create;
mod crypto;
mod desktop;
mod devices;
mod engine;
mod failure;
mod feedback;
mod files;
mod forward;
mod games;
mod home;
mod html;
mod items;
mod jump;
mod live;
mod manage;
mod media;
mod members;
mod menu;
mod network;
mod notify;
mod pins;
mod polls;
mod presence;
mod previews;
mod profile;
mod room_menu;
mod rooms;
mod search;
mod settings;
mod sign_in;
mod spaces;
mod store;
mod sync;
mod threads;
mod timelines;
mod verify;
mod voice;

use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use accounts::prepare;
pub(crate) use network::are_authorities;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{
    model::{command::Command, update::Update},
    preset::Computer,
};

/// Where updates go. Cloned into every task.
#[derive(Clone)]
pub(crate) struct Updates {
    sender: UnboundedSender<Update>,
    open: Arc<RwLock<bool>>,
}

impl Updates {
    fn new(sender: UnboundedSender<Update>) -> Self {
        Self { sender, open: Arc::new(RwLock::new(true)) }
    }

    /// The same way for one session, which can be closed without the others.
    pub(crate) fn of_session(&self) -> Self {
        Self::new(self.sender.clone())
    }

    /// Sends an update; without a window left there is nobody to tell.
    pub(crate) fn send(&self, update: Update) {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if *open {
            let _ = self.sender.send(update);
        }
    }

    /// Whatever tasks of the session still say is not heard: what is told from now on belongs to the next one.
    pub(crate) fn close(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

/// The Matrix side, running on its own threads.
pub struct Engine {
    /// Takes commands
    pub commands: UnboundedSender<Command>,
    /// Gives updates
    pub updates: UnboundedReceiver<Update>,
    /// Ends once [`Command::End`] is done
    pub task: tokio::task::JoinHandle<()>,
    /// Runs until dropped
    pub runtime: tokio::runtime::Runtime,
}

/// Starts two threads for the Matrix side. They first look for a session kept on the computer.
pub fn start(computer: Computer) -> std::io::Result<Engine> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Deep futures of the SDK overflow the default stack in debug builds.
        .thread_stack_size(8 << 20)
        .thread_name("matrix")
        .enable_all()
        .build()?;
    let (commands, command_receiver) = mpsc::unbounded_channel();
    let (update_sender, updates) = mpsc::unbounded_channel();
    let task = runtime.spawn(engine::run(computer, command_receiver, Updates::new(update_sender)));
    Ok(Engine { commands, updates, task, runtime })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_over_is_not_heard() {
        let (sender, mut heard) = mpsc::unbounded_channel();
        let updates = Updates::new(sender);
        let (first, second) = (updates.of_session(), updates.of_session());
        let late = first.clone();
        first.close();
        late.send(Update::RoomsLoaded);
        assert!(heard.try_recv().is_err());
        second.send(Update::RoomsLoaded);
        updates.send(Update::Invited);
        assert!(matches!(heard.try_recv(), Ok(Update::RoomsLoaded)));
        assert!(matches!(heard.try_recv(), Ok(Update::Invited)));
    }
}
