//! Points in time as the interface tells them: a clock, a weekday, a date. Time zone and the present are parameters.

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// How a moment lies to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampKind {
    /// Today
    Time,
    /// The day before
    Yesterday,
    /// Within the last week, for the list of rooms; within this year, for the line between days
    Near,
    /// Longer ago
    Date,
}

/// A moment in local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// How it lies to now
    pub kind: StampKind,
    /// `HH:MM`
    pub clock: String,
    /// Monday is 1
    pub weekday: i8,
    /// Day of the month
    pub day: i8,
    /// January is 1
    pub month: i8,
    /// Year
    pub year: i16,
}

fn local(at_ms: i64, zone: &TimeZone) -> Option<Zoned> {
    Timestamp::from_millisecond(at_ms).ok().map(|at| at.to_zoned(zone.clone()))
}

/// `HH:MM` in local time; empty for a time out of range.
pub fn clock(at_ms: i64, zone: &TimeZone) -> String {
    local(at_ms, zone).map(|at| format!("{:02}:{:02}", at.hour(), at.minute())).unwrap_or_default()
}

/// Whole local days between two moments, by the calendar.
fn days_between(earlier: &Zoned, later: &Zoned) -> i64 {
    let days = |at: &Zoned| at.date().to_zoned(TimeZone::UTC).map_or(0, |day| day.timestamp().as_second() / 86_400);
    days(later) - days(earlier)
}

/// The stamp of the list of rooms: near means a weekday within the last six days.
pub fn for_list(at_ms: i64, now_ms: i64, zone: &TimeZone) -> Option<Stamp> {
    stamp(at_ms, now_ms, zone, |at, now| days_between(at, now) < 7)
}

/// The line between two days of a conversation: near means this year.
pub fn for_day(at_ms: i64, now_ms: i64, zone: &TimeZone) -> Option<Stamp> {
    stamp(at_ms, now_ms, zone, |at, now| at.year() == now.year())
}

fn stamp(at_ms: i64, now_ms: i64, zone: &TimeZone, near: impl Fn(&Zoned, &Zoned) -> bool) -> Option<Stamp> {
    let at = local(at_ms, zone)?;
    let now = local(now_ms, zone)?;
    let kind = match days_between(&at, &now) {
        0 => StampKind::Time,
        1 => StampKind::Yesterday,
        _ if near(&at, &now) => StampKind::Near,
        _ => StampKind::Date,
    };
    Some(Stamp {
        kind,
        clock: format!("{:02}:{:02}", at.hour(), at.minute()),
        weekday: at.weekday().to_monday_one_offset(),
        day: at.day(),
        month: at.month(),
        year: at.year(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn stamps_by_the_local_calendar() {
        let zone = TimeZone::fixed(jiff::tz::offset(3));
        let now = ms("2026-11-22T09:00:00Z");
        let kind = |at: &str| for_list(ms(at), now, &zone).unwrap().kind;
        assert_eq!(kind("2026-11-22T06:00:00Z"), StampKind::Time);
        // 21:30 UTC is already the next day three hours east.
        assert_eq!(kind("2026-11-21T21:30:00Z"), StampKind::Time);
        assert_eq!(kind("2026-11-21T20:30:00Z"), StampKind::Yesterday);
        assert_eq!(kind("2026-11-17T20:30:00Z"), StampKind::Near);
        assert_eq!(kind("2026-11-10T20:30:00Z"), StampKind::Date);
        assert_eq!(for_day(ms("2026-01-10T20:30:00Z"), now, &zone).unwrap().kind, StampKind::Near);
        assert_eq!(for_day(ms("2025-12-10T20:30:00Z"), now, &zone).unwrap().kind, StampKind::Date);
        assert_eq!(clock(ms("2026-11-22T06:05:00Z"), &zone), "09:05");
    }

    #[test]
    fn times_out_of_range_are_left_out() {
        assert_eq!(for_list(i64::MAX, 0, &TimeZone::UTC), None);
        assert_eq!(clock(i64::MIN, &TimeZone::UTC), "");
    }
}
