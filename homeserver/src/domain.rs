//! What the product knows and decides: accounts, rooms, messages, keys, files.
//!
//! Architecture invariant: `domain` knows nothing of HTTP beyond the errors of the API, and holds no SQL. All that is
//! written goes through [`journal::Journal`].

pub mod appservices;
pub mod cache;
pub mod encryption;
pub mod journal;
pub mod rooms;
pub mod sessions;

pub use crate::event;
