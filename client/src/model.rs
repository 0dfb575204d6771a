//! The state behind the pages, in plain Rust: no window, no network, so it is tested without either.

pub mod app;
pub mod attach;
pub mod avatars;
pub mod command;
pub mod desktop;
pub mod game;
pub mod item;
pub mod link;
pub mod manage;
pub mod media;
pub mod members;
pub mod notify;
pub mod patch;
pub mod person;
pub mod presence;
pub mod profile;
pub mod rich;
pub mod room_menu;
pub mod rooms;
pub mod settings;
pub mod shortcuts;
pub mod spaces;
pub mod stamp;
pub mod timeline;
pub mod update;
pub mod viewer;
