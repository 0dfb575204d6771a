//! Account data, global and by room.

use std::collections::HashMap;

use ruma::{OwnedRoomId, RoomId, UserId, events::AnyRoomAccountDataEvent, serde::Raw};

use super::room::Asked;
use crate::{
    app::App,
    domain::event::Position,
    error::Result,
    storage::{self, account_data::Changed, db::Db},
    sync::filter::type_wanted,
};

/// The type of the account data with the push rules.
pub const PUSH_RULES: &str = "m.push_rules";

/// Account data that moved: by room, `None` for the global.
pub type AccountData = HashMap<Option<OwnedRoomId>, Vec<(String, Raw<serde_json::Value>)>>;

/// What moved of a user's account data. On a first sync all there is, but for what was emptied.
pub async fn account_data(db: &Db, user_id: &UserId, since: Option<Position>, up_to: Position) -> Result<AccountData> {
    let mut by_room = AccountData::new();
    for mut row in storage::account_data::changes(db, user_id, since.unwrap_or(-1), up_to).await? {
        if since.is_none() && row.content == "{}" {
            continue;
        }
        by_room.entry(row.room_id.take()).or_default().push(event(row)?);
    }
    Ok(by_room)
}

/// The push rules of one who never changed them: there is no such account data, and yet they hold.
pub async fn default_push_rules(app: &App, user_id: &UserId) -> Result<(String, Raw<serde_json::Value>)> {
    let content = app.push.content(user_id).await?;
    let event = format!("{{\"type\":\"{PUSH_RULES}\",\"content\":{}}}", content.get());
    Ok((PUSH_RULES.to_owned(), Raw::from_json_string(event)?))
}

/// All account data of a room that the user is new to: it may have been set before, or be left from an earlier stay. What
/// was emptied since is told too, for a client that remembers that stay.
pub async fn of_new_room(app: &App, asked: &Asked<'_>, room_id: &RoomId) -> Result<Vec<Raw<AnyRoomAccountDataEvent>>> {
    let rows = storage::account_data::of_room(&app.db, asked.user_id, room_id, asked.up_to).await?;
    Ok(of_room(asked, rows.into_iter().map(event).collect::<Result<_>>()?))
}

/// What the client wants of a room's account data.
pub fn of_room(asked: &Asked<'_>, events: Vec<(String, Raw<serde_json::Value>)>) -> Vec<Raw<AnyRoomAccountDataEvent>> {
    let filter = &asked.filter.room.account_data;
    let wanted = |kind: &str| type_wanted(filter.types.as_deref(), &filter.not_types, kind);
    events.into_iter().filter(|(kind, _)| wanted(kind)).map(|(_, event)| event.cast_unchecked()).collect()
}

/// A type and its event.
pub fn event(Changed { kind, content, .. }: Changed) -> Result<(String, Raw<serde_json::Value>)> {
    let name = serde_json::to_string(&kind)?;
    let event = Raw::from_json_string(format!("{{\"type\":{name},\"content\":{content}}}"))?;
    Ok((kind, event))
}
