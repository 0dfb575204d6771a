//! The last lines of the log, kept in memory for someone who reports a problem and wants to send them along. What tells
//! of people is taken out before a line is kept, and spans are not looked at: the SDK names rooms and people there.

use std::{
    collections::VecDeque,
    fmt::Write,
    sync::{LazyLock, Mutex, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::Context,
    registry::LookupSpan,
};

/// Lines kept.
const MOST: usize = 200;
/// The longest line, in characters: an error that quotes what it could not read does not get far.
const LONGEST: usize = 240;
/// Stand for what was taken out.
const ID: &str = "<id>";
const ADDRESS: &str = "<address>";
const PATH: &str = "<path>";

static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Names of the person on this computer, which turn up in paths.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = ["USER", "USERNAME", "LOGNAME"].iter().filter_map(|key| std::env::var(key).ok());
    names.filter(|name| name.chars().count() > 2 && name != "root").collect()
});

/// Keeps the last lines: those of the client, and of all others the warnings and errors. The SDK calls every refusal of
/// the server an error, so its requests are left out, as on the console.
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let wanted = Targets::new()
        .with_default(Level::WARN)
        .with_target("parta_client", Level::INFO)
        .with_target("matrix_sdk::http_client", LevelFilter::OFF)
        .with_target("matrix_sdk::latest_events", LevelFilter::OFF)
        // Who has no recovery key would have little else in it.
        .with_target("matrix_sdk_crypto::backups", Level::ERROR);
    Keeper.with_filter(wanted)
}

/// The last lines, the oldest first.
pub fn last(count: usize) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
}

/// Forgets the lines: the next person at this computer does not send those of the one before.
pub fn forget() {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn keep(lines: &mut VecDeque<String>, line: String) {
    if lines.len() >= MOST {
        lines.pop_front();
    }
    lines.push_back(line);
}

struct Keeper;

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let at = jiff::Timestamp::now().strftime("%H:%M:%S");
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let said = redact(&format!("{}{}", words.message, words.fields), &NAMES);
        let line = format!("{at} {level} {target}: {}", said.chars().take(LONGEST).collect::<String>());
        keep(&mut LINES.lock().unwrap_or_else(PoisonError::into_inner), line);
    }
}

/// What an event says.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

/// A line without ids of people, rooms and devices, without addresses, names of files and these further names. It takes
/// out too much rather than too little.
fn redact(line: &str, names: &[String]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut word = String::new();
    for sign in line.chars() {
        // An address on the network has some of the signs that end other words.
        let ends = if word.contains("://") { "\"'`»”)>}" } else { "\"'`«»“”()[]{}<>,;=|" };
        if sign.is_whitespace() || ends.contains(sign) {
            out.push_str(&told(&word, names));
            word.clear();
            // One line stays one.
            out.push(if sign.is_whitespace() { ' ' } else { sign });
        } else {
            word.push(sign);
        }
    }
    out.push_str(&told(&word, names));
    out
}

/// What is told of a word.
fn told(word: &str, names: &[String]) -> String {
    let inner = word.trim_end_matches(['.', ':', '!', '?', '…']);
    let end = &word[inner.len()..];
    match taken_out(inner, names) {
        Some(stand_in) => format!("{stand_in}{end}"),
        None => word.to_owned(),
    }
}

fn taken_out(word: &str, names: &[String]) -> Option<&'static str> {
    if word.contains("://") {
        return Some(ADDRESS);
    }
    if word.contains(['@', '#']) || word.starts_with(['!', '$', '+']) && word.len() > 1 {
        return Some(ID);
    }
    if word.contains(['/', '\\']) {
        return Some(PATH);
    }
    if names.iter().any(|name| word.eq_ignore_ascii_case(name)) {
        return Some(ID);
    }
    // The parts of a path in code, such as `matrix_sdk::sync`, are nobody's.
    if word.contains("::") && word.parse::<std::net::Ipv6Addr>().is_err() {
        return None;
    }
    if is_host(word) { Some(ADDRESS) } else { is_token(word).then_some(ID) }
}

