//! Where ruma's types are not what the specification says: what a request may leave out is put in before they look, what
//! they break on is refused before, what an answer leaves out is put in after them.

use std::borrow::Cow;

use http::{Request, Uri, request::Parts};
use ruma::{
    api::{
        IncomingRequest, Metadata, OutgoingResponse,
        client::{
            account::register,
            directory::get_public_rooms_filtered,
            push::{set_pusher, set_pushrule},
            search::search_events,
            session::login,
            sync::sync_events,
            threads::get_threads,
            typing::create_typing_event,
        },
        error::{FromHttpRequestError, IntoHttpError},
    },
    exports::bytes::BufMut,
};
use serde_json::{Map, Value, json, value::RawValue};

use crate::sync::sliding;

/// The same endpoint as a request of ruma's, whose body and query are looked at first.
macro_rules! lenient {
    ($(#[$doc:meta])* $name:ident($inner:ty), $mend:expr) => {
        lenient! { $(#[$doc])* $name($inner) -> <$inner as IncomingRequest>::OutgoingResponse, $mend }
    };
    ($(#[$doc:meta])* $name:ident($inner:ty) -> $response:ty, $mend:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(pub $inner);

        impl Metadata for $name {
            const METHOD: http::Method = <$inner as Metadata>::METHOD;
            const RATE_LIMITED: bool = <$inner as Metadata>::RATE_LIMITED;
            type Authentication = <$inner as Metadata>::Authentication;
            type PathBuilder = <$inner as Metadata>::PathBuilder;
            const PATH_BUILDER: Self::PathBuilder = <$inner as Metadata>::PATH_BUILDER;
        }

        impl IncomingRequest for $name {
            type EndpointError = <$inner as IncomingRequest>::EndpointError;
            type OutgoingResponse = $response;

            fn try_from_http_request<B, S>(request: Request<B>, path: &[S]) -> Result<Self, FromHttpRequestError>
            where
                B: AsRef<[u8]>,
                S: AsRef<str>,
            {
                let mend: fn(&mut Parts, &[u8]) -> Result<Vec<u8>, FromHttpRequestError> = $mend;
                let (mut parts, body) = request.into_parts();
                let body = mend(&mut parts, body.as_ref())?;
                <$inner>::try_from_http_request(Request::from_parts(parts, body), path).map(Self)
            }
        }
    };
}

lenient! {
    /// A push rule; one without `conditions` always matches.
    /// <https://spec.matrix.org/v1.18/client-server-api/#conditions-1>
    SetPushRule(set_pushrule::v3::Request),
    |_, body| Ok(filled(body, |body| {
        body.entry("conditions").or_insert_with(|| json!([]));
    }))
}

lenient! {
    /// Typing; without a `timeout` for half a minute.
    CreateTypingEvent(create_typing_event::v3::Request),
    |_, body| Ok(filled(body, |body| {
        body.entry("timeout").or_insert_with(|| json!(30_000));
    }))
}

lenient! {
    /// A room's threads; without `include` all of them.
    GetThreads(get_threads::v1::Request),
    |parts, body| {
        fill_query(parts, "include", "all");
        Ok(body.to_vec())
    }
}

lenient! {
    /// A search; without an `event_context` nothing is told of what stands around a result.
    SearchEvents(search_events::v3::Request),
    |_, body| Ok(filled(body, |body| {
        let events = body.get_mut("search_categories").and_then(|categories| categories.get_mut("room_events"));
        if let Some(Value::Object(events)) = events {
            events.entry("event_context").or_insert_with(|| json!({ "before_limit": 0, "after_limit": 0 }));
        }
    }))
}

lenient! {
    /// Signing in. ruma's own parser panics where `type` is missing.
    Login(login::v3::Request),
    |_, body| {
        #[derive(serde::Deserialize)]
        struct HasType<'a> {
            #[serde(borrow, rename = "type")]
            _kind: Cow<'a, str>,
        }
        serde_json::from_slice::<HasType<'_>>(body)?;
        Ok(body.to_vec())
    }
}

lenient! {
    /// A pusher. ruma's own parser takes one without a `kind` for one to be removed, which only `null` says.
    SetPusher(set_pusher::v3::Request),
    |_, body| {
        #[derive(serde::Deserialize)]
        struct HasKind<'a> {
            #[serde(borrow, rename = "kind")]
            _kind: &'a RawValue,
        }
        serde_json::from_slice::<HasKind<'_>>(body)?;
        Ok(body.to_vec())
    }
}

lenient! {
    /// A look into the directory. ruma's own parser passes over a network that is of the wrong type.
    GetPublicRoomsFiltered(get_public_rooms_filtered::v3::Request),
    |_, body| {
        #[derive(serde::Deserialize)]
        struct Network {
            #[serde(rename = "include_all_networks")]
            _all: Option<bool>,
            #[serde(rename = "third_party_instance_id")]
            _one: Option<String>,
        }
        serde_json::from_slice::<Network>(body)?;
        Ok(body.to_vec())
    }
}

lenient! {
    /// A registration; it is the answer that is mended.
    Register(register::v3::Request) -> Registered,
    |_, body| Ok(body.to_vec())
}

/// The answer to a registration. ruma's own has `null` for the device of somebody who is not signed in.
#[derive(Debug)]
pub struct Registered(pub register::v3::Response);

impl OutgoingResponse for Registered {
    fn try_into_http_response<T: Default + BufMut>(self) -> Result<http::Response<T>, IntoHttpError> {
        if self.0.device_id.is_some() {
            return self.0.try_into_http_response();
        }
        mended(self.0, |answer| {
            answer.remove("device_id");
        })
    }
}

lenient! {
    /// A sync; it is the answer that is mended.
    SyncEvents(sync_events::v3::Request) -> SyncAnswer,
    |_, body| Ok(body.to_vec())
}

/// The answer to a sync. ruma's own leaves all rooms out where knocks are the only news.
#[derive(Debug)]
pub struct SyncAnswer(pub sync_events::v3::Response);

impl OutgoingResponse for SyncAnswer {
    fn try_into_http_response<T: Default + BufMut>(mut self) -> Result<http::Response<T>, IntoHttpError> {
        if !self.0.rooms.is_empty() || self.0.rooms.knock.is_empty() {
            return self.0.try_into_http_response();
        }
        let knock = serde_json::to_value(std::mem::take(&mut self.0.rooms.knock))?;
        mended(self.0, |answer| {
            answer.insert("rooms".to_owned(), json!({ "knock": knock }));
        })
    }
}

lenient! {
    /// A sliding sync; a list without `ranges` is all of it.
    SlidingSync(sync_events::v5::Request) -> SlidingSyncAnswer,
    |_, body| Ok(filled(body, |body| {
        let lists = body.get_mut("lists").and_then(Value::as_object_mut);
        for list in lists.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            list.entry("ranges").or_insert_with(|| json!([[0, ruma::UInt::MAX]]));
        }
    }))
}

/// The answer to a sliding sync. ruma's own cannot say that a timeline goes further back than before, and leaves all
/// extensions out where thread subscriptions are the only news.
#[derive(Debug)]
pub struct SlidingSyncAnswer(pub sliding::Answer);

impl OutgoingResponse for SlidingSyncAnswer {
    fn try_into_http_response<T: Default + BufMut>(self) -> Result<http::Response<T>, IntoHttpError> {
        let sliding::Answer { response, expanded } = self.0;
        let extensions = &response.extensions;
        let left_out = extensions.is_empty() && !extensions.thread_subscriptions.is_empty();
        let extensions = left_out.then(|| serde_json::to_value(extensions)).transpose()?;
        if expanded.is_empty() && extensions.is_none() {
            return response.try_into_http_response();
        }
        mended(response, |answer| {
            let rooms = answer.entry("rooms").or_insert_with(|| json!({}));
            for room_id in &expanded {
                rooms[room_id.as_str()]["unstable_expanded_timeline"] = json!(true);
            }
            answer.extend(extensions.map(|extensions| ("extensions".to_owned(), extensions)));
        })
    }
}

/// An answer, changed where ruma writes what it should not.
fn mended<T: Default + BufMut>(
    response: impl OutgoingResponse,
    mend: impl FnOnce(&mut Map<String, Value>),
) -> Result<http::Response<T>, IntoHttpError> {
    let (parts, body) = response.try_into_http_response::<Vec<u8>>()?.into_parts();
    let mut object = serde_json::from_slice(&body)?;
    mend(&mut object);
    let mut answer = T::default();
    answer.put_slice(&serde_json::to_vec(&object)?);
    Ok(http::Response::from_parts(parts, answer))
}

/// A body with fields filled in where it is a JSON object; anything else is left to be refused.
fn filled(body: &[u8], fill: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut object)) => {
            fill(&mut object);
            Value::Object(object).to_string().into_bytes()
        }
        _ => body.to_vec(),
    }
}

/// Adds a parameter to the query if it is not there. Name and value must need no escaping.
fn fill_query(parts: &mut Parts, name: &str, value: &str) {
    let query = parts.uri.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == name) {
        return;
    }
    let separator = if query.is_empty() { "" } else { "&" };
    let target = format!("{}?{query}{separator}{name}={value}", parts.uri.path());
    let mut uri = parts.uri.clone().into_parts();
    uri.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(uri) {
        parts.uri = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_query(uri: &str) -> String {
        let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        fill_query(&mut parts, "include", "all");
        parts.uri.to_string()
    }

    #[test]
    fn a_query_is_filled_once() {
        assert_eq!(filled_query("/threads"), "/threads?include=all");
        assert_eq!(filled_query("/threads?"), "/threads?include=all");
        assert_eq!(filled_query("/threads?limit=2&from=s3"), "/threads?limit=2&from=s3&include=all");
        assert_eq!(filled_query("/threads?include=participated"), "/threads?include=participated");
        assert_eq!(filled_query("https://parta.test/threads"), "https://parta.test/threads?include=all");
    }
}
