//! What stands around a result of a search.

use ruma::{
    UInt,
    api::client::search::search_events::v3::{EventContext, EventContextResult, UserProfile},
    events::StateEventType,
};

use crate::{
    app::App,
    domain::{
        event::Event,
        rooms::{state::RoomState, view::Viewer},
    },
    error::Result,
    sync::token::Token,
};

/// Events on each side, at most.
const MOST: u64 = 20;

/// Whether anything of it is asked for.
pub(super) fn is_wanted(wish: &EventContext) -> bool {
    wish.include_profile || [wish.before_limit, wish.after_limit].into_iter().any(|limit| limit > UInt::MIN)
}

/// What stands around an event. Names are those that its room knows now.
pub(super) async fn around(
    app: &App,
    viewer: &Viewer<'_>,
    room: &RoomState,
    event: &Event,
    wish: &EventContext,
) -> Result<EventContextResult> {
    let limit = |limit: UInt| u64::from(limit).min(MOST) as usize;
    let limits = (limit(wish.before_limit), limit(wish.after_limit));
    let found = app.room_actions.around(room, viewer.user_id, event, limits, &|_| true).await?;
    let mut result = EventContextResult::new();
    let (start, end) = found.bounds(event);
    result.start = Some(Token::at(start).to_string());
    result.end = Some(Token::at(end).to_string());
    if wish.include_profile {
        for sender in found.earlier.iter().chain(&found.later).map(|event| &event.sender).chain([&event.sender]) {
            let member = room.get(&StateEventType::RoomMember, sender.as_str());
            let mut profile = UserProfile::new();
            profile.displayname = member.and_then(|member| member.content_str("displayname"));
            profile.avatar_url = member.and_then(|member| member.content_str("avatar_url")).map(Into::into);
            result.profile_info.insert(sender.clone(), profile);
        }
    }
    result.events_before = viewer.show_in(&app.db, room, &found.sight, &found.earlier).await?;
    result.events_after = viewer.show_in(&app.db, room, &found.sight, &found.later).await?;
    Ok(result)
}
