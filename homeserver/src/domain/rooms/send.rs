//! Sending messages and state, and redacting.

use std::sync::Arc;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, EventId, OwnedDeviceId, OwnedEventId, OwnedTransactionId, RoomId, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde_json::value::RawValue;

use super::{RoomActions, build, state::RoomState};
use crate::{
    clock::Millis,
    domain::{
        event::{Draft, Event, Transaction, canonical},
        journal::Batch,
        sessions::Requester,
        words,
    },
    error::{ApiError, Result},
    storage,
};

impl RoomActions {
    /// Sends a message. A request repeated by the same device has the first one's answer.
    pub async fn send(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        kind: TimelineEventType,
        txn_id: OwnedTransactionId,
        content: &RawValue,
        timestamp: Option<Millis>,
    ) -> Result<OwnedEventId> {
        let mut draft = Draft::message(&requester.user_id, kind, canonical(content)?);
        draft.origin_server_ts = timestamp;
        self.send_draft(requester, room_id, draft, txn_id).await
    }

    /// Sends a message that was drafted.
    pub(in crate::domain) async fn send_draft(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        mut draft: Draft,
        txn_id: OwnedTransactionId,
    ) -> Result<OwnedEventId> {
        if draft.kind == TimelineEventType::RoomRedaction {
            let redacts = draft.content.get("redacts").and_then(|id| id.as_str()).map(EventId::parse);
            let Some(Ok(redacts)) = redacts else {
                return Err(ApiError::missing_param("A redaction names the event that it redacts (redacts)."));
            };
            return self.send_redaction(requester, room_id, redacts, draft, txn_id).await;
        }
        requester.may_take_part()?;
        if draft.kind == TimelineEventType::Reaction {
            self.refuse_second_reaction(requester, room_id, &draft, &txn_id).await?;
        }
        draft.transaction = self.transaction(requester, txn_id).await?;
        draft.words = words::of_event(&draft.kind, &draft.content);
        let id = room_id.to_owned();
        self.journal
            .decide(&[room_id], move |batch| {
                batch.waits_no_more(&draft);
                if let Some(sent) = already(batch, &id, &draft) {
                    return Ok(sent);
                }
                joined(batch, &id, &draft.sender)?;
                Ok(batch.append(&id, draft)?.event_id.clone())
            })
            .await
    }

    /// Sets state. State that is there already, word for word, is not sent again.
    pub async fn send_state(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        kind: StateEventType,
        state_key: String,
        content: &RawValue,
        timestamp: Option<Millis>,
    ) -> Result<OwnedEventId> {
        let mut draft = Draft::state(&requester.user_id, kind, state_key, canonical(content)?);
        draft.origin_server_ts = timestamp;
        self.send_state_draft(room_id, draft).await
    }

    /// Sets state that was drafted.
    pub(in crate::domain) async fn send_state_draft(&self, room_id: &RoomId, mut draft: Draft) -> Result<OwnedEventId> {
        if draft.kind == TimelineEventType::RoomCanonicalAlias {
            self.check_canonical_alias(room_id, &draft.content).await?;
        }
        if draft.kind == TimelineEventType::RoomMember {
            let target = draft.state_key.clone().unwrap_or_default();
            self.complete_membership(&draft.sender, room_id, &target, &mut draft.content).await?;
        }
        draft.words = words::of_event(&draft.kind, &draft.content);
        let id = room_id.to_owned();
        self.journal
            .decide(&[room_id], move |batch| {
                batch.waits_no_more(&draft);
                let room = batch.room(&id).ok_or_else(not_in_room)?;
                let key = draft.state_key.as_deref().unwrap_or_default();
                if let Some(before) = room.get(&StateEventType::from(draft.kind.to_string()), key)
                    && before.sender == draft.sender
                    && serde_json::to_string(&draft.content).is_ok_and(|content| content == before.content.get())
                {
                    return Ok(before.event_id.clone());
                }
                // Setting one's own membership is how one joins and leaves; all else needs one to be in the room.
                if draft.kind != TimelineEventType::RoomMember {
                    joined(batch, &id, &draft.sender)?;
                }
                Ok(batch.append(&id, draft)?.event_id.clone())
            })
            .await
    }

