//! Black-box tests: everything over HTTP, nothing known of the server's insides.
//!
//! By default they start the real `parta-server` in developer's mode on a free loopback port, on SQLite and, where
//! `PARTA_TEST_POSTGRES_URL` names a PostgreSQL server, once more on a fresh database there. With
//! `PARTA_TEST_BASE_URL` they run against that server instead (open registration by `m.login.dummy`, limits off);
//! what needs a server of its own (to kill it, to configure it) is then skipped, and says so.
//!
//! Written from the specification, and tried on Synapse; where the two differ the specification counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
// The SDK's futures nest deeply.
#![recursion_limit = "256"]

#[macro_use]
mod api;
#[macro_use]
mod harness;

mod accounts;
mod appservices;
mod bad_input;
mod crash;
mod dev_mode;
mod directory;
mod discovery;
mod encryption;
#[cfg(feature = "sdk")]
mod games;
mod history;
mod key_backup;
mod media;
mod membership;
mod messages;
mod power;
mod push;
mod room_versions;
mod rooms;
#[cfg(feature = "sdk")]
mod sdk;
#[cfg(feature = "sdk")]
mod sdk_devices;
#[cfg(feature = "sdk")]
mod sdk_oauth;
#[cfg(feature = "sdk")]
mod sdk_rooms;
mod sdks;
mod synadm;
mod sync;
mod sync_extras;
mod sync_filters;
mod tls;
