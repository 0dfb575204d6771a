//! The client-server API, in process and on both engines: the router is called as HTTP would call it.

#[macro_use]
mod server;

mod account;
mod admin;
mod discovery;
mod encryption;
mod rooms;
mod session;
mod sync;
