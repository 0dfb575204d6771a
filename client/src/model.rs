//! The state behind the pages, in plain Rust: no window, no network, so it is tested without either.

pub mod app;
pub mod command;
pub mod forward;
pub mod game;
pub mod item;
pub mod menu;
pub mod patch;
pub mod person;
pub mod pins;
pub mod rich;
pub mod rooms;
pub mod stamp;
pub mod threads;
pub mod timeline;
pub mod update;
