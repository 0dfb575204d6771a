//! Which transaction ids a device has used, so that a repeated request has its first answer.

use std::collections::{HashMap, VecDeque};

use parking_lot::RwLock;
use ruma::{DeviceId, OwnedDeviceId, OwnedEventId, OwnedUserId, UserId};

use crate::{error::Result, storage, storage::db::Db};

/// How long a transaction id is remembered across a restart.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;
/// Sending devices held in memory; past it all are forgotten and loaded again as they send.
const MAX_DEVICES: usize = 20_000;

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

/// By device, what it sent.
#[derive(Debug, Default)]
pub(super) struct Transactions(RwLock<HashMap<Device, Requests>>);

impl Transactions {
    /// Reads a device's past from the database, once.
    pub(super) async fn load(&self, db: &Db, now: i64, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
        let device = (user_id.to_owned(), device_id.to_owned());
        if self.0.read().contains_key(&device) {
            return Ok(());
        }
        let mut requests = Requests::default();
        // The newest come first.
        let sent = storage::events::transactions(db, user_id, device_id, now - REMEMBERED_MS).await?;
        for (room, kind, txn, event_id) in sent.into_iter().rev() {
            requests.insert((room, kind, txn), event_id);
        }
        let mut devices = self.0.write();
        if devices.len() >= MAX_DEVICES {
            devices.clear();
        }
        devices.entry(device).or_insert(requests);
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
