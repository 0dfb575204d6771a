//! Everything put together: store, bot, outbox and listener, started in that order and stopped in the reverse.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use ruma::UserId;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::{
    appservice::Inbox,
    bot::{Bot, Player, Settings},
    config::Config,
    homeserver::{Failure, Homeserver},
    outbox::Outbox,
    registration::Registration,
    store::{self, Store},
};

/// A running service.
pub struct Service {
    /// Where it listens.
    pub address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    store: Store,
}

impl Service {
    /// Starts the service; it answers the homeserver as soon as this returns.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let registration = Registration::read(&config.registration)?;
        let me = UserId::parse(format!("@{}:{}", registration.sender_localpart, config.server_name))
            .context("sender_localpart and server_name do not make a user id")?;
        let homeserver = Homeserver::new(config.homeserver.clone(), &registration.as_token)?;
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot make the folder {}", config.data_dir.display()))?;
        let path = config.data_dir.join("games.sqlite3");
        let store = Store::open(&path, &store::new_store_id(rand::random()))
            .await
            .with_context(|| format!("cannot open {}", path.display()))?;

        let begun = std::time::Instant::now();
        let clock = Arc::new(move || begun.elapsed().as_millis() as u64);
        let settings = Settings {
            lang: config.language,
            games_per_room: config.limits.games_per_room,
            repost_after: config.limits.repost_after,
            ..Settings::new(me.clone(), clock, Arc::new(rand::random))
        };
        let wake = Arc::new(Notify::new());
        let bot = Arc::new(Bot::new(settings, store.clone(), wake.clone()).await?);

        let listener =
            TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let router = Inbox::new(bot.clone(), &registration.hs_token).router();
        let serve = axum::serve(listener, router).with_graceful_shutdown(wait(stopped.clone()));
        let tasks = vec![
            tokio::spawn(async move {
                if let Err(error) = serve.await {
                    tracing::error!(%error, "the listener stopped");
                }
            }),
            tokio::spawn(Player::new(bot.clone()).run(stopped.clone())),
            tokio::spawn(Outbox::new(bot, homeserver.clone(), wake).run(stopped.clone())),
            tokio::spawn(introduce(homeserver, registration.id, me, config.display_name.clone(), stopped)),
        ];
        tracing::info!(%address, "parta-games is listening");
        Ok(Self { address, stop, tasks, store })
    }

    /// Stops cleanly: what was acknowledged is on disk, what is still to be said is said after the next start.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for mut task in self.tasks {
            // A homeserver that keeps its connection open does not keep the process.
            if tokio::time::timeout(Duration::from_secs(2), &mut task).await.is_err() {
                task.abort();
            }
        }
        self.store.close().await;
        tracing::info!("parta-games has stopped");
    }
}

async fn wait(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Makes the bot's user and lets the homeserver call back, as often as it takes: the homeserver may start later.
async fn introduce(
    homeserver: Homeserver,
    id: String,
    me: ruma::OwnedUserId,
    name: String,
    stop: watch::Receiver<bool>,
) {
    let introduced = async {
        let mut pause = Duration::from_millis(250);
        loop {
            let made = async {
                homeserver.register(&me).await?;
                homeserver.name(&me, &name).await
            };
            match made.await {
                Ok(()) => break,
                Err(Failure::Later { why, .. }) => {
                    tracing::warn!(why, "the homeserver does not answer yet");
                }
                Err(refused) => {
                    tracing::error!(%refused, user = %me, "the homeserver refuses the bot's user: is the registration installed there?");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(30));
        }
        match homeserver.ping(&id).await {
            Ok(()) => tracing::info!(user = %me, "the homeserver reaches parta-games"),
            Err(failure) => tracing::warn!(
                %failure,
                "the homeserver did not reach parta-games: is the registration's url right?"
            ),
        }
    };
    tokio::select! {
        () = wait(stop) => {}
        () = introduced => {}
    }
}
