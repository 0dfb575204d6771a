//! One provider for each kind of data that a sync carries.

pub mod account_data;
pub mod encryption;
pub mod ephemeral;
pub mod outside;
pub mod room;
pub mod timeline;
