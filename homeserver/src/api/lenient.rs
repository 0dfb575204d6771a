//! Requests that the specification allows and ruma's types refuse: a field that may be left out is put in before they
//! look.

use http::Request;
use ruma::api::{
    IncomingRequest, Metadata,
    client::{push::set_pushrule, typing::create_typing_event},
    error::FromHttpRequestError,
};
use serde_json::{Map, Value, json};

macro_rules! lenient {
    ($(#[$doc:meta])* $name:ident($inner:ty), $fill:expr) => {
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
                let (parts, body) = request.into_parts();
                let body = filled(body.as_ref(), $fill);
                <$inner>::try_from_http_request(Request::from_parts(parts, body), path).map(Self)
            }
        }
    };
}

lenient! {
    /// A push rule; one without `conditions` always matches.
    /// <https://spec.matrix.org/v1.18/client-server-api/#conditions-1>
    SetPushRule(set_pushrule::v3::Request),
    |body| {
        body.entry("conditions").or_insert_with(|| json!([]));
    }
}

lenient! {
    /// Typing; without a `timeout` for half a minute.
    CreateTypingEvent(create_typing_event::v3::Request),
    |body| {
        body.entry("timeout").or_insert_with(|| json!(30_000));
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
