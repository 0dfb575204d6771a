//! What changed, for a client that asks: the classic `/sync`, its long poll, and one provider for each kind of data.

pub mod classic;
pub mod filter;
pub mod notifier;
pub mod streams;
pub mod token;
