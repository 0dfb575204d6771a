//! What a room is about, for those who are not in it, and who may know.
//! <https://spec.matrix.org/v1.18/client-server-api/#room-summaries>

use ruma::{
    UInt, UserId,
    events::room::{history_visibility::HistoryVisibility, join_rules::JoinRule, member::MembershipState},
    room::{JoinRuleSummary, RoomSummary},
};

use super::{RoomActions, state::RoomState};
use crate::error::Result;

impl RoomActions {
    /// Whether somebody, or with `None` anybody, may know what a room is about: who is in it, may enter it or ask to be
    /// let in, and everybody where everybody may read it.
    pub async fn may_preview(&self, room: &RoomState, user_id: Option<&UserId>) -> Result<bool> {
        if room.history_visibility() == HistoryVisibility::WorldReadable {
            return Ok(true);
        }
        match user_id.and_then(|user_id| room.membership(user_id)) {
            Some(MembershipState::Join | MembershipState::Invite) => return Ok(true),
            Some(MembershipState::Ban) => return Ok(false),
            _ => {}
        }
        match (room.join_rule(), user_id) {
            (JoinRule::Public | JoinRule::Knock | JoinRule::KnockRestricted(_), _) => Ok(true),
            (JoinRule::Restricted(rule), Some(user_id)) => self.is_in_any(user_id, &rule).await,
            _ => Ok(false),
        }
    }
}

/// What a room is about.
pub fn summary(room: &RoomState) -> RoomSummary {
    let join_rule = match room.join_rule() {
        // ruma cannot write a rule that it does not know; such a room cannot be entered but by invitation.
        rule @ (JoinRule::Invite
        | JoinRule::Knock
        | JoinRule::Private
        | JoinRule::Restricted(_)
        | JoinRule::KnockRestricted(_)
        | JoinRule::Public) => rule.into(),
        _ => JoinRuleSummary::Invite,
    };
    let mut summary = RoomSummary::new(
        room.room_id.clone(),
        join_rule,
        room.guests_can_join(),
        UInt::try_from(room.joined_count).unwrap_or(UInt::MAX),
        room.history_visibility() == HistoryVisibility::WorldReadable,
    );
    summary.canonical_alias = room.canonical_alias();
    summary.name = room.name();
    summary.topic = room.topic();
    summary.avatar_url = room.avatar_url();
    summary.room_type = room.room_type();
    summary.encryption = room.encryption().map(Into::into);
    summary.room_version = Some(room.version.clone());
    summary
}
