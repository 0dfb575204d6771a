//! Signing in by a QR code: the place where the two devices meet. RFC 9110's conditional requests on a text; what took
//! their place is in `json`.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4108>

pub mod json;

use axum::{
    Router,
    body::Body,
    extract::{Extension, Path, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use jiff::{Timestamp, fmt::rfc2822};
use serde_json::json;

use crate::{
    api::auth::Client,
    app::App,
    domain::rendezvous::{MAX_BYTES, Place, Written},
    error::{self, ApiError, Result},
};

/// The unstable feature in `/versions`.
pub const FEATURE: &str = "org.matrix.msc4108";
const PATH: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";

/// The endpoints.
pub fn router() -> Router<App> {
    Router::new()
        .route(PATH, post(create))
        .route(&format!("{PATH}/{{id}}"), get(read).put(write).delete(delete))
        .merge(json::router())
}

/// A header's time (RFC 9110 section 5.6.7).
fn time(millis: i64) -> String {
    let printer = rfc2822::DateTimePrinter::new();
    let at = Timestamp::from_millisecond(millis).unwrap_or_default();
    printer.timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

/// An answer with what is said of a place in its headers.
fn about(place: &Place, status: StatusCode, answer: impl axum::response::IntoResponse) -> Response {
    let headers = [
        (header::ETAG, format!("\"{}\"", place.etag)),
        (header::EXPIRES, time(place.ends_at)),
        (header::LAST_MODIFIED, time(place.written_at)),
        (header::PRAGMA, "no-cache".to_owned()),
    ];
    (status, headers, answer).into_response()
}

async fn text(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| !kind.starts_with("text/plain")) {
        return Err(ApiError::invalid_param("The message is text/plain."));
    }
    let idle = std::time::Duration::from_secs(app.config.limits.idle_seconds);
    match tokio::time::timeout(idle, Limited::new(body, MAX_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(ApiError::too_large("The message is too large, or broke off.")),
        Err(_) => Err(ApiError::unknown("The message did not come in time.")),
    }
}

/// The tag in a condition, without its quotation marks.
fn tag(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(|value| value.trim().trim_start_matches("W/").trim_matches('"'))
}

async fn create(
    State(app): State<App>,
    Extension(from): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    app.limits.login(from.ip)?;
    let (id, place) = app.rendezvous.create(text(&app, &headers, body).await?);
    let url = format!("{}{PATH}/{id}", app.config.base_url());
    Ok(about(&place, StatusCode::CREATED, error::json(StatusCode::CREATED, &json!({ "url": url }))))
}

async fn read(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response> {
    let place = app.rendezvous.get(&id)?;
    if tag(&headers, header::IF_NONE_MATCH) == Some(&place.etag) {
        return Ok(about(&place, StatusCode::NOT_MODIFIED, ()));
    }
    // Without a charset: the SDKs compare it letter by letter.
    let message = ([(header::CONTENT_TYPE, "text/plain")], place.message.clone());
    Ok(about(&place, StatusCode::OK, message))
}

async fn write(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Response> {
    let read = tag(&headers, header::IF_MATCH)
        .ok_or_else(|| ApiError::missing_param("If-Match is missing: the ETag of what you have read."))?;
    let message = text(&app, &headers, body).await?;
    Ok(match app.rendezvous.put(&id, read, message)? {
        Written::Done(place) => about(&place, StatusCode::ACCEPTED, ()),
        Written::Conflict(place) => {
            let body = json!({ "errcode": "M_CONCURRENT_WRITE", "error": "The other device has written meanwhile." });
            let refused = error::json(StatusCode::PRECONDITION_FAILED, &body);
            about(&place, StatusCode::PRECONDITION_FAILED, refused)
        }
    })
}

async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode> {
    app.rendezvous.delete(&id)?;
    Ok(StatusCode::NO_CONTENT)
}
