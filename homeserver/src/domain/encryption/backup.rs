//! Backups of room keys: encrypted by the client, kept here by version.
//! <https://spec.matrix.org/v1.18/client-server-api/#server-side-key-backups>

use std::collections::BTreeMap;

use ruma::{
    OwnedRoomId, RoomId, UInt, UserId,
    api::client::backup::{BackupAlgorithm, KeyBackupData},
    serde::Raw,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Encryption;
use crate::{
    domain::journal::Writing,
    error::{ApiError, Result},
    storage::{
        self,
        key_backup::{Keys, Version},
    },
};

/// Keys by room and session.
pub type Sessions = BTreeMap<OwnedRoomId, BTreeMap<String, Raw<KeyBackupData>>>;

/// A version's state after a change: what clients compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Changes whenever a key does.
    pub etag: String,
    /// How many keys there are.
    pub count: UInt,
}

impl State {
    /// Of a version.
    pub fn of(version: &Version) -> Self {
        Self { etag: version.etag.to_string(), count: UInt::try_from(version.count).unwrap_or_default() }
    }
}

/// What of a version's description is read here.
#[derive(Deserialize)]
struct Description {
    algorithm: String,
    auth_data: Box<RawValue>,
    version: Option<String>,
}

/// What of a key decides whether it takes another's place.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Quality {
    is_verified: bool,
    first_message_index: UInt,
    forwarded_count: UInt,
}

impl Quality {
    /// A verified key is better, then one that opens earlier messages, then one that came by fewer hands. Between
    /// equals the one that is there stays.
    fn is_better_than(self, other: Self) -> bool {
        let rank = |q: Self| (!q.is_verified, q.first_message_index, q.forwarded_count);
        rank(self) < rank(other)
    }
}

impl Encryption {
    /// Begins a new version of a user's backup; it is the current one from now on.
    pub async fn create_backup(&self, user_id: &UserId, algorithm: &Raw<BackupAlgorithm>) -> Result<String> {
        let (user_id, description) = (user_id.to_owned(), describe(algorithm)?);
        let auth_data = description.auth_data.get().to_owned();
        let version = self
            .journal
            .write(move |w| {
                Box::pin(async move {
                    Ok(storage::key_backup::create(&mut w.tx, &user_id, &description.algorithm, &auth_data).await?)
                })
            })
            .await?;
        Ok(version.to_string())
    }

    /// A version, or the current one.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn backup(&self, user_id: &UserId, version: Option<&str>) -> Result<Version> {
        let found = match version {
            Some(version) => match number(version) {
                Some(number) => storage::key_backup::get(&self.db, user_id, number).await?,
                None => None,
            },
            None => storage::key_backup::latest(&self.db, user_id).await?,
        };
        found.filter(|version| !version.deleted).ok_or_else(no_backup)
    }

    /// Replaces a version's data.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`; `M_INVALID_PARAM` for another algorithm or version than it has.
    pub async fn update_backup(&self, user_id: &UserId, version: &str, algorithm: &Raw<BackupAlgorithm>) -> Result<()> {
        let (user_id, description) = (user_id.to_owned(), describe(algorithm)?);
        if description.version.as_deref().is_some_and(|named| named != version) {
            return Err(ApiError::invalid_param("The version in the body is not that of the path."));
        }
        let number = number(version).ok_or_else(no_backup)?;
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let known = existing(w, &user_id, number).await?;
                    if known.algorithm != description.algorithm {
                        return Err(ApiError::invalid_param("A version keeps its algorithm. Begin a new version."));
                    }
                    let auth_data = description.auth_data.get();
                    Ok(storage::key_backup::update(&mut w.tx, &user_id, number, auth_data).await?)
                })
            })
            .await
    }

    /// Deletes a version with its keys; one that was deleted before is no error.
    pub async fn delete_backup(&self, user_id: &UserId, version: &str) -> Result<()> {
        let (user_id, number) = (user_id.to_owned(), number(version).ok_or_else(no_backup)?);
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    storage::key_backup::get(&mut w.tx, &user_id, number).await?.ok_or_else(no_backup)?;
                    Ok(storage::key_backup::delete(&mut w.tx, &user_id, number).await?)
                })
            })
            .await
    }

    /// Puts keys into the current version, each unless a better one of its session is there.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`; `M_WRONG_ROOM_KEYS_VERSION` for a version that is not the current one.
    pub async fn put_backup_keys(&self, user_id: &UserId, version: &str, sessions: Sessions) -> Result<State> {
        let (user_id, number) = (user_id.to_owned(), number(version).ok_or_else(no_backup)?);
        let mut keys = Vec::new();
        for (room_id, sessions) in &sessions {
            for (session_id, key) in sessions {
                keys.push((room_id.clone(), session_id.clone(), key.json().get().to_owned(), quality(key)?));
            }
        }
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    existing(w, &user_id, number).await?;
                    let current = storage::key_backup::latest(&mut w.tx, &user_id).await?.ok_or_else(no_backup)?;
                    if current.version != number {
                        return Err(ApiError::wrong_room_keys_version(current.version.to_string()));
                    }
                    let ids: Vec<_> = keys.iter().map(|(room, session, ..)| (&**room, session.as_str())).collect();
                    let known = storage::key_backup::keys_of_sessions(&mut w.tx, &user_id, number, &ids).await?;
                    let (mut rows, mut added) = (Vec::new(), 0);
                    for (room_id, session_id, json, quality) in &keys {
                        match known.get(room_id).and_then(|sessions| sessions.get(session_id)) {
                            Some(known) if !quality.is_better_than(serde_json::from_str(known)?) => continue,
                            Some(_) => {}
                            None => added += 1,
                        }
                        rows.push((&**room_id, session_id.as_str(), json.as_str()));
                    }
                    if !rows.is_empty() {
                        storage::key_backup::put_keys(&mut w.tx, &user_id, number, &rows).await?;
                        storage::key_backup::touch(&mut w.tx, &user_id, number, added).await?;
                    }
                    Ok(State::of(&existing(w, &user_id, number).await?))
                })
            })
            .await
    }

    /// The keys of a version: all, those of a room, or the one of a session.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for the version.
    pub async fn backup_keys(
        &self,
        user_id: &UserId,
        version: &str,
        room_id: Option<&RoomId>,
        session_id: Option<&str>,
    ) -> Result<Sessions> {
        let version = self.backup(user_id, Some(version)).await?;
        let keys: Keys = storage::key_backup::keys(&self.db, user_id, version.version, room_id, session_id).await?;
        let sessions = |sessions: BTreeMap<String, String>| {
            sessions.into_iter().map(|(id, key)| Ok((id, Raw::from_json_string(key)?))).collect::<Result<_>>()
        };
        keys.into_iter().map(|(room_id, keys)| Ok((room_id, sessions(keys)?))).collect()
    }

    /// Deletes keys of a version: all, those of a room, or the one of a session.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for the version.
    pub async fn delete_backup_keys(
        &self,
        user_id: &UserId,
        version: &str,
        room_id: Option<&RoomId>,
        session_id: Option<&str>,
    ) -> Result<State> {
        let (user_id, number) = (user_id.to_owned(), number(version).ok_or_else(no_backup)?);
        let (room_id, session_id) = (room_id.map(ToOwned::to_owned), session_id.map(str::to_owned));
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    existing(w, &user_id, number).await?;
                    let (room, session) = (room_id.as_deref(), session_id.as_deref());
                    let gone = storage::key_backup::delete_keys(&mut w.tx, &user_id, number, room, session).await?;
                    if gone > 0 {
                        storage::key_backup::touch(&mut w.tx, &user_id, number, -gone).await?;
                    }
                    Ok(State::of(&existing(w, &user_id, number).await?))
                })
            })
            .await
    }
}

