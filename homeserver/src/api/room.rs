//! Making rooms, single events of them, and reporting either.

use axum::extract::State;
use ruma::{
    RoomAliasId, RoomVersionId,
    api::client::room::{
        Visibility, aliases, create_room, get_event_by_timestamp, get_room_event, get_summary, report_content,
        report_room, upgrade_room,
    },
    events::room::member::MembershipState,
};
use serde::Deserialize;

use super::ruma::{Ruma, one_of};
use crate::{
    app::App,
    clock,
    domain::{
        event::canonical,
        reports::Subject,
        rooms::{self, create::NewRoom, view::Viewer},
    },
    error::{ApiError, Result},
    storage,
};

/// Whether a room is listed in the directory.
pub(super) const VISIBILITIES: [&str; 2] = ["public", "private"];

/// `POST /_matrix/client/v3/createRoom`
pub async fn create(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<create_room::v3::Request>,
) -> Result<create_room::v3::Response> {
    use create_room::v3::RoomPreset;

    #[derive(Deserialize)]
    struct InitialState {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        state_key: String,
        content: Box<serde_json::value::RawValue>,
    }

    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    let version = body.room_version.unwrap_or_else(|| app.config.rooms.default_version.clone());
    check_version(&version)?;
    if !body.invite_3pid.is_empty() {
        return Err(ApiError::forbidden("Invitations by e-mail or phone number are not possible here."));
    }
    one_of("visibility", &body.visibility, &VISIBILITIES)?;
    let is_public = body.visibility == Visibility::Public;
    let preset = match body.preset {
        Some(preset @ (RoomPreset::PublicChat | RoomPreset::PrivateChat | RoomPreset::TrustedPrivateChat)) => preset,
        Some(other) => return Err(ApiError::invalid_param(format!("{other:?} is no preset."))),
        None if is_public => RoomPreset::PublicChat,
        None => RoomPreset::PrivateChat,
    };
    let alias = match body.room_alias_name {
        Some(name) => {
            let alias = RoomAliasId::parse(format!("#{name}:{}", app.config.server.name))
                .ok()
                .filter(|_| !name.contains([':', '#']) && !name.chars().any(char::is_whitespace))
                .ok_or_else(|| ApiError::invalid_param("A room's address has no spaces, colons or #."))?;
            app.room_actions.check_alias(&alias, &caller)?;
            Some(alias)
        }
        None => None,
    };
    let initial_state = body
        .initial_state
        .iter()
        .map(|raw| {
            let state: InitialState =
                raw.deserialize_as_unchecked().map_err(|e| ApiError::bad_json(format!("initial_state: {e}")))?;
            Ok((state.kind.into(), state.state_key, canonical(&state.content)?))
        })
        .collect::<Result<_>>()?;
    let object = |raw: Option<&serde_json::value::RawValue>| raw.map_or(Ok(Default::default()), canonical);
    for user_id in &body.invite {
        // The first who is not here ends it: the room is not made.
        if !super::profile::exists(&app, user_id, caller.appservice.as_deref()).await? {
            break;
        }
    }
    let room = NewRoom {
        version,
        preset,
        is_public,
        name: body.name.filter(|name| !name.is_empty()),
        topic: body.topic.filter(|topic| !topic.is_empty()),
        alias,
        creation_content: object(body.creation_content.as_ref().map(|raw| raw.json()))?,
        initial_state,
        power_levels: object(body.power_level_content_override.as_ref().map(|raw| raw.json()))?,
        invite: body.invite.into_iter().filter(|user_id| *user_id != caller.user_id).collect(),
        is_direct: body.is_direct,
    };
    Ok(create_room::v3::Response::new(app.room_actions.create(&caller.user_id, room).await?))
}

fn check_version(version: &RoomVersionId) -> Result<()> {
    if crate::config::Rooms::VERSIONS.contains(version) {
        return Ok(());
    }
    Err(ApiError::new(
        http::StatusCode::BAD_REQUEST,
        ruma::api::error::ErrorKind::UnsupportedRoomVersion,
        format!("This server makes no rooms of version {version}. Choose one from 6 to 12."),
    ))
}

