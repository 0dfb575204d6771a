//! When a message calls for the person: what is told, how loudly, and what is left to the badges.

use std::collections::HashMap;

use jiff::Zoned;
use serde::{Deserialize, Serialize};

use crate::model::item::Preview;

/// Shortest time between two notifications of one room, in milliseconds.
pub const PAUSE_MS: i64 = 3_000;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Hours of the week in which nothing calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hours {
    /// They are kept
    pub on: bool,
    /// Minute of the day at which they begin
    pub from: u16,
    /// Minute of the day at which they end, of the next day if it is not after `from`
    pub to: u16,
    /// Days on which they begin, Monday first
    pub days: [bool; 7],
}

impl Default for Hours {
    fn default() -> Self {
        Self { on: false, from: 21 * 60, to: 7 * 60, days: [true; 7] }
    }
}

impl Hours {
    /// Whether they are now.
    pub fn now(&self, now: &Zoned) -> bool {
        let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
        let today = usize::from(now.weekday().to_monday_zero_offset().unsigned_abs());
        let (from, to) = (self.from.min(DAY - 1), self.to.min(DAY));
        let (begun, left_over) =
            if from < to { ((from..to).contains(&minute), false) } else { (minute >= from, minute < to) };
        self.on && (begun && self.days[today] || left_over && self.days[(today + 6) % 7])
    }
}

/// What the person chose about notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// Notifications come at all
    pub on: bool,
    /// With a sound
    pub sound: bool,
    /// They show what was written
    pub previews: bool,
    /// Quiet hours
    pub hours: Hours,
    /// Do not disturb until then, in milliseconds since the Unix epoch
    pub until_ms: Option<i64>,
}

impl Default for Choices {
    fn default() -> Self {
        Self { on: true, sound: true, previews: true, hours: Hours::default(), until_ms: None }
    }
}

impl Choices {
    /// The person asked not to be disturbed now.
    pub fn undisturbed(&self, now_ms: i64) -> bool {
        self.until_ms.is_some_and(|until| now_ms < until)
    }

    /// Nothing may call now: badges tell all there is.
    pub fn quiet(&self, now: &Zoned) -> bool {
        self.undisturbed(now.timestamp().as_millisecond()) || self.hours.now(now)
    }
}

/// How long not to disturb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// One hour
    Hour,
    /// Four hours
    FourHours,
    /// Until eight in the morning
    Morning,
}

impl Rest {
    /// When it ends, in milliseconds since the Unix epoch.
    pub fn end(self, now: &Zoned) -> i64 {
        let now_ms = now.timestamp().as_millisecond();
        match self {
            Self::Hour => now_ms + 3_600_000,
            Self::FourHours => now_ms + 4 * 3_600_000,
            Self::Morning => {
                let eight = |day: &Zoned| day.with().hour(8).minute(0).second(0).subsec_nanosecond(0).build();
                let today = eight(now).ok().filter(|eight| eight > now);
                let end = today.or_else(|| now.tomorrow().ok().and_then(|day| eight(&day).ok()));
                end.map_or(now_ms + 12 * 3_600_000, |end| end.timestamp().as_millisecond())
            }
        }
    }
}

/// Something that the push rules say to tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// Room id
    pub room: String,
    /// Name of the room, may be empty
    pub room_name: String,
    /// A chat of two
    pub direct: bool,
    /// Name of the sender
    pub who: String,
    /// What it says
    pub preview: Preview,
    /// It is an invitation
    pub invited: bool,
    /// It names the account or one of its key words
    pub mention: bool,
    /// The rules ask for a sound
    pub sound: bool,
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The message itself
    Message(Preview),
    /// That there is one
    NewMessage,
    /// That there are so many
    Several(u32),
    /// An invitation
    Invitation,
}

/// A notification to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Popup {
    /// Room id
    pub room: String,
    /// Name of the room, may be empty
    pub room_name: String,
    /// A chat of two
    pub direct: bool,
    /// Name of the last sender
    pub who: String,
    /// The words
    pub says: Says,
    /// With a sound
    pub sound: bool,
}

