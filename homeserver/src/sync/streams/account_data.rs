//! Account data, global and by room.

use std::collections::HashMap;

use ruma::{OwnedRoomId, UserId, serde::Raw};

use crate::{
    domain::event::Position,
    error::Result,
    storage::{self, db::Db},
};

/// Account data that moved: by room, `None` for the global.
pub type AccountData = HashMap<Option<OwnedRoomId>, Vec<(String, Raw<serde_json::Value>)>>;

/// What moved of a user's account data. On a first sync all there is, but for what was emptied.
pub async fn account_data(db: &Db, user_id: &UserId, since: Option<Position>, up_to: Position) -> Result<AccountData> {
    let mut by_room = AccountData::new();
    for row in storage::account_data::changes(db, user_id, since.unwrap_or(-1), up_to).await? {
        if since.is_none() && row.content == "{}" {
            continue;
        }
        let kind = serde_json::to_string(&row.kind)?;
        let event = Raw::from_json_string(format!("{{\"type\":{kind},\"content\":{}}}", row.content))?;
        by_room.entry(row.room_id).or_default().push((row.kind, event));
    }
    Ok(by_room)
}
