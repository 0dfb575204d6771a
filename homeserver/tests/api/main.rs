//! The client-server API, in process and on both engines: the router is called as HTTP would call it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[macro_use]
mod server;
mod seed;

mod account;
mod admin;
mod appservices;
mod backup;
mod bad_input;
mod delayed_events;
mod discovery;
mod encryption;
mod feedback;
mod ignored;
mod media;
mod monitoring;
mod oauth;
mod openapi;
mod presence;
mod process;
mod push;
mod push_gateway;
mod receipts;
mod relations;
mod reports;
mod rooms;
mod search;
mod server_notices;
mod session;
mod sliding;
mod spaces;
mod specification;
mod sync;
mod terms;
mod threads;
mod tls;
mod typing;
mod upgrades;
mod voip;
