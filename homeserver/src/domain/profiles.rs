//! Profiles: what people say of themselves, and how it reaches the rooms that they are in.
//! <https://spec.matrix.org/v1.18/client-server-api/#profiles>

use std::sync::Arc;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedMxcUri, UserId,
    events::{StateEventType, room::member::MembershipState},
};
use serde_json::{Map, Value};

use super::{
    directory::searchable,
    event::{Draft, canonical},
    journal::{Batch, Change, Journal},
    rooms::{Rooms, state::RoomState},
    users::{Account, Users},
};
use crate::{
    error::{ApiError, Result},
    storage,
};

/// The display name's field.
pub const DISPLAY_NAME: &str = "displayname";
/// The avatar's field.
pub const AVATAR_URL: &str = "avatar_url";

/// The longest display name in characters.
const MAX_DISPLAY_NAME: usize = 256;
/// The longest avatar's address in bytes.
const MAX_AVATAR_URL: usize = 1000;
/// The longest name of a field in bytes, by the specification.
const MAX_KEY: usize = 255;
/// The largest profile in bytes, by the specification.
const MAX_PROFILE: usize = 64 * 1024;

/// What a change of the profile puts into `m.room.member` events.
#[derive(Clone, Debug)]
enum Shown {
    DisplayName(Option<String>),
    Avatar(Option<OwnedMxcUri>),
}

/// The service.
#[derive(Debug)]
pub struct Profiles {
    journal: Journal,
    users: Arc<Users>,
    rooms: Arc<Rooms>,
}

impl Profiles {
    /// The service.
    pub fn new(journal: Journal, users: Arc<Users>, rooms: Arc<Rooms>) -> Self {
        Self { journal, users, rooms }
    }

    /// A whole profile.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for a user that there is not.
    pub async fn get(&self, user_id: &UserId) -> Result<Map<String, Value>> {
        Ok(whole(&*self.users.require(user_id).await?))
    }

    /// One field of a profile; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for a user that there is not.
    pub async fn field(&self, user_id: &UserId, field: &str) -> Result<Option<Value>> {
        Ok(self.get(user_id).await?.remove(field))
    }

    /// Sets a field, or with `None` removes it. A display name or an avatar also changes the member events of the rooms
    /// that the user is in, in the same commit.
    ///
    /// # Errors
    ///
    /// `M_BAD_JSON` for a value of the wrong type, `M_TOO_LARGE` for a name or an address that is too long,
    /// `M_KEY_TOO_LARGE` and `M_PROFILE_TOO_LARGE` for other fields.
    pub async fn set(&self, user_id: &UserId, field: &str, value: Option<Value>) -> Result<()> {
        match field {
            DISPLAY_NAME => self.show(user_id, Shown::DisplayName(display_name(value)?)).await,
            AVATAR_URL => self.show(user_id, Shown::Avatar(avatar(value)?)).await,
            _ => self.set_further(user_id, field, value).await,
        }
    }

