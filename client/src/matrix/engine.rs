//! Takes commands in order. What takes time runs beside, so that no command waits for another.

use std::{sync::Arc, time::Duration};

use matrix_sdk::Client;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    discovery::Search,
    matrix::{
        Updates,
        accounts::Accounts,
        composer, failure, feedback,
        home::{self, Home},
        live::Live,
        sign_in,
        store::{self, StoredSession},
    },
    model::{
        accounts::{News, Wish},
        command::{Command, Credentials},
        feedback::Wish as FeedbackWish,
        update::{Failure, Update},
    },
    preset::Computer,
};

/// How long signing out waits for the server's word.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end of a session on a shared computer waits for it: the next person does too.
const LAST_WORD: Duration = Duration::from_secs(2);

/// A session that runs, and where it lives.
struct Session {
    live: Arc<Live>,
    home: Home,
    /// Of the account, where it is kept
    id: Option<String>,
    /// Tells that the server ended it
    ended: UnboundedReceiver<()>,
    /// So that silence is not taken for an end
    _ending: UnboundedSender<()>,
}

impl Session {
    /// The session is over, on the server too if it still answers in time; nothing of it stays here.
    async fn end(self) {
        self.live.sign_out(if self.home.kept { PATIENCE } else { LAST_WORD }).await;
        self.forget();
    }

    /// The session is over; nothing of it stays here.
    fn forget(self) {
        self.live.stop();
        drop(self.live);
        tokio::task::block_in_place(|| self.home.forget());
    }

    /// The session waits until its account is chosen again; one that is not kept is over.
    async fn put_aside(self) {
        if self.home.kept {
            self.live.rest().await;
        } else {
            self.end().await;
        }
    }
}

/// What the engine works with.
struct Engine {
    computer: Computer,
    accounts: Accounts,
    updates: Updates,
    session: Option<Session>,
}

/// Runs until the window is gone.
pub(super) async fn run(computer: Computer, mut commands: UnboundedReceiver<Command>, updates: Updates) {
    let accounts = Accounts::of(&computer.data_dir);
    home::clear_passing(&computer.data_dir);
    accounts.forget_opened();
    let mut engine = Engine { computer, accounts, updates, session: None };
    match engine.accounts.current() {
        // What a person kept before many came to share the computer is not for those to see.
        Some(id) if !engine.computer.settings().shared() => engine.come_back(&id).await,
        _ => engine.nobody(None),
    }

    let mut search = Search::default();
    loop {
        let told = engine.updates.clone();
        search.keep(engine.session.is_none(), move |servers| told.send(Update::Servers(servers)));
        let command = tokio::select! {
            command = commands.recv() => match command {
                Some(command) => command,
                None => break,
            },
            () = over(&mut engine.session) => {
                if let Some(session) = engine.session.take() {
                    session.forget();
                }
                engine.nobody(Some(Failure::SessionEnded));
                continue;
            }
        };
        match (command, &engine.session) {
            (Command::SignIn(who), None) => engine.begin(who, false).await,
            (Command::Register(who), None) => engine.begin(who, true).await,
            (Command::SignOut, Some(_)) => engine.sign_out().await,
            (Command::Accounts(Wish::Choose(id)), _) => engine.choose(&id).await,
            (Command::Accounts(Wish::Add), _) => {
                engine.put_aside().await;
                engine.nobody(None);
            }
            (Command::End, _) => break,
            // In their order, and before the end.
            (Command::Composer(wish), Some(session)) => composer::keep(&session.live, wish).await,
            (Command::Feedback(FeedbackWish::Send(draft)), Some(session)) => {
                feedback::keep(&session.live, *draft).await;
            }
            (command, Some(session)) => session.live.take(command),
            (_, None) => {}
        }
    }
    match engine.session {
        Some(session) if session.home.kept => session.live.stop(),
        Some(session) => session.end().await,
        None => {}
    }
}

/// Waits until the server ends the session.
async fn over(session: &mut Option<Session>) {
    match session {
        Some(session) => {
            session.ended.recv().await;
        }
        None => std::future::pending().await,
    }
}

impl Engine {
    /// Tells which accounts there are.
    fn tell(&self) {
        let current = self.session.as_ref().and_then(|session| session.id.clone());
        self.updates.send(Update::Accounts(News::Known { accounts: self.accounts.list(), current }));
    }

    /// Tells that nobody is signed in.
    fn nobody(&self, why: Option<Failure>) {
        self.accounts.tidy();
        self.tell();
        self.updates.send(Update::SignedOut(why));
    }

