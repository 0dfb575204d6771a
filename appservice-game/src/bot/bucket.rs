//! A token bucket over a clock that is a parameter.

/// Allows a burst, then one after every interval.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    burst: u64,
    interval_ms: u64,
    tokens: u64,
    counted_at_ms: u64,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(burst: u64, interval_ms: u64, now_ms: u64) -> Self {
        Self { burst, interval_ms, tokens: burst, counted_at_ms: now_ms }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now_ms: u64) -> bool {
        let fresh = now_ms.saturating_sub(self.counted_at_ms) / self.interval_ms;
        if fresh > 0 {
            self.tokens = self.tokens.saturating_add(fresh).min(self.burst);
            self.counted_at_ms += fresh * self.interval_ms;
        }
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_rate() {
        let mut bucket = Bucket::new(2, 1000, 0);
        assert!(bucket.take(0) && bucket.take(0) && !bucket.take(999));
        assert!(bucket.take(1000) && !bucket.take(1999) && bucket.take(2000));
        assert!(bucket.take(1_000_000) && bucket.take(1_000_000) && !bucket.take(1_000_000));
    }
}
