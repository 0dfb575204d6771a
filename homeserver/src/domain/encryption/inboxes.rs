//! Messages that wait for the devices that sync, in memory: a key that is shared with five hundred devices reaches them
//! without five hundred queries.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::RwLock;

use super::{memory::Device, to_device::Waiting};
use crate::domain::event::Position;

/// Messages held for one device; a device with more reads the table.
pub(super) const MAX_MESSAGES: usize = 100;
/// Bytes held for one device.
const MAX_BYTES: usize = 256 * 1024;
/// Devices held; past it all are forgotten and read again as they sync.
const MAX_DEVICES: usize = 20_000;

/// All that waits for one device.
#[derive(Debug, Default)]
struct Inbox {
    messages: VecDeque<Waiting>,
    bytes: usize,
}

impl Inbox {
    fn push(&mut self, message: Waiting) -> bool {
        self.bytes += message.json.len();
        self.messages.push_back(message);
        self.messages.len() <= MAX_MESSAGES && self.bytes <= MAX_BYTES
    }
}

/// The inboxes that are wholly in memory. A device that is not here may have anything waiting in the table.
#[derive(Debug)]
pub(super) struct Inboxes {
    inboxes: RwLock<HashMap<Device, Inbox>>,
    /// Counts arrivals, so that a loader sees whether one came between its reading and its keeping.
    generation: AtomicU64,
}

impl Inboxes {
    pub(super) fn new() -> Self {
        Self { inboxes: RwLock::default(), generation: AtomicU64::new(0) }
    }

    /// What waits for a device between two positions, at most `limit`; `None` if it is not in memory.
    pub(super) fn waiting(
        &self,
        device: &Device,
        after: Position,
        up_to: Position,
        limit: usize,
    ) -> Option<Vec<Waiting>> {
        let inboxes = self.inboxes.read();
        let messages = &inboxes.get(device)?.messages;
        let waiting = messages.iter().filter(|m| m.position > after && m.position <= up_to).take(limit);
        Some(waiting.cloned().collect())
    }

    /// A message was committed.
    pub(super) fn arrived(&self, device: &Device, message: &Waiting) {
        let mut inboxes = self.inboxes.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        if let Some(inbox) = inboxes.get_mut(device)
            && !inbox.push(message.clone())
        {
            inboxes.remove(device);
        }
    }

    /// Before the table is read.
    pub(super) fn begin(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Keeps all that waits for a device, as read from the table, unless it is too much or something arrived meanwhile.
    pub(super) fn keep(&self, begun: u64, device: Device, messages: Vec<Waiting>) {
        let mut inbox = Inbox::default();
        if !messages.into_iter().all(|message| inbox.push(message)) {
            return;
        }
        let mut inboxes = self.inboxes.write();
        if self.generation.load(Ordering::Acquire) == begun {
            if inboxes.len() >= MAX_DEVICES {
                inboxes.clear();
            }
            inboxes.entry(device).or_insert(inbox);
        }
    }

    /// Messages up to a position were deleted.
    pub(super) fn delivered(&self, device: &Device, up_to: Position) {
        let mut inboxes = self.inboxes.write();
        // A loader may have read them just before they were deleted.
        self.generation.fetch_add(1, Ordering::AcqRel);
        if let Some(inbox) = inboxes.get_mut(device) {
            inbox.messages.retain(|message| message.position > up_to);
            inbox.bytes = inbox.messages.iter().map(|message| message.json.len()).sum();
        }
    }

    /// Forgets a device.
    pub(super) fn forget(&self, device: &Device) {
        let mut inboxes = self.inboxes.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        inboxes.remove(device);
    }
}

#[cfg(test)]
mod tests {
    use ruma::{owned_device_id, owned_user_id};

    use super::*;

    fn message(position: Position, size: usize) -> Waiting {
        Waiting { position, json: "x".repeat(size).into() }
    }

    fn positions(inboxes: &Inboxes, device: &Device, limit: usize) -> Option<Vec<Position>> {
        Some(inboxes.waiting(device, 0, 100, limit)?.iter().map(|m| m.position).collect())
    }

    #[test]
    fn messages_wait_in_order_until_they_are_delivered() {
        let inboxes = Inboxes::new();
        let device = (owned_user_id!("@alice:parta.test"), owned_device_id!("PHONE"));
        assert!(positions(&inboxes, &device, 10).is_none(), "not in memory");
        inboxes.keep(inboxes.begin(), device.clone(), vec![message(1, 1), message(2, 1)]);
        inboxes.arrived(&device, &message(3, 1));
        assert_eq!(positions(&inboxes, &device, 10).unwrap(), [1, 2, 3]);
        assert_eq!(positions(&inboxes, &device, 2).unwrap(), [1, 2]);
        inboxes.delivered(&device, 2);
        assert_eq!(positions(&inboxes, &device, 10).unwrap(), [3]);
    }

    #[test]
    fn what_was_read_before_an_arrival_is_not_kept() {
        let inboxes = Inboxes::new();
        let device = (owned_user_id!("@alice:parta.test"), owned_device_id!("PHONE"));
        let begun = inboxes.begin();
        inboxes.arrived(&device, &message(1, 1));
        inboxes.keep(begun, device.clone(), vec![]);
        assert!(positions(&inboxes, &device, 10).is_none());
    }

    #[test]
    fn too_much_for_memory_is_left_to_the_table() {
        let inboxes = Inboxes::new();
        let device = (owned_user_id!("@alice:parta.test"), owned_device_id!("PHONE"));
        inboxes.keep(inboxes.begin(), device.clone(), vec![]);
        inboxes.arrived(&device, &message(1, MAX_BYTES));
        assert!(positions(&inboxes, &device, 10).is_some());
        inboxes.arrived(&device, &message(2, 1));
        assert!(positions(&inboxes, &device, 10).is_none());
    }
}
