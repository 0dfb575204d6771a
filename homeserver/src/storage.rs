//! Tables and the statements on them; knows rows, never rooms' rules, and nothing of HTTP.
//!
//! Architecture invariant: SQL stands in this module only, and every statement is written once for both engines.
//! There is no cache here: caches live with the service that writes the data.

pub mod accounts;
pub mod commit;
pub mod db;
pub mod events;
pub mod migrations;
pub mod rooms;
