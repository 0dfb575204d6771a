//! Feedback: what a person sends to the administrators, what waits to be sent, and what became of it. The queue is in
//! [`queue`], what the picture and the details say in [`details`].

pub mod details;
pub mod queue;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::update::Pixels;

/// The longest text that the server takes, in characters.
pub const LONGEST: usize = 4_000;

/// What a report is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something does not work
    #[default]
    Problem,
    /// Something could be better
    Idea,
    /// Somebody does not know how
    Question,
    /// Something is good
    Praise,
}

/// How far the administrators are with a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has looked at it yet
    #[default]
    New,
    /// Somebody has
    Seen,
    /// It will be done
    Planned,
    /// It is done
    Done,
    /// It will not be done
    Declined,
}

/// An answer of the administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When, in milliseconds since the Unix epoch
    pub at: i64,
    /// What it says
    pub text: String,
    /// It was seen before
    pub read: bool,
}

/// A report that the server has, as it tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its number
    pub id: i64,
    /// What the program called it
    pub client_id: Option<String>,
    /// When it came, in milliseconds since the Unix epoch
    pub created_at: i64,
    /// What it is
    pub kind: Kind,
    /// What it says
    pub text: String,
    /// How far it is
    pub state: State,
    /// In their order
    pub answers: Vec<Answer>,
    /// How many answers and decisions are not read yet
    pub unread: u64,
}

/// What the server answers who asks for their reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The newest first
    pub reports: Vec<Report>,
    /// Not read yet in all
    pub unread: u64,
    /// Reports are taken
    pub enabled: bool,
}

/// A picture of the window, and what of it nobody is to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// As it was taken
    pub pixels: Pixels,
    /// What is painted over
    pub shades: Vec<Shade>,
}

/// A part of a picture, from 0 to 1 in both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shade {
    /// Left edge
    pub x: f32,
    /// Upper edge
    pub y: f32,
    /// Width
    pub width: f32,
    /// Height
    pub height: f32,
}

impl Shade {
    /// Between two corners, whichever was first, and within the picture. None where it would hardly be seen.
    #[must_use]
    pub fn between(from: (f32, f32), to: (f32, f32)) -> Option<Self> {
        let span = |a: f32, b: f32| (a.min(b).clamp(0.0, 1.0), a.max(b).clamp(0.0, 1.0));
        let ((left, right), (top, bottom)) = (span(from.0, to.0), span(from.1, to.1));
        let shade = Self { x: left, y: top, width: right - left, height: bottom - top };
        (shade.width > 0.004 && shade.height > 0.004).then_some(shade)
    }

    /// First and last column, or row, of so many. What is touched in part is covered as well.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "both ends are between 0 and the number of pixels on a side"
    )]
    fn range(start: f32, length: f32, pixels: u32) -> std::ops::Range<usize> {
        let side = pixels as f32;
        let first = (start * side).floor().clamp(0.0, side) as usize;
        let end = ((start + length) * side).ceil().clamp(0.0, side) as usize;
        first..end
    }
}

