//! Filters that clients keep for their syncs. A filter never changes: its id is its hash.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ruma::{OwnedUserId, UserId, api::client::filter::FilterDefinition};
use sha2::{Digest as _, Sha256};

use super::{cache::Cache, journal::Journal};
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// Filters held in memory.
const MAX_IN_MEMORY: usize = 10_000;
/// The largest filter in bytes.
const MAX_SIZE: usize = 64 * 1024;

/// The service.
#[derive(Debug)]
pub struct Filters {
    db: Db,
    journal: Journal,
    in_use: Cache<(OwnedUserId, String), FilterDefinition>,
}

impl Filters {
    /// The service.
    pub fn new(db: Db, journal: Journal) -> Self {
        Self { db, journal, in_use: Cache::new(MAX_IN_MEMORY) }
    }

    /// Keeps a filter and answers with its id.
    pub async fn keep(&self, user_id: &UserId, filter: &FilterDefinition) -> Result<String> {
        let definition = serde_json::to_string(filter)?;
        if definition.len() > MAX_SIZE {
            return Err(ApiError::too_large("A filter holds no more than 64 KiB."));
        }
        let id = URL_SAFE_NO_PAD.encode(&Sha256::digest(&definition)[..12]);
        if self.get(user_id, &id).await?.is_some() {
            return Ok(id);
        }
        self.journal.run(vec![storage::filters::insert(user_id, &id, &definition)], None).await?;
        Ok(id)
    }

    /// A filter; `None` if there is none of that id.
    pub async fn get(&self, user_id: &UserId, id: &str) -> Result<Option<Arc<FilterDefinition>>> {
        let key = (user_id.to_owned(), id.to_owned());
        Ok(self.in_use.get(&key, storage::filters::get(&self.db, user_id, id)).await?)
    }
}
