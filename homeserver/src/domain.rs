//! What the product knows and decides: accounts, rooms, messages, keys, files.
//!
//! Architecture invariant: `domain` knows nothing of HTTP beyond the errors of the API, and holds no SQL. All that is
//! written goes through [`journal::Journal`].

pub mod account_data;
pub mod accounts;
pub mod administration;
pub mod appservices;
pub mod cache;
pub mod delayed_events;
pub mod devices;
pub mod directory;
pub mod encryption;
pub mod ephemeral;
pub mod feedback;
pub mod filters;
pub mod ignored;
pub mod journal;
pub mod media;
pub mod moved;
pub mod notifications;
pub mod oauth;
mod outgoing;
pub mod presence;
pub mod profiles;
pub mod push;
pub mod receipts;
pub mod registration_tokens;
pub mod rendezvous;
pub mod reports;
pub mod rooms;
pub mod server_notices;
pub mod sessions;
pub mod terms;
pub mod thread;
pub mod thread_subscriptions;
pub mod typing;
pub mod uiaa;
pub mod unread;
pub mod users;
pub mod voip;
pub mod words;

pub use crate::event;
