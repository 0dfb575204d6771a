//! What the command line offers, with the bounds that keep a mistyped figure from running all night.

use std::fmt;
use std::str::FromStr;

use clap::{Parser, ValueEnum};
use url::Url;

/// Measures a homeserver on this machine under load; a line a scenario, or one for each thing that it compares.
#[derive(Debug, Clone, Parser)]
#[command(name = "load-benchmark", version)]
pub(crate) struct Options {
    /// The server's client-server base URL; only loopback addresses are accepted.
    #[arg(long)]
    pub(crate) base_url: Url,
    /// Scenario to run, repeatable or separated by commas; all of them when absent.
    #[arg(long, value_delimiter = ',')]
    pub(crate) scenario: Vec<Scenario>,
    /// How accounts are made: `dummy` (open registration) or `shared-secret:SECRET`.
    #[arg(long, default_value = "dummy")]
    pub(crate) registration: Registration,
    /// Seconds measured, a scenario.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) duration: u64,
    /// Seconds of the same load before measuring begins.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=120))]
    pub(crate) warmup: u64,
    /// Process id of the server (repeatable): its tree's CPU time and memory are read from /proc.
    #[arg(long)]
    pub(crate) server_pid: Vec<u32>,
    /// Print one JSON object a line instead of a line for people.
    #[arg(long)]
    pub(crate) json: bool,
    /// Concurrent senders of the send scenarios and callers of `null`; in `send-idle-rooms` each has a listener.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=512))]
    pub(crate) senders: u64,
    /// Rooms in which nothing happens, and which everyone in `send-idle-rooms` is in.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub(crate) idle_rooms: u64,
    /// Members of the one room: those who listen in `fanout`, and those who merely are there in `send-one-room`.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=5000))]
    pub(crate) members: u64,
    /// Messages a second of `fanout`, sent on a schedule whatever the server does.
    #[arg(long, default_value_t = 3.0, value_parser = rate)]
    pub(crate) rate: f64,
    /// Presence that the listeners of `fanout` and `send-idle-rooms` announce with each sync.
    #[arg(long, value_enum, default_value_t = Presence::Online)]
    pub(crate) presence: Presence,
    /// Concurrent sign-ins of `login`.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) logins: u64,
    /// Rooms of `initial-sync`, `sliding-sync`, `messages` and `search`.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) rooms: u64,
    /// Messages in each of those rooms, and the timeline limit that `initial-sync` asks for.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) messages: u64,
    /// Rooms of the member that `growth` measures others by; one of them has ten times as many. No fewer than a sliding
    /// sync shows at once.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(20..=100))]
    pub(crate) growth_rooms: u64,
    /// Messages in each of those rooms; another member's have ten times as many. More than a first sync tells.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(20..=200))]
    pub(crate) growth_messages: u64,
    /// Requests at once while accounts, rooms and history are being made.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=128))]
    pub(crate) setup_concurrency: u64,
}

impl Options {
    /// The scenarios asked for, or all of them.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        if self.scenario.is_empty() { Scenario::value_variants().to_vec() } else { self.scenario.clone() }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.1..=100.0).contains(&rate) => Ok(rate),
        _ => Err("a number of messages a second from 0.1 to 100".to_owned()),
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// The load generator's own ceiling: an endpoint that does nothing.
    Null,
    /// Sign-in by password, a new device each time.
    Login,
    /// Every sender in a room of its own.
    SendRooms,
    /// All senders in one large room.
    SendOneRoom,
    /// As `send-rooms`, with someone who listens in each room and many rooms in which nothing happens.
    SendIdleRooms,
    /// Messages on a schedule to a room whose members all long-poll.
    Fanout,
    /// First sync of a member of many rooms.
    InitialSync,
    /// First answer of a sliding sync for the same member.
    SlidingSync,
    /// A page of the history of those rooms.
    Messages,
    /// A search in those rooms.
    Search,
    /// Syncs of a member beside those with ten times the rooms and ten times the history.
    Growth,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Login => "login",
            Self::SendRooms => "send-rooms",
            Self::SendOneRoom => "send-one-room",
            Self::SendIdleRooms => "send-idle-rooms",
            Self::Fanout => "fanout",
            Self::InitialSync => "initial-sync",
            Self::SlidingSync => "sliding-sync",
            Self::Messages => "messages",
            Self::Search => "search",
            Self::Growth => "growth",
        })
    }
}

/// `set_presence` of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Presence {
    /// As an open client does.
    Online,
    /// As a client that hides itself does: no presence traffic.
    Offline,
}

impl Presence {
    /// The query parameter's value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

/// How accounts are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Registration {
    /// `POST /register` with `m.login.dummy`.
    Dummy,
    /// `POST /_synapse/admin/v1/register` with this secret.
    SharedSecret(String),
}

impl FromStr for Registration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "dummy" => Ok(Self::Dummy),
            Some(("shared-secret", secret)) if !secret.is_empty() => Ok(Self::SharedSecret(secret.to_owned())),
            _ => Err("either `dummy` or `shared-secret:SECRET`".to_owned()),
        }
    }
}
