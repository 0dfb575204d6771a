//! What exists on the server for one endpoint to be tried on, and the trying.

use reqwest::Method;
use serde_json::{Value, json};

use super::PATIENCE;
use super::endpoints::Endpoint;
use crate::api::{Homeserver, User, segment, unique};

/// What the placeholders of one endpoint stand for, made for it alone.
pub(super) struct Ground {
    pub(super) user: User,
    pub(super) other: User,
    pub(super) room: String,
    pub(super) event: String,
}

impl Ground {
    pub(super) async fn new(hs: &Homeserver) -> Self {
        let [user, other] = hs.users(["bad", "other"]).await;
        let room = user.create_room(json!({ "room_version": "11" })).await;
        let event = user.send(&room, "x").await;
        Self { user, other, room, event }
    }

    /// The value of a placeholder.
    pub(super) fn value(&self, name: &str) -> String {
        match name {
            "userId" => self.user.id.clone(),
            "otherId" => self.other.id.clone(),
            "deviceId" => self.user.device.clone(),
            "roomId" => self.room.clone(),
            "eventId" => self.event.clone(),
            "roomAlias" => format!("#{}:{}", unique("alias"), self.user.server_name()),
            "type" | "stateKey" => "org.example.type".to_owned(),
            "receiptType" => "m.read".to_owned(),
            "relType" => "m.thread".to_owned(),
            "serverName" => self.user.server_name().to_owned(),
            "filterId" | "version" => "1".to_owned(),
            "fresh" | "txnId" | "mediaId" | "fileName" | "ruleId" | "sessionId" => unique("x"),
            other => panic!("no value for {other}"),
        }
    }

    /// A text with its placeholders filled; the one at `replaced` (counted from 0) with `bad` as it is.
    pub(super) fn fill(&self, template: &str, replaced: Option<(usize, &str)>, encode: bool) -> String {
        let (mut filled, mut rest, mut number) = (String::new(), template, 0);
        while let Some((before, after)) = rest.split_once('{') {
            // A brace of JSON is no placeholder: those hold letters alone.
            let name = after
                .split_once('}')
                .map(|(name, _)| name)
                .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()));
            filled.push_str(before);
            let Some(name) = name else {
                filled.push('{');
                rest = after;
                continue;
            };
            match replaced {
                Some((place, bad)) if place == number => filled.push_str(bad),
                _ if encode => filled.push_str(&segment(&self.value(name))),
                _ => filled.push_str(&self.value(name)),
            }
            number += 1;
            rest = &after[name.len() + 1..];
        }
        filled.push_str(rest);
        filled
    }

    pub(super) fn path(&self, endpoint: &Endpoint) -> String {
        self.fill(endpoint.path, None, true)
    }

    pub(super) fn body(&self, endpoint: &Endpoint) -> Value {
        serde_json::from_str(&self.fill(endpoint.body.unwrap(), None, false))
            .unwrap_or_else(|error| panic!("{}: {error}", endpoint.path))
    }

    /// Sends, and gives what is wrong with the answer, if anything is. With `must_refuse` a success is wrong too.
    pub(super) async fn try_one(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Vec<u8>>,
        must_refuse: bool,
    ) -> Option<String> {
        let hs = &self.user.hs;
        let mut request = hs.request(Method::from_bytes(method.as_bytes()).unwrap(), path).timeout(PATIENCE);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let shown = body
            .as_ref()
            .map(|body| String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned())
            .unwrap_or_default();
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let wrong = |what: String| Some(format!("{method} {} {shown} -> {what}", &path[..path.len().min(200)]));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return wrong(format!("no answer: {error:?}")),
        };
        let status = response.status().as_u16();
        let bytes = match response.bytes().await {
            Ok(bytes) => bytes,
            Err(error) => return wrong(format!("{status}, but no body: {error:?}")),
        };
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        if (200..300).contains(&status) {
            return if must_refuse { wrong(format!("accepted with {status}: {text}")) } else { None };
        }
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let challenge = status == 401 && answer["flows"].is_array();
        if (400..500).contains(&status) && (answer["errcode"].is_string() || challenge) {
            return None;
        }
        // "M_NOT_YET_UPLOADED" is the one error that the specification gives a 504.
        if status == 504 && answer["errcode"] == "M_NOT_YET_UPLOADED" {
            return None;
        }
        wrong(format!("{status} {text}"))
    }
}
