//! Whom people ignore.
//! <https://spec.matrix.org/v1.18/client-server-api/#ignoring-users>
//!
//! The list is account data of the type `m.ignored_user_list`, which clients write. What those on it say is withheld from
//! its owner and notifies nobody of it; state is shown whoever set it, or rooms would look different to different people.

use std::{collections::HashSet, sync::Arc};

use ruma::{OwnedUserId, UserId};
use serde::Deserialize;

use super::{
    cache::Cache,
    event::Event,
    journal::{Change, Committed},
};
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// The type of the account data.
const TYPE: &str = "m.ignored_user_list";
/// People whose lists are held in memory; past it all are forgotten and read again as they are asked for.
const MAX_IN_MEMORY: usize = 20_000;

/// Whom one person ignores.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ignored(HashSet<OwnedUserId>);

impl Ignored {
    /// Whether a person is ignored.
    pub fn has(&self, user_id: &UserId) -> bool {
        !self.0.is_empty() && self.0.contains(user_id)
    }

    /// Whether an event is withheld: one by an ignored person that is no state.
    pub fn withholds(&self, event: &Event) -> bool {
        event.state_key.is_none() && self.has(&event.sender)
    }
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    ignored_users: serde_json::Map<String, serde_json::Value>,
}

/// A list as it is kept. A client may have put anything there: what is no list ignores nobody, and nobody ignores
/// themselves.
fn read(user_id: &UserId, stored: Option<&str>) -> Ignored {
    let content = stored.and_then(|text| serde_json::from_str::<Content>(text).ok());
    let names = content.into_iter().flat_map(|content| content.ignored_users.into_iter().map(|(name, _)| name));
    Ignored(names.filter_map(|name| OwnedUserId::try_from(name).ok()).filter(|name| **name != *user_id).collect())
}

/// Everybody's lists, those in use in memory.
#[derive(Debug)]
pub struct IgnoredUsers {
    db: Db,
    lists: Cache<OwnedUserId, Ignored>,
}

impl IgnoredUsers {
    /// Nothing in memory as yet.
    pub fn new(db: Db) -> Self {
        Self { db, lists: Cache::new(MAX_IN_MEMORY) }
    }

    /// Whom a person ignores.
    pub async fn of(&self, user_id: &UserId) -> Result<Arc<Ignored>> {
        let load = async {
            let stored = storage::account_data::get(&self.db, user_id, None, TYPE).await?;
            Ok::<_, ApiError>(Some(read(user_id, stored.as_deref())))
        };
        Ok(self.lists.get(user_id, load).await?.unwrap_or_default())
    }

    /// Forgets the lists that a commit may have changed.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            if let Change::AccountData { user_id, room_id: None } = change {
                self.lists.evict(user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn whatever_a_client_wrote_is_read() {
        let own = user_id!("@anna:parta.test");
        let boris = user_id!("@boris:parta.test");
        let list =
            r#"{"ignored_users":{"@boris:parta.test":{},"@anna:parta.test":{},"nobody":{},"@vera:parta.test":7}}"#;
        let ignored = read(own, Some(list));
        assert!(ignored.has(boris) && ignored.has(user_id!("@vera:parta.test")) && !ignored.has(own));
        for none in [None, Some("{}"), Some(r#"{"ignored_users":["@boris:parta.test"]}"#)] {
            assert_eq!(read(own, none), Ignored::default());
        }
    }
}
