//! Rooms: listing, looking into them, blocking, deleting.

use std::cmp::Ordering;

use axum::{extract::State, response::Response};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, events::room::member::MembershipState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    extract::{Admin, Body, Params, Path, page},
    ok,
};
use crate::{
    app::App,
    domain::administration::RoomRow,
    error::{ApiError, Result},
};

fn shown(room: &RoomRow) -> Value {
    let federates = room.state.get("m.room.create").and_then(|content| content.get("m.federate")?.as_bool());
    json!({
        "room_id": room.room_id, "name": room.text("m.room.name", "name"),
        "canonical_alias": room.text("m.room.canonical_alias", "alias"),
        "joined_members": room.joined, "joined_local_members": room.joined, "version": room.version,
        "creator": room.creator, "encryption": room.text("m.room.encryption", "algorithm"),
        "federatable": federates.unwrap_or(true), "public": room.is_public,
        "join_rules": room.text("m.room.join_rules", "join_rule"),
        "guest_access": room.text("m.room.guest_access", "guest_access"),
        "history_visibility": room.text("m.room.history_visibility", "history_visibility"),
        "state_events": room.state_events, "room_type": room.text("m.room.create", "type"),
    })
}

/// `GET /_synapse/admin/v1/rooms`
pub(super) async fn list(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let term = params.text("search_term").map(|term| term.to_lowercase());
    if term.as_deref() == Some("") {
        return Err(ApiError::invalid_param("search_term is empty. Leave it out to see every room."));
    }
    let public = params.flag("public_rooms")?;
    let mut rooms = app.administration.rooms().await?;
    rooms.retain(|room| {
        let holds = |text: Option<&str>, term: &str| text.is_some_and(|text| text.to_lowercase().contains(term));
        public.is_none_or(|public| room.is_public == public)
            && term.as_deref().is_none_or(|term| {
                holds(room.text("m.room.name", "name"), term)
                    || holds(room.text("m.room.canonical_alias", "alias"), term)
                    || room.room_id.as_str().to_lowercase() == term
            })
    });
    sort(&mut rooms, params.text("order_by").as_deref())?;
    if params.backwards()? {
        rooms.reverse();
    }
    let (total, from) = (rooms.len(), params.number("from")?.unwrap_or(0));
    let (rooms, next) = page(rooms, &params)?;
    let mut answer = json!({
        "rooms": rooms.iter().map(shown).collect::<Vec<_>>(), "offset": from, "total_rooms": total,
    });
    if let Some(next) = next {
        answer["next_batch"] = next.into();
    }
    if from > 0 {
        let limit = params.number("limit")?.unwrap_or(100);
        answer["prev_batch"] = from.saturating_sub(limit).into();
    }
    Ok(ok(&answer))
}

/// Which of two rooms comes first.
type Order = Box<dyn Fn(&RoomRow, &RoomRow) -> Ordering>;

/// Sorts as Synapse does: texts from a to z, numbers and what is true from great to small.
fn sort(rooms: &mut [RoomRow], order_by: Option<&str>) -> Result<()> {
    let text = |kind: &'static str, field: &'static str| {
        move |a: &RoomRow, b: &RoomRow| {
            let key = |room: &RoomRow| room.text(kind, field).map(str::to_lowercase);
            let (a, b) = (key(a), key(b));
            // Those without one come last.
            a.is_none().cmp(&b.is_none()).then(a.cmp(&b))
        }
    };
    let by: Order = match order_by {
        None | Some("name" | "alphabetical") => Box::new(text("m.room.name", "name")),
        Some("canonical_alias") => Box::new(text("m.room.canonical_alias", "alias")),
        Some("joined_members" | "joined_local_members" | "size") => Box::new(|a, b| b.joined.cmp(&a.joined)),
        Some("version") => Box::new(|a, b| b.version.cmp(&a.version)),
        Some("creator") => Box::new(|a, b| a.creator.cmp(&b.creator)),
        Some("encryption") => Box::new(text("m.room.encryption", "algorithm")),
        Some("federatable") => Box::new(|_, _| Ordering::Equal),
        Some("public") => Box::new(|a, b| b.is_public.cmp(&a.is_public)),
        Some("join_rules") => Box::new(text("m.room.join_rules", "join_rule")),
        Some("guest_access") => Box::new(text("m.room.guest_access", "guest_access")),
        Some("history_visibility") => Box::new(text("m.room.history_visibility", "history_visibility")),
        Some("state_events") => Box::new(|a, b| b.state_events.cmp(&a.state_events)),
        Some(_) => return Err(ApiError::invalid_param("order_by names no column of the list.")),
    };
    rooms.sort_by(|a, b| by(a, b).then_with(|| a.room_id.cmp(&b.room_id)));
    Ok(())
}