/// Whether something calls, and if so whether with a sound. `watched` is the room under the person's eyes.
pub fn decide(choices: &Choices, quiet: bool, watched: Option<&str>, came: &Came) -> Option<bool> {
    let calls = choices.on && !quiet && watched != Some(&came.room);
    calls.then_some(choices.sound && came.sound)
}

/// What a notification of one message says.
fn says(choices: &Choices, came: &Came) -> Says {
    if came.invited {
        Says::Invitation
    } else if choices.previews && !matches!(came.preview, Preview::Unreadable | Preview::Nothing | Preview::Other) {
        Says::Message(came.preview.clone())
    } else {
        Says::NewMessage
    }
}

#[derive(Debug)]
struct Burst {
    shown_ms: i64,
    waiting: u32,
    last: Option<Popup>,
}

/// Keeps a busy room from calling for every message.
#[derive(Debug, Default)]
pub struct Bursts(HashMap<String, Burst>);

impl Bursts {
    /// Takes what calls. What comes too soon after another of its room waits for [`Self::due`].
    pub fn take(&mut self, choices: &Choices, came: &Came, sound: bool, now_ms: i64) -> Option<Popup> {
        let popup = Popup {
            room: came.room.clone(),
            room_name: came.room_name.clone(),
            direct: came.direct,
            who: came.who.clone(),
            says: says(choices, came),
            sound,
        };
        if let Some(burst) = self.0.get_mut(&came.room)
            && (now_ms < burst.shown_ms + PAUSE_MS || burst.waiting > 0)
        {
            burst.waiting += 1;
            let sound = sound || burst.last.as_ref().is_some_and(|last| last.sound);
            burst.last = Some(Popup { sound, ..popup });
            return None;
        }
        self.0.insert(came.room.clone(), Burst { shown_ms: now_ms, waiting: 0, last: None });
        Some(popup)
    }

    /// What waited long enough: one notification a room.
    pub fn due(&mut self, now_ms: i64) -> Vec<Popup> {
        let mut due = Vec::new();
        self.0.retain(|_, burst| {
            if now_ms < burst.shown_ms + PAUSE_MS {
                return true;
            }
            let Some(last) = burst.last.take() else { return false };
            due.push(if burst.waiting > 1 { Popup { says: Says::Several(burst.waiting), ..last } } else { last });
            (burst.shown_ms, burst.waiting) = (now_ms, 0);
            true
        });
        due
    }

    /// Something waits.
    pub fn waits(&self) -> bool {
        self.0.values().any(|burst| burst.waiting > 0)
    }

