//! Joining, inviting, leaving, kicking, banning, forgetting; and who is in a room.

pub mod mutual_rooms;

use std::collections::BTreeMap;

use axum::extract::State;
use ruma::{
    OwnedRoomId, RoomOrAliasId,
    api::client::membership::{
        ban_user, forget_room, get_member_events, invite_user, join_room_by_id, join_room_by_id_or_alias,
        joined_members, joined_rooms, kick_user, leave_room, unban_user,
    },
    events::room::member::MembershipState,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::{appservices::Appservice, rooms::view::Viewer},
    error::{ApiError, Result},
    storage,
    sync::token::Token,
};

/// The room behind an id or an alias, for an application service if one asks.
pub async fn room_id(app: &App, asking: Option<&Appservice>, id: &RoomOrAliasId) -> Result<OwnedRoomId> {
    match <&ruma::RoomId>::try_from(id) {
        Ok(room_id) => Ok(room_id.to_owned()),
        Err(alias) => super::alias::resolve(app, alias, asking).await,
    }
}

/// `POST /_matrix/client/v3/rooms/{roomId}/join`
pub async fn join(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<join_room_by_id::v3::Request>,
) -> Result<join_room_by_id::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    app.room_actions.join(&caller.user_id, &body.room_id, body.reason).await?;
    Ok(join_room_by_id::v3::Response::new(body.room_id))
}

/// `POST /_matrix/client/v3/join/{roomIdOrAlias}`
pub async fn join_by_alias(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<join_room_by_id_or_alias::v3::Request>,
) -> Result<join_room_by_id_or_alias::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    let room_id = room_id(&app, caller.appservice.as_deref(), &body.room_id_or_alias).await?;
    app.room_actions.join(&caller.user_id, &room_id, body.reason).await?;
    Ok(join_room_by_id_or_alias::v3::Response::new(room_id))
}

/// `POST /_matrix/client/v3/rooms/{roomId}/invite`
pub async fn invite(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<invite_user::v3::Request>,
) -> Result<invite_user::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    let invite_user::v3::InvitationRecipient::UserId(recipient) = body.recipient else {
        return Err(ApiError::forbidden("Invitations by e-mail or phone number are not possible here."));
    };
    // Who is not in the room has no account made.
    app.rooms.joined(&body.room_id, &caller.user_id).await?;
    super::profile::exists(&app, &recipient.user_id, caller.appservice.as_deref()).await?;
    app.room_actions.invite(&caller.user_id, &body.room_id, &recipient.user_id, recipient.reason).await?;
    Ok(invite_user::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/leave`
pub async fn leave(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<leave_room::v3::Request>,
) -> Result<leave_room::v3::Response> {
    app.server_notices.may_leave(&caller.user_id, &body.room_id).await?;
    app.room_actions.leave(&caller.user_id, &body.room_id, body.reason).await?;
    Ok(leave_room::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/kick`
pub async fn kick(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<kick_user::v3::Request>,
) -> Result<kick_user::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    app.room_actions.kick(&caller.user_id, &body.room_id, &body.user_id, body.reason).await?;
    Ok(kick_user::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/ban`
pub async fn ban(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<ban_user::v3::Request>,
) -> Result<ban_user::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    app.room_actions.ban(&caller.user_id, &body.room_id, &body.user_id, body.reason).await?;
    Ok(ban_user::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/unban`
pub async fn unban(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<unban_user::v3::Request>,
) -> Result<unban_user::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    app.room_actions.unban(&caller.user_id, &body.room_id, &body.user_id, body.reason).await?;
    Ok(unban_user::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/forget`
pub async fn forget(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<forget_room::v3::Request>,
) -> Result<forget_room::v3::Response> {
    app.room_actions.forget(&caller.user_id, &body.room_id).await?;
    Ok(forget_room::v3::Response::new())
}

/// `GET /_matrix/client/v3/joined_rooms`
pub async fn joined_rooms(
    State(app): State<App>,
    Ruma { caller, .. }: Ruma<joined_rooms::v3::Request>,
) -> Result<joined_rooms::v3::Response> {
    Ok(joined_rooms::v3::Response::new(app.room_actions.joined_rooms(&caller.user_id).await?))
}

/// `GET /_matrix/client/v3/rooms/{roomId}/joined_members`
pub async fn joined_members(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<joined_members::v3::Request>,
) -> Result<joined_members::v3::Response> {
    let room = app.rooms.joined(&body.room_id, &caller.user_id).await?;
    let joined: BTreeMap<_, _> = room
        .members(MembershipState::Join)
        .map(|(user_id, event)| {
            let mut member = joined_members::v3::RoomMember::new();
            member.display_name = event.content_str("displayname");
            member.avatar_url = event.content_str("avatar_url").map(Into::into);
            (user_id.to_owned(), member)
        })
        .collect();
    Ok(joined_members::v3::Response::new(joined))
}

/// `GET /_matrix/client/v3/rooms/{roomId}/members`
pub async fn members(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_member_events::v3::Request>,
) -> Result<get_member_events::v3::Response> {
    let mut state = app.room_actions.visible_state(&caller.user_id, &body.room_id).await?;
    if let Some(at) = &body.at {
        let at: Token = at.parse()?;
        let room = app.rooms.require(&body.room_id).await?;
        if room.is_joined(&caller.user_id) && at.position < room.position {
            state = storage::events::state_at(&app.db, &body.room_id, at.position).await?;
        }
    }
    let wanted = |membership: &MembershipState| {
        body.membership.as_ref().is_none_or(|m| m == membership)
            && body.not_membership.as_ref().is_none_or(|m| m != membership)
    };
    state.retain(|event| event.membership.as_ref().is_some_and(wanted));
    state.sort_by_key(|event| event.position);
    let viewer = Viewer::new(&caller, app.clock.now());
    Ok(get_member_events::v3::Response::new(viewer.show(&app.db, &state).await?))
}