    /// A membership that a client sets by hand passes the same checks, and is given the same fields, as one set through
    /// the endpoints made for it.
    async fn complete_membership(
        &self,
        sender: &UserId,
        room_id: &RoomId,
        target: &str,
        content: &mut CanonicalJsonObject,
    ) -> Result<()> {
        // Only the server says by whom a join is authorised.
        content.remove("join_authorised_via_users_server");
        match content.get("membership").and_then(|membership| membership.as_str()) {
            Some("join") if target == sender.as_str() => {
                let room = self.rooms.get(room_id).await?.ok_or_else(not_in_room)?;
                let (profile, authorised_via) = self.may_join(sender, &room).await?;
                if let Some(member) = authorised_via {
                    let value = CanonicalJsonValue::String(member.to_string());
                    content.insert("join_authorised_via_users_server".into(), value);
                }
                for (field, value) in [("displayname", profile.display_name), ("avatar_url", profile.avatar_url)] {
                    if let Some(value) = value {
                        content.entry(field.into()).or_insert(CanonicalJsonValue::String(value));
                    }
                }
                Ok(())
            }
            Some("invite") => {
                // Who is not in the room does not learn whether the user exists.
                self.rooms.joined(room_id, sender).await?;
                let target = UserId::parse(target)
                    .map_err(|_| ApiError::invalid_param("The state key of a membership is a user's id."))?;
                self.check_invitable(&target).await
            }
            _ => Ok(()),
        }
    }

    /// Redacts an event: its content is emptied, what happened stays in the room's history.
    pub async fn redact(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        event_id: OwnedEventId,
        reason: Option<String>,
        txn_id: OwnedTransactionId,
    ) -> Result<OwnedEventId> {
        let mut draft = Draft::message(&requester.user_id, TimelineEventType::RoomRedaction, Default::default());
        if let Some(reason) = reason {
            draft.content.insert("reason".into(), CanonicalJsonValue::String(reason));
        }
        self.send_redaction(requester, room_id, event_id, draft, txn_id).await
    }

    async fn send_redaction(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        event_id: OwnedEventId,
        mut draft: Draft,
        txn_id: OwnedTransactionId,
    ) -> Result<OwnedEventId> {
        self.rooms.joined(room_id, &requester.user_id).await?;
        let target = storage::events::get(&self.db, &event_id).await?.filter(|event| event.room_id == *room_id);
        let target = target.ok_or_else(|| ApiError::not_found("There is no such event in this room."))?;
        if target.sender != requester.user_id {
            requester.may_take_part()?;
        }
        draft.content.remove("redacts");
        draft.redacts = Some(event_id);
        draft.transaction = self.transaction(requester, txn_id).await?;
        let id = room_id.to_owned();
        self.journal
            .decide(&[room_id], move |batch| {
                batch.waits_no_more(&draft);
                if let Some(sent) = already(batch, &id, &draft) {
                    return Ok(sent);
                }
                may_redact(&*joined(batch, &id, &draft.sender)?, &draft.sender, &target)?;
                let redaction = batch.append(&id, draft)?;
                batch.redact(&target, &redaction.event_id)?;
                Ok(redaction.event_id.clone())
            })
            .await
    }

    /// A second reaction alike is no reaction: `M_DUPLICATE_ANNOTATION`.
    async fn refuse_second_reaction(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        draft: &Draft,
        txn_id: &OwnedTransactionId,
    ) -> Result<()> {
        let field = |name: &str| draft.content.get("m.relates_to")?.as_object()?.get(name)?.as_str();
        let (Some(Ok(target)), Some(key)) = (field("event_id").map(EventId::parse), field("key")) else {
            return Ok(());
        };
        for event in storage::events::relating(&self.db, room_id, &target, -1, i64::MAX, true, 1000).await? {
            let repeated = event.transaction.as_ref().is_some_and(|t| t.txn_id == *txn_id);
            let alike = event.kind == TimelineEventType::Reaction
                && event.sender == requester.user_id
                && event.relation.as_ref().is_some_and(|r| r.key.as_deref() == Some(key));
            if alike && !repeated {
                return Err(ApiError::new(
                    http::StatusCode::BAD_REQUEST,
                    ruma::api::error::ErrorKind::DuplicateAnnotation,
                    "You have reacted so already.",
                ));
            }
        }
        Ok(())
    }

