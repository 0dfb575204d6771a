//! A computer that many share: whoever stops using the program is signed out after a while, and warned before.

/// Minutes to choose from.
pub const MINUTES: [u16; 6] = [5, 10, 15, 30, 45, 60];
/// Minutes unless chosen otherwise.
pub const USUAL: u16 = 15;
/// The longest time that makes sense, in minutes: a day.
pub const LONGEST: u16 = 24 * 60;
/// Seconds between the warning and the end.
const WARNED: u32 = 60;

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Nothing
    Nothing,
    /// Warn that so many seconds are left
    Warn(u32),
    /// Take the warning back
    Calm,
    /// Sign out
    End,
}

/// Watches over a session on a shared computer. Time comes in from outside: a second at a time, and as the clock has it,
/// for no second passes while a computer sleeps.
#[derive(Debug, Default)]
pub struct Watch {
    limit: u32,
    idle: u32,
    used_ms: i64,
    warned: bool,
}

impl Watch {
    /// A session began now.
    pub fn begin(minutes: u16, now_ms: i64) -> Self {
        Self { limit: u32::from(minutes.clamp(1, LONGEST)) * 60, idle: 0, used_ms: now_ms, warned: false }
    }

    /// Another time was chosen.
    pub fn set(&mut self, minutes: u16) {
        self.limit = u32::from(minutes.clamp(1, LONGEST)) * 60;
    }

    /// A key or the mouse was used. Whoever wakes a computer that slept for too long is not who fell asleep at it.
    pub fn used(&mut self, now_ms: i64) -> Deed {
        if self.left(now_ms) == 0 {
            return Deed::End;
        }
        self.idle = 0;
        self.used_ms = now_ms;
        if std::mem::take(&mut self.warned) { Deed::Calm } else { Deed::Nothing }
    }

    /// A second passed.
    pub fn second(&mut self, now_ms: i64) -> Deed {
        self.idle = self.idle.saturating_add(1);
        let left = self.left(now_ms);
        if left == 0 {
            return Deed::End;
        }
        // Half of the time at most is spent warning.
        self.warned = left <= WARNED.min(self.limit / 2);
        if self.warned { Deed::Warn(left) } else { Deed::Nothing }
    }

    /// Seconds left.
    fn left(&self, now_ms: i64) -> u32 {
        let by_clock = u32::try_from((now_ms - self.used_ms).max(0) / 1000).unwrap_or(u32::MAX);
        self.limit.saturating_sub(self.idle.max(by_clock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_away_is_warned_a_minute_before_the_end() {
        let mut watch = Watch::begin(15, 0);
        for _ in 0..14 * 60 - 1 {
            assert_eq!(watch.second(0), Deed::Nothing);
        }
        for left in (1..=60).rev() {
            assert_eq!(watch.second(0), Deed::Warn(left));
        }
        assert_eq!(watch.second(0), Deed::End);
    }

    #[test]
    fn who_comes_back_stays_for_the_whole_time() {
        let mut watch = Watch::begin(5, 0);
        (0..4 * 60 + 30).for_each(|_| {
            watch.second(0);
        });
        assert_eq!(watch.used(0), Deed::Calm);
        assert_eq!(watch.used(0), Deed::Nothing);
        (0..4 * 60 - 1).for_each(|_| assert_eq!(watch.second(0), Deed::Nothing));
        assert_eq!(watch.second(0), Deed::Warn(60));
    }

    #[test]
    fn a_computer_that_slept_wakes_signed_out() {
        let mut watch = Watch::begin(15, 0);
        assert_eq!(watch.second(1000), Deed::Nothing);
        assert_eq!(watch.used(15 * 60 * 1000), Deed::End);
        assert_eq!(watch.second(15 * 60 * 1000), Deed::End);
    }

    #[test]
    fn a_clock_that_is_put_back_and_a_time_without_sense_do_no_harm() {
        let mut watch = Watch::begin(0, 1_000_000);
        assert_eq!(watch.second(0), Deed::Nothing);
        (0..28).for_each(|_| assert_eq!(watch.second(0), Deed::Nothing));
        assert_eq!(watch.second(0), Deed::Warn(30), "a minute at least, and half of it without a warning");
        watch.set(10);
        assert_eq!(watch.second(0), Deed::Nothing);
    }
}
