//! Upgrading a room: one of another version takes its place.
//! <https://spec.matrix.org/v1.18/client-server-api/#room-upgrades>

use std::sync::Arc;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId,
    events::{StateEventType, room::member::MembershipState},
    int,
    room::RoomType,
    room_version_rules::AuthorizationRules,
};
use serde_json::json;

use super::{
    RoomActions,
    create::create_content,
    membership::{MemberContent, Profile},
    send::joined,
    state::{RoomState, knows},
};
use crate::{
    domain::{
        event::{Draft, Event, canonical, canonical_content},
        journal::{Batch, Change},
    },
    error::{ApiError, Result},
    storage,
};

/// The state that the new room has from the old one, besides power levels.
const CARRIED: [StateEventType; 9] = [
    StateEventType::RoomServerAcl,
    StateEventType::RoomEncryption,
    StateEventType::RoomHistoryVisibility,
    StateEventType::RoomJoinRules,
    StateEventType::RoomGuestAccess,
    StateEventType::RoomName,
    StateEventType::RoomAvatar,
    StateEventType::RoomTopic,
    StateEventType::RoomCanonicalAlias,
];

impl RoomActions {
    /// Makes a room of another version that takes the place of an old one; all of it or nothing. Further creators are for
    /// the versions that know any.
    pub async fn upgrade(
        &self,
        user_id: &UserId,
        old: &RoomId,
        version: RoomVersionId,
        further_creators: Vec<OwnedUserId>,
    ) -> Result<OwnedRoomId> {
        self.rooms.joined(old, user_id).await?;
        let rules = version.rules().ok_or_else(|| ApiError::invalid_param("Unknown room version."))?.authorization;
        let mut creators = if rules.explicitly_privilege_room_creators { further_creators } else { Vec::new() };
        creators.retain(|creator| creator != user_id);
        creators.sort();
        creators.dedup();
        let upgrade = Upgrade {
            old: old.to_owned(),
            new: self.new_room_id()?,
            version,
            by: user_id.to_owned(),
            further_creators: creators,
            rules,
            profile: self.profile(user_id).await?,
        };
        self.journal.decide(&[old], move |batch| upgrade.run(batch)).await
    }
}

/// An upgrade that was asked for.
struct Upgrade {
    old: OwnedRoomId,
    /// The new room's id, where its version does not make one of its own.
    new: OwnedRoomId,
    version: RoomVersionId,
    by: OwnedUserId,
    further_creators: Vec<OwnedUserId>,
    /// The rules of the new version.
    rules: AuthorizationRules,
    profile: Profile,
}

impl Upgrade {
    fn run(self, batch: &mut Batch<'_>) -> Result<OwnedRoomId> {
        let old = joined(batch, &self.old, &self.by)?;
        if !old.power_levels().user_can_send_state(&self.by, StateEventType::RoomTombstone) {
            return Err(ApiError::forbidden("Only who runs this room may upgrade it."));
        }
        let new = self.make(batch, &old)?;
        let tombstone = json!({ "body": "This room has been replaced", "replacement_room": new });
        batch.append(&self.old, self.state(StateEventType::RoomTombstone, canonical_content(&tombstone)?))?;
        self.close(batch, &old)?;
        for row in storage::directory::take_over(&self.old, &new) {
            batch.rows().statement(row);
        }
        batch.changed(Change::Room(self.old));
        batch.changed(Change::Room(new.clone()));
        Ok(new)
    }

    /// Makes the new room. Its power levels come last: as long as there are none, its creator may do everything.
    fn make(&self, batch: &mut Batch<'_>, old: &RoomState) -> Result<OwnedRoomId> {
        let create = self.state(StateEventType::RoomCreate, self.creation(old)?);
        let new = batch.create_room(&self.version, self.new.clone(), create, false)?.room_id.clone();
        batch.append(&new, MemberContent::join(self.profile.clone()).draft(&self.by, &self.by)?)?;
        for event in self.carried(old) {
            let key = event.state_key.as_deref().unwrap_or_default();
            batch.append(&new, Draft::state(&self.by, event.state_type(), key, canonical(&event.content)?))?;
        }
        if !knows(&self.rules, &old.join_rule()) {
            let invite = canonical_content(&json!({ "join_rule": "invite" }))?;
            batch.append(&new, self.state(StateEventType::RoomJoinRules, invite))?;
        }
        if let Some(levels) = old.get(&StateEventType::RoomPowerLevels, "") {
            let before = old.rules.authorization.explicitly_privilege_room_creators.then_some(&old.creators[..]);
            let mut after = self.further_creators.clone();
            after.extend(self.privileges().then(|| self.by.clone()));
            let levels = carried_levels(integers(canonical(&levels.content)?), before.unwrap_or_default(), &after);
            batch.append(&new, self.state(StateEventType::RoomPowerLevels, levels))?;
        }
        Ok(new)
    }

