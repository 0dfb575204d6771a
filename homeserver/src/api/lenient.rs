//! Requests that the specification allows and ruma's types refuse: a field that may be left out is put in before they
//! look.

use http::{Request, Uri, request::Parts};
use ruma::api::{
    IncomingRequest, Metadata,
    client::{push::set_pushrule, threads::get_threads, typing::create_typing_event},
    error::FromHttpRequestError,
};
use serde_json::{Map, Value, json};

macro_rules! lenient {
    ($(#[$doc:meta])* $name:ident($inner:ty), $mend:expr) => {
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
            type OutgoingResponse = <$inner as IncomingRequest>::OutgoingResponse;

            fn try_from_http_request<B, S>(request: Request<B>, path: &[S]) -> Result<Self, FromHttpRequestError>
            where
                B: AsRef<[u8]>,
                S: AsRef<str>,
            {
                let mend: fn(&mut Parts, &[u8]) -> Vec<u8> = $mend;
                let (mut parts, body) = request.into_parts();
                let body = mend(&mut parts, body.as_ref());
                <$inner>::try_from_http_request(Request::from_parts(parts, body), path).map(Self)
            }
        }
    };
}

lenient! {
    /// A push rule; one without `conditions` always matches.
    /// <https://spec.matrix.org/v1.18/client-server-api/#conditions-1>
    SetPushRule(set_pushrule::v3::Request),
    |_, body| filled(body, |body| {
        body.entry("conditions").or_insert_with(|| json!([]));
    })
}

lenient! {
    /// Typing; without a `timeout` for half a minute.
    CreateTypingEvent(create_typing_event::v3::Request),
    |_, body| filled(body, |body| {
        body.entry("timeout").or_insert_with(|| json!(30_000));
    })
}

lenient! {
    /// A room's threads; without `include` all of them.
    GetThreads(get_threads::v1::Request),
    |parts, body| {
        fill_query(parts, "include", "all");
        body.to_vec()
    }
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