/// `POST /_matrix/client/v3/rooms/{roomId}/upgrade`
pub async fn upgrade(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<upgrade_room::v3::Request>,
) -> Result<upgrade_room::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    check_version(&body.new_version)?;
    let upgraded =
        app.room_actions.upgrade(&caller.user_id, &body.room_id, body.new_version, body.additional_creators).await?;
    Ok(upgrade_room::v3::Response::new(upgraded))
}

/// `GET /_matrix/client/v1/room_summary/{roomIdOrAlias}`: without a token of what is open to everybody.
pub async fn summary(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_summary::v1::Request>,
) -> Result<get_summary::v1::Response> {
    let appservice = caller.as_ref().and_then(|caller| caller.appservice.as_deref());
    let room_id = super::membership::room_id(&app, appservice, &body.room_id_or_alias).await?;
    let user_id = caller.as_ref().map(|caller| &*caller.user_id);
    let missing = || ApiError::not_found("There is no such room, or you may not see it.");
    let room = app.rooms.get(&room_id).await?.ok_or_else(missing)?;
    if !app.room_actions.may_preview(&room, user_id).await? {
        return Err(missing());
    }
    let mut response = get_summary::v1::Response::new(rooms::summary::summary(&room));
    response.membership = user_id.map(|user_id| room.membership(user_id).cloned().unwrap_or(MembershipState::Leave));
    Ok(response)
}

/// `GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}`
pub async fn event(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_room_event::v3::Request>,
) -> Result<get_room_event::v3::Response> {
    let missing = || ApiError::not_found("There is no such event, or you may not see it.");
    let room = app.rooms.get(&body.room_id).await?.ok_or_else(missing)?;
    let event = app.room_actions.event(&room, &caller.user_id, &body.event_id).await?;
    let sight = app.room_actions.sight(&room, &caller.user_id).await?;
    let viewer = Viewer::new(&caller, app.clock.now());
    let shown = viewer.show_in(&app.db, &room, &sight, &[event]).await?.pop().ok_or_else(missing)?;
    Ok(get_room_event::v3::Response::new(shown))
}

/// `GET /_matrix/client/v3/rooms/{roomId}/aliases`
pub async fn aliases(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<aliases::v3::Request>,
) -> Result<aliases::v3::Response> {
    Ok(aliases::v3::Response::new(app.room_actions.aliases(&caller.user_id, &body.room_id).await?))
}

/// `GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event`
pub async fn at_timestamp(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_event_by_timestamp::v1::Request>,
) -> Result<get_event_by_timestamp::v1::Response> {
    let room = app.rooms.joined(&body.room_id, &caller.user_id).await?;
    let forwards = body.dir == ruma::api::Direction::Forward;
    let event = storage::events::nearest(&app.db, &room.room_id, i64::from(body.ts.get()), forwards).await?;
    let sight = app.room_actions.sight(&room, &caller.user_id).await?;
    let event = event
        .filter(|event| sight.sees(event, &caller.user_id))
        .ok_or_else(|| ApiError::not_found("There is no event on that side of that time."))?;
    Ok(get_event_by_timestamp::v1::Response::new(event.event_id.clone(), clock::to_matrix(event.origin_server_ts)))
}

/// `POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}`: by those who are in the room.
pub async fn report_content(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<report_content::v3::Request>,
) -> Result<report_content::v3::Response> {
    app.limits.message(&caller.user_id)?;
    let missing = || ApiError::not_found("There is no such event, or you may not see it.");
    let room = app.rooms.get(&body.room_id).await?.filter(|room| room.is_joined(&caller.user_id));
    let room = room.ok_or_else(missing)?;
    let event = app.room_actions.event(&room, &caller.user_id, &body.event_id).await?;
    let subject = Subject::Event { room_id: body.room_id, event_id: body.event_id, sender: event.sender.clone() };
    app.reports.add(caller.user_id, subject, body.reason).await?;
    Ok(report_content::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/report`: by anybody who knows the room.
pub async fn report_room(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<report_room::v3::Request>,
) -> Result<report_room::v3::Response> {
    app.limits.message(&caller.user_id)?;
    app.rooms.require(&body.room_id).await?;
    app.reports.add(caller.user_id, Subject::Room(body.room_id), Some(body.reason)).await?;
    Ok(report_room::v3::Response::new())
}
