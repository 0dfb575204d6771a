//! `/sync`.

use std::sync::Arc;

use axum::extract::State;
use ruma::{
    api::{
        IncomingRequest, Metadata, OutgoingResponse,
        client::sync::sync_events,
        error::{FromHttpRequestError, IntoHttpError},
    },
    exports::bytes::BufMut,
};
use serde_json::{Map, Value};

use super::ruma::Ruma;
use crate::{
    app::App,
    error::{ApiError, Result},
    sync,
};

/// `GET /_matrix/client/v3/sync`
pub async fn sync(State(app): State<App>, Ruma { body: Request(body), caller, .. }: Ruma<Request>) -> Result<Response> {
    let filter = match &body.filter {
        None => Arc::default(),
        Some(sync_events::v3::Filter::FilterDefinition(filter)) => Arc::new(filter.clone()),
        Some(sync_events::v3::Filter::FilterId(id)) => app
            .filters
            .get(&caller.user_id, id)
            .await?
            .ok_or_else(|| ApiError::invalid_param("There is no such filter. Upload it again."))?,
        Some(_) => return Err(ApiError::invalid_param("This filter cannot be read.")),
    };
    sync::classic::sync(&app, &caller, &filter, &body).await.map(Response)
}

/// A request to sync.
#[derive(Debug)]
pub struct Request(sync_events::v3::Request);

/// Its answer. ruma's own leaves all rooms out where knocks are the only news.
#[derive(Debug)]
pub struct Response(sync_events::v3::Response);

impl Metadata for Request {
    const METHOD: http::Method = <sync_events::v3::Request as Metadata>::METHOD;
    const RATE_LIMITED: bool = <sync_events::v3::Request as Metadata>::RATE_LIMITED;
    type Authentication = <sync_events::v3::Request as Metadata>::Authentication;
    type PathBuilder = <sync_events::v3::Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = <sync_events::v3::Request as Metadata>::PATH_BUILDER;
}

impl IncomingRequest for Request {
    type EndpointError = <sync_events::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = Response;

    fn try_from_http_request<B, S>(request: http::Request<B>, path: &[S]) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        sync_events::v3::Request::try_from_http_request(request, path).map(Self)
    }
}

impl OutgoingResponse for Response {
    fn try_into_http_response<T: Default + BufMut>(mut self) -> Result<http::Response<T>, IntoHttpError> {
        if !self.0.rooms.is_empty() || self.0.rooms.knock.is_empty() {
            return self.0.try_into_http_response();
        }
        let knock = serde_json::to_value(std::mem::take(&mut self.0.rooms.knock))?;
        let (parts, body) = self.0.try_into_http_response::<Vec<u8>>()?.into_parts();
        let mut object: Map<String, Value> = serde_json::from_slice(&body)?;
        object.insert("rooms".to_owned(), Value::Object([("knock".to_owned(), knock)].into_iter().collect()));
        let mut answer = T::default();
        answer.put_slice(&serde_json::to_vec(&object)?);
        Ok(http::Response::from_parts(parts, answer))
    }
}
