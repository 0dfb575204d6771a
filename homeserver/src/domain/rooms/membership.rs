//! Joining, inviting, knocking, leaving, kicking, banning, forgetting.
//! <https://spec.matrix.org/v1.18/client-server-api/#room-membership>

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::error::ErrorKind,
    events::{
        StateEventType,
        room::{
            join_rules::{AllowRule, JoinRule, Restricted},
            member::MembershipState,
        },
    },
};
use serde::Serialize;

use super::{RoomActions, state::RoomState};
use crate::{
    domain::event::{Draft, canonical_content},
    error::{ApiError, Result},
    storage,
};

/// How a user shows up in a room.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The display name.
    pub display_name: Option<String>,
    /// The avatar.
    pub avatar_url: Option<String>,
}

/// The content of an `m.room.member` event.
#[derive(Clone, Debug, Serialize)]
pub struct MemberContent {
    /// Join, invite, knock, leave or ban.
    pub membership: MembershipState,
    /// The display name.
    #[serde(rename = "displayname", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The avatar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether an invitation is to a personal chat.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_direct: bool,
    /// Who could have invited one who joins by another room's membership.
    #[serde(rename = "join_authorised_via_users_server", skip_serializing_if = "Option::is_none")]
    pub authorised_via: Option<OwnedUserId>,
}

impl MemberContent {
    fn new(membership: MembershipState, profile: Profile) -> Self {
        Self {
            membership,
            display_name: profile.display_name,
            avatar_url: profile.avatar_url,
            reason: None,
            is_direct: false,
            authorised_via: None,
        }
    }

    /// A joined member.
    pub fn join(profile: Profile) -> Self {
        Self::new(MembershipState::Join, profile)
    }

    /// An invited one.
    pub fn invite(profile: Profile) -> Self {
        Self::new(MembershipState::Invite, profile)
    }

    fn because(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }

    /// The event that says so.
    pub fn draft(&self, sender: &UserId, target: &UserId) -> Result<Draft> {
        Ok(Draft::state(sender, StateEventType::RoomMember, target.as_str(), canonical_content(self)?))
    }
}

impl RoomActions {
    /// Joins a room. Who is joined already stays so without a new event.
    pub async fn join(&self, user_id: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        let room = self.rooms.require(room_id).await?;
        let (profile, authorised_via) = self.may_join(user_id, &room).await?;
        let mut content = MemberContent::join(profile).because(reason);
        content.authorised_via = authorised_via;
        let user_id = user_id.to_owned();
        let id = room_id.to_owned();
        self.journal
            .decide(&[room_id], move |batch| {
                if !batch.require(&id)?.is_joined(&user_id) {
                    batch.append(&id, content.draft(&user_id, &user_id)?)?;
                }
                Ok(())
            })
            .await
    }

    /// Checks what the authorization rules cannot see of a join, and answers how the user shows up in the room and, where
    /// another room's membership lets them in, the member who could have invited them.
    pub(super) async fn may_join(&self, user_id: &UserId, room: &RoomState) -> Result<(Profile, Option<OwnedUserId>)> {
        let profile = self.profile(user_id).await?;
        let membership = room.membership(user_id);
        if membership == Some(&MembershipState::Join) {
            return Ok((profile, None));
        }
        if self.is_blocked(&room.room_id).await? {
            return Err(ApiError::forbidden("An administrator has closed this room."));
        }
        let invited = membership == Some(&MembershipState::Invite);
        let authorised_via = if invited { None } else { self.authorise(user_id, room).await? };
        Ok((profile, authorised_via))
    }

