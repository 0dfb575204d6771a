//! Sync tokens and pagination tokens: places in the server's one stream.

use std::{fmt, str::FromStr};

use crate::{domain::event::Position, error::ApiError};

/// A place in the stream: after the change at `position`, and after the ephemeral change at `ephemeral`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// Position in the stream of what is kept.
    pub position: Position,
    /// Position in the stream of typing and presence. Zero in pagination tokens.
    pub ephemeral: u64,
    /// Where there were more messages to the device than one answer carries: the last of them that it carried.
    pub to_device: Option<Position>,
}

impl Token {
    /// A place in a room's history.
    pub fn at(position: Position) -> Self {
        Self { position, ..Self::default() }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.position)?;
        if self.ephemeral > 0 || self.to_device.is_some() {
            write!(f, "_{}", self.ephemeral)?;
        }
        self.to_device.map_or(Ok(()), |to_device| write!(f, "_{to_device}"))
    }
}

impl FromStr for Token {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let parse = || {
            let position = |text: &str| text.parse().ok().filter(|p: &Position| *p >= 0);
            // A position of a sliding sync begins with the number of its answer.
            let mut parts = text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('s')?.splitn(3, '_');
            Some(Self {
                position: parts.next().and_then(position)?,
                ephemeral: parts.next().unwrap_or("0").parse().ok()?,
                to_device: match parts.next() {
                    Some(text) => Some(position(text)?),
                    None => None,
                },
            })
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
        fn reads_what_it_writes(
            position in 0..i64::MAX,
            ephemeral in any::<u64>(),
            to_device in proptest::option::of(0..i64::MAX),
        ) {
            let token = Token { position, ephemeral, to_device };
            prop_assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Token>();
        }
    }
}