    /// The person reads the room: nothing of it calls any more.
    pub fn forget(&mut self, room: &str) {
        self.0.remove(room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        format!("{text}[Europe/Moscow]").parse().unwrap()
    }

    fn came(room: &str, text: &str) -> Came {
        Came {
            room: room.into(),
            room_name: "7 «Б»".into(),
            direct: false,
            who: "Иван".into(),
            preview: Preview::Text(text.into()),
            invited: false,
            mention: false,
            sound: true,
        }
    }

    #[test]
    fn quiet_hours_last_over_midnight_and_belong_to_the_day_they_begin() {
        // Begin on Mondays only; 2026-03-02 is a Monday.
        let mut hours = Hours { on: true, ..Hours::default() };
        hours.days = [true, false, false, false, false, false, false];
        assert!(!hours.now(&at("2026-03-02T20:59")));
        assert!(hours.now(&at("2026-03-02T21:00")));
        assert!(hours.now(&at("2026-03-03T06:59")));
        assert!(!hours.now(&at("2026-03-03T07:00")));
        assert!(!hours.now(&at("2026-03-03T22:00")), "not on a Tuesday");
        assert!(!hours.now(&at("2026-03-02T03:00")), "nor of the Sunday before");
        let lesson = Hours { from: 9 * 60, to: 10 * 60, ..hours };
        assert!(lesson.now(&at("2026-03-02T09:30")) && !lesson.now(&at("2026-03-02T10:00")));
        let whole = Hours { from: 0, to: 0, ..hours };
        assert!(whole.now(&at("2026-03-02T13:00")) && !whole.now(&at("2026-03-03T13:00")));
        assert!(!Hours { on: false, ..hours }.now(&at("2026-03-02T22:00")));
    }

    #[test]
    fn not_disturbing_ends_by_itself() {
        let now = at("2026-03-02T22:00");
        let ends = |rest: Rest, now: &Zoned| {
            jiff::Timestamp::from_millisecond(rest.end(now)).unwrap().to_zoned(now.time_zone().clone())
        };
        assert_eq!(ends(Rest::Morning, &now), at("2026-03-03T08:00"));
        assert_eq!(ends(Rest::Morning, &at("2026-03-02T05:00")), at("2026-03-02T08:00"));
        assert_eq!(ends(Rest::Hour, &now), at("2026-03-02T23:00"));
        assert_eq!(ends(Rest::FourHours, &now), at("2026-03-03T02:00"));
        let choices = Choices { until_ms: Some(Rest::Hour.end(&now)), ..Choices::default() };
        assert!(choices.quiet(&at("2026-03-02T22:59")));
        assert!(!choices.quiet(&at("2026-03-02T23:00")));
    }

    #[test]
    fn what_calls_and_how_loudly() {
        let choices = Choices::default();
        assert_eq!(decide(&choices, false, None, &came("!a", "привет")), Some(true));
        assert_eq!(decide(&choices, false, Some("!b"), &came("!a", "привет")), Some(true));
        assert_eq!(decide(&choices, false, Some("!a"), &came("!a", "привет")), None, "it is being read");
        assert_eq!(decide(&choices, true, None, &came("!a", "привет")), None, "quiet");
        assert_eq!(decide(&Choices { on: false, ..choices }, false, None, &came("!a", "привет")), None);
        assert_eq!(decide(&Choices { sound: false, ..choices }, false, None, &came("!a", "привет")), Some(false));
        assert_eq!(decide(&choices, false, None, &Came { sound: false, ..came("!a", "привет") }), Some(false));
    }

    #[test]
    fn words_are_shown_only_where_that_is_wanted_and_possible() {
        let choices = Choices::default();
        assert_eq!(says(&choices, &came("!a", "привет")), Says::Message(Preview::Text("привет".into())));
        assert_eq!(says(&Choices { previews: false, ..choices }, &came("!a", "привет")), Says::NewMessage);
        let unreadable = Came { preview: Preview::Unreadable, ..came("!a", "") };
        assert_eq!(says(&choices, &unreadable), Says::NewMessage);
        assert_eq!(says(&choices, &Came { invited: true, ..came("!a", "") }), Says::Invitation);
    }

    #[test]
    fn a_burst_becomes_one_notification() {
        let (mut bursts, choices) = (Bursts::default(), Choices::default());
        assert!(bursts.take(&choices, &came("!a", "1"), true, 0).is_some());
        assert!(bursts.take(&choices, &came("!b", "1"), true, 10).is_some(), "another room");
        for n in 0..12 {
            assert_eq!(bursts.take(&choices, &came("!a", "more"), n == 0, 100 + n), None);
        }
        assert!(bursts.due(2_999).is_empty() && bursts.waits());
        let due = bursts.due(3_100);
        assert_eq!(due.len(), 1);
        assert_eq!((&due[0].says, due[0].sound), (&Says::Several(12), true));
        assert!(!bursts.waits());
        // One that waited alone is shown as itself.
        assert_eq!(bursts.take(&choices, &came("!a", "last"), true, 4_000), None);
        assert_eq!(bursts.due(6_200)[0].says, Says::Message(Preview::Text("last".into())));
        // What is being read does not call afterwards.
        assert_eq!(bursts.take(&choices, &came("!a", "x"), true, 6_300), None);
        bursts.forget("!a");
        assert!(bursts.due(20_000).is_empty());
    }
}
