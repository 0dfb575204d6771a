//! The current state of one room: an immutable snapshot with structural sharing, so that the journal derives the
//! next one in microseconds while readers keep theirs.

use std::sync::{Arc, OnceLock};

use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomVersionId, UserId,
    events::{
        StateEventType,
        room::{
            history_visibility::HistoryVisibility,
            join_rules::JoinRule,
            member::MembershipState,
            power_levels::{RoomPowerLevels, RoomPowerLevelsEventContent, RoomPowerLevelsSource},
        },
    },
    push::PushConditionPowerLevelsCtx,
    room::RoomType,
    room_version_rules::{AuthorizationRules, RoomVersionRules},
};
use serde::Deserialize;

use crate::{
    event::{Event, Position},
    storage::rooms::{RECENT, Stored},
};

/// A room as it stands after its last event.
#[derive(Clone, Debug)]
pub struct RoomState {
    /// The room.
    pub room_id: OwnedRoomId,
    /// Its version.
    pub version: RoomVersionId,
    /// The rules of that version.
    pub rules: Arc<RoomVersionRules>,
    /// Who created it: the sender of `m.room.create` and, from version 12, the additional creators.
    pub creators: Arc<Vec<OwnedUserId>>,
    /// State events by type and key.
    state: imbl::HashMap<StateEventType, imbl::HashMap<String, Arc<Event>>>,
    /// Its type, and whether it is encrypted: lists of rooms ask for that of every room.
    room_type: Option<RoomType>,
    is_encrypted: bool,
    /// How many are joined.
    pub joined_count: u64,
    /// How many are invited.
    pub invited_count: u64,
    /// The last event, which the next one follows.
    pub last_event: Option<OwnedEventId>,
    /// Distance of the last event from the room's beginning.
    pub depth: i64,
    /// Position of the last event.
    pub position: Position,
    /// The last events, oldest first.
    pub recent: imbl::Vector<Arc<Event>>,
    /// Every event after this position is in `recent`.
    pub recent_since: Position,
    power_levels: OnceLock<Arc<RoomPowerLevels>>,
}

#[derive(Deserialize)]
struct Creators {
    #[serde(default)]
    additional_creators: Vec<OwnedUserId>,
}

impl RoomState {
    /// A room before its first event. `None` for a room version that this server does not speak.
    pub fn new(room_id: OwnedRoomId, version: RoomVersionId) -> Option<Self> {
        Some(Self {
            rules: Arc::new(version.rules()?),
            room_id,
            version,
            creators: Arc::default(),
            state: imbl::HashMap::new(),
            room_type: None,
            is_encrypted: false,
            joined_count: 0,
            invited_count: 0,
            last_event: None,
            depth: 0,
            position: 0,
            recent: imbl::Vector::new(),
            recent_since: 0,
            power_levels: OnceLock::new(),
        })
    }

    /// A room as it was stored. `None` for a room version that this server does not speak.
    pub fn stored(room_id: OwnedRoomId, stored: Stored) -> Option<Self> {
        let mut room = Self::new(room_id, stored.version)?;
        for event in &stored.state {
            room.set_state(event);
        }
        if let Some(last) = stored.recent.last() {
            room.last_event = Some(last.event_id.clone());
            room.depth = last.graph.depth;
            room.position = last.position;
        }
        // One less than the oldest that is there: nothing of this room lies between.
        let oldest = stored.recent.first().map_or(0, |event| event.position - 1);
        room.recent_since = if stored.complete { 0 } else { oldest };
        room.recent = stored.recent.into_iter().collect();
        Some(room)
    }

