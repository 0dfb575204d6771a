//! HTTP in: the homeserver's side of the Application Service API, and a health endpoint.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::bot::Bot;

/// A transaction of a hundred events of the largest size, and some room.
const LARGEST_TRANSACTION: usize = 16 * 1024 * 1024;

/// What the routes share.
#[derive(Clone)]
pub struct Inbox {
    bot: Arc<Bot>,
    hs_token: Arc<str>,
}

impl Inbox {
    /// Takes transactions for `bot` from whoever knows `hs_token`.
    pub fn new(bot: Arc<Bot>, hs_token: &str) -> Self {
        Self { bot, hs_token: hs_token.into() }
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/_matrix/app/v1/transactions/{txn_id}", put(transaction))
            .route("/_matrix/app/v1/users/{user_id}", get(user))
            .route("/_matrix/app/v1/rooms/{alias}", get(room))
            .route("/_matrix/app/v1/ping", post(ping))
            .route("/health", get(health))
            .fallback(|| async { Refused::Unrecognized(StatusCode::NOT_FOUND) })
            .method_not_allowed_fallback(|| async { Refused::Unrecognized(StatusCode::METHOD_NOT_ALLOWED) })
            .layer(DefaultBodyLimit::max(LARGEST_TRANSACTION))
            .with_state(self)
    }

    /// The homeserver shows its token in the Authorization header; in an address it would end up in logs.
    fn authorize(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or(Refused::NoToken)?;
        // Equal lengths are compared in constant time; the length itself is no secret.
        if bool::from(token.as_bytes().ct_eq(self.hs_token.as_bytes())) { Ok(()) } else { Err(Refused::WrongToken) }
    }
}

#[derive(Debug)]
enum Refused {
    NoToken,
    WrongToken,
    NotJson,
    BadJson,
    NotFound,
    Unrecognized(StatusCode),
    Later,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, errcode, error) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "M_MISSING_TOKEN", "No token."),
            Self::WrongToken => (StatusCode::FORBIDDEN, "M_FORBIDDEN", "Not the homeserver's token."),
            Self::NotJson => (StatusCode::BAD_REQUEST, "M_NOT_JSON", "The body is not JSON."),
            Self::BadJson => (StatusCode::BAD_REQUEST, "M_BAD_JSON", "The body has no list of events."),
            Self::NotFound => (StatusCode::NOT_FOUND, "M_NOT_FOUND", "Not known here."),
            Self::Unrecognized(status) => (status, "M_UNRECOGNIZED", "No such endpoint."),
            Self::Later => {
                (StatusCode::SERVICE_UNAVAILABLE, "M_UNKNOWN", "The transaction was not stored; please repeat it.")
            }
        };
        (status, Json(json!({ "errcode": errcode, "error": error }))).into_response()
    }
}

#[derive(Deserialize)]
struct Transaction {
    events: Vec<Value>,
}

async fn transaction(
    State(inbox): State<Inbox>,
    Path(txn_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refused> {
    inbox.authorize(&headers)?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| Refused::NotJson)?;
    let transaction = Transaction::deserialize(body).map_err(|_| Refused::BadJson)?;
    // On a task of its own: a homeserver that hangs up does not stop a transaction half-way.
    let handled = tokio::spawn(async move { inbox.bot.transaction(&transaction.events).await });
    match handled.await {
        Ok(Ok(())) => Ok(Json(json!({}))),
        Ok(Err(error)) => {
            tracing::error!(%error, txn_id, "a transaction was not stored");
            Err(Refused::Later)
        }
        Err(error) => {
            tracing::error!(%error, txn_id, "a transaction stopped unexpectedly");
            Err(Refused::Later)
        }
    }
}

async fn user(
    State(inbox): State<Inbox>,
    Path(user_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    inbox.authorize(&headers)?;
    if user_id == inbox.bot.me().as_str() { Ok(Json(json!({}))) } else { Err(Refused::NotFound) }
}

async fn room(State(inbox): State<Inbox>, headers: HeaderMap) -> Result<Json<Value>, Refused> {
    inbox.authorize(&headers)?;
    Err(Refused::NotFound)
}

async fn ping(State(inbox): State<Inbox>, headers: HeaderMap) -> Result<Json<Value>, Refused> {
    inbox.authorize(&headers)?;
    Ok(Json(json!({})))
}

async fn health(State(inbox): State<Inbox>) -> Response {
    match inbox.bot.store().check().await {
        Ok(()) => Json(json!({ "status": "ok" })).into_response(),
        Err(error) => {
            tracing::error!(%error, "the store does not answer");
            let body = Json(json!({ "status": "the store does not answer" }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}
