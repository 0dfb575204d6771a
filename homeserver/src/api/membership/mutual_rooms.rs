//! The rooms that two people are in together. ruma knows the endpoint only as it was before it was specified.

use axum::extract::State;
use http::header;
use ruma::{
    OwnedRoomId, UserId,
    api::{
        IncomingRequest, Metadata, OutgoingResponse,
        auth_scheme::AccessToken,
        error::{Error, FromHttpRequestError, IntoHttpError},
        path_builder::{StablePathSelector, VersionHistory},
    },
    exports::bytes::BufMut,
};
use serde::Serialize;

use crate::{
    api::ruma::Ruma,
    app::App,
    error::{ApiError, Result},
};

/// The name by which clients know that they may ask (MSC2666).
pub const FEATURE: &str = "uk.half-shot.msc2666.query_mutual_rooms";
/// The name by which those know who do not look at versions.
pub const STABLE: &str = "uk.half-shot.msc2666.query_mutual_rooms.stable";

/// What is asked.
#[derive(Debug, Default)]
pub struct Request {
    user_id: Option<String>,
    from: Option<String>,
}

/// The answer: all rooms at once.
#[derive(Debug, Serialize)]
pub struct Response {
    joined: Vec<OwnedRoomId>,
    count: usize,
}

impl Metadata for Request {
    const METHOD: http::Method = http::Method::GET;
    const RATE_LIMITED: bool = true;
    type Authentication = AccessToken;
    type PathBuilder = VersionHistory;
    const PATH_BUILDER: VersionHistory = VersionHistory::new(
        &[(Some(FEATURE), "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms")],
        &[(StablePathSelector::Feature(STABLE), "/_matrix/client/v1/mutual_rooms")],
        None,
        None,
    );
}

impl IncomingRequest for Request {
    type EndpointError = Error;
    type OutgoingResponse = Response;

    fn try_from_http_request<B, S>(request: http::Request<B>, _: &[S]) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
            match &*name {
                "user_id" => asked.user_id = Some(value.into_owned()),
                "from" | "batch_token" => asked.from = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(asked)
    }
}

impl OutgoingResponse for Response {
    fn try_into_http_response<T: Default + BufMut>(self) -> Result<http::Response<T>, IntoHttpError> {
        let mut body = T::default();
        body.put_slice(&serde_json::to_vec(&self)?);
        Ok(http::Response::builder().header(header::CONTENT_TYPE, "application/json").body(body)?)
    }
}

/// `GET /_matrix/client/v1/mutual_rooms`: somebody who is not here shares no room.
pub async fn mutual_rooms(State(app): State<App>, Ruma { body, caller, .. }: Ruma<Request>) -> Result<Response> {
    if body.from.is_some() {
        return Err(ApiError::invalid_param("This is no token of this server: all rooms come in one answer."));
    }
    let user_id = body.user_id.and_then(|id| UserId::parse(id).ok()).filter(|id| *id != caller.user_id);
    let user_id = user_id.ok_or_else(|| ApiError::invalid_param("user_id names nobody, or yourself."))?;
    let joined = match app.users.get(&user_id).await? {
        Some(_) => app.room_actions.mutual_rooms(&caller.user_id, &user_id).await?,
        None => Vec::new(),
    };
    Ok(Response { count: joined.len(), joined })
}