    /// Whether the new version holds creators above all power levels.
    fn privileges(&self) -> bool {
        self.rules.explicitly_privilege_room_creators
    }

    /// State with an empty key.
    fn state(&self, kind: StateEventType, content: CanonicalJsonObject) -> Draft {
        Draft::state(&self.by, kind, "", content)
    }

    /// The content of the new room's create event.
    fn creation(&self, old: &RoomState) -> Result<CanonicalJsonObject> {
        let before = old.get(&StateEventType::RoomCreate, "").map(|event| canonical(&event.content)).transpose()?;
        let mut content = before.unwrap_or_default();
        content.retain(|field, _| matches!(field.as_str(), "type" | "m.federate"));
        let mut predecessor = json!({ "room_id": self.old });
        // Deprecated, and yet older clients look for it in rooms of older versions.
        if let (false, Some(last)) = (self.privileges(), &old.last_event) {
            predecessor["event_id"] = last.as_str().into();
        }
        content.insert("predecessor".into(), CanonicalJsonValue::Object(canonical_content(&predecessor)?));
        create_content(content, &self.version, &self.by, &self.further_creators)
    }

    /// The events that the new room has from the old one: state, the children of a space, and who is banned.
    fn carried(&self, old: &RoomState) -> Vec<Arc<Event>> {
        let mut events: Vec<Arc<Event>> = CARRIED.iter().filter_map(|kind| old.get(kind, "").cloned()).collect();
        let mut keyed: Vec<Arc<Event>> = Vec::new();
        if old.room_type() == Some(RoomType::Space) {
            keyed.extend(old.of_type(&StateEventType::SpaceChild).map(|(_, child)| child.clone()));
        }
        let banned = old.members(MembershipState::Ban).filter(|(user_id, _)| !self.is_creator(user_id));
        keyed.extend(banned.map(|(_, event)| event.clone()));
        keyed.sort_by_key(|event| event.position);
        events.extend(keyed);
        events
    }

    fn is_creator(&self, user_id: &UserId) -> bool {
        self.by == user_id || self.further_creators.iter().any(|creator| creator == user_id)
    }

    /// Takes from the old room its address and the right to talk there, as far as who upgrades it may.
    fn close(&self, batch: &mut Batch<'_>, old: &RoomState) -> Result<()> {
        let mut drafts = Vec::new();
        if old.get(&StateEventType::RoomCanonicalAlias, "").is_some() {
            drafts.push(self.state(StateEventType::RoomCanonicalAlias, CanonicalJsonObject::new()));
        }
        if let Some(levels) = old.get(&StateEventType::RoomPowerLevels, "") {
            drafts.push(
                self.state(StateEventType::RoomPowerLevels, closed_levels(integers(canonical(&levels.content)?))),
            );
        }
        for draft in drafts {
            if let Err(error) = batch.append(&self.old, draft) {
                tracing::debug!(room_id = %self.old, %error, "a room that was replaced stays a little open");
            }
        }
        Ok(())
    }
}

/// Power levels as integers: before room version 10 they may be strings, which the later ones refuse.
/// <https://spec.matrix.org/v1.18/rooms/v9/#mroompower_levels-events-accept-values-as-strings>
fn integers(levels: CanonicalJsonObject) -> CanonicalJsonObject {
    let integer = |value: CanonicalJsonValue| match value {
        CanonicalJsonValue::String(text) => match text.trim().parse() {
            Ok(level) => CanonicalJsonValue::Integer(level),
            Err(_) => CanonicalJsonValue::String(text),
        },
        CanonicalJsonValue::Object(levels) => CanonicalJsonValue::Object(integers(levels)),
        other => other,
    };
    levels.into_iter().map(|(name, value)| (name, integer(value))).collect()
}

