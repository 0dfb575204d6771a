//! Events that are sent later (MSC4140): the parameter `org.matrix.msc4140.delay` where messages and state are sent, and what
//! is done with those that wait.

pub mod schedule;

use std::time::Duration;

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use ruma::{
    api::{
        IncomingRequest, Metadata, OutgoingResponse,
        auth_scheme::AccessToken,
        client::{
            delayed_events::{
                delayed_message_event, delayed_state_event,
                update_delayed_event::{self, unstable::UpdateAction},
            },
            message::send_message_event,
            state::send_state_event,
        },
        error::{Error, FromHttpRequestError, IntoHttpError},
        path_builder::VersionHistory,
    },
    exports::bytes::BufMut,
};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::{
        delayed_events::{Action, DelayedEvent, NewDelayedEvent},
        sessions::Requester,
    },
    error::{ApiError, Result},
};

/// The name by which clients know that they may ask.
pub const FEATURE: &str = "org.matrix.msc4140";
/// The name by which they know how long and how many.
pub const CAPABILITY: &str = "org.matrix.msc4140.delayed_events";
/// Where an event that waits is restarted, sent or cancelled by whoever has its id.
pub const ACTION_PATH: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delay_id}/{action}";
/// The parameter that makes a request one to send later.
const DELAY: &str = "org.matrix.msc4140.delay";

/// An endpoint that sends now or, by the parameter, later. ruma has a second request type for it, which cannot read the
/// parameter from a query.
macro_rules! now_or_later {
    ($(#[$doc:meta])* $request:ident($now:ty); $(#[$answer_doc:meta])* $response:ident($later:ty)) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $request {
            /// What is to be sent.
            pub request: $now,
            /// The parameter, as it came.
            pub delay: Option<String>,
        }

        $(#[$answer_doc])*
        #[derive(Debug)]
        pub enum $response {
            /// It was sent.
            Now(<$now as IncomingRequest>::OutgoingResponse),
            /// It was scheduled.
            Later($later),
        }

        impl Metadata for $request {
            const METHOD: http::Method = <$now as Metadata>::METHOD;
            const RATE_LIMITED: bool = <$now as Metadata>::RATE_LIMITED;
            type Authentication = <$now as Metadata>::Authentication;
            type PathBuilder = <$now as Metadata>::PathBuilder;
            const PATH_BUILDER: Self::PathBuilder = <$now as Metadata>::PATH_BUILDER;
        }

        impl IncomingRequest for $request {
            type EndpointError = <$now as IncomingRequest>::EndpointError;
            type OutgoingResponse = $response;

            fn try_from_http_request<B, S>(request: http::Request<B>, path: &[S]) -> Result<Self, FromHttpRequestError>
            where
                B: AsRef<[u8]>,
                S: AsRef<str>,
            {
                let delay = delay_of(request.uri().query().unwrap_or_default());
                Ok(Self { request: <$now>::try_from_http_request(request, path)?, delay })
            }
        }

        impl OutgoingResponse for $response {
            fn try_into_http_response<T: Default + BufMut>(self) -> Result<http::Response<T>, IntoHttpError> {
                match self {
                    Self::Now(response) => response.try_into_http_response(),
                    Self::Later(response) => response.try_into_http_response(),
                }
            }
        }
    };
}

now_or_later! {
    /// A message.
    SendMessage(send_message_event::v3::Request);
    /// The answer to a message.
    MessageSent(delayed_message_event::unstable::Response)
}

now_or_later! {
    /// State.
    SendState(send_state_event::v3::Request);
    /// The answer to state.
    StateSent(delayed_state_event::unstable::Response)
}

fn delay_of(query: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == DELAY).map(|(_, value)| value.into_owned())
}

/// Schedules a message.
pub async fn message(
    app: &App,
    caller: &Requester,
    body: send_message_event::v3::Request,
    delay: &str,
) -> Result<MessageSent> {
    let new = NewDelayedEvent {
        room_id: body.room_id,
        kind: body.event_type.to_string().into(),
        state_key: None,
        txn_id: Some(body.txn_id),
        content: body.body.json(),
        delay: duration(delay)?,
    };
    let delay_id = app.delayed_events.schedule(caller, new).await?;
    Ok(MessageSent::Later(delayed_message_event::unstable::Response::new(delay_id)))
}