impl Picture {
    /// The picture with its parts painted over: nothing of what was there is left in the pixels.
    #[must_use]
    pub fn painted(mut self) -> Pixels {
        let (width, height) = (self.pixels.width, self.pixels.height);
        for shade in &self.shades {
            let columns = Shade::range(shade.x, shade.width, width);
            for row in Shade::range(shade.y, shade.height, height) {
                let row = row * width as usize;
                if let Some(bytes) = self.pixels.rgba.get_mut((row + columns.start) * 4..(row + columns.end) * 4) {
                    bytes.chunks_exact_mut(4).for_each(|pixel| pixel.copy_from_slice(&[0, 0, 0, 255]));
                }
            }
        }
        self.pixels
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What it is
    pub kind: Kind,
    /// What it says
    pub text: String,
    /// What goes along in words
    pub diagnostics: BTreeMap<String, String>,
    /// What goes along as a picture
    pub picture: Option<Picture>,
    /// The refused one that it takes the place of
    pub replaces: Option<String>,
    /// With the picture of that one
    pub keeps_picture: bool,
}

/// Whether the server would take a text of this length.
#[must_use]
pub fn fits(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().count() <= LONGEST
}

/// How many answers to call out: those that were not known of. What waits at the very first look was there before.
#[must_use]
pub fn has_news(before: Option<u64>, now: u64) -> bool {
    before.is_some_and(|before| now > before)
}

/// A wish of the person.
#[derive(Clone, PartialEq)]
pub enum Wish {
    /// Keep it, and send it when the server answers
    Send(Box<Draft>),
    /// Do not send it any more
    Drop(String),
    /// Ask the server for what it has
    Look,
    /// The answers to these were seen
    Read(Vec<i64>),
}

/// What comes back.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// The server knows nothing of feedback
    Absent,
    /// What it has
    Known(Known),
    /// What waits, the oldest first
    Waiting(Vec<queue::Waiting>),
    /// It is kept and on its way
    Kept,
    /// The server has one more
    Sent,
    /// Somebody answered
    Answered,
    /// It could not be kept on this computer
    NotKept,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32) -> Pixels {
        Pixels { width, height, rgba: vec![120; (width * height * 4) as usize] }
    }

    fn black(pixels: &Pixels) -> Vec<(u32, u32)> {
        let at = |n: usize| (n as u32 % pixels.width, n as u32 / pixels.width);
        let pixels = pixels.rgba.chunks_exact(4).enumerate();
        pixels.filter(|(_, pixel)| *pixel == [0, 0, 0, 255]).map(|(n, _)| at(n)).collect()
    }

    #[test]
    fn what_is_painted_over_is_gone_and_nothing_else() {
        let shade = Shade::between((0.75, 0.5), (0.25, 0.0)).unwrap();
        let painted = Picture { pixels: grey(4, 4), shades: vec![shade] }.painted();
        assert_eq!(black(&painted), [(1, 0), (2, 0), (1, 1), (2, 1)]);
    }

    #[test]
    fn a_pixel_that_is_touched_is_covered() {
        let shade = Shade::between((0.3, 0.3), (0.55, 0.35)).unwrap();
        let painted = Picture { pixels: grey(4, 4), shades: vec![shade] }.painted();
        assert_eq!(black(&painted), [(1, 1), (2, 1)]);
    }

    #[test]
    fn painting_ends_at_the_edges_and_a_click_paints_nothing() {
        let shade = Shade::between((0.5, 0.5), (7.0, -3.0)).unwrap();
        assert_eq!((shade.x + shade.width, shade.y), (1.0, 0.0));
        let painted = Picture { pixels: grey(3, 2), shades: vec![shade] }.painted();
        assert_eq!(black(&painted), [(1, 0), (2, 0)]);
        assert_eq!(Shade::between((0.5, 0.5), (0.501, 0.9)), None);
    }

    #[test]
    fn a_text_has_between_one_and_four_thousand_characters() {
        assert!(!fits(" \n"));
        assert!(fits(&"ы".repeat(LONGEST)));
        assert!(fits(&format!(" {} ", "ы".repeat(LONGEST))));
        assert!(!fits(&"ы".repeat(LONGEST + 1)));
    }

    #[test]
    fn only_what_came_since_is_called_out() {
        assert!(!has_news(None, 3));
        assert!(has_news(Some(0), 1));
        assert!(!has_news(Some(2), 2) && !has_news(Some(2), 1));
    }

    #[test]
    fn the_servers_words_are_understood() {
        let known: Known = serde_json::from_value(serde_json::json!({
            "reports": [{"id": 7, "client_id": "c", "created_at": 1, "kind": "praise", "text": "!", "room_id": null,
                "diagnostics": {}, "attachments": [], "state": "declined", "state_at": 2,
                "answers": [{"at": 3, "text": "?", "read": false}], "unread": 1}],
            "next": null, "unread": 1, "enabled": true,
        }))
        .unwrap();
        let report = &known.reports[0];
        assert_eq!((report.kind, report.state, report.answers.len()), (Kind::Praise, State::Declined, 1));
    }
}