    async fn show(&self, user_id: &UserId, shown: Shown) -> Result<()> {
        let account = self.users.require(user_id).await?;
        let unchanged = match &shown {
            Shown::DisplayName(name) => *name == account.display_name,
            Shown::Avatar(url) => *url == account.avatar_url,
        };
        if unchanged {
            return Ok(());
        }
        let of_user = self.rooms.of_user(user_id).await?;
        let joined: Vec<_> =
            of_user.iter().filter(|(_, m)| m.membership == MembershipState::Join).map(|(id, _)| id.clone()).collect();
        let ids: Vec<_> = joined.iter().map(|id| &**id).collect();
        let (user_id, rooms) = (user_id.to_owned(), joined.clone());
        self.journal
            .decide(&ids, move |batch| {
                let row = match &shown {
                    Shown::DisplayName(name) => {
                        let search_text = searchable(&user_id, name.as_deref());
                        storage::accounts::set_display_name(&user_id, name.as_deref(), &search_text)
                    }
                    Shown::Avatar(url) => storage::accounts::set_avatar_url(&user_id, url.as_deref()),
                };
                batch.rows().statement(row);
                batch.changed(Change::Profile(user_id.clone()));
                for room_id in &rooms {
                    if let Some(room) = batch.room(room_id) {
                        show_in(batch, &room, &user_id, &shown)?;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn set_further(&self, user_id: &UserId, field: &str, value: Option<Value>) -> Result<()> {
        if field.is_empty() {
            return Err(ApiError::invalid_param("A field has a name."));
        }
        if field.len() > MAX_KEY {
            return Err(ApiError::key_too_large("The name of a field has no more than 255 bytes."));
        }
        let (user_id, field) = (user_id.to_owned(), field.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let mut profile = storage::accounts::profile_fields(&mut w.tx, &user_id)
                        .await?
                        .ok_or_else(|| ApiError::not_found("There is no such user."))?;
                    match value {
                        Some(value) => drop(profile.insert(field, value)),
                        None => drop(profile.remove(&field)),
                    }
                    let json = serde_json::to_string(&profile)?;
                    if json.len() > MAX_PROFILE {
                        return Err(ApiError::profile_too_large(
                            "A profile holds no more than 64 KiB. Make it shorter.",
                        ));
                    }
                    storage::accounts::set_profile(&mut w.tx, &user_id, &json).await?;
                    w.changed(Change::Profile(user_id));
                    Ok(())
                })
            })
            .await
    }
}

/// An account's profile as clients see it.
fn whole(account: &Account) -> Map<String, Value> {
    let mut all = account.profile.clone();
    if let Some(name) = &account.display_name {
        all.insert(DISPLAY_NAME.to_owned(), name.clone().into());
    }
    if let Some(url) = &account.avatar_url {
        all.insert(AVATAR_URL.to_owned(), url.as_str().into());
    }
    all
}

/// A display name that may be set; an empty one is none.
///
/// # Errors
///
/// `M_BAD_JSON`, `M_TOO_LARGE`.
pub fn display_name(value: Option<Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.chars().count() > MAX_DISPLAY_NAME => {
            Err(ApiError::too_large("The display name is too long. Choose one of 256 characters at most."))
        }
        Some(Value::String(name)) => Ok(Some(name).filter(|name| !name.is_empty())),
        Some(_) => Err(ApiError::bad_json("displayname is a text.")),
    }
}

/// An avatar that may be set; an empty one is none.
///
/// # Errors
///
/// `M_BAD_JSON`, `M_TOO_LARGE`.
pub fn avatar(value: Option<Value>) -> Result<Option<OwnedMxcUri>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(url)) if url.len() > MAX_AVATAR_URL => {
            Err(ApiError::too_large("The avatar's address is too long."))
        }
        Some(Value::String(url)) => Ok(Some(url).filter(|url| !url.is_empty()).map(OwnedMxcUri::from)),
        Some(_) => Err(ApiError::bad_json("avatar_url is a text.")),
    }
}

/// Puts a change into a member event and leaves everything else in it as it was.
fn show_in(batch: &mut Batch<'_>, room: &RoomState, user_id: &UserId, shown: &Shown) -> Result<()> {
    let Some(member) = room.get(&StateEventType::RoomMember, user_id.as_str()) else { return Ok(()) };
    if member.membership != Some(MembershipState::Join) {
        return Ok(());
    }
    let before = canonical(&member.content)?;
    let content = with(before.clone(), shown);
    if content == before {
        return Ok(());
    }
    let draft = Draft::state(user_id, StateEventType::RoomMember, user_id.as_str(), content);
    if let Err(error) = batch.append(&room.room_id, draft) {
        // One room that does not take it must not keep a person from their own name.
        tracing::warn!(room_id = %room.room_id, %error, "a changed profile was not shown in a room");
    }
    Ok(())
}

fn with(mut content: CanonicalJsonObject, shown: &Shown) -> CanonicalJsonObject {
    let (key, value) = match shown {
        Shown::DisplayName(name) => (DISPLAY_NAME, name.clone()),
        Shown::Avatar(url) => (AVATAR_URL, url.as_ref().map(ToString::to_string)),
    };
    match value {
        Some(value) => content.insert(key.to_owned(), CanonicalJsonValue::String(value)),
        None => content.remove(key),
    };
    content
}