/// A version's description as answers have it.
pub fn description(version: &Version) -> Result<Raw<BackupAlgorithm>> {
    #[derive(serde::Serialize)]
    struct Described<'a> {
        algorithm: &'a str,
        auth_data: Box<RawValue>,
    }
    let auth_data = RawValue::from_string(version.auth_data.clone())?;
    let described = Described { algorithm: &version.algorithm, auth_data };
    Ok(Raw::from_json(serde_json::value::to_raw_value(&described)?))
}

async fn existing(w: &mut Writing, user_id: &UserId, number: i64) -> Result<Version> {
    let found = storage::key_backup::get(&mut w.tx, user_id, number).await?;
    found.filter(|version| !version.deleted).ok_or_else(no_backup)
}

fn no_backup() -> ApiError {
    ApiError::not_found("There is no such version of your key backup.")
}

/// Versions are numbers to us and opaque to clients.
fn number(version: &str) -> Option<i64> {
    version.parse().ok()
}

fn describe(algorithm: &Raw<BackupAlgorithm>) -> Result<Description> {
    let malformed = |e| ApiError::bad_json(format!("The backup's description is not of the right form: {e}"));
    let description: Description = serde_json::from_str(algorithm.json().get()).map_err(malformed)?;
    if !description.auth_data.get().starts_with('{') {
        return Err(ApiError::bad_json("auth_data is a JSON object."));
    }
    Ok(description)
}

fn quality(key: &Raw<KeyBackupData>) -> Result<Quality> {
    #[derive(Deserialize)]
    struct Key {
        #[serde(flatten)]
        quality: Quality,
        /// Encrypted: only that it is an object is seen.
        session_data: serde_json::Map<String, serde_json::Value>,
    }
    let malformed = |e| ApiError::bad_json(format!("A key is not of the right form: {e}"));
    let key: Key = serde_json::from_str(key.json().get()).map_err(malformed)?;
    drop(key.session_data);
    Ok(key.quality)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quality(is_verified: bool, first: u32, forwarded: u32) -> Quality {
        Quality { is_verified, first_message_index: first.into(), forwarded_count: forwarded.into() }
    }

    #[test]
    fn the_better_key_stays() {
        let there = quality(false, 5, 5);
        assert!(quality(true, 9, 9).is_better_than(there), "verified comes first");
        assert!(quality(false, 4, 9).is_better_than(there), "then the earlier message");
        assert!(quality(false, 5, 4).is_better_than(there), "then fewer hands");
        assert!(!there.is_better_than(there), "an equal one does not take its place");
        assert!(!quality(false, 0, 0).is_better_than(quality(true, 9, 9)));
    }

    proptest! {
        #[test]
        fn of_two_keys_one_at_most_is_better(a in any::<(bool, u32, u32)>(), b in any::<(bool, u32, u32)>()) {
            let (one, other) = (quality(a.0, a.1, a.2), quality(b.0, b.1, b.2));
            prop_assert!(!(one.is_better_than(other) && other.is_better_than(one)));
            prop_assert_eq!(a == b, !one.is_better_than(other) && !other.is_better_than(one));
        }
    }
}
