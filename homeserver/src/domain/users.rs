//! Who has an account here, and what the account says of them; those in use are in memory.

use std::sync::Arc;

use ruma::{OwnedUserId, UserId};

use super::{
    cache::Cache,
    journal::{Change, Committed},
};
pub use crate::storage::accounts::Account;
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// Accounts held in memory.
const MAX_IN_MEMORY: usize = 50_000;

/// All accounts, those in use in memory.
#[derive(Debug)]
pub struct Users {
    db: Db,
    in_use: Cache<OwnedUserId, Account>,
}

impl Users {
    /// Nobody in memory as yet.
    pub fn new(db: Db) -> Self {
        Self { db, in_use: Cache::new(MAX_IN_MEMORY) }
    }

    /// An account; `None` if there never was one of that name.
    pub async fn get(&self, user_id: &UserId) -> Result<Option<Arc<Account>>> {
        Ok(self.in_use.get(user_id, storage::accounts::get(&self.db, user_id)).await?)
    }

    /// An account, or `M_NOT_FOUND`.
    pub async fn require(&self, user_id: &UserId) -> Result<Arc<Account>> {
        self.get(user_id).await?.ok_or_else(|| ApiError::not_found("There is no such user."))
    }

    /// Refuses everybody but administrators: `M_FORBIDDEN`.
    pub async fn require_admin(&self, user_id: &UserId) -> Result<()> {
        match self.get(user_id).await? {
            Some(account) if account.admin => Ok(()),
            _ => Err(ApiError::forbidden("This is for administrators only.")),
        }
    }

    /// Forgets what a commit changed.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            if let Change::Account(user_id) | Change::Profile(user_id) = change {
                self.in_use.evict(user_id);
            }
        }
    }
}