    /// For a room with restricted joins: a member who may invite, if the user is in one of the rooms that open it.
    async fn authorise(&self, user_id: &UserId, room: &RoomState) -> Result<Option<OwnedUserId>> {
        let (JoinRule::Restricted(rule) | JoinRule::KnockRestricted(rule)) = room.join_rule() else { return Ok(None) };
        if !self.is_in_any(user_id, &rule).await? {
            return Err(ApiError::forbidden(
                "Only members of certain other rooms may join this one without an invitation.",
            ));
        }
        let levels = room.power_levels();
        // Deterministic, and the strongest first: the one least likely to lose the right.
        let mut able: Vec<_> = room.joined().filter(|member| levels.user_can_invite(member)).collect();
        able.sort_by(|a, b| levels.for_user(b).cmp(&levels.for_user(a)).then_with(|| a.cmp(b)));
        match able.first() {
            Some(member) => Ok(Some((*member).to_owned())),
            None => Err(ApiError::new(
                http::StatusCode::BAD_REQUEST,
                ErrorKind::UnableToGrantJoin,
                "Nobody in this room may invite, so nobody can let you in. Ask for an invitation from its administrator.",
            )),
        }
    }

    pub(super) async fn is_in_any(&self, user_id: &UserId, rule: &Restricted) -> Result<bool> {
        let rooms = self.rooms.of_user(user_id).await?;
        Ok(rule.allow.iter().any(|allow| match allow {
            AllowRule::RoomMembership(other) => {
                rooms.get(&other.room_id).is_some_and(|m| m.membership == MembershipState::Join)
            }
            _ => false,
        }))
    }

    /// Asks to be let in.
    pub async fn knock(&self, user_id: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.rooms.require(room_id).await?;
        let content = MemberContent::new(MembershipState::Knock, self.profile(user_id).await?).because(reason);
        self.set_membership(user_id, room_id, user_id, content, |_, _| Ok(())).await
    }

    /// Invites a user.
    pub async fn invite(
        &self,
        sender: &UserId,
        room_id: &RoomId,
        target: &UserId,
        reason: Option<String>,
    ) -> Result<()> {
        // Who is not in the room does not learn whether the user exists.
        self.rooms.joined(room_id, sender).await?;
        self.check_invitable(target).await?;
        let content = MemberContent::invite(self.profile(target).await?).because(reason);
        self.set_membership(sender, room_id, target, content, |_, _| Ok(())).await
    }

    /// Leaves a room, turns down an invitation or takes back a knock.
    pub async fn leave(&self, user_id: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.rooms.require(room_id).await?;
        let content = MemberContent::new(MembershipState::Leave, Profile::default()).because(reason);
        self.set_membership(user_id, room_id, user_id, content, |room, user| match room.membership(user) {
            Some(MembershipState::Leave) | None => Err(ApiError::forbidden("You are not in this room.")),
            _ => Ok(()),
        })
        .await
    }

    /// Removes a user from a room; they may come back.
    pub async fn kick(&self, sender: &UserId, room_id: &RoomId, target: &UserId, reason: Option<String>) -> Result<()> {
        self.rooms.joined(room_id, sender).await?;
        let content = MemberContent::new(MembershipState::Leave, Profile::default()).because(reason);
        self.set_membership(sender, room_id, target, content, |room, target| match room.membership(target) {
            Some(MembershipState::Join | MembershipState::Invite | MembershipState::Knock) => Ok(()),
            _ => Err(ApiError::forbidden("That user is not in this room.")),
        })
        .await
    }

    /// Removes a user from a room for good.
    pub async fn ban(&self, sender: &UserId, room_id: &RoomId, target: &UserId, reason: Option<String>) -> Result<()> {
        self.rooms.joined(room_id, sender).await?;
        let content = MemberContent::new(MembershipState::Ban, Profile::default()).because(reason);
        self.set_membership(sender, room_id, target, content, |_, _| Ok(())).await
    }

    /// Lifts a ban.
    pub async fn unban(
        &self,
        sender: &UserId,
        room_id: &RoomId,
        target: &UserId,
        reason: Option<String>,
    ) -> Result<()> {
        self.rooms.joined(room_id, sender).await?;
        let content = MemberContent::new(MembershipState::Leave, Profile::default()).because(reason);
        self.set_membership(sender, room_id, target, content, |room, target| match room.membership(target) {
            Some(MembershipState::Ban) => Ok(()),
            _ => Err(ApiError::bad_state("That user is not banned.")),
        })
        .await
    }

