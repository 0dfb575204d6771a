//! The whole service against a homeserver of the test's own: invited, played with by text, reactions and native events,
//! interrupted, repeated, refused.

mod fake;
mod play;
mod process;
mod protocol;
