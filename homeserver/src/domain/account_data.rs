//! Account data: what clients keep with a user, globally or for a room, and tags, which are a part of it.
//! <https://spec.matrix.org/v1.18/client-server-api/#client-config>

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::tag::{TagInfo, TagName, Tags},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::journal::{Change, Journal};
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// The longest type in bytes.
const MAX_TYPE: usize = 255;
/// Types that the server itself writes.
const OWN: [&str; 3] = ["m.fully_read", "m.push_rules", super::feedback::UNREAD];
/// The type that tags are kept as.
const TAG: &str = "m.tag";

/// The service.
#[derive(Debug)]
pub struct AccountData {
    db: Db,
    journal: Journal,
}

#[derive(Default, Deserialize, Serialize)]
struct TagContent {
    #[serde(default)]
    tags: Tags,
}

impl AccountData {
    /// The service.
    pub fn new(db: Db, journal: Journal) -> Self {
        Self { db, journal }
    }

    /// The content of a type, globally or for a room; `None` if it was never set.
    pub async fn get(&self, user_id: &UserId, room_id: Option<&RoomId>, kind: &str) -> Result<Option<Box<RawValue>>> {
        let text = storage::account_data::get(&self.db, user_id, room_id, kind).await?;
        Ok(text.map(RawValue::from_string).transpose()?)
    }

    /// Sets what a client sends.
    ///
    /// # Errors
    ///
    /// 405 `M_BAD_JSON` for what the server itself writes; `M_BAD_JSON` for anything but an object.
    pub async fn set(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        kind: &str,
        content: Box<RawValue>,
    ) -> Result<()> {
        if OWN.contains(&kind) {
            return Err(ApiError::new(
                http::StatusCode::METHOD_NOT_ALLOWED,
                ruma::api::error::ErrorKind::BadJson,
                format!("{kind} has an endpoint of its own. Use that."),
            ));
        }
        if kind.is_empty() || kind.len() > MAX_TYPE {
            return Err(ApiError::invalid_param("A type has 1 to 255 bytes."));
        }
        if !content.get().starts_with('{') {
            return Err(ApiError::bad_json("Account data is a JSON object."));
        }
        self.put(user_id, room_id, kind, content).await
    }

    /// Sets any type: for what the server itself writes.
    pub async fn put(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        kind: &str,
        content: Box<RawValue>,
    ) -> Result<()> {
        let (user_id, room_id, kind) = (user_id.to_owned(), room_id.map(ToOwned::to_owned), kind.to_owned());
        self.journal
            .decide(&[], move |batch| {
                let position = batch.next_position();
                let row = storage::account_data::row(&user_id, room_id.as_deref(), &kind, content.get(), position);
                batch.rows().account_data(row);
                batch.changed(Change::AccountData { user_id, room_id });
                Ok(())
            })
            .await
    }

    /// A room's tags.
    pub async fn tags(&self, user_id: &UserId, room_id: &RoomId) -> Result<Tags> {
        Ok(read_tags(storage::account_data::get(&self.db, user_id, Some(room_id), TAG).await?))
    }

    /// Tags a room, or with `None` takes a tag away.
    pub async fn tag(
        &self,
        user_id: OwnedUserId,
        room_id: OwnedRoomId,
        tag: String,
        info: Option<TagInfo>,
    ) -> Result<()> {
        if tag.is_empty() || tag.len() > MAX_TYPE {
            return Err(ApiError::invalid_param("A tag has 1 to 255 bytes."));
        }
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let before = storage::account_data::get(&mut w.tx, &user_id, Some(&room_id), TAG).await?;
                    let mut tags = read_tags(before);
                    match info {
                        Some(info) => drop(tags.insert(TagName::from(tag), info)),
                        None => drop(tags.remove(&TagName::from(tag))),
                    }
                    let content = serde_json::to_string(&TagContent { tags })?;
                    let position = w.next_position();
                    storage::account_data::put(&mut w.tx, &user_id, Some(&room_id), TAG, &content, position).await?;
                    w.changed(Change::AccountData { user_id, room_id: Some(room_id) });
                    Ok(())
                })
            })
            .await
    }
}

/// Tags as they are kept. A client may have put anything there: what is none counts as none.
fn read_tags(content: Option<String>) -> Tags {
    content.and_then(|text| serde_json::from_str::<TagContent>(&text).ok()).unwrap_or_default().tags
}
