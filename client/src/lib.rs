//! Parta's desktop client.
//!
//! - [`options`] what can be said on the command line; [`settings`] what a person chose on this computer; [`preset`] what
//!   was decided for it
//! - [`model`] the state behind the pages, plain values without window or network
//! - [`matrix`] the only code that touches matrix-sdk: commands in, updates out
//! - [`logs`] the last lines of the log, without what tells of people
//! - [`desktop`] what the system is asked for besides a window: notifications, one program at a time, links
//! - `discovery` looks for servers in the building's network
//! - [`pictures`] decoding within limits
//! - [`sound`] playing and recording, on a thread of its own
//! - [`view`] the only code that touches Slint's types
//!
//! `view` → `model` ← `matrix`: the two outer parts know nothing of each other and meet in [`view::run`].

// Awaiting the SDK's deeply nested futures overflows the default depth of trait queries.
#![recursion_limit = "256"]

pub mod desktop;
mod discovery;
pub mod logs;
pub mod matrix;
pub mod model;
pub mod options;
pub mod pictures;
pub mod preset;
pub mod settings;
pub mod sound;
pub mod view;
