//! What the interface compiler made of the pages in this folder.
//!
//! It is a crate of its own because it is much code of a few pages: it is compiled when a page changes, and not when what
//! stands behind the pages does.

#![allow(warnings, clippy::all, clippy::pedantic, clippy::restriction, reason = "generated code")]

slint::include_modules!();
