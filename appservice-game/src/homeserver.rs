//! HTTP out: the Client-Server API as the bot uses it, authenticated with the application service's token.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode, header};
use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::{Value, json};
use url::Url;

use crate::board::Names;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Worth repeating.
    #[error("{why}")]
    Later {
        /// How long the homeserver asked to wait.
        after: Option<Duration>,
        /// For the log.
        why: String,
    },
    /// The homeserver will always refuse this.
    #[error("{status} {errcode}")]
    Never {
        /// HTTP status.
        status: StatusCode,
        /// The Matrix error code.
        errcode: String,
    },
}

/// A homeserver.
#[derive(Debug, Clone)]
pub struct Homeserver {
    http: Client,
    base: Url,
}

impl Homeserver {
    /// A client for the homeserver at `base`, for instance `http://127.0.0.1:8008`.
    pub fn new(base: Url, as_token: &str) -> anyhow::Result<Self> {
        anyhow::ensure!(
            matches!(base.scheme(), "http" | "https") && base.host().is_some(),
            "the homeserver's address has to begin with http:// or https://, got {base}"
        );
        let mut token = header::HeaderValue::from_str(&format!("Bearer {as_token}"))?;
        token.set_sensitive(true);
        let http = Client::builder()
            .default_headers([(header::AUTHORIZATION, token)].into_iter().collect())
            .timeout(PATIENCE)
            .connect_timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self { http, base })
    }

    async fn call(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Value, Failure> {
        let later = |error: reqwest::Error| Failure::Later { after: None, why: error.without_url().to_string() };
        let mut url = self.base.clone();
        // A base that cannot have a path was refused in `new`.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["_matrix", "client"]).extend(path);
        }
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(later)?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let bytes = response.bytes().await.map_err(later)?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let errcode = answer["errcode"].as_str().unwrap_or("M_UNKNOWN").to_owned();
        // 401 is the installation's mistake, not the request's: it is repeated until somebody mends it.
        let temporary = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::UNAUTHORIZED);
        if temporary {
            let asked = answer["retry_after_ms"].as_u64().map(Duration::from_millis);
            return Err(Failure::Later { after: asked.or(retry_after), why: format!("{status} {errcode}") });
        }
        Err(Failure::Never { status, errcode })
    }

    /// Makes the bot's user, if there is none yet (Application Service API, "Server admin style permissions").
    pub async fn register(&self, user: &UserId) -> Result<(), Failure> {
        let body = json!({
            "type": "m.login.application_service",
            "username": user.localpart(),
            "inhibit_login": true,
        });
        match self.call(Method::POST, &["v3", "register"], Some(&body)).await {
            Err(Failure::Never { errcode, .. }) if errcode == "M_USER_IN_USE" => Ok(()),
            other => other.map(drop),
        }
    }

    /// Gives the bot a displayed name, unless it has one.
    pub async fn name(&self, user: &UserId, name: &str) -> Result<(), Failure> {
        let path = ["v3", "profile", user.as_str(), "displayname"];
        let known = match self.call(Method::GET, &path, None).await {
            Ok(answer) => answer["displayname"].as_str().map(str::to_owned),
            Err(Failure::Never { .. }) => None,
            Err(later) => return Err(later),
        };
        // A homeserver names a new user after its localpart.
        if known.is_some_and(|known| known != user.localpart()) {
            return Ok(());
        }
        let body = json!({ "displayname": name });
        self.call(Method::PUT, &path, Some(&body)).await.map(drop)
    }

    /// Asks the homeserver to call back, so that a wrong address is noticed at once.
    pub async fn ping(&self, appservice: &str) -> Result<(), Failure> {
        let path = ["v1", "appservice", appservice, "ping"];
        let body = json!({ "transaction_id": "start" });
        self.call(Method::POST, &path, Some(&body)).await.map(drop)
    }

    /// Accepts an invitation.
    pub async fn join(&self, room_id: &RoomId) -> Result<(), Failure> {
        self.call(Method::POST, &["v3", "join", room_id.as_str()], Some(&json!({}))).await.map(drop)
    }

    /// Leaves a room and forgets it.
    pub async fn leave(&self, room_id: &RoomId) -> Result<(), Failure> {
        for verb in ["leave", "forget"] {
            let path = ["v3", "rooms", room_id.as_str(), verb];
            self.call(Method::POST, &path, Some(&json!({}))).await?;
        }
        Ok(())
    }

    /// Who is in a room, with their names.
    pub async fn members(&self, room_id: &RoomId) -> Result<Names, Failure> {
        let path = ["v3", "rooms", room_id.as_str(), "joined_members"];
        let answer = self.call(Method::GET, &path, None).await?;
        let joined = answer["joined"].as_object().into_iter().flatten();
        Ok(joined
            .filter_map(|(user, member)| {
                let name = member["display_name"].as_str().unwrap_or_default();
                Some((OwnedUserId::try_from(user.as_str()).ok()?, name.to_owned()))
            })
            .collect())
    }

    /// Whether a room's messages are encrypted.
    pub async fn is_encrypted(&self, room_id: &RoomId) -> Result<bool, Failure> {
        let path = ["v3", "rooms", room_id.as_str(), "state", "m.room.encryption", ""];
        match self.call(Method::GET, &path, None).await {
            Ok(_) => Ok(true),
            Err(Failure::Never { status, .. }) if status == StatusCode::NOT_FOUND => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Makes a direct chat with a person (Client-Server API, "Direct messaging").
    pub async fn create_direct(&self, user: &UserId) -> Result<OwnedRoomId, Failure> {
        let body = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [user] });
        let answer = self.call(Method::POST, &["v3", "createRoom"], Some(&body)).await?;
        answer["room_id"]
            .as_str()
            .and_then(|id| RoomId::parse(id).ok())
            .ok_or_else(|| Failure::Later { after: None, why: "an answer without a room id".to_owned() })
    }

    /// Sends an event to all devices of a person (Client-Server API, "Send-to-Device messaging").
    pub async fn send_to_device(
        &self,
        user: &UserId,
        kind: &str,
        txn_id: &str,
        content: &Value,
    ) -> Result<(), Failure> {
        let path = ["v3", "sendToDevice", kind, txn_id];
        let body = json!({ "messages": { user.as_str(): { "*": content } } });
        self.call(Method::PUT, &path, Some(&body)).await.map(drop)
    }

    /// Sends an event; the same `txn_id` sends it once, however often this is called.
    pub async fn send(
        &self,
        room_id: &RoomId,
        kind: &str,
        txn_id: &str,
        content: &Value,
    ) -> Result<OwnedEventId, Failure> {
        let path = ["v3", "rooms", room_id.as_str(), "send", kind, txn_id];
        let answer = self.call(Method::PUT, &path, Some(content)).await?;
        answer["event_id"]
            .as_str()
            .and_then(|id| EventId::parse(id).ok())
            .ok_or_else(|| Failure::Later { after: None, why: "an answer without an event id".to_owned() })
    }
}
