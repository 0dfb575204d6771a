//! A session that is running: its tasks, its open rooms, and where commands go.

use std::{path::PathBuf, sync::Arc, time::Duration};

use matrix_sdk::{Client, Room, SessionChange, notification_settings::NotificationSettings, ruma::RoomId};
use tokio::{
    sync::{OnceCell, mpsc::UnboundedSender},
    task::JoinHandle,
};

use crate::{
    matrix::{
        Updates, actions, attach, avatars, crypto, desktop, devices, feedback, files, forward, games,
        home::Home,
        jump, manage, media, members, menu, pins, polls, presence, profile, room_menu, rooms, search, settings, spaces,
        store::{self, StoredSession},
        sync, threads,
        timelines::Timelines,
        verify, voice,
    },
    model::{
        command::Command,
        person,
        update::{Account, Failure, Update},
    },
};

/// A running session.
pub(super) struct Live {
    pub(super) client: Client,
    pub(super) updates: Updates,
    /// Folder of what the session keeps on this computer
    pub(super) data_dir: PathBuf,
    /// It outlives the session
    pub(super) kept: bool,
    /// Folder of the databases
    pub(super) store: PathBuf,
    pub(super) timelines: Timelines,
    pub(super) threads: threads::Threads,
    pub(super) pins: pins::Pins,
    pub(super) pasts: jump::Pasts,
    pub(super) searches: search::Newest,
    /// Pictures decoded at once at most: decoding takes memory.
    pub(super) decoding: tokio::sync::Semaphore,
    /// When the window was last used.
    pub(super) presence: presence::Own,
    /// What the account is told of.
    pub(super) push_rules: OnceCell<NotificationSettings>,
    /// Files on their way to this computer, and those that are here.
    pub(super) loads: media::Loads,
    /// What the settings of a room need.
    pub(super) desk: manage::Desk,
    /// The verification that runs.
    pub(super) verifying: verify::Verifying,
    /// Where missing keys were looked for.
    pub(super) sought: crypto::Sought,
    /// Feedback on its way to the administrators.
    pub(super) post: feedback::Post,
    tasks: parking::Tasks,
}

mod parking {
    use std::sync::Mutex;

    use tokio::task::JoinHandle;

    /// Tasks that end with the session.
    #[derive(Default)]
    pub(super) struct Tasks(Mutex<Vec<JoinHandle<()>>>);

    impl Tasks {
        pub(super) fn add(&self, task: JoinHandle<()>) {
            if let Ok(mut tasks) = self.0.lock() {
                tasks.retain(|task| !task.is_finished());
                tasks.push(task);
            }
        }

        pub(super) fn stop(&self) {
            if let Ok(mut tasks) = self.0.lock() {
                tasks.drain(..).for_each(|task| task.abort());
            }
        }
    }
}

impl Live {
    /// Tells the view what the local store knows, then begins to follow the server.
    pub(super) fn begin(
        client: Client,
        stored: StoredSession,
        home: Home,
        updates: Updates,
        ended: UnboundedSender<()>,
    ) -> Arc<Self> {
        let user_id = stored.user_id.to_string();
        updates.send(Update::SignedIn(Account {
            name: person::localpart(&user_id).to_owned(),
            user_id,
            server: stored.homeserver.clone(),
        }));
        if let Err(error) = client.event_cache().subscribe() {
            tracing::warn!(%error, "the cache of events does not follow the sync");
        }
        client.send_queue().enable_upload_progress(true);
        let live = Arc::new(Self {
            client,
            updates,
            loads: media::Loads::of(&home.folder),
            post: feedback::Post::of(&home.folder),
            store: home.folder.join(&stored.store),
            data_dir: home.folder,
            kept: home.kept,
            timelines: Timelines::default(),
            threads: threads::Threads::default(),
            pins: pins::Pins::default(),
            pasts: jump::Pasts::default(),
            searches: search::Newest::default(),
            decoding: tokio::sync::Semaphore::new(2),
            presence: presence::Own::default(),
            push_rules: OnceCell::new(),
            desk: manage::Desk::default(),
            verifying: verify::Verifying::default(),
            sought: crypto::Sought::default(),
            tasks: parking::Tasks::default(),
        });
        media::tell_known(&live);
        live.add(tokio::spawn(rooms::follow(Arc::clone(&live))));
        live.add(tokio::spawn(sync::run(Arc::clone(&live), ended.clone())));
        live.add(tokio::spawn(sync::follow_send_queue(Arc::clone(&live))));
        live.add(tokio::spawn(room_menu::follow(Arc::clone(&live))));
        live.add(tokio::spawn(crypto::follow(Arc::clone(&live))));
        live.add(tokio::spawn(verify::listen(Arc::clone(&live))));
        live.add(tokio::spawn(games::listen(Arc::clone(&live))));
        live.add(tokio::spawn(feedback::follow(Arc::clone(&live))));
        live.add(tokio::spawn(follow_tokens(Arc::clone(&live), stored, home.kept, ended)));
        let own = Arc::clone(&live);
        live.add(tokio::spawn(async move {
            profile::tell_own(&own).await;
        }));
        live
    }

