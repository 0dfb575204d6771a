//! Messages between devices, kept until the receiving device has them.
//! <https://spec.matrix.org/v1.18/client-server-api/#send-to-device-messaging>

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::RwLock;
use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, TransactionId, UserId,
    events::{AnyToDeviceEvent, AnyToDeviceEventContent, ToDeviceEventType},
    serde::Raw,
    to_device::DeviceIdOrAllDevices,
};

pub use crate::storage::to_device::Waiting;

use super::{Encryption, inboxes::MAX_MESSAGES, memory::Device};
use crate::{
    clock::Millis,
    domain::{
        event::Position,
        journal::{Batch, Change},
        sessions::Requester,
    },
    error::{ApiError, Result},
    storage,
};

/// How long a request's transaction id is remembered.
const REMEMBERED_MS: Millis = 24 * 60 * 60 * 1000;
/// How often old requests are deleted.
const TIDY: Duration = Duration::from_hours(1);
/// Sending devices held in memory; past it all are forgotten and read again as they send.
const MAX_DEVICES: usize = 20_000;
/// Requests held for one device; past it they are read again.
const MAX_REQUESTS: usize = 10_000;

/// What a sync hands to its device.
#[derive(Debug)]
pub struct Delivery {
    /// The messages, oldest first.
    pub events: Vec<Raw<AnyToDeviceEvent>>,
    /// All up to here is among them: less than was asked for where there are more than the limit. The device must come
    /// back with this position, not a later one, or what lies between is taken for delivered.
    pub up_to: Position,
}

/// Messages by recipient.
pub type Messages = BTreeMap<OwnedUserId, BTreeMap<DeviceIdOrAllDevices, Raw<AnyToDeviceEventContent>>>;

/// A request's type of message and transaction id.
type Request = (String, String);

/// The requests of the devices that send, so that a repetition sends nothing.
#[derive(Debug, Default)]
pub(super) struct Requests(RwLock<HashMap<Device, HashSet<Request>>>);

impl Requests {
    fn knows(&self, device: &Device) -> bool {
        self.0.read().contains_key(device)
    }

    fn load(&self, device: Device, requests: impl IntoIterator<Item = Request>) {
        let mut devices = self.0.write();
        if devices.len() >= MAX_DEVICES {
            devices.clear();
        }
        devices.entry(device).or_default().extend(requests);
    }

    /// Notes a request and tells whether it is new.
    fn note(&self, device: &Device, request: &Request) -> bool {
        let mut devices = self.0.write();
        let Some(requests) = devices.get_mut(device) else { return true };
        let new = requests.insert(request.clone());
        if requests.len() > MAX_REQUESTS {
            devices.remove(device);
        }
        new
    }

    fn undo(&self, device: &Device, request: &Request) {
        if let Some(requests) = self.0.write().get_mut(device) {
            requests.remove(request);
        }
    }
}

/// A message on its way: to whom, its content and its whole.
struct Outgoing {
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    content: Arc<str>,
    json: Arc<str>,
}

