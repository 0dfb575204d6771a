//! Devices that have no browser of their own: a person lets them in by another (RFC 8628).
//! <https://spec.matrix.org/v1.18/client-server-api/#device-authorisation-grant>

use std::time::Duration;

use ruma::UserId;

use super::{Answer, Grant, Granted, OAuth, Refusal, client::Client, scope::Scope};
use crate::{
    clock::{self, Millis},
    domain::sessions,
    error::Result,
    storage::{self, oauth::Waiting},
};

/// How long a device waits.
const LIFETIME: Duration = Duration::from_mins(20);
/// The time between two of its questions, at first; and what is added each time that it does not keep to it.
const INTERVAL: Duration = Duration::from_secs(5);
/// The letters of a code that a person types: none that make words, none that are read for another (RFC 8628 section
/// 6.1). Eight of them are 32 bits and more.
const LETTERS: &[u8; 16] = b"BCDFGHJKLMNPQRST";
/// The letters of a code.
const LENGTH: usize = 8;

/// What a device is given that waits.
#[derive(Clone, Debug)]
pub struct Begun {
    /// What it asks with.
    pub device_code: String,
    /// What its user types, in two halves with a hyphen between them.
    pub user_code: String,
    /// How long it may wait.
    pub expires_in: Duration,
    /// The time between two of its questions.
    pub interval: Duration,
}

/// A device that waits, as its user is asked about it.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The code that was typed.
    pub user_code: String,
    /// The device's client.
    pub client: Client,
}

impl OAuth {
    /// Lets a device wait.
    pub async fn wait(&self, client: &Client, scope: Scope) -> Result<Begun> {
        let (device_code, user_code) = (clock::random_token(), clock::random_word(LENGTH, LETTERS));
        let hash = sessions::hash(&device_code);
        let now = self.clock.now();
        let waiting = Waiting {
            user_code: user_code.clone(),
            client_id: client.id.clone(),
            device_id: scope.device_id,
            scope: scope.granted,
            expires_at: now + LIFETIME.as_millis() as Millis,
            interval_ms: INTERVAL.as_millis() as i64,
            next_poll_at: now,
            user_id: None,
            denied: false,
        };
        self.journal
            .write(move |w| {
                Box::pin(async move { Ok(storage::oauth::insert_waiting(&mut w.tx, &hash, &waiting, w.now).await?) })
            })
            .await?;
        let (first, second) = user_code.split_at(LENGTH / 2);
        let user_code = format!("{first}-{second}");
        Ok(Begun { device_code, user_code, expires_in: LIFETIME, interval: INTERVAL })
    }

    /// The device that waits with a code, as a person typed it.
    pub async fn pending(&self, typed: &str) -> Result<Option<Pending>> {
        let user_code: String =
            typed.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase()).collect();
        let Some(waiting) = storage::oauth::undecided(&self.db, &user_code, self.clock.now()).await? else {
            return Ok(None);
        };
        let client = self.client(&waiting.client_id).await?;
        Ok(client.map(|client| Pending { user_code, client }))
    }

    /// Lets a waiting device in as a user, or turns it away (`None`). `false` if it waits no more.
    pub async fn decide(&self, pending: &Pending, user_id: Option<&UserId>) -> Result<bool> {
        let (user_code, user_id) = (pending.user_code.clone(), user_id.map(UserId::to_owned));
        self.journal
            .write(move |w| {
                Box::pin(
                    async move { Ok(storage::oauth::decide(&mut w.tx, &user_code, user_id.as_deref(), w.now).await?) },
                )
            })
            .await
    }

    /// Tokens for a device that waited, once it is let in.
    pub async fn ask(&self, client: &Client, device_code: &str) -> Answer<Granted> {
        let devices = self.devices.clone();
        let hash = sessions::hash(device_code);
        let unknown = || Ok(Err(Refusal::grant("The device code is not known, or is another client's.")));
        // Codes that are made up are refused without the writer's time.
        if storage::oauth::waiting(&self.db, &hash).await?.is_none() {
            return unknown();
        }
        let (client_id, client_name) = (client.id.clone(), client.metadata.client_name.clone());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let refused = |error: &'static str, why: &str| Ok(Err(Refusal::new(error, why)));
                    let waiting = storage::oauth::waiting(&mut w.tx, &hash).await?;
                    let Some(waiting) = waiting.filter(|waiting| waiting.client_id == client_id) else {
                        return unknown();
                    };
                    if waiting.expires_at <= w.now {
                        return refused("expired_token", "Nobody let the device in. Begin again.");
                    }
                    if waiting.denied {
                        return refused("access_denied", "The device was turned away.");
                    }
                    let Some(user_id) = waiting.user_id else {
                        let early = w.now < waiting.next_poll_at;
                        let more = if early { INTERVAL.as_millis() as i64 } else { 0 };
                        let interval = waiting.interval_ms + more;
                        // A second's leave for the way that questions come.
                        let next = w.now + interval - 1000;
                        storage::oauth::polled(&mut w.tx, &hash, interval, next).await?;
                        return if early {
                            refused("slow_down", "The device asks too often.")
                        } else {
                            refused("authorization_pending", "Nobody has decided yet.")
                        };
                    };
                    storage::oauth::delete_waiting(&mut w.tx, &hash).await?;
                    if !storage::oauth::is_open(&mut w.tx, &user_id).await? {
                        return refused("access_denied", "The account is locked or closed.");
                    }
                    let grant =
                        Grant { user_id, device_id: waiting.device_id, client_id, client_name, scope: waiting.scope };
                    grant.issue(w, &devices).await.map(Ok)
                })
            })
            .await
    }
}
