//! Connections: what the client of each has been told, by the position that it names.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rand::RngCore as _;
use ruma::{
    OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId, api::error::ErrorKind, events::room::member::MembershipState,
};
use tokio::time::Instant;

use super::{
    config::Config,
    lists::{Places, Shown},
};
use crate::{
    domain::{event::Position, sessions::Requester, unread::Counts},
    error::ApiError,
    sync::token::Token,
};

/// Connections of one device at most; the one that was silent longest makes way.
const MAX_CONNECTIONS: usize = 8;
/// Devices that hold connections at most.
const MAX_DEVICES: usize = 20_000;
/// How long a connection may be silent when there are too many.
const SILENT: Duration = Duration::from_hours(1);

/// What a client has been told.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Up to where, of all that belongs to no room. `None` before the first answer.
    pub token: Option<Token>,
    /// Which rooms it was told are direct.
    pub direct: Arc<HashSet<OwnedRoomId>>,
    /// The rooms that it was told of.
    pub rooms: imbl::HashMap<OwnedRoomId, Arc<Told>>,
    /// The user's rooms as they stood then.
    pub(super) places: Places,
    /// What it asked for, and which rooms it was shown.
    pub(super) shown: Arc<Shown>,
}

/// What a client has been told of a room.
#[derive(Clone, Debug)]
pub struct Told {
    /// The last event that it may know of.
    pub up_to: Position,
    /// What the user was to the room.
    pub membership: MembershipState,
    /// What it asked for.
    pub config: Config,
    /// The members that it was told as they were needed, by their event.
    pub members: imbl::HashMap<String, OwnedEventId>,
    /// Whether it was told that the room is direct.
    pub direct: bool,
    /// What is unread, and up to which place that was looked at.
    pub unread: (Counts, Position),
    /// Up to where, of what the extensions add; `None` where they have added nothing.
    pub account_data: Option<Position>,
    /// The same of receipts.
    pub receipts: Option<Position>,
    /// The same of typing.
    pub typing: Option<u64>,
}

/// A place in a connection: the number of an answer, and the token of it that `/messages` takes as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pos {
    serial: u64,
    token: Token,
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.serial, self.token)
    }
}

impl FromStr for Pos {
    type Err = ApiError;

    /// What is no position is an unknown one: the client begins anew.
    fn from_str(text: &str) -> Result<Self, ApiError> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(unknown)?;
        let (serial, token) = text.split_at(digits);
        Ok(Self { serial: serial.parse().map_err(|_| unknown())?, token: token.parse().map_err(|_| unknown())? })
    }
}

fn unknown() -> ApiError {
    let message = "This connection has ended. Leave `pos` out to begin a new one.";
    ApiError::new(http::StatusCode::BAD_REQUEST, ErrorKind::UnknownPos, message)
}

/// Whose connection it is.
#[derive(Clone, Debug)]
pub struct Key {
    device: Device,
    conn_id: Option<String>,
}

/// An application service may have no device.
type Device = (OwnedUserId, Option<OwnedDeviceId>);

impl Key {
    /// The caller's connection of a name.
    pub fn new(requester: &Requester, conn_id: Option<&str>) -> Self {
        let device = (requester.user_id.clone(), requester.device_id.clone());
        Self { device, conn_id: conn_id.map(str::to_owned) }
    }
}

/// A request of a connection. A client that has given one up and asks again may leave the first one waiting behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(u64);

#[derive(Debug)]
struct Connection {
    used: Instant,
    next: u64,
    /// Who alone may answer: the request that came last.
    turn: Turn,
    /// What the client has seen, by the answer that it says it has, and with the one that it was handed last.
    answers: Vec<(u64, Seen)>,
}

impl Connection {
    /// A number that none had before.
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn take_turn(&mut self) -> Turn {
        self.used = Instant::now();
        self.turn = Turn(self.number());
        self.turn
    }
}

/// All connections. They are in memory only: after a restart clients begin new ones.
#[derive(Debug, Default)]
pub struct Connections(Mutex<HashMap<Device, HashMap<Option<String>, Connection>>>);

impl Connections {
    /// What the client has seen that comes back with a position, or that begins a connection without one. What it was
    /// told before that position is forgotten. With the turn the request is answered, unless another comes meanwhile.
    ///
    /// # Errors
    ///
    /// `M_UNKNOWN_POS` where there is no such connection, or no such answer in it.
    pub fn open(&self, key: &Key, pos: Option<Pos>) -> Result<(Turn, Seen), ApiError> {
        let mut devices = self.0.lock();
        let Some(pos) = pos else {
            make_room(&mut devices, &key.device);
            // Another number than any before, so that no position of an earlier connection is one of this.
            let next = rand::rng().next_u32().into();
            let mut connection = Connection { used: Instant::now(), next, turn: Turn(next), answers: vec![] };
            let turn = connection.take_turn();
            devices.entry(key.device.clone()).or_default().insert(key.conn_id.clone(), connection);
            return Ok((turn, Seen::default()));
        };
        let connection = devices.get_mut(&key.device).and_then(|of_device| of_device.get_mut(&key.conn_id));
        let connection = connection.ok_or_else(unknown)?;
        let index = connection.answers.iter().position(|(serial, _)| *serial == pos.serial).ok_or_else(unknown)?;
        let turn = connection.take_turn();
        connection.answers.drain(..index);
        Ok((turn, connection.answers[0].1.clone()))
    }

