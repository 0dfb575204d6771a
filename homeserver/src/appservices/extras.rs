//! Typing, receipts and presence for an application service that wants them (`receive_ephemeral`). They go with the next
//! transaction as they are by then, and are not kept.
//! <https://spec.matrix.org/v1.18/application-service-api/#pushing-edus>

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ruma::{OwnedRoomId, OwnedUserId, RoomId};
use serde_json::json;

use super::{News, Sources, interest::Interest};
use crate::{
    domain::{
        appservices::Appservice,
        event::Position,
        receipts::{self, Kind, Receipt},
    },
    error::Result,
};

/// Of each kind so many wait at most; the oldest are of no more use then.
const MOST: usize = 500;

/// What has changed since the last transaction.
#[derive(Debug, Default)]
pub(super) struct Extras {
    typing: BTreeSet<OwnedRoomId>,
    presence: BTreeSet<OwnedUserId>,
    receipts: Vec<(OwnedRoomId, Arc<Receipt>)>,
}

impl Extras {
    pub(super) fn is_empty(&self) -> bool {
        self.typing.is_empty() && self.presence.is_empty() && self.receipts.is_empty()
    }

    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Typing(room_id) if self.typing.len() < MOST => {
                self.typing.insert(room_id);
            }
            News::Presence(user_id) if self.presence.len() < MOST => {
                self.presence.insert(user_id);
            }
            News::Receipt(room_id, receipt) => {
                if self.receipts.len() == MOST {
                    self.receipts.remove(0);
                }
                self.receipts.push((room_id, receipt));
            }
            _ => {}
        }
    }

    /// What of it the application service is to see, as JSON, each an event. Nothing is left behind.
    pub(super) async fn events(
        &mut self,
        appservice: &Appservice,
        interest: &mut Interest,
        sources: &Sources,
        position: Position,
    ) -> Result<Vec<String>> {
        let Self { typing, presence, receipts } = std::mem::take(self);
        let mut events = Vec::new();
        for room_id in typing {
            if interest.in_room(&room_id, position).await?
                && let Some(users) = sources.typing.since(&room_id, 1)
            {
                events.push(in_room(&room_id, "m.typing", json!({ "user_ids": users })));
            }
        }
        let mut by_room: BTreeMap<OwnedRoomId, Vec<Arc<Receipt>>> = BTreeMap::new();
        for (room_id, receipt) in receipts {
            // A private receipt is its owner's affair.
            if receipt.kind == Kind::Read || appservice.has_user(&receipt.user_id) {
                by_room.entry(room_id).or_default().push(receipt);
            }
        }
        for (room_id, receipts) in by_room {
            if interest.in_room(&room_id, position).await? {
                for content in receipts::contents(receipts.iter()) {
                    events.push(in_room(&room_id, "m.receipt", serde_json::to_value(content)?));
                }
            }
        }
        for user_id in presence {
            if interest.in_user(&user_id, &sources.rooms, position).await?
                && let Some(event) = sources.presence.event(&user_id)
            {
                events.push(event.to_string());
            }
        }
        Ok(events)
    }
}

fn in_room(room_id: &RoomId, kind: &str, content: serde_json::Value) -> String {
    json!({ "type": kind, "room_id": room_id, "content": content }).to_string()
}
