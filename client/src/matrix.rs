//! The only code that touches matrix-sdk. Commands come in through a channel, updates go out through another; nothing
//! here knows of a window.

mod actions;
mod attach;
mod avatars;
mod composer;
mod create;
mod crypto;
mod desktop;
mod engine;
mod failure;
mod files;
mod forward;
mod games;
mod home;
mod html;
mod items;
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
mod settings;
mod sign_in;
mod spaces;
mod store;
mod sync;
mod threads;
mod timelines;
mod voice;

pub(crate) use network::are_authorities;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{
    model::{command::Command, update::Update},
    preset::Computer,
};

/// Where updates go. Cloned into every task.
#[derive(Clone)]
pub(crate) struct Updates(UnboundedSender<Update>);

impl Updates {
    /// Sends an update; without a window left there is nobody to tell.
    pub(crate) fn send(&self, update: Update) {
        let _ = self.0.send(update);
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
    let task = runtime.spawn(engine::run(computer, command_receiver, Updates(update_sender)));
    Ok(Engine { commands, updates, task, runtime })
}
