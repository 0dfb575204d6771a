//! Polls: what is asked, who chose what, and what a press on an answer means.

use std::collections::BTreeSet;

/// Answers that a poll has at most (specification, "m.poll.start").
pub const MOST: usize = 20;

/// What a person wishes of polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Ask the room
    Create {
        /// Room id
        room: String,
        /// What is asked
        asked: Asked,
    },
    /// Choose answers, or take the choice back
    Vote {
        /// Room id
        room: String,
        /// Event id of the poll
        key: String,
        /// Ids of the answers, perhaps none
        answers: Vec<String>,
    },
    /// Count no more votes
    End {
        /// Room id
        room: String,
        /// Event id of the poll
        key: String,
        /// What clients without polls show
        words: String,
    },
}

/// A poll as it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The question
    pub question: String,
    /// Two answers to [`MOST`]
    pub answers: Vec<String>,
    /// More than one answer may be chosen
    pub several: bool,
    /// The results are shown while it runs
    pub open: bool,
}

impl Asked {
    /// The poll without spaces and empty or repeated answers; `None` where that is no poll.
    pub fn checked(&self) -> Option<Self> {
        let question = self.question.trim().to_owned();
        let mut answers: Vec<String> = Vec::new();
        for answer in self.answers.iter().map(|answer| answer.trim()).filter(|answer| !answer.is_empty()) {
            if !answers.iter().any(|other| other == answer) {
                answers.push(answer.to_owned());
            }
        }
        answers.truncate(MOST);
        (!question.is_empty() && answers.len() >= 2).then_some(Self { question, answers, ..*self })
    }
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// What is asked
    pub question: String,
    /// In the order to show
    pub answers: Vec<Answer>,
    /// Answers that one person may choose
    pub most: usize,
    /// The results are shown while it runs
    pub open: bool,
    /// No more votes are counted
    pub ended: bool,
}

/// An answer of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its id
    pub id: String,
    /// What it says
    pub text: String,
    /// User ids of those who chose it
    pub voters: Vec<String>,
    /// The account signed in is one of them
    pub mine: bool,
}

impl Poll {
    /// How many people voted.
    pub fn voters(&self) -> usize {
        self.answers.iter().flat_map(|answer| &answer.voters).collect::<BTreeSet<_>>().len()
    }

    /// The account signed in has voted.
    pub fn voted(&self) -> bool {
        self.answers.iter().any(|answer| answer.mine)
    }

    /// The results may be seen: at the end, or by those who voted where they are open.
    pub fn shows_results(&self) -> bool {
        self.ended || self.open && self.voted()
    }

    /// An answer of the most votes, once it has ended.
    pub fn won(&self, answer: &Answer) -> bool {
        let most = self.answers.iter().map(|answer| answer.voters.len()).max().unwrap_or(0);
        self.ended && most > 0 && answer.voters.len() == most
    }

    /// What is chosen after a press on an answer; `None` where nothing can be chosen any more. A press on what is
    /// chosen takes it back.
    pub fn press(&self, id: &str) -> Option<Vec<String>> {
        if self.ended || !self.answers.iter().any(|answer| answer.id == id) {
            return None;
        }
        let mut chosen: Vec<String> =
            self.answers.iter().filter(|answer| answer.mine).map(|answer| answer.id.clone()).collect();
        if let Some(at) = chosen.iter().position(|answer| answer == id) {
            chosen.remove(at);
        } else if self.most <= 1 {
            chosen = vec![id.to_owned()];
        } else if chosen.len() < self.most {
            chosen.push(id.to_owned());
        } else {
            return None;
        }
        Some(chosen)
    }

    /// The question and the answers in plain words.
    pub fn words(question: &str, answers: &[String]) -> String {
        let answers = answers.iter().enumerate().map(|(index, answer)| format!("{}. {answer}", index + 1));
        std::iter::once(question.to_owned()).chain(answers).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str, voters: &[&str]) -> Answer {
        Answer {
            id: id.into(),
            text: id.to_uppercase(),
            voters: voters.iter().map(|voter| (*voter).to_owned()).collect(),
            mine: voters.contains(&"@me:a"),
        }
    }

    fn poll(most: usize, answers: Vec<Answer>) -> Poll {
        Poll { question: "?".into(), answers, most, open: true, ended: false }
    }

    #[test]
    fn one_answer_gives_way_to_another_and_several_stand_together() {
        let one = poll(1, vec![answer("a", &["@me:a"]), answer("b", &[])]);
        assert_eq!(one.press("b"), Some(vec!["b".to_owned()]));
        assert_eq!(one.press("a"), Some(Vec::new()), "taken back");
        assert_eq!(one.press("x"), None);
        let two = poll(2, vec![answer("a", &["@me:a"]), answer("b", &[]), answer("c", &["@me:a"])]);
        assert_eq!(two.press("b"), None, "no more than may be chosen");
        assert_eq!(two.press("c"), Some(vec!["a".to_owned()]));
        assert_eq!(Poll { most: 3, ..two.clone() }.press("b").unwrap().len(), 3);
        assert_eq!(Poll { ended: true, ..two }.press("c"), None);
    }

    #[test]
    fn results_are_seen_by_those_who_voted_or_at_the_end() {
        let voted = poll(1, vec![answer("a", &["@me:a", "@x:a"]), answer("b", &["@y:a"])]);
        let waits = poll(1, vec![answer("a", &["@x:a"]), answer("b", &[])]);
        assert!(voted.shows_results() && !waits.shows_results());
        let hidden = Poll { open: false, ..voted.clone() };
        assert!(!hidden.shows_results());
        let ended = Poll { ended: true, ..hidden };
        assert!(ended.shows_results());
        assert_eq!(voted.voters(), 3);
        assert!(ended.won(&ended.answers[0]) && !ended.won(&ended.answers[1]) && !voted.won(&voted.answers[0]));
    }

    #[test]
    fn a_poll_needs_a_question_and_two_answers() {
        let asked = |question: &str, answers: &[&str]| {
            let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
            Asked { question: question.into(), answers, several: true, open: true }.checked()
        };
        assert_eq!(asked(" Когда? ", &["пн", " ", "вт ", "пн"]).unwrap().answers, ["пн", "вт"]);
        assert_eq!(asked(" ", &["пн", "вт"]), None);
        assert_eq!(asked("Когда?", &["пн", "пн"]), None);
        assert!(asked("Когда?", &["пн", "вт"]).unwrap().several);
        assert_eq!(Poll::words("Когда?", &["пн".into(), "вт".into()]), "Когда?\n1. пн\n2. вт");
    }
}