    /// The room after one more event.
    pub fn apply(&mut self, event: &Arc<Event>) {
        self.last_event = Some(event.event_id.clone());
        self.depth = event.graph.depth;
        self.position = event.position;
        self.recent.push_back(event.clone());
        if self.recent.len() > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_since = oldest.position;
        }
        self.set_state(event);
    }

    /// Takes a state event into the state; others change nothing.
    pub fn set_state(&mut self, event: &Arc<Event>) {
        let Some(key) = &event.state_key else { return };
        let kind = event.state_type();
        let before = self.state.entry(kind.clone()).or_default().insert(key.clone(), event.clone());
        match kind {
            StateEventType::RoomMember => {
                self.count(before.as_ref().and_then(|e| e.membership.as_ref()), -1);
                self.count(event.membership.as_ref(), 1);
            }
            StateEventType::RoomCreate => {
                let additional = event.content_as::<Creators>().map(|c| c.additional_creators).unwrap_or_default();
                let mut creators = vec![event.sender.clone()];
                if self.rules.authorization.explicitly_privilege_room_creators {
                    creators.extend(additional);
                }
                self.creators = Arc::new(creators);
                self.power_levels = OnceLock::new();
                self.room_type = self.text(&StateEventType::RoomCreate, "type").map(Into::into);
            }
            StateEventType::RoomEncryption => self.is_encrypted = self.encryption().is_some(),
            StateEventType::RoomPowerLevels => self.power_levels = OnceLock::new(),
            _ => {}
        }
    }

    fn count(&mut self, membership: Option<&MembershipState>, by: i64) {
        match membership {
            Some(MembershipState::Join) => self.joined_count = self.joined_count.saturating_add_signed(by),
            Some(MembershipState::Invite) => self.invited_count = self.invited_count.saturating_add_signed(by),
            _ => {}
        }
    }

    /// Replaces an event by its redacted form wherever the snapshot holds it, and its content where the event that
    /// replaced it repeats it.
    pub fn replace(&mut self, event: &Arc<Event>) {
        let mended = |held: &Arc<Event>| {
            if held.event_id == event.event_id {
                Some(event.clone())
            } else if held.replaces.as_ref() == Some(&event.event_id) {
                Some(Arc::new(held.with_prev_content(event.content.clone())))
            } else {
                None
            }
        };
        for held in &mut self.recent {
            if let Some(mended) = mended(held) {
                *held = mended;
            }
        }
        if let Some(key) = &event.state_key
            && let Some(mended) = self.get(&event.state_type(), key).and_then(mended)
        {
            self.set_state(&mended);
        }
    }

    /// The state event of a type and key.
    pub fn get(&self, kind: &StateEventType, key: &str) -> Option<&Arc<Event>> {
        self.state.get(kind)?.get(key)
    }

    /// All state events of a type, by key.
    pub fn of_type(&self, kind: &StateEventType) -> impl Iterator<Item = (&String, &Arc<Event>)> {
        self.state.get(kind).into_iter().flatten()
    }

    /// All state events.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.state.values().flat_map(imbl::HashMap::values)
    }

    /// What a user is to this room.
    pub fn membership(&self, user_id: &UserId) -> Option<&MembershipState> {
        self.get(&StateEventType::RoomMember, user_id.as_str())?.membership.as_ref()
    }

    /// Whether a user is joined.
    pub fn is_joined(&self, user_id: &UserId) -> bool {
        self.membership(user_id) == Some(&MembershipState::Join)
    }

    /// The members with a membership, each with the event that says so.
    pub fn members(&self, membership: MembershipState) -> impl Iterator<Item = (&UserId, &Arc<Event>)> {
        self.of_type(&StateEventType::RoomMember)
            .filter(move |(_, event)| event.membership.as_ref() == Some(&membership))
            .filter_map(|(key, event)| Some((<&UserId>::try_from(key.as_str()).ok()?, event)))
    }

    /// Those who are joined.
    pub fn joined(&self) -> impl Iterator<Item = &UserId> {
        self.members(MembershipState::Join).map(|(user_id, _)| user_id)
    }

    /// A string field of a state event with an empty key: `name` of `m.room.name` and the like.
    pub fn text(&self, kind: &StateEventType, field: &str) -> Option<String> {
        self.get(kind, "")?.content_str(field).filter(|text| !text.is_empty())
    }

    /// The room's name.
    pub fn name(&self) -> Option<String> {
        self.text(&StateEventType::RoomName, "name")
    }

    /// The room's topic.
    pub fn topic(&self) -> Option<String> {
        self.text(&StateEventType::RoomTopic, "topic")
    }

    /// The room's canonical alias.
    pub fn canonical_alias(&self) -> Option<ruma::OwnedRoomAliasId> {
        self.text(&StateEventType::RoomCanonicalAlias, "alias")?.try_into().ok()
    }

    /// The room's avatar.
    pub fn avatar_url(&self) -> Option<ruma::OwnedMxcUri> {
        self.text(&StateEventType::RoomAvatar, "url").map(Into::into)
    }

    /// `m.space` or another type given at the room's creation.
    pub fn room_type(&self) -> Option<RoomType> {
        self.room_type.clone()
    }

    /// The algorithm of `m.room.encryption`, if the room is encrypted.
    pub fn encryption(&self) -> Option<String> {
        self.text(&StateEventType::RoomEncryption, "algorithm")
    }

    /// Whether the room is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Who may see events from before they joined.
    pub fn history_visibility(&self) -> HistoryVisibility {
        self.text(&StateEventType::RoomHistoryVisibility, "history_visibility")
            .map_or(HistoryVisibility::Shared, Into::into)
    }

    /// Who may join. A room without a join rule, or with one that its version does not know, is one by invitation.
    pub fn join_rule(&self) -> JoinRule {
        #[derive(Deserialize)]
        struct Content(JoinRule);
        self.get(&StateEventType::RoomJoinRules, "")
            .and_then(|event| serde_json::from_str::<Content>(event.content.get()).ok())
            .map(|content| content.0)
            .filter(|rule| knows(&self.rules.authorization, rule))
            .unwrap_or(JoinRule::Invite)
    }

    /// Whether guests may join.
    pub fn guests_can_join(&self) -> bool {
        self.text(&StateEventType::RoomGuestAccess, "guest_access").as_deref() == Some("can_join")
    }

    /// The effective power levels.
    pub fn power_levels(&self) -> &Arc<RoomPowerLevels> {
        self.power_levels.get_or_init(|| {
            let content = self
                .get(&StateEventType::RoomPowerLevels, "")
                .and_then(|event| event.content_as::<RoomPowerLevelsEventContent>());
            let source = content.map_or(RoomPowerLevelsSource::None, RoomPowerLevelsSource::Original);
            Arc::new(RoomPowerLevels::new(source, &self.rules.authorization, self.creators.iter().cloned()))
        })
    }

    /// The power levels as push rules look at them.
    pub fn push_power_levels(&self) -> PushConditionPowerLevelsCtx {
        let levels = self.power_levels();
        PushConditionPowerLevelsCtx::new(
            levels.users.clone(),
            levels.users_default,
            levels.notifications.clone(),
            levels.rules.clone(),
        )
    }

    /// A member's display name in this room, else the localpart of the id.
    pub fn display_name(&self, user_id: &UserId) -> String {
        self.get(&StateEventType::RoomMember, user_id.as_str())
            .and_then(|event| event.content_str("displayname"))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| user_id.localpart().to_owned())
    }
}

/// Whether a room version knows a join rule. <https://spec.matrix.org/v1.18/client-server-api/#mroomjoin_rules>
pub fn knows(rules: &AuthorizationRules, rule: &JoinRule) -> bool {
    match rule {
        JoinRule::Knock => rules.knocking,
        JoinRule::Restricted(_) => rules.restricted_join_rule,
        JoinRule::KnockRestricted(_) => rules.knock_restricted_join_rule,
        _ => true,
    }
}