    /// Whether a user may have an event sent to a room later. What else it takes is looked at when it is sent.
    pub(in crate::domain) async fn may_schedule(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        kind: &TimelineEventType,
        state_key: Option<&str>,
    ) -> Result<()> {
        // What waits is kept by these, too.
        build::check_length("type", &kind.to_string())?;
        build::check_length("state_key", state_key.unwrap_or_default())?;
        self.rooms.joined(room_id, user_id).await.map(drop)
    }

    /// The transaction of a request, with the device's past in memory.
    async fn transaction(&self, requester: &Requester, txn_id: OwnedTransactionId) -> Result<Option<Transaction>> {
        let Some(device_id) = sending_device(requester) else { return Ok(None) };
        self.journal.remember(&requester.user_id, &device_id).await?;
        Ok(Some(Transaction { device_id, txn_id }))
    }

    async fn check_canonical_alias(&self, room_id: &RoomId, content: &CanonicalJsonObject) -> Result<()> {
        let known: Vec<String> = self
            .rooms
            .get(room_id)
            .await?
            .and_then(|room| Some(room.get(&StateEventType::RoomCanonicalAlias, "")?.content.get().to_owned()))
            .into_iter()
            .collect();
        let main = content.get("alias").into_iter();
        let others = content.get("alt_aliases").and_then(|list| list.as_array()).into_iter().flatten();
        for alias in main.chain(others) {
            let Some(text) = alias.as_str().filter(|text| !text.is_empty()) else { continue };
            if known.iter().any(|before| before.contains(&format!("\"{text}\""))) {
                continue;
            }
            let alias = ruma::RoomAliasId::parse(text)
                .map_err(|_| ApiError::invalid_param(format!("{text} is no room address.")))?;
            if storage::directory::resolve(&self.db, &alias).await?.is_none_or(|target| target != room_id) {
                return Err(ApiError::new(
                    http::StatusCode::BAD_REQUEST,
                    ruma::api::error::ErrorKind::BadAlias,
                    format!("The address {alias} does not lead to this room. Add it to the room first."),
                ));
            }
        }
        Ok(())
    }
}

/// The device for which a transaction id holds. An application service without a device has its own id for one.
pub(in crate::domain) fn sending_device(requester: &Requester) -> Option<OwnedDeviceId> {
    let appservice = requester.appservice.as_ref().map(|appservice| format!("appservice {}", appservice.id).into());
    requester.device_id.clone().or(appservice)
}

fn not_in_room() -> ApiError {
    ApiError::forbidden("You are not in this room.")
}

/// The room, for one who is in it.
pub(super) fn joined(batch: &Batch<'_>, room_id: &RoomId, user_id: &UserId) -> Result<Arc<RoomState>> {
    batch.room(room_id).filter(|room| room.is_joined(user_id)).ok_or_else(not_in_room)
}

fn already(batch: &Batch<'_>, room_id: &RoomId, draft: &Draft) -> Option<OwnedEventId> {
    batch.sent(&draft.sender, room_id, &draft.kind, draft.transaction.as_ref()?)
}

/// One's own event may be redacted by whoever may send redactions, another's by whoever has the `redact` level.
/// <https://spec.matrix.org/v1.18/client-server-api/#redactions>
fn may_redact(room: &RoomState, sender: &UserId, target: &Event) -> Result<()> {
    let levels = room.power_levels();
    let may = if target.sender == sender {
        levels.user_can_redact_own_event(sender)
    } else {
        levels.user_can_redact_event_of_other(sender)
    };
    if may && target.kind != TimelineEventType::RoomCreate {
        return Ok(());
    }
    Err(ApiError::forbidden("You may not redact this event."))
}
