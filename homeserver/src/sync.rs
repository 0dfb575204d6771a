//! What changed, for a client that asks: the classic `/sync` and the sliding one, their long poll, and one provider for
//! each kind of data.

pub mod classic;
pub mod filter;
pub mod notifier;
pub mod sliding;
pub mod streams;
pub mod token;
