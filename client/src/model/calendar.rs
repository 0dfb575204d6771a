//! A month of days to choose from, as it is shown: weeks begin on Monday.

use jiff::{
    ToSpan,
    civil::{Date, date},
    tz::TimeZone,
};

/// One cell of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Day of the month; 0 outside of it
    pub day: i8,
    /// It is not later than today
    pub past: bool,
    /// It is today
    pub today: bool,
}

/// The month that is shown, and the day that the keys came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    at: Date,
    today: Date,
}

impl Calendar {
    /// At today.
    pub fn new(today: Date) -> Self {
        Self { at: today, today }
    }

    /// The year, the month and the day that the keys came to.
    pub fn at(&self) -> (i16, i8, i8) {
        (self.at.year(), self.at.month(), self.at.day())
    }

    /// So many days on, not beyond today.
    pub fn step(&mut self, days: i32) {
        self.go(self.at.checked_add(days.days()).ok());
    }

    /// So many months on, not beyond today.
    pub fn turn(&mut self, months: i32) {
        self.go(self.at.checked_add(months.months()).ok());
    }

    fn go(&mut self, to: Option<Date>) {
        // Messengers are not that old.
        let oldest = date(1990, 1, 1);
        if let Some(to) = to {
            self.at = to.clamp(oldest, self.today);
        }
    }

    /// There are later months.
    pub fn has_later(&self) -> bool {
        (self.at.year(), self.at.month()) < (self.today.year(), self.today.month())
    }

    /// Goes to a day of the month that is shown; false if it is none, or still to come.
    pub fn choose(&mut self, day: i8) -> bool {
        let Ok(chosen) = Date::new(self.at.year(), self.at.month(), day) else { return false };
        let past = chosen <= self.today;
        if past {
            self.at = chosen;
        }
        past
    }

    /// When the chosen day begins, in milliseconds since the Unix epoch.
    pub fn begins(&self, zone: &TimeZone) -> i64 {
        self.at.to_zoned(zone.clone()).map_or(0, |at| at.timestamp().as_millisecond())
    }

    /// The grid: whole weeks.
    pub fn days(&self) -> Vec<Day> {
        let first = self.at.first_of_month();
        let before = i32::from(first.weekday().to_monday_zero_offset());
        let count = i32::from(self.at.days_in_month());
        let cells = (before + count + 6) / 7 * 7;
        (0..cells)
            .map(|cell| {
                let day = i8::try_from(cell - before + 1).unwrap_or_default();
                match Date::new(first.year(), first.month(), day) {
                    Ok(date) => Day { day, past: date <= self.today, today: date == self.today },
                    Err(_) => Day { day: 0, past: false, today: false },
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_whole_weeks_from_monday() {
        // The first of November 2026 is a Sunday.
        let days = Calendar::new(date(2026, 11, 23)).days();
        assert_eq!(days.len() % 7, 0);
        assert_eq!(days.iter().position(|day| day.day == 1), Some(6));
        assert_eq!(days.iter().filter(|day| day.day > 0).count(), 30);
        assert!(days.iter().filter(|day| day.past).all(|day| (1..=23).contains(&day.day)));
        assert_eq!(days.iter().find(|day| day.today).map(|day| day.day), Some(23));
    }

    #[test]
    fn keys_walk_over_the_edge_of_a_month_but_not_beyond_today() {
        let mut calendar = Calendar::new(date(2026, 3, 31));
        calendar.step(1);
        assert_eq!(calendar.at(), (2026, 3, 31));
        calendar.turn(-1);
        assert_eq!(calendar.at(), (2026, 2, 28), "the last day there is");
        assert!(calendar.has_later());
        calendar.step(-28);
        assert_eq!(calendar.at(), (2026, 1, 31));
        calendar.turn(12);
        assert_eq!(calendar.at(), (2026, 3, 31));
        assert!(!calendar.has_later());
    }

    #[test]
    fn a_day_to_come_is_not_chosen() {
        let mut calendar = Calendar::new(date(2026, 11, 23));
        assert!(!calendar.choose(24) && !calendar.choose(31) && !calendar.choose(0));
        assert!(calendar.choose(2));
        assert_eq!(calendar.begins(&TimeZone::UTC), 1_793_577_600_000);
    }
}