    pub(super) fn add(&self, task: JoinHandle<()>) {
        self.tasks.add(task);
    }

    /// A room by id; a command about any other is out of date.
    pub(super) fn room(&self, id: &str) -> Option<Room> {
        RoomId::parse(id).ok().and_then(|id| self.client.get_room(&id))
    }

    /// Tells that something asked for did not work.
    pub(super) fn failed(&self, failure: Failure) {
        self.updates.send(Update::Failed(failure));
    }

    /// Begins what a command asks for.
    pub(super) fn take(self: &Arc<Self>, command: Command) {
        let live = Arc::clone(self);
        self.add(tokio::spawn(async move {
            match command {
                Command::Open(room) => live.open(&room).await,
                Command::Close => live.close().await,
                Command::PageBack(room) => live.page_back(&room).await,
                Command::MarkRead(room) => live.mark_read(&room).await,
                Command::FetchQuote { room, key } => live.fetch_quote(&room, &key).await,
                Command::Avatar(wish) => avatars::take(&live, wish).await,
                Command::Presence(wish) => presence::take(&live, wish).await,
                Command::RoomMenu(wish) => room_menu::take(&live, wish).await,
                Command::Game(wish) => Box::pin(games::take(&live, wish)).await,
                Command::Profile(wish) => profile::take(&live, wish).await,
                command @ (Command::Thumbnail { .. } | Command::Viewer(_) | Command::OpenFile { .. }) => {
                    files::take(&live, command).await;
                }
                Command::Attach(wish) => attach::take(&live, wish).await,
                Command::Media(wish) => media::take(&live, wish).await,
                Command::Settings(wish) => settings::take(&live, wish).await,
                Command::Desktop(wish) => desktop::take(&live, wish).await,
                Command::Manage(wish) => manage::take(&live, wish).await,
                Command::Members(wish) => members::take(&live, wish).await,
                Command::Spaces(wish) => spaces::take(&live, wish).await,
                Command::Poll(wish) => polls::take(&live, wish).await,
                Command::Menu(wish) => menu::take(&live, wish).await,
                Command::Threads(wish) => threads::take(&live, wish).await,
                Command::Pins(wish) => pins::take(&live, wish).await,
                Command::Forward(wish) => forward::take(&live, wish).await,
                Command::Voice(wish) => voice::take(&live, wish).await,
                Command::Crypto(wish) => crypto::take(&live, wish).await,
                Command::Verify(wish) => Box::pin(verify::take(&live, wish)).await,
                Command::Devices(wish) => devices::take(&live, wish).await,
                Command::Jump(wish) => jump::take(&live, wish).await,
                Command::Search(wish) => search::take(&live, wish).await,
                Command::Feedback(wish) => feedback::take(&live, wish).await,
                command => actions::take(&live, command).await,
            }
        }));
    }

    /// Ends every task; the session stays valid.
    pub(super) fn stop(&self) {
        self.updates.close();
        self.timelines.clear();
        self.threads.clear();
        self.pasts.clear();
        self.verifying.unwatch();
        self.pins.clear();
        self.tasks.stop();
    }

    /// Stops, and sends nothing more: what waits is sent when the session goes on.
    pub(super) async fn rest(&self) {
        self.stop();
        self.client.send_queue().set_enabled(false).await;
    }

    /// Stops, and tells the server within this time that the device is gone.
    pub(super) async fn sign_out(&self, patience: Duration) {
        self.stop();
        // Half of it is for keys of messages that are not in the backup yet.
        let patience = patience / 2;
        let backups = self.client.encryption().backups();
        if backups.are_enabled().await {
            let _ = tokio::time::timeout(patience, backups.wait_for_steady_state()).await;
        }
        let told = tokio::time::timeout(patience, self.client.matrix_auth().logout()).await;
        match told {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the server was not told of the sign-out"),
            Err(_) => tracing::warn!("the server was not told of the sign-out in time"),
        }
    }
}

/// Keeps renewed tokens, and notices when the server no longer knows the session.
async fn follow_tokens(live: Arc<Live>, mut stored: StoredSession, kept: bool, ended: UnboundedSender<()>) {
    let mut changes = live.client.subscribe_to_session_changes();
    while let Ok(change) = changes.recv().await {
        match change {
            SessionChange::TokensRefreshed => {
                if let Some(tokens) = live.client.session_tokens() {
                    stored.set_tokens(&tokens);
                    if kept && let Err(error) = store::save(&live.data_dir, &stored) {
                        tracing::warn!(%error, "renewed tokens cannot be saved");
                    }
                }
            }
            SessionChange::UnknownToken { .. } => {
                let _ = ended.send(());
                return;
            }
        }
    }
}
