//! The threads of a room, and which of them people follow.

use axum::extract::State;
use ruma::{
    api::client::threads::{
        get_thread_subscription, get_thread_subscriptions_changes,
        get_threads::v1::{IncludeThreads, Response},
        subscribe_thread, unsubscribe_thread,
    },
    uint,
};

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

/// What `/versions` says of thread subscriptions (MSC4306).
pub const SUBSCRIPTIONS: &str = "org.matrix.msc4306";
/// And of their part in a sliding sync (MSC4308).
pub const SUBSCRIPTIONS_IN_SYNC: &str = "org.matrix.msc4308";

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

/// `GET /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription`
pub async fn subscription(
    State(app): State<App>,
    request: Ruma<get_thread_subscription::unstable::Request>,
) -> Result<get_thread_subscription::unstable::Response> {
    let get_thread_subscription::unstable::Request { room_id, thread_root, .. } = request.body;
    let automatic = app.thread_subscriptions.of(&request.caller.user_id, &room_id, &thread_root).await?;
    let automatic = automatic.ok_or_else(|| ApiError::not_found("You have not subscribed to this thread."))?;
    Ok(get_thread_subscription::unstable::Response::new(automatic))
}

/// `PUT /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription`
pub async fn subscribe(
    State(app): State<App>,
    request: Ruma<subscribe_thread::unstable::Request>,
) -> Result<subscribe_thread::unstable::Response> {
    let subscribe_thread::unstable::Request { room_id, thread_root, automatic, .. } = request.body;
    let user_id = &request.caller.user_id;
    app.thread_subscriptions.subscribe(user_id, &room_id, &thread_root, automatic.as_deref()).await?;
    Ok(subscribe_thread::unstable::Response::new())
}

/// `DELETE /_matrix/client/unstable/io.element.msc4306/rooms/{roomId}/thread/{eventId}/subscription`
pub async fn unsubscribe(
    State(app): State<App>,
    request: Ruma<unsubscribe_thread::unstable::Request>,
) -> Result<unsubscribe_thread::unstable::Response> {
    let unsubscribe_thread::unstable::Request { room_id, thread_root, .. } = request.body;
    app.thread_subscriptions.unsubscribe(&request.caller.user_id, &room_id, &thread_root).await?;
    Ok(unsubscribe_thread::unstable::Response::new())
}

/// `GET /_matrix/client/unstable/io.element.msc4308/thread_subscriptions`
pub async fn subscriptions(
    State(app): State<App>,
    request: Ruma<get_thread_subscriptions_changes::unstable::Request>,
) -> Result<get_thread_subscriptions_changes::unstable::Response> {
    let query = request.body;
    if query.limit == Some(uint!(0)) {
        return Err(ApiError::invalid_param("limit is greater than zero."));
    }
    let position = |token: Option<String>| token.map(|token| token.parse::<Token>()).transpose();
    let up_to = position(query.from)?.map_or(Position::MAX, |from| from.position);
    let after = position(query.to)?.map_or(-1, |to| to.position);
    let page = app.thread_subscriptions.page(&request.caller.user_id, after, up_to, query.limit).await?;
    let mut response = get_thread_subscriptions_changes::unstable::Response::new();
    (response.subscribed, response.unsubscribed) = (page.subscribed, page.unsubscribed);
    response.end = page.next.map(|next| Token::at(next).to_string());
    Ok(response)
}
