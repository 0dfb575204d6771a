//! Sync tokens and pagination tokens: places in the server's one stream.

use std::{fmt, str::FromStr};

use crate::{domain::event::Position, error::ApiError};

/// A place in the stream: after the change at `position`, and after the ephemeral change at `ephemeral`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// Position in the stream of what is kept.
    pub position: Position,
    /// Position in the stream of typing and presence, which nobody keeps. Zero in pagination tokens.
    pub ephemeral: u64,
}

impl Token {
    /// A place in a room's history.
    pub fn at(position: Position) -> Self {
        Self { position, ephemeral: 0 }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.position)?;
        if self.ephemeral > 0 {
            write!(f, "_{}", self.ephemeral)?;
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let parse = || {
            let rest = text.strip_prefix('s')?;
            let (position, ephemeral) = rest.split_once('_').unwrap_or((rest, "0"));
            let position: Position = position.parse().ok().filter(|p| *p >= 0)?;
            Some(Self { position, ephemeral: ephemeral.parse().ok()? })
        };
        parse().ok_or_else(|| ApiError::invalid_param("This is no token of this server. Leave it out to begin anew."))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_it_writes(position in 0..i64::MAX, ephemeral in any::<u64>()) {
            let token = Token { position, ephemeral };
            prop_assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Token>();
        }
    }
}
