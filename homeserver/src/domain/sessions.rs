//! Sessions: who stands behind an access token.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use sha2::{Digest as _, Sha256};

use super::appservices::Appservice;
use crate::{
    clock::Clock,
    error::{ApiError, Result},
    storage::{self, accounts::Session, db::Db},
};

/// Who calls.
#[derive(Clone, Debug)]
pub struct Requester {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device; an application service acts without one unless it names one.
    pub device_id: Option<OwnedDeviceId>,
    /// The application service that acts, if one does.
    pub appservice: Option<Arc<Appservice>>,
}

impl Requester {
    /// The device, for what only a device can do.
    pub fn device(&self) -> Result<&DeviceId> {
        self.device_id.as_deref().ok_or_else(|| ApiError::forbidden("This needs a device. Sign in as a user."))
    }
}

/// SHA-256 of a token: what is stored and looked up. The tokens are 256 random bits, so a plain hash suffices, and a
/// look-up by hash leaks no timing of the token.
pub type TokenHash = [u8; 32];

/// The hash of a token.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// Access tokens, those in use in memory.
#[derive(Debug)]
pub struct Sessions {
    db: Db,
    clock: Clock,
    in_use: RwLock<HashMap<TokenHash, Arc<Session>>>,
}

impl Sessions {
    /// Nothing in memory as yet.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, in_use: RwLock::default() }
    }

    /// Who stands behind an access token.
    ///
    /// # Errors
    ///
    /// `M_UNKNOWN_TOKEN`, with `soft_logout` where the token has expired; `M_USER_LOCKED` for a locked account.
    pub async fn by_token(&self, token: &str) -> Result<Requester> {
        let hash = hash(token);
        let known = self.in_use.read().get(&hash).cloned();
        let session = match known {
            Some(session) => session,
            None => {
                let session =
                    storage::accounts::session(&self.db, &hash).await?.ok_or_else(|| ApiError::unknown_token(false))?;
                self.in_use.write().entry(hash).or_insert_with(|| Arc::new(session)).clone()
            }
        };
        if session.expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(ApiError::unknown_token(true));
        }
        if session.locked {
            return Err(ApiError::new(
                http::StatusCode::UNAUTHORIZED,
                ruma::api::error::ErrorKind::UserLocked,
                "This account is locked. Ask an administrator.",
            ));
        }
        Ok(Requester { user_id: session.user_id.clone(), device_id: session.device_id.clone(), appservice: None })
    }

    /// Forgets what is in memory of a user's sessions, or of one device's: after they were ended or the account changed.
    /// Called after the commit, so that the next look-up reads what was committed.
    pub fn forget(&self, user_id: &UserId, device_id: Option<&DeviceId>) {
        self.in_use.write().retain(|_, session| {
            session.user_id != user_id || (device_id.is_some() && session.device_id.as_deref() != device_id)
        });
    }
}
