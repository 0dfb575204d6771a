//! Links to people, rooms and messages: `matrix:` (specification, "Matrix URI scheme") and `https://matrix.to/#/…`.

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A person, by user id
    Person(String),
    /// A room, or a message in it
    Room {
        /// Room id or address
        address: String,
        /// Event id of the message
        event: Option<String>,
        /// Servers to ask for the room
        via: Vec<String>,
    },
}

/// What a link leads to; `None` for every other link.
pub fn parse(link: &str) -> Option<Target> {
    let link = link.trim();
    let lower = link.to_ascii_lowercase();
    if lower.starts_with("matrix:") {
        uri(&link["matrix:".len()..])
    } else {
        let rest =
            ["https://matrix.to/#/", "http://matrix.to/#/"].into_iter().find(|start| lower.starts_with(start))?;
        web(&link[rest.len()..])
    }
}

/// `u/anna:academy`, `r/class:academy`, `roomid/id:academy/e/event`.
fn uri(rest: &str) -> Option<Target> {
    // An authority names the server that the client should use; this client has one.
    let rest = rest.strip_prefix("//").map_or(rest, |rest| rest.split_once('/').map_or("", |(_, path)| path));
    let (path, via) = split(rest);
    let parts: Vec<&str> = path.split('/').collect();
    let (&[kind, id], tail) = parts.split_first_chunk::<2>()?;
    let event = match tail {
        [] => None,
        ["e" | "event", event] => Some(identifier("$", event)?),
        _ => return None,
    };
    match kind {
        "u" | "user" if event.is_none() => person(identifier("@", id)?),
        "r" | "room" => room(identifier("#", id)?, event, via),
        "roomid" => room(identifier("!", id)?, event, via),
        _ => None,
    }
}

/// `@anna:academy`, `#class:academy`, `!id:academy/$event`.
fn web(rest: &str) -> Option<Target> {
    let (path, via) = split(rest);
    let mut parts = path.split('/');
    let id = identifier("", parts.next()?)?;
    let event = match parts.next().filter(|event| !event.is_empty()) {
        Some(event) => Some(identifier("", event)?),
        None => None,
    };
    if parts.next().is_some() || event.as_deref().is_some_and(|event| !event.starts_with('$')) {
        return None;
    }
    match id.chars().next()? {
        '@' if event.is_none() => person(id),
        '#' | '!' => room(id, event, via),
        _ => None,
    }
}

fn person(id: String) -> Option<Target> {
    id.contains(':').then_some(Target::Person(id))
}

fn room(address: String, event: Option<String>, via: Vec<String>) -> Option<Target> {
    // Rooms of version 12 have ids without a server.
    (address.contains(':') || address.starts_with('!')).then_some(Target::Room { address, event, via })
}

/// The path, and the servers named in the query.
fn split(rest: &str) -> (&str, Vec<String>) {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let via = query.split('&').filter_map(|pair| decode(pair.strip_prefix("via=")?)).take(5).collect();
    (path.trim_end_matches('/'), via)
}

/// An identifier with its sign, decoded and of a sensible length.
fn identifier(sign: &str, part: &str) -> Option<String> {
    let id = format!("{sign}{}", decode(part)?);
    let sound = id.len() > 1 && id.len() <= 255 && !id.contains(|c: char| c.is_control() || c.is_whitespace());
    sound.then_some(id)
}

/// Undoes the escaping of addresses; `None` if it is broken.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(address: &str, event: Option<&str>, via: &[&str]) -> Target {
        Target::Room {
            address: address.into(),
            event: event.map(Into::into),
            via: via.iter().map(|server| (*server).to_owned()).collect(),
        }
    }

    #[test]
    fn people_rooms_and_messages_of_the_scheme() {
        assert_eq!(parse("matrix:u/anna:academy"), Some(Target::Person("@anna:academy".into())));
        assert_eq!(parse("matrix:u/anna:academy?action=chat"), Some(Target::Person("@anna:academy".into())));
        assert_eq!(parse("MATRIX:r/class-7b:academy"), Some(to("#class-7b:academy", None, &[])));
        assert_eq!(
            parse("matrix:roomid/id:academy/e/event?via=academy&via=other.org"),
            Some(to("!id:academy", Some("$event"), &["academy", "other.org"]))
        );
        assert_eq!(parse("matrix:roomid/abc"), Some(to("!abc", None, &[])));
        assert_eq!(parse("matrix://academy/r/class:academy"), Some(to("#class:academy", None, &[])));
        assert_eq!(parse("matrix:r/%D0%BA%D0%BB%D0%B0%D1%81%D1%81:academy"), Some(to("#класс:academy", None, &[])));
    }

    #[test]
    fn the_same_of_the_web() {
        assert_eq!(parse("https://matrix.to/#/@anna:academy"), Some(Target::Person("@anna:academy".into())));
        assert_eq!(parse("https://matrix.to/#/%23class:academy"), Some(to("#class:academy", None, &[])));
        assert_eq!(
            parse("https://matrix.to/#/!id:academy/$event?via=academy"),
            Some(to("!id:academy", Some("$event"), &["academy"]))
        );
    }

    #[test]
    fn everything_else_is_another_link() {
        for link in [
            "",
            "matrix:",
            "matrix:u/",
            "matrix:u/anna",
            "matrix:u/anna:academy/e/event",
            "matrix:x/anna:academy",
            "matrix:r/a%zz:academy",
            "matrix:r/a b:academy",
            "matrix:r/a:b/e/c/d",
            "https://matrix.to/",
            "https://matrix.to/#/anna",
            "https://academy/",
            "mailto:anna@academy",
        ] {
            assert_eq!(parse(link), None, "{link}");
        }
    }
}
