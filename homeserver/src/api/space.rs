//! The tree of rooms below a space.

use axum::extract::State;
use ruma::{
    UserId,
    api::client::space::{SpaceHierarchyRoomsChunk, get_hierarchy},
    events::space::child::HierarchySpaceChildEvent,
    serde::Raw,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::ruma::Ruma;
use crate::{
    app::App,
    clock::Millis,
    domain::{
        event::Event,
        rooms::{
            spaces::{Branch, MAX_DEPTH, Walk},
            summary::summary,
        },
    },
    error::{ApiError, Result},
};

/// Rooms in one answer, at most.
const MOST: u64 = 50;

/// `GET /_matrix/client/v1/rooms/{roomId}/hierarchy`
pub async fn hierarchy(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_hierarchy::v1::Request>,
) -> Result<get_hierarchy::v1::Response> {
    app.limits.message(&caller.user_id)?;
    let mut walk = Walk {
        skip: 0,
        limit: body.limit.map_or(MOST, u64::from).clamp(1, MOST) as usize,
        max_depth: body.max_depth.map_or(MAX_DEPTH, u64::from),
        suggested_only: body.suggested_only,
    };
    if let Some(from) = &body.from {
        walk.skip = from.split_once('_').and_then(|(skip, _)| skip.parse().ok()).unwrap_or_default();
        if *from != token(walk, walk.skip) {
            return Err(ApiError::invalid_param(
                "from is no token of this tree. max_depth and suggested_only must stay what they were.",
            ));
        }
    }
    let found = app.room_actions.hierarchy(&caller.user_id, &body.room_id, walk).await?;
    let mut response = get_hierarchy::v1::Response::new();
    response.next_batch = found.next.map(|next| token(walk, next));
    response.rooms = found.rooms.iter().map(shown).collect::<Result<_>>()?;
    Ok(response)
}

/// Where a part of a tree begins. It holds what must not change from one part to the next.
fn token(walk: Walk, skip: usize) -> String {
    format!("{skip}_{}_{}", walk.max_depth, walk.suggested_only)
}

fn shown(branch: &Branch) -> Result<SpaceHierarchyRoomsChunk> {
    let children = branch.children.iter().map(|event| link(event)).collect::<Result<_>>()?;
    Ok(SpaceHierarchyRoomsChunk::new(summary(&branch.room), children))
}

/// A link to a child: stripped state that keeps its time, by which children are ordered.
fn link(event: &Event) -> Result<Raw<HierarchySpaceChildEvent>> {
    #[derive(Serialize)]
    struct Link<'a> {
        content: &'a RawValue,
        origin_server_ts: Millis,
        sender: &'a UserId,
        state_key: &'a str,
        #[serde(rename = "type")]
        kind: &'static str,
    }
    let link = Link {
        content: &event.content,
        origin_server_ts: event.origin_server_ts,
        sender: &event.sender,
        state_key: event.state_key.as_deref().unwrap_or_default(),
        kind: "m.space.child",
    };
    Ok(Raw::from_json(to_raw_value(&link)?))
}
