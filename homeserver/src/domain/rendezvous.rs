//! Rendezvous: a place where two devices of a person leave each other messages before one of them is signed in. What
//! they write is encrypted between them; the server keeps it for a moment, in memory.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4108>

use std::collections::HashMap;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    clock::{self, Clock, Millis},
    error::{ApiError, Result},
};

/// The longest message, in bytes.
pub const MAX_BYTES: usize = 4 * 1024;
/// How long a place is kept after it was made.
const LIFETIME_MS: Millis = 5 * 60_000;
/// Places at once; past it the one that would end first goes.
const MAX_PLACES: usize = 1000;

/// What lies at a place.
#[derive(Clone, Debug)]
pub struct Place {
    /// The last message.
    pub message: Bytes,
    /// Another one for each message: who writes names the one that it has read.
    pub etag: String,
    /// When the message was written.
    pub written_at: Millis,
    /// Until when it is kept.
    pub ends_at: Millis,
}

/// The places.
#[derive(Debug)]
pub struct Rendezvous {
    clock: Clock,
    places: Mutex<HashMap<String, Place>>,
}

/// What comes of a message for a place.
#[derive(Clone, Debug)]
pub enum Written {
    /// It lies there now.
    Done(Place),
    /// The other device was faster: this lies there.
    Conflict(Place),
}

impl Rendezvous {
    /// No places.
    pub fn new(clock: Clock) -> Self {
        Self { clock, places: Mutex::default() }
    }

    /// Makes a place with a first message: its id, which nobody guesses, and what lies there.
    pub fn create(&self, message: Bytes) -> (String, Place) {
        let now = self.clock.now();
        let place = Place { message, etag: clock::random_token(), written_at: now, ends_at: now + LIFETIME_MS };
        let id = clock::random_token();
        let mut places = self.places.lock();
        places.retain(|_, place| place.ends_at > now);
        if places.len() >= MAX_PLACES {
            let first = places.iter().min_by_key(|(_, place)| place.ends_at).map(|(id, _)| id.clone());
            first.and_then(|id| places.remove(&id));
        }
        places.insert(id.clone(), place.clone());
        (id, place)
    }

    /// What lies at a place.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub fn get(&self, id: &str) -> Result<Place> {
        let place = self.places.lock().get(id).cloned();
        place.filter(|place| place.ends_at > self.clock.now()).ok_or_else(gone)
    }

    /// Leaves a message in the place of the one that the device has read.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub fn put(&self, id: &str, read: &str, message: Bytes) -> Result<Written> {
        let now = self.clock.now();
        let mut places = self.places.lock();
        let place = places.get_mut(id).filter(|place| place.ends_at > now).ok_or_else(gone)?;
        if place.etag != read {
            return Ok(Written::Conflict(place.clone()));
        }
        (place.message, place.etag, place.written_at) = (message, clock::random_token(), now);
        Ok(Written::Done(place.clone()))
    }

    /// Clears a place away.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub fn delete(&self, id: &str) -> Result<()> {
        self.places.lock().remove(id).map(drop).ok_or_else(gone)
    }
}

fn gone() -> ApiError {
    ApiError::not_found("There is no such rendezvous, or its time has ended. Show a new code.")
}
