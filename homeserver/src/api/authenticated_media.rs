//! Reading media, for those who are signed in.
//! <https://spec.matrix.org/v1.18/client-server-api/#content-repository>

use axum::{extract::State, response::Response};
use ruma::api::client::authenticated_media::{
    get_content, get_content_as_filename, get_content_thumbnail, get_media_config, get_media_preview,
};

use super::{
    media::serve,
    ruma::{Ruma, Streamed, one_of},
};
use crate::{
    app::App,
    domain::media::{Size, check_name, wanted},
    error::Result,
};

/// `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}`
pub async fn download(State(app): State<App>, request: Streamed<get_content::v1::Request>) -> Result<Response> {
    let body = request.body;
    let file = app.media.find(&body.server_name, &body.media_id, body.timeout_ms).await?;
    let name = file.content.filename.clone();
    serve::file(&app.media, &file, name, &request.headers).await
}

/// `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}`
pub async fn download_as(
    State(app): State<App>,
    request: Streamed<get_content_as_filename::v1::Request>,
) -> Result<Response> {
    let body = request.body;
    check_name(&body.filename)?;
    let file = app.media.find(&body.server_name, &body.media_id, body.timeout_ms).await?;
    serve::file(&app.media, &file, Some(body.filename), &request.headers).await
}

/// `GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}`
pub async fn thumbnail(
    State(app): State<App>,
    request: Streamed<get_content_thumbnail::v1::Request>,
) -> Result<Response> {
    let body = request.body;
    let (width, height) = wanted(body.width.into(), body.height.into())?;
    if let Some(method) = &body.method {
        one_of("method", method, &["crop", "scale"])?;
    }
    let file = app.media.find(&body.server_name, &body.media_id, body.timeout_ms).await?;
    let size = Size::nearest(body.method.as_ref(), width, height);
    if let Some(unchanged) = serve::unchanged(&serve::thumbnail_tag(&file, size), &request.headers) {
        return Ok(unchanged);
    }
    Ok(serve::thumbnail(app.media.thumbnail(&file, size).await?, &serve::thumbnail_tag(&file, size)))
}

/// `GET /_matrix/client/v1/media/config`
pub async fn config(
    State(app): State<App>,
    _: Ruma<get_media_config::v1::Request>,
) -> Result<get_media_config::v1::Response> {
    let most = app.media.max_upload_bytes();
    Ok(get_media_config::v1::Response::new(most.try_into().unwrap_or(ruma::UInt::MAX)))
}

/// `GET /_matrix/client/v1/media/preview_url`
pub async fn preview(
    State(app): State<App>,
    request: Ruma<get_media_preview::v1::Request>,
) -> Result<get_media_preview::v1::Response> {
    let data = app.media.preview(&request.caller.user_id, &request.body.url).await?;
    Ok(get_media_preview::v1::Response::from_raw_value(serde_json::value::RawValue::from_string(data)?))
}