impl Encryption {
    /// Sends messages to devices; those that do not exist are passed over. A repeated transaction sends nothing.
    ///
    /// # Errors
    ///
    /// `M_BAD_JSON` for a message that is no object.
    pub async fn send_to_device(
        &self,
        requester: &Requester,
        kind: ToDeviceEventType,
        txn_id: &TransactionId,
        messages: Messages,
    ) -> Result<()> {
        let sender = requester.user_id.clone();
        // An application service without a device has its transactions to itself.
        let device = (sender.clone(), requester.device_id.clone().unwrap_or_else(|| "".into()));
        if !self.requests.knows(&device) {
            let since = self.clock.now() - REMEMBERED_MS;
            let sent = storage::to_device::requests(&self.db, &device.0, &device.1, since).await?;
            self.requests.load(device.clone(), sent);
        }
        let kind = kind.to_string();
        let outgoing = self.address(&sender, &kind, messages).await?;
        let request = (kind.clone(), txn_id.to_string());
        let decision = {
            let (requests, device, request) = (self.requests.clone(), device.clone(), request.clone());
            move |batch: &mut Batch<'_>| {
                if requests.note(&device, &request) {
                    send(batch, &device, &request, outgoing);
                }
                Ok(())
            }
        };
        let sent = self.journal.decide(&[], decision).await;
        if sent.is_err() {
            self.requests.undo(&device, &request);
        }
        sent
    }

    /// Finds the devices that messages go to. A device that is named has its own message before that for all.
    async fn address(&self, sender: &UserId, kind: &str, messages: Messages) -> Result<Vec<Outgoing>> {
        let users: Vec<&UserId> = messages.keys().map(|user_id| &**user_id).collect();
        let mut devices: HashMap<OwnedUserId, Vec<OwnedDeviceId>> = HashMap::new();
        for (user_id, device_id) in storage::to_device::devices(&self.db, &users).await? {
            devices.entry(user_id).or_default().push(device_id);
        }
        let mut outgoing = Vec::new();
        for (user_id, by_device) in messages {
            let mut whole = BTreeMap::new();
            for (device_id, content) in &by_device {
                if !content.json().get().starts_with('{') {
                    return Err(ApiError::bad_json("A message to a device is a JSON object."));
                }
                let json = storage::to_device::message(sender.as_str(), kind, content.json())?;
                whole.insert(device_id, (Arc::<str>::from(content.json().get()), json));
            }
            for device_id in devices.remove(&user_id).unwrap_or_default() {
                let named = DeviceIdOrAllDevices::DeviceId(device_id.clone());
                if let Some((content, json)) =
                    whole.get(&named).or_else(|| whole.get(&DeviceIdOrAllDevices::AllDevices))
                {
                    let (content, json) = (content.clone(), json.clone());
                    outgoing.push(Outgoing { user_id: user_id.clone(), device_id, content, json });
                }
            }
        }
        Ok(outgoing)
    }

    /// What waits for a device between two positions, at most `limit` messages.
    pub async fn to_device(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        since: Position,
        up_to: Position,
        limit: usize,
    ) -> Result<Delivery> {
        let device = (user_id.to_owned(), device_id.to_owned());
        let one_more = limit.saturating_add(1);
        let mut messages = match self.memory.inboxes.waiting(&device, since, up_to, one_more) {
            Some(messages) => messages,
            None => self.load_inbox(device, since, up_to, one_more).await?,
        };
        let up_to = if messages.len() > limit {
            messages.truncate(limit);
            messages.last().map_or(since, |message| message.position)
        } else {
            up_to
        };
        let events = messages.iter().map(|message| Raw::from_json_string(message.json.to_string()));
        Ok(Delivery { events: events.collect::<Result<_, _>>()?, up_to })
    }

    /// Reads what waits for a device and keeps it in memory if it is not too much.
    async fn load_inbox(&self, device: Device, since: Position, up_to: Position, limit: usize) -> Result<Vec<Waiting>> {
        let begun = self.memory.inboxes.begin();
        let all = storage::to_device::waiting(&self.db, &device.0, &device.1, 0, MAX_MESSAGES as i64 + 1).await?;
        let is_all = all.len() <= MAX_MESSAGES;
        if is_all {
            self.memory.inboxes.keep(begun, device, all.clone());
            return Ok(all.into_iter().filter(|m| m.position > since && m.position <= up_to).take(limit).collect());
        }
        let mut some = storage::to_device::waiting(&self.db, &device.0, &device.1, since, limit as i64).await?;
        some.retain(|message| message.position <= up_to);
        Ok(some)
    }

    /// A device has come back with a token: what it was handed before has arrived and is deleted.
    pub async fn acknowledge(&self, user_id: &UserId, device_id: &DeviceId, up_to: Position) -> Result<()> {
        let device = (user_id.to_owned(), device_id.to_owned());
        // A token from after this moment, of a database that was put back, must not delete what is yet to come.
        let up_to = up_to.min(self.journal.position());
        let all = |memory: &super::Memory| memory.inboxes.waiting(&device, 0, up_to, usize::MAX);
        if all(&self.memory).is_none() {
            self.load_inbox(device.clone(), 0, up_to, 0).await?;
        }
        let arrived = all(&self.memory);
        if arrived.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let (user_id, device_id) = device.clone();
        self.journal
            .decide(&[], move |batch| {
                match arrived {
                    Some(arrived) => batch.rows().to_device_delivered(arrived.iter().map(|message| message.position)),
                    None => batch.rows().statement(storage::to_device::delete_up_to(&user_id, &device_id, up_to)),
                }
                Ok(())
            })
            .await?;
        self.memory.inboxes.delivered(&device, up_to);
        Ok(())
    }

    /// Deletes now and then what nobody will ask for again, until the server stops.
    pub async fn keep_tidy(self: Arc<Self>) {
        loop {
            tokio::time::sleep(TIDY).await;
            if let Err(error) = self.tidy().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "old requests were not deleted");
            }
        }
    }

    /// Deletes requests that nobody will repeat, and messages to devices that went while the message came.
    pub async fn tidy(&self) -> Result<()> {
        let before = self.clock.now() - REMEMBERED_MS;
        self.journal.run(storage::to_device::tidy(before).into(), None).await
    }
}

fn send(batch: &mut Batch<'_>, from: &Device, request: &Request, outgoing: Vec<Outgoing>) {
    let now = batch.now;
    for Outgoing { user_id, device_id, content, json } in outgoing {
        let position = batch.next_position();
        batch.rows().to_device([
            position.into(),
            (&*user_id).into(),
            (&*device_id).into(),
            (&*from.0).into(),
            (&request.0).into(),
            (&*content).into(),
        ]);
        batch.changed(Change::ToDevice { user_id, device_id, message: Waiting { position, json } });
    }
    batch.rows().to_device_request([
        (&*from.0).into(),
        (&*from.1).into(),
        (&request.0).into(),
        (&request.1).into(),
        now.into(),
    ]);
}
