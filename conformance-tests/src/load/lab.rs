//! What scenarios share: the server under test, its accounts, and the one large room.

use std::slice;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::accounts::{self, Account};
use super::client::Http;
use super::options::Options;
use super::process::Meter;
use bytes::Bytes;

/// The server under test and what has been set up on it so far.
pub(crate) struct Lab {
    /// What was asked for.
    pub(crate) options: Options,
    /// The client, cheap to clone.
    pub(crate) http: Http,
    /// The domain part of the accounts, once there is one.
    pub(crate) server_name: String,
    /// What the server says it is.
    pub(crate) version: String,
    /// Distinguishes this run's names from those of earlier runs on the same server.
    run: String,
    accounts: Vec<Account>,
    /// How many accounts were made beside those.
    newcomers: usize,
    large_room: Option<LargeRoom>,
    history: Option<History>,
}

/// A member of many rooms in which much was said.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// The member.
    pub(crate) reader: Account,
    /// The rooms' ids, ready for a path.
    pub(crate) rooms: Vec<String>,
}

/// The room that `send-one-room` and `fanout` share.
#[derive(Debug, Clone)]
pub(crate) struct LargeRoom {
    /// Its id, ready for a path.
    pub(crate) path_id: String,
    /// Who made it, not among the members below.
    pub(crate) creator: Account,
    /// Everyone who joined.
    pub(crate) members: Vec<Account>,
    /// How long the joins took.
    pub(crate) joined_in: Duration,
}

impl Lab {
    /// Connects and asks the server what it is.
    pub(crate) async fn open(options: Options) -> Result<Self> {
        let http = Http::new(&options.base_url)?;
        let reply = http.call(Method::GET, "/_matrix/client/versions", None, Bytes::new()).await?;
        let named = reply.server.clone();
        reply.success().context("the server does not answer /versions")?;
        let admin = http.call(Method::GET, "/_synapse/admin/v1/server_version", None, Bytes::new()).await?;
        let said: Value = serde_json::from_slice(&admin.body).unwrap_or(Value::Null);
        let version = match (named, said["server_version"].as_str()) {
            (Some(name), _) if name.contains('/') => name,
            (name, Some(version)) => format!("{} {version}", name.unwrap_or_default()).trim().to_owned(),
            (name, None) => name.unwrap_or_else(|| "unknown".to_owned()),
        };
        let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() % 0x1_0000_0000;
        Ok(Self {
            options,
            http,
            server_name: String::new(),
            version,
            run: format!("{run:x}"),
            accounts: Vec::new(),
            newcomers: 0,
            large_room: None,
            history: None,
        })
    }

