//! What is held in memory beside the tables, so that a sync to which nothing has happened reads none of them.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use ruma::{DeviceId, OneTimeKeyAlgorithm, OwnedDeviceId, OwnedUserId, UInt, UserId};

use super::{Encryption, inboxes::Inboxes, query::UserKeys};
use crate::{
    domain::{
        cache::Cache,
        event::Position,
        journal::{Change, Committed},
        moved::Latest,
    },
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// Users whose keys are held; some 4 KiB each.
const MAX_USERS: usize = 5_000;
/// Devices whose counts are held.
const MAX_DEVICES: usize = 20_000;

/// A device.
pub(super) type Device = (OwnedUserId, OwnedDeviceId);

/// How many keys a device has left on the server.
/// <https://spec.matrix.org/v1.18/client-server-api/#e2e-extensions-to-sync>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// One-time keys nobody has claimed, by algorithm. `signed_curve25519` is always there, if only with zero: clients
    /// replenish by it.
    pub one_time_keys: BTreeMap<OneTimeKeyAlgorithm, UInt>,
    /// The algorithms of fallback keys that nobody was given.
    pub unused_fallback_keys: Vec<OneTimeKeyAlgorithm>,
}

/// Counts as the protocol has them.
pub(super) fn counts(stored: BTreeMap<String, i64>) -> BTreeMap<OneTimeKeyAlgorithm, UInt> {
    let mut counts: BTreeMap<OneTimeKeyAlgorithm, UInt> =
        stored.into_iter().map(|(algorithm, n)| (algorithm.into(), UInt::try_from(n).unwrap_or_default())).collect();
    counts.entry(OneTimeKeyAlgorithm::SignedCurve25519).or_default();
    counts
}

/// Whose keys changed and who alone may see that (`None`: all who share a room).
type Changed = (OwnedUserId, Option<OwnedUserId>);

/// Caches that follow the commits.
#[derive(Debug)]
pub struct Memory {
    pub(super) users: Cache<OwnedUserId, UserKeys>,
    pub(super) counts: Cache<Device, KeyCounts>,
    pub(super) inboxes: Inboxes,
    /// The last change of every user's keys.
    changes: RwLock<Latest<Changed>>,
}

impl Memory {
    /// Reads what must be there from the start.
    pub async fn load(db: &Db) -> sqlx::Result<Self> {
        let mut changes = Latest::default();
        for (user_id, seen_by, position) in storage::keys::list_changes(db).await? {
            changes.set((user_id, seen_by), position);
        }
        Ok(Self {
            users: Cache::new(MAX_USERS),
            counts: Cache::new(MAX_DEVICES),
            inboxes: Inboxes::new(),
            changes: RwLock::new(changes),
        })
    }

    /// Takes a commit in, before its position can be read.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            match change {
                Change::DeviceList(user_id) => {
                    self.users.evict(user_id);
                    // The commit's last position stands for the change's own: no sync ends between the two.
                    self.changes.write().set((user_id.clone(), None), committed.position);
                }
                Change::DeviceListFor { user_id, seen_by } => {
                    self.users.evict(seen_by);
                    self.changes.write().set((user_id.clone(), Some(seen_by.clone())), committed.position);
                }
                Change::OneTimeKeys { user_id, device_id } => {
                    self.counts.evict(&(user_id.clone(), device_id.clone()));
                }
                Change::ToDevice { user_id, device_id, message } => {
                    self.inboxes.arrived(&(user_id.clone(), device_id.clone()), message);
                }
                Change::DeviceForgotten { user_id, device_id } => {
                    let device = (user_id.clone(), device_id.clone());
                    self.counts.evict(&device);
                    self.inboxes.forget(&device);
                }
                _ => {}
            }
        }
    }

    /// Whose keys changed after a position, and who alone may see that.
    pub(super) fn changed_since(&self, since: Position) -> Vec<Changed> {
        self.changes.read().after(since).cloned().collect()
    }
}

impl Encryption {
    /// How many keys a device has left on the server.
    pub async fn key_counts(&self, user_id: &UserId, device_id: &DeviceId) -> Result<std::sync::Arc<KeyCounts>> {
        let device = (user_id.to_owned(), device_id.to_owned());
        let load = async {
            let one_time_keys = counts(storage::keys::count(&self.db, user_id, device_id).await?);
            let unused = storage::keys::unused_fallback(&self.db, user_id, device_id).await?;
            let unused_fallback_keys = unused.into_iter().map(Into::into).collect();
            Ok::<_, ApiError>(Some(KeyCounts { one_time_keys, unused_fallback_keys }))
        };
        Ok(self.memory.counts.get(&device, load).await?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_keys_counts_zero() {
        assert_eq!(counts(BTreeMap::new())[&OneTimeKeyAlgorithm::SignedCurve25519], UInt::from(0u32));
    }
}