/// Power levels for the new room. Creators who stand above all levels are not among them (`after`); who was such a
/// creator (`before`) and is none any more keeps a place in them.
fn carried_levels(
    mut levels: CanonicalJsonObject,
    before: &[OwnedUserId],
    after: &[OwnedUserId],
) -> CanonicalJsonObject {
    let mut users = match levels.remove("users") {
        Some(CanonicalJsonValue::Object(users)) => users,
        _ => CanonicalJsonObject::new(),
    };
    for creator in before {
        users.insert(creator.to_string(), CanonicalJsonValue::Integer(int!(100)));
    }
    for creator in after {
        users.remove(creator.as_str());
    }
    levels.insert("users".into(), CanonicalJsonValue::Object(users));
    levels
}

/// Power levels by which nobody but who runs a room says anything there and invites anybody.
fn closed_levels(mut levels: CanonicalJsonObject) -> CanonicalJsonObject {
    let of = |levels: &CanonicalJsonObject, key: &str| levels.get(key).and_then(|level| level.as_integer());
    let everybody = of(&levels, "users_default").unwrap_or_default();
    let least = everybody.saturating_add(int!(1)).max(int!(50));
    for key in ["events_default", "invite"] {
        let level = of(&levels, key).unwrap_or_default().max(least);
        levels.insert(key.into(), CanonicalJsonValue::Integer(level));
    }
    levels
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::*;

    fn levels(value: &serde_json::Value) -> CanonicalJsonObject {
        canonical_content(value).expect("canonical JSON")
    }

    #[test]
    fn creators_stand_beside_the_levels_or_in_them() {
        let (anna, boris) = (owned_user_id!("@anna:parta.test"), owned_user_id!("@boris:parta.test"));
        let before = json!({ "ban": 50, "users": { "@anna:parta.test": 100, "@vera:parta.test": 50 } });
        for (creators, new_creators, expected) in [
            (vec![], vec![], json!({ "@anna:parta.test": 100, "@vera:parta.test": 50 })),
            (vec![], vec![anna.clone()], json!({ "@vera:parta.test": 50 })),
            (vec![boris.clone()], vec![anna.clone()], json!({ "@boris:parta.test": 100, "@vera:parta.test": 50 })),
            (vec![boris.clone()], vec![anna.clone(), boris], json!({ "@vera:parta.test": 50 })),
            (vec![anna.clone()], vec![], json!({ "@anna:parta.test": 100, "@vera:parta.test": 50 })),
        ] {
            let carried = carried_levels(levels(&before), &creators, &new_creators);
            assert_eq!(carried, levels(&json!({ "ban": 50, "users": expected })), "{creators:?} {new_creators:?}");
        }
    }

    #[test]
    fn levels_that_are_strings_become_integers() {
        let before = json!({ "ban": "50", "kick": " +60 ", "events": { "m.room.name": "-1" }, "users": { "@a:x": 7 }, "x": "y" });
        let after = json!({ "ban": 50, "kick": 60, "events": { "m.room.name": -1 }, "users": { "@a:x": 7 }, "x": "y" });
        assert_eq!(integers(levels(&before)), levels(&after));
    }

    #[test]
    fn a_replaced_room_is_quiet() {
        for (before, expected) in [
            (json!({}), json!({ "events_default": 50, "invite": 50 })),
            (json!({ "users_default": 60 }), json!({ "users_default": 60, "events_default": 61, "invite": 61 })),
            (json!({ "events_default": 100, "invite": 0 }), json!({ "events_default": 100, "invite": 50 })),
            (
                json!({ "users_default": 9_007_199_254_740_991_i64 }),
                json!({
                    "users_default": 9_007_199_254_740_991_i64, "events_default": 9_007_199_254_740_991_i64,
                    "invite": 9_007_199_254_740_991_i64,
                }),
            ),
        ] {
            assert_eq!(closed_levels(levels(&before)), levels(&expected), "{before}");
        }
    }
}