    async fn set_membership(
        &self,
        sender: &UserId,
        room_id: &RoomId,
        target: &UserId,
        content: MemberContent,
        check: fn(&RoomState, &UserId) -> Result<()>,
    ) -> Result<()> {
        let (sender, target, id) = (sender.to_owned(), target.to_owned(), room_id.to_owned());
        self.journal
            .decide(&[room_id], move |batch| {
                let room = batch.require(&id)?;
                check(&room, &target)?;
                batch.append(&id, content.draft(&sender, &target)?)?;
                Ok(())
            })
            .await
    }

    /// Forgets a room that was left: it is no longer listed, nor its history readable.
    pub async fn forget(&self, user_id: &UserId, room_id: &RoomId) -> Result<()> {
        let rooms = self.rooms.of_user(user_id).await?;
        let membership =
            rooms.get(room_id).cloned().ok_or_else(|| ApiError::not_found("You were never in this room."))?;
        if !matches!(membership.membership, MembershipState::Leave | MembershipState::Ban) {
            return Err(ApiError::unknown("Leave the room before you forget it."));
        }
        let (user_id, id) = (user_id.to_owned(), room_id.to_owned());
        self.journal
            .decide(&[room_id], move |batch| {
                let still_out = batch.room(&id).is_none_or(|room| {
                    matches!(room.membership(&user_id), None | Some(MembershipState::Leave | MembershipState::Ban))
                });
                if still_out {
                    batch.forget(&user_id, &id, membership);
                    return Ok(());
                }
                Err(ApiError::unknown("Leave the room before you forget it."))
            })
            .await
    }

    /// The rooms that a user is joined to.
    pub async fn joined_rooms(&self, user_id: &UserId) -> Result<Vec<OwnedRoomId>> {
        let rooms = self.rooms.of_user(user_id).await?;
        let joined = rooms.iter().filter(|(_, m)| m.membership == MembershipState::Join);
        Ok(joined.map(|(room_id, _)| room_id.clone()).collect())
    }

    /// The rooms that two users are both joined to, by their ids.
    pub async fn mutual_rooms(&self, one: &UserId, other: &UserId) -> Result<Vec<OwnedRoomId>> {
        let theirs = self.rooms.of_user(other).await?;
        let is_theirs = |id: &RoomId| theirs.get(id).is_some_and(|m| m.membership == MembershipState::Join);
        let mut mutual = self.joined_rooms(one).await?;
        mutual.retain(|room_id| is_theirs(room_id));
        mutual.sort();
        Ok(mutual)
    }

    /// How a user shows up in rooms.
    pub(super) async fn profile(&self, user_id: &UserId) -> Result<Profile> {
        let Some(account) = self.users.get(user_id).await? else { return Ok(Profile::default()) };
        let avatar_url = account.avatar_url.as_ref().map(ToString::to_string);
        Ok(Profile { display_name: account.display_name.clone(), avatar_url })
    }

    /// Refuses to invite who is not here: this server has no other servers to ask.
    pub(super) async fn check_invitable(&self, user_id: &UserId) -> Result<()> {
        if user_id.server_name() != self.server_name {
            return Err(ApiError::forbidden(format!(
                "{user_id} belongs to another server, and this one speaks with none."
            )));
        }
        if self.users.get(user_id).await?.is_none() {
            return Err(ApiError::not_found(format!("There is no user {user_id} here.")));
        }
        if self.ignored.of(user_id).await?.invitations {
            let message = format!("{user_id} wants no invitations.");
            return Err(ApiError::new(http::StatusCode::FORBIDDEN, ErrorKind::InviteBlocked, message));
        }
        Ok(())
    }

    async fn is_blocked(&self, room_id: &RoomId) -> Result<bool> {
        Ok(storage::rooms::is_blocked(&self.db, room_id).await?)
    }
}
