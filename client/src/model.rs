//! The state behind the pages, in plain Rust: no window, no network, so it is tested without either.

pub mod app;
pub mod command;
pub mod game;
pub mod item;
pub mod manage;
pub mod members;
pub mod patch;
pub mod person;
pub mod rich;
pub mod rooms;
pub mod spaces;
pub mod stamp;
pub mod timeline;
pub mod update;