    /// Measures the server processes that were named.
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(self.options.server_pid.clone())
    }

    /// The localpart of the account with this index.
    pub(crate) fn username(&self, index: usize) -> String {
        format!("load-{}-{index}", self.run)
    }

    /// The first `count` accounts; those that are missing are made, a bounded number at once.
    pub(crate) async fn accounts(&mut self, count: usize) -> Result<Vec<Account>> {
        let have = self.accounts.len();
        let usernames = (have..count.max(have)).map(|index| self.username(index)).collect();
        let made = self.register(usernames).await?;
        self.accounts.extend(made);
        Ok(self.accounts[..count].to_vec())
    }

    /// Accounts of a scenario's own, which are in no room yet; a bounded number is made at once.
    pub(crate) async fn newcomers(&mut self, count: usize) -> Result<Vec<Account>> {
        let first = self.newcomers;
        self.newcomers += count;
        let usernames = (first..self.newcomers).map(|index| format!("load-{}-new-{index}", self.run)).collect();
        self.register(usernames).await
    }

    async fn register(&mut self, usernames: Vec<String>) -> Result<Vec<Account>> {
        let begun = Instant::now();
        let made: Vec<Account> = {
            let this = &*self;
            stream::iter(&usernames)
                .map(|username| accounts::register(&this.http, &this.options.registration, username))
                .buffered(self.concurrency())
                .try_collect()
                .await
                .context("making accounts")?
        };
        if !made.is_empty() {
            eprintln!("# {} accounts in {:.1} s", made.len(), begun.elapsed().as_secs_f64());
        }
        if let Some((_, domain)) = made.first().and_then(|account| account.user_id.split_once(':')) {
            domain.clone_into(&mut self.server_name);
        }
        Ok(made)
    }

    /// Requests at once during set-up.
    pub(crate) fn concurrency(&self) -> usize {
        self.options.setup_concurrency as usize
    }

    /// Creates a room and gives its id ready for a path.
    pub(crate) async fn create_room(&self, creator: &Account, body: &Value) -> Result<String> {
        let answer =
            self.http.must(Method::POST, "/_matrix/client/v3/createRoom", Some(&creator.authorization), body).await?;
        answer["room_id"].as_str().map(path_segment).context("no room_id in the answer")
    }

    /// Joins `account` to the room.
    pub(crate) async fn join(&self, account: &Account, path_id: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/rooms/{path_id}/join");
        self.http.must(Method::POST, &path, Some(&account.authorization), &json!({})).await?;
        Ok(())
    }

    /// A room that `creator` makes and the others join, one after the other; its id ready for a path.
    pub(crate) async fn room_with(&self, creator: &Account, others: &[Account], name: &str) -> Result<String> {
        let path_id = self.create_room(creator, &json!({ "preset": "public_chat", "name": name })).await?;
        for account in others {
            self.join(account, &path_id).await?;
        }
        Ok(path_id)
    }

    /// Sends one text, with a transaction id that the sender has not used in the room.
    pub(crate) async fn say(&self, sender: &Account, path_id: &str, transaction: &str, text: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/rooms/{path_id}/send/m.room.message/{transaction}");
        let body = json!({ "msgtype": "m.text", "body": text });
        self.http.must(Method::PUT, &path, Some(&sender.authorization), &body).await?;
        Ok(())
    }

    /// Rooms of the two in which the writer has said so much; their ids ready for a path.
    pub(crate) async fn rooms_with_history(
        &self,
        writer: &Account,
        reader: &Account,
        rooms: u64,
        messages: u64,
    ) -> Result<Vec<String>> {
        stream::iter(0..rooms)
            .map(|index| async move {
                let room = self.room_with(writer, slice::from_ref(reader), &format!("Class {index}")).await?;
                for message in 0..messages {
                    let text = format!("Message {message} of room {index}");
                    self.say(writer, &room, &format!("m{message}"), &text).await?;
                }
                anyhow::Ok(room)
            })
            .buffered(self.concurrency())
            .try_collect()
            .await
    }

    /// The rooms with history; made when first asked for.
    pub(crate) async fn history(&mut self) -> Result<History> {
        if let Some(history) = &self.history {
            return Ok(history.clone());
        }
        let mut accounts = self.accounts(2).await?;
        let (writer, reader) = (accounts.remove(1), accounts.remove(0));
        let (rooms, messages) = (self.options.rooms, self.options.messages);
        let rooms = self.rooms_with_history(&writer, &reader, rooms, messages).await?;
        let history = History { reader, rooms };
        self.history = Some(history.clone());
        Ok(history)
    }

    /// The one large room with all members joined; made when first asked for.
    pub(crate) async fn large_room(&mut self) -> Result<LargeRoom> {
        if let Some(room) = &self.large_room {
            return Ok(room.clone());
        }
        let mut members = self.accounts(self.options.members as usize + 1).await?;
        let creator = members.remove(0);
        let path_id =
            self.create_room(&creator, &json!({ "preset": "public_chat", "name": "The whole school" })).await?;
        let begun = Instant::now();
        {
            let (this, path_id) = (&*self, path_id.as_str());
            stream::iter(&members)
                .map(Ok)
                .try_for_each_concurrent(self.concurrency(), |account| this.join(account, path_id))
                .await
                .context("joining the large room")?;
        }
        let joined_in = begun.elapsed();
        eprintln!("# {} joins in {:.1} s", members.len(), joined_in.as_secs_f64());
        let room = LargeRoom { path_id, creator, members, joined_in };
        self.large_room = Some(room.clone());
        Ok(room)
    }
}

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One path segment, percent-encoded where an id needs it.
pub(crate) fn path_segment(id: &str) -> String {
    utf8_percent_encode(id, RESERVED).to_string()
}
