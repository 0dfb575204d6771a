//! Making a room: presets, options, and the order of its first events.
//! <https://spec.matrix.org/v1.18/client-server-api/#creation>

use std::collections::BTreeMap;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomVersionId, UserId,
    api::{client::room::create_room::v3::RoomPreset, error::ErrorKind},
    events::StateEventType,
};
use serde_json::json;

use super::{
    RoomActions,
    membership::{MemberContent, Profile},
};
use crate::{
    clock::{self, LOWERCASE},
    domain::{
        event::{Draft, canonical_content},
        journal::Batch,
    },
    error::{ApiError, Result},
    storage,
};

/// What a new room shall be.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// The room version.
    pub version: RoomVersionId,
    /// The preset of rules.
    pub preset: RoomPreset,
    /// Whether the directory lists it.
    pub is_public: bool,
    /// Its name.
    pub name: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// Its first alias.
    pub alias: Option<OwnedRoomAliasId>,
    /// Further content of `m.room.create`.
    pub creation_content: CanonicalJsonObject,
    /// State to set, after the preset's.
    pub initial_state: Vec<(StateEventType, String, CanonicalJsonObject)>,
    /// Laid over the default power levels.
    pub power_levels: CanonicalJsonObject,
    /// Whom to invite.
    pub invite: Vec<OwnedUserId>,
    /// Whether the invitations are to a personal chat.
    pub is_direct: bool,
}

impl RoomActions {
    /// Makes a room; all of it or nothing.
    pub async fn create(&self, creator: &UserId, room: NewRoom) -> Result<OwnedRoomId> {
        for user_id in &room.invite {
            self.check_invitable(user_id).await?;
        }
        let mut profiles = BTreeMap::new();
        for user_id in room.invite.iter().map(|id| &**id).chain([creator]) {
            profiles.insert(user_id.to_owned(), self.profile(user_id).await?);
        }
        let _reserved = match &room.alias {
            Some(alias) => Some(self.reserve(alias).await?),
            None => None,
        };
        let room_id = self.new_room_id()?;
        let creator = creator.to_owned();
        self.journal.decide(&[], move |batch| build(batch, &creator, room_id, &room, &profiles).map_err(implied)).await
    }

    /// An id for a room whose version makes none of its own.
    pub(super) fn new_room_id(&self) -> Result<OwnedRoomId> {
        OwnedRoomId::try_from(format!("!{}:{}", clock::random_word(18, LOWERCASE), self.server_name))
            .map_err(ApiError::internal)
    }
}

/// The content of `m.room.create` as a room version has it. Further creators are for the versions that know any.
pub(super) fn create_content(
    mut content: CanonicalJsonObject,
    version: &RoomVersionId,
    creator: &UserId,
    further_creators: &[OwnedUserId],
) -> Result<CanonicalJsonObject> {
    let rules = version.rules().ok_or_else(|| ApiError::invalid_param("Unknown room version."))?.authorization;
    content.insert("room_version".into(), CanonicalJsonValue::String(version.to_string()));
    if rules.use_room_create_sender {
        content.remove("creator");
    } else {
        content.insert("creator".into(), CanonicalJsonValue::String(creator.to_string()));
    }
    if rules.explicitly_privilege_room_creators && !further_creators.is_empty() {
        let entry =
            content.entry("additional_creators".into()).or_insert_with(|| CanonicalJsonValue::Array(Vec::new()));
        if let CanonicalJsonValue::Array(list) = entry {
            for user_id in further_creators {
                let id = CanonicalJsonValue::String(user_id.to_string());
                if !list.contains(&id) {
                    list.push(id);
                }
            }
        }
    }
    Ok(content)
}

/// What the rules of a new room forbid its creator comes of what was asked for: as state it would not hold.
fn implied(error: ApiError) -> ApiError {
    match error {
        ApiError::Matrix { kind, message, .. } if matches!(*kind, ErrorKind::Forbidden) => {
            ApiError::invalid_room_state(message)
        }
        other => other,
    }
}