    /// Follows a session from now on.
    fn follow(&mut self, client: Client, stored: StoredSession, home: Home, id: Option<String>) {
        if let Some(id) = &id {
            self.accounts.set_current(id);
        }
        let (ending, ended) = unbounded_channel();
        self.updates.send(Update::Accounts(News::Begun { folder: home.folder.clone(), kept: home.kept }));
        let live = Live::begin(client, stored, home.clone(), self.updates.of_session(), ending.clone());
        self.session = Some(Session { live, home, id, ended, _ending: ending });
        self.tell();
    }

    /// Comes back to an account that is kept.
    async fn come_back(&mut self, id: &str) {
        let home = self.accounts.home(id);
        let Some((home, stored)) = home.and_then(|home| store::load(&home.folder).map(|stored| (home, stored))) else {
            return self.nobody(None);
        };
        match sign_in::restore(&self.computer, &home, &stored).await {
            Ok(client) => self.follow(client, stored, home, Some(id.to_owned())),
            // Nothing is deleted: only the server can say that a session is over, and what could not be opened now, such as
            // a file that another program holds, may be opened at the next start.
            Err(failure) => self.nobody(Some(failure)),
        }
    }

    async fn put_aside(&mut self) {
        if let Some(session) = self.session.take() {
            session.put_aside().await;
        }
    }

    /// Goes on with another account.
    async fn choose(&mut self, id: &str) {
        if self.computer.settings().shared() {
            return self.nobody(None);
        }
        self.put_aside().await;
        self.updates.send(Update::Accounts(News::Left));
        self.come_back(id).await;
    }

    /// Signs out of the account, and goes on with another one if there is.
    async fn sign_out(&mut self) {
        let kept = self.session.as_ref().is_some_and(|session| session.home.kept);
        if let Some(session) = self.session.take() {
            session.end().await;
        }
        match self.accounts.current() {
            Some(id) if kept => {
                self.updates.send(Update::Accounts(News::Left));
                self.come_back(&id).await;
            }
            _ => self.nobody(None),
        }
    }

    async fn begin(&mut self, who: Credentials, register: bool) {
        if let Err(failure) = self.try_to_begin(who, register).await {
            self.updates.send(Update::SignInFailed(failure));
        }
    }

    async fn try_to_begin(&mut self, who: Credentials, register: bool) -> Result<(), Failure> {
        let passing = self.computer.settings().shared();
        let place = if passing {
            Home::passing(&self.computer.data_dir).map(|home| (None, home))
        } else {
            self.accounts.fresh().map(|(id, home)| (Some(id), home))
        };
        let (id, home) = place.map_err(|error| {
            tracing::warn!(%error, "there is no folder for a session");
            Failure::Store
        })?;
        let outcome = if register {
            Box::pin(sign_in::register(&self.computer, &home, &who)).await
        } else {
            Box::pin(sign_in::sign_in(&self.computer, &home, &who)).await
        };
        let (client, stored) = outcome.inspect_err(|_| home.forget())?;
        if let Some(id) = &id
            && let Some((twin, twin_client, twin_stored)) = self.twin(id, &stored).await
        {
            // It has the keys of earlier messages, so it goes on, and the new device goes again.
            let _ = tokio::time::timeout(PATIENCE, client.matrix_auth().logout()).await;
            drop(client);
            tokio::task::block_in_place(|| home.forget());
            let home = self.accounts.home(&twin).ok_or(Failure::Store)?;
            self.follow(twin_client, twin_stored, home, Some(twin));
            return Ok(());
        }
        self.follow(client, stored, home, id);
        Ok(())
    }

    /// The session that the same person has here already, if the server still knows it; one that it does not know, or that
    /// cannot be opened after the person was told so, gives way.
    async fn twin(&self, id: &str, stored: &StoredSession) -> Option<(String, Client, StoredSession)> {
        for twin in self.accounts.twins(id, stored.user_id.as_str()) {
            let Some(home) = self.accounts.home(&twin) else { continue };
            if let Some(stored) = store::load(&home.folder)
                && let Ok(client) = sign_in::restore(&self.computer, &home, &stored).await
            {
                let known = client.whoami().await;
                if !known.is_err_and(|error| failure::of_http(&error) == Failure::SessionEnded) {
                    return Some((twin, client, stored));
                }
            }
            tokio::task::block_in_place(|| home.forget());
        }
        None
    }
}
