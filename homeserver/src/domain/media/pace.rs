//! How slowly an upload may come: whoever sends a byte now and then would hold a connection and a file for ever.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use crate::error::{ApiError, Result};

/// How long the next bytes may take.
const IDLE: Duration = Duration::from_secs(30);
/// How long an upload may keep the server waiting in all, besides the time that its bytes earn it.
const GRACE: Duration = Duration::from_mins(1);
/// The bytes that earn a second: half of what the slowest of mobile connections carries.
const BYTES_A_SECOND: u64 = 4 * 1024;

/// The pace of one upload. Only the time that the server waits for the client counts, not what it takes to store the
/// bytes.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Bytes that have come.
    pub(super) received: u64,
    waited: Duration,
}

impl Pace {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// `M_UNKNOWN` for an upload that breaks off, stands still or comes too slowly.
    pub(super) async fn next<S, E>(&mut self, bytes: &mut S) -> Result<Option<Bytes>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let asked = Instant::now();
        let next = timeout(self.patience(), bytes.next())
            .await
            .map_err(|_| ApiError::unknown("The upload comes too slowly. Try again on a better connection."))?;
        self.waited += asked.elapsed();
        let chunk = next.transpose().map_err(|_| ApiError::unknown("The upload broke off. Try again."))?;
        self.received += chunk.as_ref().map_or(0, Bytes::len) as u64;
        Ok(chunk)
    }

    /// How long the next bytes may take, after those that have come.
    fn patience(&self) -> Duration {
        let earned = GRACE + Duration::from_secs(self.received / BYTES_A_SECOND);
        IDLE.min(earned.saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[test]
    fn patience_is_earned_by_bytes_and_used_up_by_waiting() {
        for (received, waited, expected) in [
            (0, 0, 30),
            (0, 45, 15),
            (0, 60, 0),
            (0, 1000, 0),
            (4096 * 5, 60, 5),
            (4096 * 5, 70, 0),
            (4096 * 1000, 1000, 30),
            (u64::MAX, u64::MAX / 8192, 30),
        ] {
            let pace = Pace { received, waited: Duration::from_secs(waited) };
            assert_eq!(pace.patience(), Duration::from_secs(expected), "{received} bytes, waited {waited} s");
        }
    }

    #[tokio::test]
    async fn whose_patience_is_used_up_has_what_is_there_and_no_more() {
        let chunk = Bytes::from_static(b"bytes");
        let mut bytes = stream::iter([Ok::<_, ()>(chunk.clone())]).chain(stream::pending());
        let mut pace = Pace { received: 0, waited: GRACE };
        assert_eq!(pace.next(&mut bytes).await.unwrap(), Some(chunk));
        assert_eq!(pace.received, 5);
        pace.next(&mut bytes).await.unwrap_err();
        let mut ended = stream::iter([Err::<Bytes, _>(())]);
        pace.next(&mut ended).await.unwrap_err();
        assert_eq!(pace.next(&mut ended).await.unwrap(), None);
    }
}