/// `GET /_synapse/admin/v1/rooms/{roomId}`
pub(super) async fn details(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let room = app.administration.room(&path.id::<OwnedRoomId>(0)?).await?;
    let mut answer = shown(&room);
    answer["topic"] = room.text("m.room.topic", "topic").into();
    answer["avatar"] = room.text("m.room.avatar", "url").into();
    answer["joined_local_devices"] = app.administration.devices_of_members(&room.room_id).await?.into();
    answer["forgotten"] = (room.joined == 0).into();
    Ok(ok(&answer))
}

/// `GET /_synapse/admin/v1/rooms/{roomId}/members`
pub(super) async fn members(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let room = app.rooms.require(&path.id::<OwnedRoomId>(0)?).await?;
    let mut members: Vec<_> = room.members(MembershipState::Join).map(|(user_id, _)| user_id.to_owned()).collect();
    members.sort();
    Ok(ok(&json!({ "total": members.len(), "members": members })))
}

/// `GET /_synapse/admin/v1/rooms/{roomId}/state`
pub(super) async fn state(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let room = app.rooms.require(&path.id::<OwnedRoomId>(0)?).await?;
    let state: Vec<Value> = room
        .all()
        .map(|event| serde_json::from_str(&event.with(Some(&room.room_id), None)))
        .collect::<Result<_, _>>()?;
    Ok(ok(&json!({ "state": state })))
}

/// `GET /_synapse/admin/v1/rooms/{roomId}/block`
pub(super) async fn is_blocked(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let by = app.administration.blocked_by(&path.id::<OwnedRoomId>(0)?).await?;
    let mut answer = json!({ "block": by.is_some() });
    if let Some(by) = by {
        answer["user_id"] = by.as_str().into();
    }
    Ok(ok(&answer))
}

#[derive(Deserialize)]
pub(super) struct Block {
    block: bool,
}

/// `PUT /_synapse/admin/v1/rooms/{roomId}/block`
pub(super) async fn block(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(body): Body<Block>,
) -> Result<Response> {
    app.administration.block(&path.id::<OwnedRoomId>(0)?, body.block.then_some(&*caller)).await?;
    Ok(ok(&json!({ "block": body.block })))
}

#[derive(Deserialize)]
pub(super) struct Deletion {
    #[serde(default)]
    block: bool,
    #[serde(default = "yes")]
    purge: bool,
    #[serde(default)]
    new_room_user_id: Option<OwnedUserId>,
}

fn yes() -> bool {
    true
}

impl Deletion {
    /// Checks the wish, blocks the room if that is asked, and begins.
    async fn begin(&self, app: &App, caller: &OwnedUserId, room_id: &RoomId) -> Result<String> {
        if self.new_room_user_id.is_some() {
            return Err(ApiError::invalid_param(
                "People are not moved to another room here. Leave out new_room_user_id, and tell them before.",
            ));
        }
        if self.block {
            app.administration.block(room_id, Some(caller)).await?;
        }
        app.administration.room(room_id).await?;
        Ok(app.administration.begin(room_id.to_owned(), app.clock.now()))
    }
}

/// `DELETE /_synapse/admin/v1/rooms/{roomId}`: answers when it is done.
pub(super) async fn delete_now(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(wish): Body<Deletion>,
) -> Result<Response> {
    let room_id: OwnedRoomId = path.id(0)?;
    let delete_id = wish.begin(&app, &caller, &room_id).await?;
    Ok(ok(&app.administration.delete(&delete_id, &room_id, wish.purge).await?))
}

/// `DELETE /_synapse/admin/v2/rooms/{roomId}`: answers at once with an id to ask after.
pub(super) async fn delete_later(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(wish): Body<Deletion>,
) -> Result<Response> {
    let room_id: OwnedRoomId = path.id(0)?;
    let delete_id = wish.begin(&app, &caller, &room_id).await?;
    let answer = ok(&json!({ "delete_id": delete_id }));
    let working = app.clone();
    app.tasks.spawn(async move {
        if let Err(error) = working.administration.delete(&delete_id, &room_id, wish.purge).await {
            tracing::warn!(%room_id, error = &error as &dyn std::error::Error, "a room could not be deleted");
        }
    });
    Ok(answer)
}

/// `GET /_synapse/admin/v2/rooms/{roomId}/delete_status`
pub(super) async fn deletions_of_room(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let deletions = app.administration.deletions_of(&path.id::<OwnedRoomId>(0)?);
    if deletions.is_empty() {
        return Err(ApiError::not_found("No deletion of this room is known."));
    }
    Ok(ok(&json!({ "results": deletions })))
}

/// `GET /_synapse/admin/v2/rooms/delete_status/{deleteId}`
pub(super) async fn deletion(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let deletion = app.administration.deletion(path.text(0));
    Ok(ok(&deletion.ok_or_else(|| ApiError::not_found("No such deletion is known."))?))
}