/// Schedules state.
pub async fn state(
    app: &App,
    caller: &Requester,
    body: send_state_event::v3::Request,
    delay: &str,
) -> Result<StateSent> {
    let new = NewDelayedEvent {
        room_id: body.room_id,
        kind: body.event_type.to_string().into(),
        state_key: Some(body.state_key),
        txn_id: None,
        content: body.body.json(),
        delay: duration(delay)?,
    };
    let delay_id = app.delayed_events.schedule(caller, new).await?;
    Ok(StateSent::Later(delayed_state_event::unstable::Response::new(delay_id)))
}

fn duration(delay: &str) -> Result<Duration> {
    let milliseconds = delay.parse();
    milliseconds
        .map(Duration::from_millis)
        .map_err(|_| ApiError::invalid_param(format!("{DELAY} is a number of milliseconds that is not negative.")))
}

/// `POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}`
pub async fn update(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<update_delayed_event::unstable::Request>,
) -> Result<update_delayed_event::unstable::Response> {
    let action = action(&body.action)?;
    app.delayed_events.update(&body.delay_id, action, Some(&caller.user_id)).await?;
    Ok(update_delayed_event::unstable::Response::new())
}

/// `POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}/{action}`, without an access token: the id
/// is the right, and a call's media server may have been given it.
pub async fn act(State(app): State<App>, Path((delay_id, name)): Path<(String, String)>) -> Result<Response> {
    app.delayed_events.update(&delay_id, action(&UpdateAction::from(name))?, None).await?;
    Ok(super::json(StatusCode::OK, &json!({})))
}

fn action(action: &UpdateAction) -> Result<Action> {
    match action {
        UpdateAction::Restart => Ok(Action::Restart),
        UpdateAction::Send => Ok(Action::Send),
        UpdateAction::Cancel => Ok(Action::Cancel),
        _ => Err(ApiError::invalid_param("action is one of: restart, send, cancel.")),
    }
}

/// What waits to be sent for the caller.
#[derive(Debug)]
pub struct ListRequest;

/// The answer: all of it at once.
#[derive(Debug, Serialize)]
pub struct ListResponse {
    delayed_events: Vec<Listed>,
}

/// An event that waits, with the names that its times had first and have now.
#[derive(Debug, Serialize)]
pub struct Listed {
    delay_id: String,
    room_id: ruma::OwnedRoomId,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_key: Option<String>,
    delay: i64,
    delay_ms: i64,
    running_since: i64,
    delayed_since_ts: i64,
    content: Box<RawValue>,
}

impl Metadata for ListRequest {
    const METHOD: http::Method = http::Method::GET;
    const RATE_LIMITED: bool = false;
    type Authentication = AccessToken;
    type PathBuilder = VersionHistory;
    const PATH_BUILDER: VersionHistory = VersionHistory::new(
        &[(Some(FEATURE), "/_matrix/client/unstable/org.matrix.msc4140/delayed_events")],
        &[],
        None,
        None,
    );
}

impl IncomingRequest for ListRequest {
    type EndpointError = Error;
    type OutgoingResponse = ListResponse;

    fn try_from_http_request<B, S>(_: http::Request<B>, _: &[S]) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        Ok(Self)
    }
}

impl OutgoingResponse for ListResponse {
    fn try_into_http_response<T: Default + BufMut>(self) -> Result<http::Response<T>, IntoHttpError> {
        written(&self)
    }
}

impl OutgoingResponse for Listed {
    fn try_into_http_response<T: Default + BufMut>(self) -> Result<http::Response<T>, IntoHttpError> {
        written(&self)
    }
}

fn written<T: Default + BufMut>(answer: &impl Serialize) -> Result<http::Response<T>, IntoHttpError> {
    let mut body = T::default();
    body.put_slice(&serde_json::to_vec(answer)?);
    Ok(http::Response::builder().header(http::header::CONTENT_TYPE, "application/json").body(body)?)
}

/// `GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events`
pub async fn list(State(app): State<App>, Ruma { caller, .. }: Ruma<ListRequest>) -> Result<ListResponse> {
    let events = app.delayed_events.of_user(&caller.user_id).await?;
    Ok(ListResponse { delayed_events: events.into_iter().map(listed).collect::<Result<_>>()? })
}

fn listed(event: DelayedEvent) -> Result<Listed> {
    Ok(Listed {
        delay_id: event.delay_id,
        room_id: event.room_id,
        kind: event.kind,
        state_key: event.state_key,
        delay: event.delay_ms,
        delay_ms: event.delay_ms,
        running_since: event.running_since,
        delayed_since_ts: event.running_since,
        content: RawValue::from_string(event.content)?,
    })
}
