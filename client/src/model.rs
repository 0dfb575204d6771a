//! The state behind the pages, in plain Rust: no window, no network, so it is tested without either.

pub mod app;
pub mod command;
pub mod desktop;
pub mod game;
pub mod item;
pub mod link;
pub mod notify;
pub mod patch;
pub mod person;
pub mod rich;
pub mod rooms;
pub mod settings;
pub mod shortcuts;
pub mod stamp;
pub mod timeline;
pub mod update;