fn build(
    batch: &mut Batch<'_>,
    creator: &OwnedUserId,
    room_id: OwnedRoomId,
    room: &NewRoom,
    profiles: &BTreeMap<OwnedUserId, Profile>,
) -> Result<OwnedRoomId> {
    let trusted: &[OwnedUserId] = if room.preset == RoomPreset::TrustedPrivateChat { &room.invite } else { &[] };
    let create = create_content(room.creation_content.clone(), &room.version, creator, trusted)?;
    let draft = Draft::state(creator, StateEventType::RoomCreate, "", create);
    let room_id = batch.create_room(&room.version, room_id, draft, room.is_public)?.room_id.clone();

    let own = profiles.get(creator).cloned().unwrap_or_default();
    batch.append(&room_id, MemberContent::join(own).draft(creator, creator)?)?;
    let levels = power_levels(batch, creator, &room_id, room, trusted)?;
    batch.append(&room_id, Draft::state(creator, StateEventType::RoomPowerLevels, "", levels))?;
    if let Some(alias) = &room.alias {
        batch.rows().statement(storage::directory::insert(alias, &room_id, creator));
        set(batch, creator, &room_id, StateEventType::RoomCanonicalAlias, json!({ "alias": alias }))?;
    }
    let (join_rule, guest_access) = match room.preset {
        RoomPreset::PublicChat => ("public", "forbidden"),
        _ => ("invite", "can_join"),
    };
    let overridden = |kind: &StateEventType| room.initial_state.iter().any(|(k, key, _)| k == kind && key.is_empty());
    for (kind, content) in [
        (StateEventType::RoomJoinRules, json!({ "join_rule": join_rule })),
        (StateEventType::RoomHistoryVisibility, json!({ "history_visibility": "shared" })),
        (StateEventType::RoomGuestAccess, json!({ "guest_access": guest_access })),
    ] {
        if !overridden(&kind) {
            set(batch, creator, &room_id, kind, content)?;
        }
    }
    for (kind, key, content) in &room.initial_state {
        batch.append(&room_id, Draft::state(creator, kind.clone(), key, content.clone()))?;
    }
    if let Some(name) = &room.name {
        set(batch, creator, &room_id, StateEventType::RoomName, json!({ "name": name }))?;
    }
    if let Some(topic) = &room.topic {
        let content = json!({ "topic": topic, "m.topic": { "m.text": [{ "body": topic }] } });
        set(batch, creator, &room_id, StateEventType::RoomTopic, content)?;
    }
    for user_id in &room.invite {
        let profile = profiles.get(user_id).cloned().unwrap_or_default();
        let mut content = MemberContent::invite(profile);
        content.is_direct = room.is_direct;
        batch.append(&room_id, content.draft(creator, user_id)?)?;
    }
    Ok(room_id)
}

fn set(
    batch: &mut Batch<'_>,
    sender: &UserId,
    room_id: &ruma::RoomId,
    kind: StateEventType,
    content: serde_json::Value,
) -> Result<()> {
    batch.append(room_id, Draft::state(sender, kind, "", canonical_content(&content)?))?;
    Ok(())
}

/// The specification's recommended levels, the trusted at the creator's, the caller's own on top.
fn power_levels(
    batch: &Batch<'_>,
    creator: &OwnedUserId,
    room_id: &ruma::RoomId,
    room: &NewRoom,
    trusted: &[OwnedUserId],
) -> Result<CanonicalJsonObject> {
    let state = batch.require(room_id)?;
    let privileged = state.rules.authorization.explicitly_privilege_room_creators;
    let users: BTreeMap<&OwnedUserId, i64> = if privileged {
        BTreeMap::new()
    } else {
        trusted.iter().chain([creator]).map(|user_id| (user_id, 100)).collect()
    };
    // From room version 12 only creators may upgrade a room unless someone says otherwise.
    let tombstone = if privileged { 150 } else { 100 };
    let mut levels = canonical_content(&json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50, "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.power_levels": 100,
            "m.room.history_visibility": 100, "m.room.encryption": 100, "m.room.server_acl": 100,
            "m.room.tombstone": tombstone,
        },
        "events_default": 0, "state_default": 50, "ban": 50, "kick": 50, "redact": 50, "invite": 0,
        "notifications": { "room": 50 },
    }))?;
    levels.extend(room.power_levels.clone());
    Ok(levels)
}
