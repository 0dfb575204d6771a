//! Events that relate to another: replies in a thread, reactions, edits.

use axum::extract::State;
use ruma::{
    EventId, OwnedRoomId, UInt,
    api::{
        Direction,
        client::relations::{
            get_relating_events, get_relating_events_with_rel_type, get_relating_events_with_rel_type_and_event_type,
        },
    },
    events::AnyMessageLikeEvent,
    serde::Raw,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::{
        rooms::{relations, view::Viewer},
        sessions::Requester,
    },
    error::{ApiError, Result},
    storage::relations::Wanted,
    sync::token::Token,
};

/// What the three endpoints have in common.
struct Query<'a> {
    room_id: &'a OwnedRoomId,
    event_id: &'a EventId,
    rel_type: Option<String>,
    kind: Option<String>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    dir: Direction,
    limit: Option<UInt>,
    recurse: bool,
}

struct Page {
    chunk: Vec<Raw<AnyMessageLikeEvent>>,
    next: Option<String>,
    depth: Option<UInt>,
}

async fn page(app: &App, caller: &Requester, query: Query<'_>) -> Result<Page> {
    let missing = || ApiError::not_found("There is no such event, or you may not see it.");
    let room = app.rooms.get(query.room_id).await?.ok_or_else(missing)?;
    let parent = app.room_actions.event(&room, &caller.user_id, query.event_id).await?;
    let sight = app.room_actions.sight(&room, &caller.user_id).await?;
    let backwards = query.dir == Direction::Backward;
    let position = |token: Option<&str>| token.map(str::parse::<Token>).transpose().map(|t| t.map(|t| t.position));
    let (from, to) = (position(query.from)?, position(query.to)?);
    let (after, up_to) = if backwards {
        (to.unwrap_or(-1), from.unwrap_or(i64::MAX))
    } else {
        (from.unwrap_or(-1), to.unwrap_or(i64::MAX))
    };

    let wanted = Wanted {
        parent: &parent.event_id,
        rel_type: query.rel_type.as_deref(),
        kind: query.kind.as_deref(),
        after,
        up_to,
    };
    let limit = query.limit.map_or(50, u64::from).clamp(1, 500) as usize;
    let found = if query.recurse {
        relations::page_recursive(&app.db, &room, &sight, wanted, backwards, limit).await?
    } else {
        relations::page(&app.db, &room, &sight, wanted, backwards, limit).await?
    };
    let next = found.next.map(|next| Token::at(next.max(0)).to_string());
    let viewer = Viewer::new(caller, app.clock.now());
    let chunk = viewer.show_in(&app.db, &room, &sight, &found.events).await?;
    Ok(Page { chunk, next, depth: query.recurse.then(|| UInt::from(relations::MAX_DEPTH)) })
}

/// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}`
pub async fn all(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_relating_events::v1::Request>,
) -> Result<get_relating_events::v1::Response> {
    let query = Query {
        room_id: &body.room_id,
        event_id: &body.event_id,
        rel_type: None,
        kind: None,
        from: body.from.as_deref(),
        to: body.to.as_deref(),
        dir: body.dir,
        limit: body.limit,
        recurse: body.recurse,
    };
    let page = page(&app, &caller, query).await?;
    let mut response = get_relating_events::v1::Response::new(page.chunk);
    (response.next_batch, response.prev_batch, response.recursion_depth) = (page.next, body.from, page.depth);
    Ok(response)
}

/// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}`
pub async fn of_type(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_relating_events_with_rel_type::v1::Request>,
) -> Result<get_relating_events_with_rel_type::v1::Response> {
    let query = Query {
        room_id: &body.room_id,
        event_id: &body.event_id,
        rel_type: Some(body.rel_type.to_string()),
        kind: None,
        from: body.from.as_deref(),
        to: body.to.as_deref(),
        dir: body.dir,
        limit: body.limit,
        recurse: body.recurse,
    };
    let page = page(&app, &caller, query).await?;
    let mut response = get_relating_events_with_rel_type::v1::Response::new(page.chunk);
    (response.next_batch, response.prev_batch, response.recursion_depth) = (page.next, body.from, page.depth);
    Ok(response)
}

/// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}`
pub async fn of_type_and_kind(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_relating_events_with_rel_type_and_event_type::v1::Request>,
) -> Result<get_relating_events_with_rel_type_and_event_type::v1::Response> {
    let query = Query {
        room_id: &body.room_id,
        event_id: &body.event_id,
        rel_type: Some(body.rel_type.to_string()),
        kind: Some(body.event_type.to_string()),
        from: body.from.as_deref(),
        to: body.to.as_deref(),
        dir: body.dir,
        limit: body.limit,
        recurse: body.recurse,
    };
    let page = page(&app, &caller, query).await?;
    let mut response = get_relating_events_with_rel_type_and_event_type::v1::Response::new(page.chunk);
    (response.next_batch, response.prev_batch, response.recursion_depth) = (page.next, body.from, page.depth);
    Ok(response)
}
