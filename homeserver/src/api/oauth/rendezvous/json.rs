//! The place where two devices meet, in the manner of the client-server API. Clients of today write without a
//! transaction id, as the proposal first had it.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4388>

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Extension, Path, State},
    response::Response,
    routing::{get, put},
};
use http::{HeaderMap, Request, StatusCode, Uri};
use ruma::api::auth_scheme::{AccessTokenOptional, AuthScheme as _};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    api::{
        auth::{Authenticate as _, Client, Context},
        ruma::{bad_body, whole},
    },
    app::App,
    domain::rendezvous::{MAX_BYTES, Written},
    error::{self, ApiError, Result},
};

/// The unstable feature in `/versions`.
pub const FEATURE: &str = "io.element.msc4388";
const PATH: &str = "/_matrix/client/unstable/io.element.msc4388/rendezvous";
/// The longest transaction id, in bytes.
/// <https://spec.matrix.org/v1.19/appendices/#opaque-identifiers>
const MAX_TXN_ID: usize = 255;

/// The endpoints.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(discover).post(create))
        .route(&format!("{PATH}/{{id}}"), get(read).put(write).delete(delete))
        .route(&format!("{PATH}/{{id}}/{{txn_id}}"), put(write_once))
}

#[derive(Deserialize)]
struct First {
    data: String,
}

#[derive(Deserialize)]
struct Next {
    sequence_token: String,
    data: String,
}

fn ok(body: &Value) -> Response {
    error::json(StatusCode::OK, body)
}

/// Anybody may make a place: a new device has no token as yet. Who shows a token shows a good one, so that a client
/// learns that its own is to be refreshed.
async fn admit(app: &App, client: &Client, uri: Uri, headers: &HeaderMap) -> Result<()> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    request.headers_mut().clone_from(headers);
    let token = AccessTokenOptional::extract_authentication(&request)
        .map_err(|_| ApiError::missing_token("The access token cannot be read. Sign in again."))?;
    AccessTokenOptional::authenticate(app, token, &Context { request: &request, client }).await.map(drop)
}

async fn body<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body) -> Result<T> {
    serde_json::from_slice(&whole(headers, body, app).await?).map_err(|error| bad_body(&error))
}

fn message(data: String) -> Result<Bytes> {
    if data.len() > MAX_BYTES {
        return Err(ApiError::too_large(format!("The message has more than {MAX_BYTES} bytes.")));
    }
    Ok(data.into())
}

async fn discover(
    State(app): State<App>,
    Extension(from): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    admit(&app, &from, uri, &headers).await?;
    Ok(ok(&json!({ "create_available": true })))
}

async fn create(
    State(app): State<App>,
    Extension(from): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response> {
    admit(&app, &from, uri, &headers).await?;
    app.limits.login(from.ip)?;
    let First { data } = body(&app, &headers, sent).await?;
    let (id, place) = app.rendezvous.create(message(data)?);
    let expires_in_ms = place.ends_at - place.written_at;
    Ok(ok(&json!({ "id": id, "sequence_token": place.etag, "expires_in_ms": expires_in_ms })))
}

async fn read(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response> {
    // What strangers left here is no page to be opened.
    if headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate") {
        return Err(ApiError::forbidden("This is for programs that sign in, and not for a browser to open."));
    }
    let place = app.rendezvous.get(&id)?;
    let data = String::from_utf8_lossy(&place.message);
    let expires_in_ms = place.ends_at - app.clock.now();
    Ok(ok(&json!({ "data": data, "sequence_token": place.etag, "expires_in_ms": expires_in_ms })))
}

async fn write(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, sent: Body) -> Result<Response> {
    let Next { sequence_token, data } = body(&app, &headers, sent).await?;
    Ok(written(match app.rendezvous.put(&id, &sequence_token, message(data)?)? {
        Written::Done(place) => Some(place.etag),
        Written::Conflict(_) => None,
    }))
}

async fn write_once(
    State(app): State<App>,
    Path((id, txn_id)): Path<(String, String)>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response> {
    if txn_id.len() > MAX_TXN_ID {
        return Err(ApiError::invalid_param(format!("The transaction id has more than {MAX_TXN_ID} bytes.")));
    }
    let Next { sequence_token, data } = body(&app, &headers, sent).await?;
    Ok(written(app.rendezvous.put_once(&id, &txn_id, &sequence_token, message(data)?)?))
}

/// The answer to a message: its token, or that the other device was faster.
fn written(sequence_token: Option<String>) -> Response {
    match sequence_token {
        Some(token) => ok(&json!({ "sequence_token": token })),
        None => error::json(
            StatusCode::CONFLICT,
            &json!({
                "errcode": "IO_ELEMENT_MSC4388_CONCURRENT_WRITE",
                "error": "The other device has written meanwhile.",
            }),
        ),
    }
}

async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Response> {
    app.rendezvous.delete(&id)?;
    Ok(ok(&json!({})))
}
