//! Rendezvous: a place where two devices of a person leave each other messages before one of them is signed in. What
//! they write is encrypted between them; the server keeps it for a moment, in memory.
//! Two proposals speak of it, each with endpoints of its own; the places are the same.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4108>
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4388>

use std::{collections::HashMap, time::Duration};

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
/// Messages by transaction id that one place takes; a sign-in needs a dozen.
const MAX_TRANSACTIONS: usize = 50;

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

impl Place {
    /// Takes a message in the place of the one that the device has read, if that still lies there.
    fn take(&mut self, read: &str, message: Bytes, now: Millis) -> bool {
        let is_next = self.etag == read;
        if is_next {
            (self.message, self.etag, self.written_at) = (message, clock::random_token(), now);
        }
        is_next
    }
}

/// A place that is kept.
#[derive(Debug)]
struct Kept {
    place: Place,
    /// What came of each transaction: the message's tag, or `None` where the other device was faster.
    transactions: HashMap<String, Option<String>>,
}

/// The places.
#[derive(Debug)]
pub struct Rendezvous {
    clock: Clock,
    places: Mutex<HashMap<String, Kept>>,
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
        places.retain(|_, kept| kept.place.ends_at > now);
        if places.len() >= MAX_PLACES {
            let first = places.iter().min_by_key(|(_, kept)| kept.place.ends_at).map(|(id, _)| id.clone());
            first.and_then(|id| places.remove(&id));
        }
        places.insert(id.clone(), Kept { place: place.clone(), transactions: HashMap::new() });
        (id, place)
    }

    /// What lies at a place.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub fn get(&self, id: &str) -> Result<Place> {
        let place = self.places.lock().get(id).map(|kept| kept.place.clone());
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
        let place = &mut kept(&mut places, id, now)?.place;
        let is_done = place.take(read, message, now);
        Ok(if is_done { Written::Done(place.clone()) } else { Written::Conflict(place.clone()) })
    }

    /// Leaves a message likewise, once for each transaction id, whichever of the devices made it up: its tag, or `None`
    /// where the other device was faster. Repeated, it has the answer that it had before.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`; `M_LIMIT_EXCEEDED` past a number that no sign-in needs.
    pub fn put_once(&self, id: &str, txn_id: &str, read: &str, message: Bytes) -> Result<Option<String>> {
        let now = self.clock.now();
        let mut places = self.places.lock();
        let Kept { place, transactions } = kept(&mut places, id, now)?;
        if let Some(before) = transactions.get(txn_id) {
            return Ok(before.clone());
        }
        if transactions.len() >= MAX_TRANSACTIONS {
            return Err(ApiError::limit_exceeded(Duration::from_millis((place.ends_at - now) as u64)));
        }
        let written = place.take(read, message, now).then(|| place.etag.clone());
        transactions.insert(txn_id.to_owned(), written.clone());
        Ok(written)
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

/// A place whose time has not ended.
fn kept<'p>(places: &'p mut HashMap<String, Kept>, id: &str, now: Millis) -> Result<&'p mut Kept> {
    places.get_mut(id).filter(|kept| kept.place.ends_at > now).ok_or_else(gone)
}

fn gone() -> ApiError {
    ApiError::not_found("There is no such rendezvous, or its time has ended. Show a new code.")
}
