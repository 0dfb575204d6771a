//! The threads of a room.

use axum::extract::State;
use ruma::api::client::threads::get_threads::v1::{IncludeThreads, Response};

use super::{lenient::GetThreads, ruma::Ruma};
use crate::{
    app::App,
    domain::{
        event::Position,
        rooms::{
            relations::{self, Threads},
            view::Viewer,
        },
    },
    error::{ApiError, Result},
    sync::token::Token,
};

/// `GET /_matrix/client/v1/rooms/{roomId}/threads`
pub async fn threads(State(app): State<App>, request: Ruma<GetThreads>) -> Result<Response> {
    let (query, caller) = (request.body.0, request.caller);
    let refused = || ApiError::forbidden("You are not in this room.");
    let room = app.rooms.get(&query.room_id).await?.ok_or_else(refused)?;
    let sight = app.room_actions.sight(&room, &caller.user_id).await?;
    let from = query.from.as_deref().map(str::parse::<Token>).transpose()?;
    let wanted = Threads {
        user_id: &caller.user_id,
        participated: matches!(query.include, IncludeThreads::Participated),
        up_to: from.map_or(Position::MAX, |token| token.position),
        limit: query.limit.map_or(50, u64::from).clamp(1, 100) as usize,
    };
    let page = relations::threads(&app.db, &room, &sight, wanted).await?;
    let viewer = Viewer::new(&caller, app.clock.now());
    let mut response = Response::new(viewer.show_in(&app.db, &room, &sight, &page.events).await?);
    response.next_batch = page.next.map(|next| Token::at(next.max(0)).to_string());
    Ok(response)
}
