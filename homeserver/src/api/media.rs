//! Uploading media, and the old endpoints for reading it.
//! <https://spec.matrix.org/v1.18/client-server-api/#content-repository>
#![expect(deprecated, reason = "older clients still call the endpoints that the specification has replaced")]

use axum::{extract::State, response::Response};
use http::StatusCode;
use ruma::api::client::media::{
    create_content, create_content_async, create_mxc_uri, get_content, get_content_as_filename, get_content_thumbnail,
    get_media_config, get_media_preview,
};
use serde_json::json;

use super::ruma::{Ruma, Streamed, announced};
use crate::{
    app::App,
    clock,
    domain::media::Described,
    error::{self, ApiError, Result},
};

pub(super) mod serve;

/// `POST /_matrix/media/v3/upload`
pub async fn upload(State(app): State<App>, request: Streamed<create_content::v3::Request>) -> Result<Response> {
    let described = Described::new(request.body.content_type, request.body.filename)?;
    let (declared, bytes) = (announced(&request.headers), request.stream.into_data_stream());
    let uri = app.media.upload(&request.caller.user_id, described, declared, bytes).await?;
    Ok(error::json(StatusCode::OK, &json!({ "content_uri": uri })))
}

/// `PUT /_matrix/media/v3/upload/{serverName}/{mediaId}`
pub async fn upload_to(
    State(app): State<App>,
    request: Streamed<create_content_async::v3::Request>,
) -> Result<Response> {
    let body = request.body;
    let described = Described::new(body.content_type, body.filename)?;
    let (declared, bytes) = (announced(&request.headers), request.stream.into_data_stream());
    let id = (&*body.server_name, body.media_id.as_str());
    app.media.upload_to(&request.caller.user_id, id, described, declared, bytes).await?;
    Ok(error::json(StatusCode::OK, &json!({})))
}

/// `POST /_matrix/media/v1/create`
pub async fn create(
    State(app): State<App>,
    request: Ruma<create_mxc_uri::v1::Request>,
) -> Result<create_mxc_uri::v1::Response> {
    let (uri, expires_at) = app.media.reserve(&request.caller.user_id).await?;
    let mut response = create_mxc_uri::v1::Response::new(uri);
    response.unused_expires_at = Some(clock::to_matrix(expires_at));
    Ok(response)
}

/// `GET /_matrix/media/v3/config`
pub async fn config(
    State(app): State<App>,
    _: Ruma<get_media_config::v3::Request>,
) -> Result<get_media_config::v3::Response> {
    let most = app.media.max_upload_bytes();
    Ok(get_media_config::v3::Response::new(most.try_into().unwrap_or(ruma::UInt::MAX)))
}

/// `GET /_matrix/media/v3/preview_url`
pub async fn preview(
    State(app): State<App>,
    request: Ruma<get_media_preview::v3::Request>,
) -> Result<get_media_preview::v3::Response> {
    let data = app.media.preview(&request.caller.user_id, &request.body.url).await?;
    Ok(get_media_preview::v3::Response::from_raw_value(serde_json::value::RawValue::from_string(data)?))
}

/// `GET /_matrix/media/v3/download/{serverName}/{mediaId}`
pub async fn download(_: State<App>, _: Ruma<get_content::v3::Request>) -> Result<get_content::v3::Response> {
    Err(frozen())
}

/// `GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}`
pub async fn download_as(
    _: State<App>,
    _: Ruma<get_content_as_filename::v3::Request>,
) -> Result<get_content_as_filename::v3::Response> {
    Err(frozen())
}

/// `GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}`
pub async fn thumbnail(
    _: State<App>,
    _: Ruma<get_content_thumbnail::v3::Request>,
) -> Result<get_content_thumbnail::v3::Response> {
    Err(frozen())
}

/// The specification lets a server freeze what can be read without signing in; here it was frozen from the beginning.
fn frozen() -> ApiError {
    ApiError::not_found("Files are read at /_matrix/client/v1/media, by those who are signed in.")
}
