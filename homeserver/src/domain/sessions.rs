//! Sessions: who stands behind an access token.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use parking_lot::Mutex;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};
use sha2::{Digest as _, Sha256};

use super::{
    appservices::Appservice,
    cache::Cache,
    journal::{Change, Committed, Journal},
};
pub use crate::storage::sessions::{Seen, Session, TokenHash};
use crate::{
    clock::{Clock, Millis},
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// Access tokens held in memory.
const MAX_IN_MEMORY: usize = 100_000;
/// How old the stored time of a device's last request may be.
const SEEN_EVERY_MS: Millis = 60_000;
/// Devices whose last request is written in one job, so that others need not wait long for theirs.
const SEEN_AT_ONCE: usize = 100;

/// Who calls.
#[derive(Clone, Debug)]
pub struct Requester {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device; an application service acts without one unless it names one.
    pub device_id: Option<OwnedDeviceId>,
    /// The application service that acts, if one does.
    pub appservice: Option<Arc<Appservice>>,
    /// The access token's hash; none for an application service.
    pub token: Option<TokenHash>,
    /// Whether the device signed in by OAuth 2.0.
    pub oauth: bool,
    /// Whether the account is suspended: see [`Requester::may_take_part`].
    pub suspended: bool,
}

impl Requester {
    /// The device, for what only a device can do.
    pub fn device(&self) -> Result<&DeviceId> {
        self.device_id.as_deref().ok_or_else(|| ApiError::forbidden("This needs a device. Sign in as a user."))
    }

    /// Refuses one whose account is suspended: `M_USER_SUSPENDED`. They read, leave rooms and redact what they said
    /// themselves, and all that concerns their sessions and keys; they say, change and enter nothing.
    /// <https://spec.matrix.org/v1.18/client-server-api/#account-suspension>
    pub fn may_take_part(&self) -> Result<()> {
        if !self.suspended {
            return Ok(());
        }
        Err(ApiError::new(
            http::StatusCode::FORBIDDEN,
            ruma::api::error::ErrorKind::UserSuspended,
            "This account is suspended: you may read, and leave rooms. Ask an administrator.",
        ))
    }
}

/// The hash of a token.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The access tokens in use, in memory.
#[derive(Debug)]
pub struct InUse(Cache<TokenHash, Session>);

impl Default for InUse {
    fn default() -> Self {
        Self(Cache::new(MAX_IN_MEMORY))
    }
}

impl InUse {
    /// Forgets what a commit changed.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            if let Change::Account(user_id) = change {
                self.0.evict_where(|_, session| session.user_id == *user_id);
            }
        }
    }
}

/// Access tokens, those in use in memory.
#[derive(Debug)]
pub struct Sessions {
    db: Db,
    clock: Clock,
    journal: Journal,
    in_use: Arc<InUse>,
    seen: Mutex<HashMap<(OwnedUserId, OwnedDeviceId), Seen>>,
}

impl Sessions {
    /// The service, over what the journal's observer keeps true.
    pub fn new(db: Db, clock: Clock, journal: Journal, in_use: Arc<InUse>) -> Self {
        Self { db, clock, journal, in_use, seen: Mutex::default() }
    }

    /// Who stands behind an access token, called from where.
    ///
    /// # Errors
    ///
    /// `M_UNKNOWN_TOKEN`, with `soft_logout` where the token has expired; `M_USER_LOCKED` for a locked account, unless
    /// `locked_too` says that it may do this.
    pub async fn by_token(
        &self,
        token: &str,
        ip: Option<IpAddr>,
        user_agent: Option<&str>,
        locked_too: bool,
    ) -> Result<Requester> {
        let hash = hash(token);
        let session = self
            .in_use
            .0
            .get(&hash, storage::sessions::by_token(&self.db, &hash))
            .await?
            .ok_or_else(|| ApiError::unknown_token(false))?;
        let now = self.clock.now();
        if session.expires_at.is_some_and(|at| at <= now) {
            return Err(ApiError::unknown_token(true));
        }
        if session.locked && !locked_too {
            return Err(locked());
        }
        if session.ends_another {
            self.end_predecessor(&session).await?;
        }
        self.note(&session, Seen { at: now, ip, user_agent: user_agent.map(str::to_owned) });
        Ok(Requester {
            user_id: session.user_id.clone(),
            device_id: session.device_id.clone(),
            appservice: None,
            token: Some(hash),
            oauth: session.client_id.is_some(),
            suspended: session.suspended,
        })
    }

    /// A new access token is used, so the pair that it took the place of ends.
    /// <https://spec.matrix.org/v1.18/client-server-api/#post_matrixclientv3refresh>
    async fn end_predecessor(&self, session: &Session) -> Result<()> {
        let Some(refresh_token) = session.refresh_token.clone() else { return Ok(()) };
        let user_id = session.user_id.clone();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    storage::sessions::end_predecessor(&mut w.tx, &refresh_token).await?;
                    w.changed(Change::Account(user_id));
                    Ok(())
                })
            })
            .await
    }

    /// Notes that a session's device was seen.
    fn note(&self, session: &Session, seen: Seen) {
        let Some(device_id) = &session.device_id else { return };
        let at = seen.at;
        if self.saw(&session.user_id, device_id, session.seen_at.load(Ordering::Relaxed), seen) {
            session.seen_at.store(at, Ordering::Relaxed);
        }
    }

    /// Notes in memory that a device was seen, unless that was noted a moment `before`; [`Sessions::write_seen`] writes
    /// it.
    pub fn saw(&self, user_id: &OwnedUserId, device_id: &OwnedDeviceId, before: Millis, seen: Seen) -> bool {
        let is_news = seen.at - before >= SEEN_EVERY_MS;
        if is_news {
            self.seen.lock().insert((user_id.clone(), device_id.clone()), seen);
        }
        is_news
    }

    /// Writes which devices were seen since the last time.
    pub async fn write_seen(&self) -> Result<()> {
        let mut seen: Vec<_> = self.seen.lock().drain().collect();
        while !seen.is_empty() {
            let some = seen.split_off(seen.len().saturating_sub(SEEN_AT_ONCE));
            self.journal
                .write(move |w| {
                    Box::pin(async move {
                        for ((user_id, device_id), seen) in &some {
                            storage::sessions::seen(&mut w.tx, user_id, device_id, seen).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
        }
        Ok(())
    }

    /// What is noted of a device and not yet written.
    pub fn noted(&self, user_id: &OwnedUserId, device_id: &OwnedDeviceId) -> Option<Seen> {
        self.seen.lock().get(&(user_id.clone(), device_id.clone())).cloned()
    }
}

/// `M_USER_LOCKED`, 401, and the client keeps its keys.
/// <https://spec.matrix.org/v1.18/client-server-api/#account-locking>
pub fn locked() -> ApiError {
    ApiError::new(
        http::StatusCode::UNAUTHORIZED,
        ruma::api::error::ErrorKind::UserLocked,
        "This account is locked. Ask an administrator.",
    )
}
