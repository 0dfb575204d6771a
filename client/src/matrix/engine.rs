//! Takes commands in order. What takes time runs beside, so that no command waits for another.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    matrix::{Updates, composer, live::Live, sign_in, store},
    model::{
        command::{Command, Credentials},
        update::{Failure, Update},
    },
};

/// Runs until the window is gone.
pub(super) async fn run(data_dir: PathBuf, mut commands: UnboundedReceiver<Command>, updates: Updates) {
    let mut live: Option<Arc<Live>> = None;
    // The server ended the session, or the SDK renewed its tokens.
    let (ended_sender, mut ended) = tokio::sync::mpsc::unbounded_channel::<()>();

    store::forget_opened(&data_dir);
    match store::load(&data_dir) {
        None => updates.send(Update::SignedOut(None)),
        Some(stored) => match sign_in::restore(&data_dir, &stored).await {
            Ok(client) => {
                live = Some(Live::begin(client, stored, data_dir.clone(), updates.clone(), ended_sender.clone()));
            }
            // Nothing is deleted: only the server can say that a session is over, and what could not be opened now, such as
            // a file that another program holds, may be opened at the next start.
            Err(failure) => updates.send(Update::SignedOut(Some(failure))),
        },
    }

    loop {
        let command = tokio::select! {
            command = commands.recv() => match command {
                Some(command) => command,
                None => break,
            },
            Some(()) = ended.recv() => {
                if let Some(live) = live.take() {
                    live.stop();
                    drop(live);
                    store::forget(&data_dir);
                    updates.send(Update::SignedOut(Some(Failure::SessionEnded)));
                }
                continue;
            }
        };
        match (command, &live) {
            (Command::SignIn(who), None) => live = begin(&data_dir, who, false, &updates, &ended_sender).await,
            (Command::Register(who), None) => live = begin(&data_dir, who, true, &updates, &ended_sender).await,
            (Command::SignOut, Some(_)) => {
                if let Some(live) = live.take() {
                    live.sign_out().await;
                }
                store::forget(&data_dir);
                updates.send(Update::SignedOut(None));
            }
            (Command::End, _) => break,
            // In their order, and before the end.
            (Command::Composer(wish), Some(live)) => composer::keep(live, wish).await,
            (command, Some(live)) => live.take(command),
            (_, None) => {}
        }
    }
    if let Some(live) = live {
        live.stop();
    }
}

async fn begin(
    data_dir: &std::path::Path,
    who: Credentials,
    register: bool,
    updates: &Updates,
    ended: &tokio::sync::mpsc::UnboundedSender<()>,
) -> Option<Arc<Live>> {
    let outcome =
        if register { sign_in::register(data_dir, &who).await } else { sign_in::sign_in(data_dir, &who).await };
    match outcome {
        Ok((client, stored)) => {
            Some(Live::begin(client, stored, data_dir.to_path_buf(), updates.clone(), ended.clone()))
        }
        Err(failure) => {
            updates.send(Update::SignInFailed(failure));
            None
        }
    }
}
