//! What the program says of itself in a report: shown to the person word by word, and nothing else is sent.

use std::collections::BTreeMap;

/// Lines of the log.
pub const LINES: usize = 50;
/// Bytes of the log at most: the server takes 16 KiB in all, as JSON.
const MOST_LOG: usize = 11 * 1024;

/// What the program knows of itself and of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Of the program
    pub version: String,
    /// The system
    pub os: String,
    /// `ru` or `en`
    pub language: String,
    /// Pixels of the window and of the screen
    pub screen: String,
    /// Of the screen, and of letters
    pub scale: String,
    /// What draws
    pub renderer: String,
    /// Whether the server answers
    pub connection: String,
}

impl Machine {
    /// As it is sent, with the last lines of the log.
    #[must_use]
    pub fn details(&self, log: &[String]) -> BTreeMap<String, String> {
        let mut details: BTreeMap<String, String> = [
            ("client", "parta"),
            ("version", &self.version),
            ("os", &self.os),
            ("language", &self.language),
            ("screen", &self.screen),
            ("scale", &self.scale),
            ("renderer", &self.renderer),
            ("connection", &self.connection),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        let log = newest(log);
        if !log.is_empty() {
            details.insert("log".into(), log);
        }
        details
    }
}

/// As many of the newest lines as there is room for.
fn newest(log: &[String]) -> String {
    let mut room = MOST_LOG;
    let from = log.iter().rposition(|line| {
        // A quotation mark or a backslash takes two bytes in JSON.
        let bytes = line.len() + line.matches(['"', '\\']).count() + 2;
        let over = bytes > room;
        room = room.saturating_sub(bytes);
        over
    });
    log[from.map_or(0, |at| at + 1).max(log.len().saturating_sub(LINES))..].join("\n")
}

/// The same to be read.
#[must_use]
pub fn shown(details: &BTreeMap<String, String>) -> String {
    // The log is the longest.
    let (log, others): (Vec<_>, Vec<_>) = details.iter().partition(|(key, _)| *key == "log");
    let others = others.iter().map(|(key, value)| format!("{key}: {value}"));
    others.chain(log.iter().map(|(key, value)| format!("{key}:\n{value}"))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine { version: "0.1.0".into(), os: "linux".into(), language: "ru".into(), ..Machine::default() }
    }

    #[test]
    fn everything_that_is_sent_is_shown() {
        let details = machine().details(&["10:00 WARN a".into(), "10:01 INFO \"b\"".into()]);
        let text = shown(&details);
        for (key, value) in &details {
            assert!(text.contains(key.as_str()) && text.contains(value.as_str()), "{key}");
        }
        assert!(text.ends_with("log:\n10:00 WARN a\n10:01 INFO \"b\""), "{text}");
        assert!(!details.contains_key("renderer"), "what is not known is left out");
    }

    #[test]
    fn the_newest_lines_go_and_the_server_takes_them() {
        let line = |n: usize| format!("{n:03} {}", "\"ы\\".repeat(80));
        let log: Vec<String> = (0..200).map(line).collect();
        let details = machine().details(&log);
        assert!(serde_json::to_string(&details).unwrap().len() <= 16 * 1024);
        assert!(details["log"].ends_with(&line(199)));
        let short: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let log = &machine().details(&short)["log"];
        assert_eq!((log.lines().count(), log.lines().next()), (LINES, Some("150")));
        assert!(!machine().details(&[]).contains_key("log"));
    }
}
