//! Whom people ignore, and whether they want no invitations.
//! <https://spec.matrix.org/v1.18/client-server-api/#ignoring-users>
//! <https://spec.matrix.org/v1.18/client-server-api/#invite-permission>
//!
//! The list is account data of the type `m.ignored_user_list`, which clients write. What those on it say is withheld from
//! its owner and notifies nobody of it; state is shown whoever set it, or rooms would look different to different people.
//! Who blocks invitations, by account data as well, can be sent none and is shown none that came before.

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

/// The type of the account data with the list.
const LIST: &str = "m.ignored_user_list";
/// The type of the account data that blocks invitations.
const INVITE_PERMISSION: &str = "m.invite_permission_config";
/// People whose lists are held in memory; past it all are forgotten and read again as they are asked for.
const MAX_IN_MEMORY: usize = 20_000;

/// What one person ignores.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    people: HashSet<OwnedUserId>,
    /// Whether the person wants no invitations, whoever they come from.
    pub invitations: bool,
}

impl Ignored {
    /// Whether a person is ignored.
    pub fn has(&self, user_id: &UserId) -> bool {
        !self.people.is_empty() && self.people.contains(user_id)
    }

    /// Whether an invitation by a person is withheld.
    pub fn withholds_invitation(&self, sender: &UserId) -> bool {
        self.invitations || self.has(sender)
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

#[derive(Deserialize)]
struct InvitePermission<'a> {
    #[serde(borrow)]
    default_action: std::borrow::Cow<'a, str>,
}

/// List and permission as they are kept. A client may have put anything there: what is no list ignores nobody, and nobody
/// ignores themselves; only `block` blocks.
fn read(user_id: &UserId, list: Option<&str>, permission: Option<&str>) -> Ignored {
    let content = list.and_then(|text| serde_json::from_str::<Content>(text).ok());
    let names = content.into_iter().flat_map(|content| content.ignored_users.into_iter().map(|(name, _)| name));
    let people = names.filter_map(|name| OwnedUserId::try_from(name).ok()).filter(|name| **name != *user_id).collect();
    let permission = permission.and_then(|text| serde_json::from_str::<InvitePermission<'_>>(text).ok());
    Ignored { people, invitations: permission.is_some_and(|permission| permission.default_action == "block") }
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

    /// What a person ignores.
    pub async fn of(&self, user_id: &UserId) -> Result<Arc<Ignored>> {
        let load = async {
            let list = storage::account_data::get(&self.db, user_id, None, LIST).await?;
            let permission = storage::account_data::get(&self.db, user_id, None, INVITE_PERMISSION).await?;
            Ok::<_, ApiError>(Some(read(user_id, list.as_deref(), permission.as_deref())))
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
        let ignored = read(own, Some(list), None);
        assert!(ignored.has(boris) && ignored.has(user_id!("@vera:parta.test")) && !ignored.has(own));
        for none in [None, Some("{}"), Some(r#"{"ignored_users":["@boris:parta.test"]}"#)] {
            assert_eq!(read(own, none, none), Ignored::default());
        }
        assert!(read(own, None, Some(r#"{"default_action":"block"}"#)).withholds_invitation(boris));
        for allowed in [r#"{"default_action":"allow"}"#, r#"{"default_action":true}"#, "{}", "[]"] {
            assert!(!read(own, None, Some(allowed)).withholds_invitation(boris), "{allowed}");
        }
    }
}