    /// Remembers what the client has seen once it has the answer to a request; the answer's position.
    pub fn answered(&self, key: &Key, turn: Turn, seen: Seen) -> Pos {
        let mut devices = self.0.lock();
        let token = seen.token.unwrap_or_default();
        let connection = devices.get_mut(&key.device).and_then(|of_device| of_device.get_mut(&key.conn_id));
        // One that had to make way meanwhile, for another connection or request: a client that has this will hear so.
        let Some(connection) = connection.filter(|connection| connection.turn == turn) else {
            return Pos { serial: 0, token };
        };
        let serial = connection.number();
        // What the client has said that it has, and no other answer to that.
        connection.answers.truncate(1);
        connection.answers.push((serial, seen));
        Pos { serial, token }
    }
}

fn make_room(devices: &mut HashMap<Device, HashMap<Option<String>, Connection>>, device: &Device) {
    if let Some(of_device) = devices.get_mut(device)
        && of_device.len() >= MAX_CONNECTIONS
        && let Some(oldest) =
            of_device.iter().min_by_key(|(_, connection)| connection.used).map(|(name, _)| name.clone())
    {
        of_device.remove(&oldest);
    }
    if devices.len() >= MAX_DEVICES {
        devices.retain(|_, of_device| of_device.values().any(|connection| connection.used.elapsed() < SILENT));
    }
    if devices.len() >= MAX_DEVICES {
        devices.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::owned_user_id;

    use super::*;

    fn key(conn_id: &str) -> Key {
        Key { device: (owned_user_id!("@anna:parta.test"), None), conn_id: Some(conn_id.to_owned()) }
    }

    fn seen(position: Position) -> Seen {
        Seen { token: Some(Token::at(position)), ..Seen::default() }
    }

    fn position(opened: Result<(Turn, Seen), ApiError>) -> Option<Position> {
        opened.ok()?.1.token.map(|token| token.position)
    }

    /// A request from its beginning to its end.
    fn ask(connections: &Connections, key: &Key, pos: Option<Pos>, up_to: Position) -> Pos {
        let (turn, _) = connections.open(key, pos).unwrap();
        connections.answered(key, turn, seen(up_to))
    }

    #[test]
    fn an_answer_may_be_lost() {
        let (connections, key) = (Connections::default(), key("a"));
        let first = ask(&connections, &key, None, 1);
        assert_eq!(position(connections.open(&key, Some(first))), Some(1));
        let lost = ask(&connections, &key, Some(first), 2);
        assert_eq!(position(connections.open(&key, Some(first))), Some(1), "asked again");
        let second = ask(&connections, &key, Some(first), 3);
        assert!(connections.open(&key, Some(lost)).is_err(), "nobody has it");
        assert_eq!(position(connections.open(&key, Some(second))), Some(3));
        assert!(connections.open(&key, Some(first)).is_err(), "past");
    }

    #[test]
    fn a_request_that_was_given_up_takes_nothing_from_the_next() {
        let (connections, key) = (Connections::default(), key("a"));
        let first = ask(&connections, &key, None, 1);
        let given_up = || connections.open(&key, Some(first)).unwrap().0;
        let (one, other) = (given_up(), given_up());
        // The same position is asked again, and both that wait are answered after it.
        let second = ask(&connections, &key, Some(first), 2);
        let unknown = connections.answered(&key, one, seen(3));
        assert_eq!(position(connections.open(&key, Some(second))), Some(2));
        connections.answered(&key, other, seen(3));
        assert_eq!(position(connections.open(&key, Some(second))), Some(2), "asked again");
        assert!(connections.open(&key, Some(unknown)).is_err());
        // Nor does one of an earlier connection.
        let turn = connections.open(&key, Some(second)).unwrap().0;
        let anew = ask(&connections, &key, None, 4);
        connections.answered(&key, turn, seen(5));
        assert_eq!(position(connections.open(&key, Some(anew))), Some(4));
    }

    #[test]
    fn a_new_connection_ends_the_old_one_of_its_name_alone() {
        let connections = Connections::default();
        let begin = |name| ask(&connections, &key(name), None, 1);
        let (a, b) = (begin("a"), begin("b"));
        begin("a");
        assert!(connections.open(&key("a"), Some(a)).is_err());
        assert!(connections.open(&key("b"), Some(b)).is_ok());
    }

    #[test]
    fn a_device_has_a_few() {
        let connections = Connections::default();
        for name in 0..50 {
            connections.open(&key(&name.to_string()), None).unwrap();
        }
        assert_eq!(connections.0.lock().values().map(HashMap::len).sum::<usize>(), MAX_CONNECTIONS);
    }

    proptest! {
        #[test]
        fn a_position_reads_what_it_writes(serial in any::<u64>(), position in 0..i64::MAX, ephemeral in any::<u64>()) {
            let pos = Pos { serial, token: Token { ephemeral, ..Token::at(position) } };
            prop_assert_eq!(pos.to_string().parse::<Pos>().unwrap(), pos);
            prop_assert_eq!(pos.to_string().parse::<Token>().unwrap(), pos.token);
        }

        #[test]
        fn a_position_never_panics(text in ".*") {
            let _ = text.parse::<Pos>();
        }
    }
}
