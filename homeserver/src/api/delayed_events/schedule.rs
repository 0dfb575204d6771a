//! Scheduling by an endpoint of its own, and a look at one event that waits: what took the place of the parameter
//! `org.matrix.msc4140.delay`, which clients of today still send. ruma does not know it.

use std::time::Duration;

use axum::extract::State;
use ruma::{
    OwnedRoomId, OwnedTransactionId, RoomId,
    api::{
        IncomingRequest, Metadata,
        auth_scheme::AccessToken,
        client::delayed_events::delayed_message_event,
        error::{Error, FromHttpRequestError},
        path_builder::VersionHistory,
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{FEATURE, Listed, listed};
use crate::{
    api::ruma::Ruma,
    app::App,
    domain::delayed_events::NewDelayedEvent,
    error::{ApiError, Result},
};

/// An event to be sent later.
#[derive(Debug)]
pub struct PutRequest {
    room_id: OwnedRoomId,
    kind: String,
    txn_id: OwnedTransactionId,
    body: Body,
}

/// The event and its delay, by the field's name of now or of before.
#[derive(Debug, Deserialize)]
struct Body {
    #[serde(alias = "delay")]
    delay_ms: u64,
    state_key: Option<String>,
    content: Box<RawValue>,
}

impl Metadata for PutRequest {
    const METHOD: http::Method = http::Method::PUT;
    const RATE_LIMITED: bool = true;
    type Authentication = AccessToken;
    type PathBuilder = VersionHistory;
    const PATH_BUILDER: VersionHistory = VersionHistory::new(
        &[(
            Some(FEATURE),
            "/_matrix/client/unstable/org.matrix.msc4140/rooms/{room_id}/delayed_event/{event_type}/{txn_id}",
        )],
        &[],
        None,
        None,
    );
}

impl IncomingRequest for PutRequest {
    type EndpointError = Error;
    type OutgoingResponse = delayed_message_event::unstable::Response;

    fn try_from_http_request<B, S>(request: http::Request<B>, path: &[S]) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        let part = |index: usize| path.get(index).map_or("", |part| part.as_ref());
        Ok(Self {
            room_id: RoomId::parse(part(0))?,
            kind: part(1).to_owned(),
            txn_id: part(2).to_owned().into(),
            body: serde_json::from_slice(request.body().as_ref())?,
        })
    }
}

/// `PUT /_matrix/client/unstable/org.matrix.msc4140/rooms/{roomId}/delayed_event/{eventType}/{txnId}`
pub async fn put(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<PutRequest>,
) -> Result<delayed_message_event::unstable::Response> {
    app.limits.message(&caller.user_id)?;
    let PutRequest { room_id, kind, txn_id, body } = body;
    if body.delay_ms == 0 {
        return Err(ApiError::invalid_param("delay_ms is one millisecond or more."));
    }
    let new = NewDelayedEvent {
        room_id,
        kind: kind.into(),
        state_key: body.state_key,
        txn_id: Some(txn_id),
        content: &body.content,
        delay: Duration::from_millis(body.delay_ms),
    };
    let delay_id = app.delayed_events.schedule(&caller, new).await?;
    Ok(delayed_message_event::unstable::Response::new(delay_id))
}

/// The id of an event that waits.
#[derive(Debug)]
pub struct GetRequest {
    delay_id: String,
}

impl Metadata for GetRequest {
    const METHOD: http::Method = http::Method::GET;
    const RATE_LIMITED: bool = true;
    type Authentication = AccessToken;
    type PathBuilder = VersionHistory;
    const PATH_BUILDER: VersionHistory = VersionHistory::new(
        &[(Some(FEATURE), "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delay_id}")],
        &[],
        None,
        None,
    );
}

impl IncomingRequest for GetRequest {
    type EndpointError = Error;
    type OutgoingResponse = Listed;

    fn try_from_http_request<B, S>(_: http::Request<B>, path: &[S]) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        Ok(Self { delay_id: path.first().map_or("", |part| part.as_ref()).to_owned() })
    }
}

/// `GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}`: one of the caller's.
pub async fn get(State(app): State<App>, Ruma { body, caller, .. }: Ruma<GetRequest>) -> Result<Listed> {
    listed(app.delayed_events.get(&body.delay_id, &caller.user_id).await?)
}
