//! Which transaction ids a device has used, so that a repeated request has its first answer.

use std::collections::{HashMap, VecDeque};

use parking_lot::RwLock;
use ruma::{DeviceId, OwnedDeviceId, OwnedEventId, OwnedUserId, UserId};

use crate::{error::Result, storage, storage::db::Db};

/// How long a transaction id is remembered across a restart.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;
/// Sending devices in one of the two generations in memory.
const MAX_DEVICES: usize = 10_000;

/// Requests of one device held in memory: more than a client can have under way by far.
const MAX_REQUESTS: usize = 10_000;

/// A device and its request: the path (room and type) and the transaction id.
/// <https://spec.matrix.org/v1.18/client-server-api/#transaction-identifiers>
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) user_id: OwnedUserId,
    pub(super) device_id: OwnedDeviceId,
    /// Room, type, transaction id.
    pub(super) request: (String, String, String),
}

type Device = (OwnedUserId, OwnedDeviceId);
type Request = (String, String, String);

/// What one device sent: its newest requests.
#[derive(Debug, Default)]
struct Requests {
    answers: HashMap<Request, OwnedEventId>,
    /// Oldest first.
    order: VecDeque<Request>,
}

impl Requests {
    fn insert(&mut self, request: Request, event_id: OwnedEventId) {
        if self.answers.insert(request.clone(), event_id).is_none() {
            self.order.push_back(request);
        }
        if self.order.len() > MAX_REQUESTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }
}

/// By device, what it sent. Who sends stands among the young. When these are many they become the old, and the old before
/// them, who have sent nothing since, are forgotten: the database has them, should they send again. So a device that was
/// loaded for a request is still there when the request is decided.
#[derive(Debug)]
struct Generations {
    most: usize,
    young: HashMap<Device, Requests>,
    old: HashMap<Device, Requests>,
}

impl Generations {
    fn new(most: usize) -> Self {
        Self { most, young: HashMap::new(), old: HashMap::new() }
    }

    /// Puts a device among the young if it is known at all.
    fn refresh(&mut self, device: &Device) -> bool {
        if self.young.contains_key(device) {
            return true;
        }
        let Some((device, requests)) = self.old.remove_entry(device) else { return false };
        self.add(device, requests);
        true
    }

    fn add(&mut self, device: Device, requests: Requests) {
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(device, requests);
    }

    fn get(&self, device: &Device) -> Option<&Requests> {
        self.young.get(device).or_else(|| self.old.get(device))
    }

    fn get_mut(&mut self, device: &Device) -> Option<&mut Requests> {
        self.young.get_mut(device).or_else(|| self.old.get_mut(device))
    }
}

/// What devices sent, as far as it is in memory.
#[derive(Debug)]
pub(super) struct Transactions(RwLock<Generations>);

impl Default for Transactions {
    fn default() -> Self {
        Self(RwLock::new(Generations::new(MAX_DEVICES)))
    }
}

impl Transactions {
    /// Makes sure that a device's past is in memory, from the database if need be.
    pub(super) async fn load(&self, db: &Db, now: i64, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
        let device = (user_id.to_owned(), device_id.to_owned());
        let is_young = self.0.read().young.contains_key(&device);
        if is_young || self.0.write().refresh(&device) {
            return Ok(());
        }
        let mut requests = Requests::default();
        // The newest come first.
        let sent = storage::events::transactions(db, user_id, device_id, now - REMEMBERED_MS).await?;
        for (room, kind, txn, event_id) in sent.into_iter().rev() {
            requests.insert((room, kind, txn), event_id);
        }
        let mut devices = self.0.write();
        // Another request of the device may have been quicker, and even be answered: what it left is newer.
        if !devices.refresh(&device) {
            devices.add(device, requests);
        }
        Ok(())
    }

    /// What a request was answered with, if it was made before.
    pub(super) fn get(&self, key: &Key) -> Option<OwnedEventId> {
        self.0.read().get(&(key.user_id.clone(), key.device_id.clone()))?.answers.get(&key.request).cloned()
    }

    /// Keeps what a commit made durable, for the devices in memory.
    pub(super) fn keep(&self, sent: HashMap<Key, OwnedEventId>) {
        if sent.is_empty() {
            return;
        }
        let mut devices = self.0.write();
        for (key, event_id) in sent {
            if let Some(requests) = devices.get_mut(&(key.user_id, key.device_id)) {
                requests.insert(key.request, event_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, owned_user_id};

    use super::*;

    fn device(n: usize) -> Device {
        (owned_user_id!("@anna:parta.test"), format!("DEVICE{n}").into())
    }

    #[test]
    fn who_sends_is_not_forgotten_for_those_who_come() {
        let boris = (owned_user_id!("@boris:parta.test"), device_id!("LAPTOP").to_owned());
        let mut devices = Generations::new(10);
        devices.add(boris.clone(), Requests::default());
        for n in 0..1000 {
            assert!(devices.refresh(&boris), "after {n} others");
            devices.add(device(n), Requests::default());
            assert!(devices.get(&boris).is_some() && devices.get(&device(n)).is_some(), "after {n} others");
            assert!(devices.young.len() + devices.old.len() <= 20, "{n}");
        }
        assert!(devices.refresh(&device(995)), "of those who came, the last are still known");
        assert!(!devices.refresh(&device(0)) && devices.get_mut(&device(0)).is_none(), "and the first are not");
    }
}