/// An address of a computer, with or without a port, or the name of a file.
fn is_host(word: &str) -> bool {
    if word.parse::<std::net::IpAddr>().is_ok() || word.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    let (host, port) = word.rsplit_once(':').unwrap_or((word, ""));
    if !port.is_empty() && port.chars().all(|sign| sign.is_ascii_digit()) {
        return true;
    }
    let mut parts = host.split('.');
    let last = parts.next_back().unwrap_or_default();
    let named = parts.next().is_some_and(|first| !first.is_empty());
    named && last.chars().count() > 1 && last.chars().any(char::is_alphabetic)
}

/// The name of a device, a key, a token, a number of a phone: long, and no word of a language.
fn is_token(word: &str) -> bool {
    let signs = word.chars().count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let shouts = word.chars().all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit());
    (signs >= 8 && shouts) || (signs >= 16 && digits > 0) || digits >= 9 || signs >= 40
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn redacted(line: &str) -> String {
        redact(line, &["petrova".to_owned()])
    }

    #[test]
    fn ids_of_people_rooms_events_and_devices_are_taken_out() {
        for (line, left) in [
            ("@anna:academy is away", "<id> is away"),
            ("room !abc:academy.lan, event $Xy-1_z", "room <id>, event <id>"),
            ("user_id=\"@anna:academy\"", "user_id=\"<id>\""),
            ("alias #7b:academy:", "alias <id>:"),
            ("letter to anna@school.example.", "letter to <id>."),
            ("device JLAFKJWSCS of Some(JLAFKJWSCS)", "device <id> of Some(<id>)"),
            ("token=syt_YW5uYQ_QkFzZTY0", "token=<id>"),
            ("login petrova", "login <id>"),
            ("call +79161234567", "call <id>"),
        ] {
            assert_eq!(redacted(line), left);
        }
    }

    #[test]
    fn addresses_and_files_are_taken_out() {
        for (line, left) in [
            ("error sending request for url (https://a.b/_matrix/x?y=1)", "error sending request for url (<address>)"),
            ("mxc://academy/abc is gone", "<address> is gone"),
            ("connect 192.168.1.20:8008: refused", "connect <address>: refused"),
            ("peer fe80::1 and ::1", "peer <address> and <address>"),
            ("dns error: parta.school.lan", "dns error: <address>"),
            ("localhost:8008", "<address>"),
            ("/home/petrova/Документы/план.odt: no", "<path>: no"),
            (r"C:\Users\petrova\x is busy", "<path> is busy"),
            ("«Контрольная Петров.docx»", "«Контрольная <address>»"),
        ] {
            assert_eq!(redacted(line), left);
        }
    }

    #[test]
    fn what_went_wrong_is_still_told() {
        for line in [
            "sync failed failure=ServerAway",
            "the SDK at matrix_sdk::sync::room took 30.5 s, version 0.18.0",
            "os error 13: Permission denied. Отказано в доступе!",
            "timed out after 10 attempts",
        ] {
            assert_eq!(redacted(line), line);
        }
        assert_eq!(redacted("one\ntwo"), "one two", "a line stays a line");
    }

    #[test]
    fn warnings_of_others_and_everything_said_here_is_kept_without_spans() {
        let subscriber = tracing_subscriber::registry().with(layer());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::error_span!(target: "matrix_sdk::room", "room", room_id = "!secret:academy");
            let _entered = span.enter();
            tracing::info!(target: "matrix_sdk::sync", "of no use");
            tracing::warn!(target: "matrix_sdk::sync", who = "@anna:academy", "of use");
            tracing::error!(target: "matrix_sdk::http_client", "a refusal");
            tracing::info!(target: "parta_client::view", "said here");
        });
        let lines: Vec<String> = last(MOST).iter().map(|line| line[9..].to_owned()).collect();
        let kept = |line: &str| lines.iter().any(|kept| kept == line);
        assert!(kept("WARN matrix_sdk::sync: of use who=\"<id>\""), "{lines:?}");
        assert!(kept("INFO parta_client::view: said here"), "{lines:?}");
        assert!(
            !lines.iter().any(|line| line.contains("refusal") || line.contains("no use") || line.contains("secret"))
        );
    }

    #[test]
    fn the_oldest_line_goes_first() {
        let mut lines = VecDeque::new();
        for n in 0..=MOST {
            keep(&mut lines, n.to_string());
        }
        assert_eq!((lines.len(), lines[0].as_str()), (MOST, "1"));
    }
}
