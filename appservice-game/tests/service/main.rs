//! The whole service against a homeserver of the test's own: invited, played with by text, reactions and native events,
//! interrupted, repeated, refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod fake;
mod hidden;
mod play;
mod process;
mod protocol;
