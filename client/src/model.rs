//! The state behind the pages, in plain Rust: no window, no network, so it is tested without either.

pub mod app;
pub mod command;
pub mod composer;
pub mod emoji;
pub mod formatted;
pub mod game;
pub mod item;
pub mod patch;
pub mod person;
pub mod poll;
pub mod rich;
pub mod rooms;
pub mod stamp;
pub mod timeline;
pub mod update;
