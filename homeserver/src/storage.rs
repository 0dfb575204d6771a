//! Tables and the statements on them; knows rows, never rooms' rules, and nothing of HTTP.
//!
//! Architecture invariant: SQL stands in this module only, and every statement but those of [`search`] is written once for
//! both engines.
//! There is no cache here: caches live with the service that writes the data.

pub mod account_data;
pub mod accounts;
pub mod administration;
pub mod appservices;
pub mod blobs;
pub mod commit;
pub mod cross_signing;
pub mod db;
pub mod delayed_events;
pub mod directory;
pub mod events;
pub mod feedback;
pub mod filters;
pub mod key_backup;
pub mod keys;
pub mod login_tokens;
pub mod media;
pub mod migrations;
pub mod oauth;
pub mod presence;
pub mod push;
pub mod receipts;
pub mod relations;
pub mod reports;
pub mod rooms;
pub mod search;
pub mod sessions;
pub mod terms;
pub mod thread_subscriptions;
pub mod to_device;
