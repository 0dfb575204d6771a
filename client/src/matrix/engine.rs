//! Takes commands in order. What takes time runs beside, so that no command waits for another.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::{
    matrix::{
        Updates, composer,
        home::{self, Home},
        live::Live,
        sign_in, store,
    },
    model::{
        accounts::News,
        command::{Command, Credentials},
        update::{Failure, Update},
    },
    preset::Computer,
};

/// How long the end of a session on a shared computer waits for the server's word: the next person does too.
const LAST_WORD: Duration = Duration::from_secs(2);

/// A session that runs, and where it lives.
struct Session {
    live: Arc<Live>,
    home: Home,
}

impl Session {
    /// The session is over, on the server too if it still answers within this time; nothing of it stays here.
    async fn end(self, patience: Duration) {
        self.live.sign_out(patience).await;
        self.forget();
    }

    /// The session is over; nothing of it stays here.
    fn forget(self) {
        self.live.stop();
        drop(self.live);
        tokio::task::block_in_place(|| self.home.forget());
    }
}

/// Runs until the window is gone.
pub(super) async fn run(computer: Computer, mut commands: UnboundedReceiver<Command>, updates: Updates) {
    // The server ended the session, or the SDK renewed its tokens.
    let (ended_sender, mut ended) = tokio::sync::mpsc::unbounded_channel::<()>();
    home::clear_passing(&computer.data_dir);
    store::forget_opened(&computer.data_dir);
    let mut session = come_back(&computer, &updates, &ended_sender).await;

    loop {
        let command = tokio::select! {
            command = commands.recv() => match command {
                Some(command) => command,
                None => break,
            },
            Some(()) = ended.recv() => {
                if let Some(session) = session.take() {
                    session.forget();
                    updates.send(Update::SignedOut(Some(Failure::SessionEnded)));
                }
                continue;
            }
        };
        match (command, &session) {
            (Command::SignIn(who), None) => session = begin(&computer, who, false, &updates, &ended_sender).await,
            (Command::Register(who), None) => session = begin(&computer, who, true, &updates, &ended_sender).await,
            (Command::SignOut, Some(_)) => {
                if let Some(session) = session.take() {
                    let patience = if session.home.kept { Duration::from_secs(10) } else { LAST_WORD };
                    session.end(patience).await;
                }
                updates.send(Update::SignedOut(None));
            }
            (Command::End, _) => break,
            // In their order, and before the end.
            (Command::Composer(wish), Some(session)) => composer::keep(&session.live, wish).await,
            (command, Some(session)) => session.live.take(command),
            (_, None) => {}
        }
    }
    match session {
        Some(session) if session.home.kept => session.live.stop(),
        Some(session) => session.end(LAST_WORD).await,
        None => {}
    }
}

/// Comes back to the session that was kept.
async fn come_back(computer: &Computer, updates: &Updates, ended: &UnboundedSender<()>) -> Option<Session> {
    let home = Home::kept(computer.data_dir.clone());
    // What a person kept before many came to share the computer is not for those to see.
    let stored = if computer.settings().shared() { None } else { store::load(&home.folder) };
    let Some(stored) = stored else {
        updates.send(Update::SignedOut(None));
        return None;
    };
    match sign_in::restore(computer, &home, &stored).await {
        Ok(client) => {
            updates.send(Update::Accounts(News::Begun { folder: home.folder.clone(), kept: home.kept }));
            let live = Live::begin(client, stored, home.clone(), updates.clone(), ended.clone());
            Some(Session { live, home })
        }
        // Nothing is deleted: only the server can say that a session is over, and what could not be opened now, such as a
        // file that another program holds, may be opened at the next start.
        Err(failure) => {
            updates.send(Update::SignedOut(Some(failure)));
            None
        }
    }
}

async fn begin(
    computer: &Computer,
    who: Credentials,
    register: bool,
    updates: &Updates,
    ended: &UnboundedSender<()>,
) -> Option<Session> {
    let outcome = async {
        let home = if computer.settings().shared() {
            Home::passing(&computer.data_dir).map_err(|error| {
                tracing::warn!(%error, "no folder for a passing session");
                Failure::Store
            })?
        } else {
            Home::kept(computer.data_dir.clone())
        };
        let signed_in = if register {
            sign_in::register(computer, &home, &who).await
        } else {
            sign_in::sign_in(computer, &home, &who).await
        };
        if signed_in.is_err() && !home.kept {
            home.forget();
        }
        signed_in.map(|(client, stored)| (client, stored, home))
    };
    match outcome.await {
        Ok((client, stored, home)) => {
            updates.send(Update::Accounts(News::Begun { folder: home.folder.clone(), kept: home.kept }));
            let live = Live::begin(client, stored, home.clone(), updates.clone(), ended.clone());
            Some(Session { live, home })
        }
        Err(failure) => {
            updates.send(Update::SignInFailed(failure));
            None
        }
    }
}
