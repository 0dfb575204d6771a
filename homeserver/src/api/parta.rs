//! Parta's own API, beside Matrix's and under `/_parta`: for clients (`/_parta/client/v1`, with the access token that Matrix
//! knows), for administrators (`/_parta/admin/v1`), and the document that describes both (`/_parta/openapi.json`).
//!
//! Its errors are those of RFC 9457: see `problem`.

mod feedback;
mod openapi;
mod problem;

use axum::{
    Router,
    extract::FromRequestParts,
    middleware,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Request, StatusCode, request::Parts};
use ruma::api::{
    auth_scheme::{AccessToken, AuthScheme as _},
    error::ErrorKind,
};

use super::auth::{Authenticate as _, Client, Context};
use crate::{
    admin::feedback as admin,
    app::App,
    domain::sessions::Requester,
    error::{ApiError, Result},
};

/// All endpoints. Each is described in `openapi`; a test compares the two.
pub fn router() -> Router<App> {
    Router::new()
        .route("/_parta/openapi.json", get(openapi::document))
        .route("/_parta/client/v1/feedback", get(feedback::own).post(feedback::send))
        .route("/_parta/client/v1/feedback/attachments", post(feedback::attach))
        .route("/_parta/client/v1/feedback/{id}", get(feedback::one))
        .route("/_parta/client/v1/feedback/{id}/read", post(feedback::read))
        .route("/_parta/admin/v1/feedback", get(admin::list))
        .route("/_parta/admin/v1/feedback/counts", get(admin::counts))
        .route("/_parta/admin/v1/feedback/export", get(admin::export))
        .route("/_parta/admin/v1/feedback/{id}", get(admin::report).patch(admin::change).delete(admin::remove))
        .route("/_parta/admin/v1/feedback/{id}/answers", post(admin::answer))
        .route("/_parta/admin/v1/feedback/{id}/attachments/{n}", get(admin::attachment))
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorKind::Unrecognized,
                "This endpoint does not know that method.",
            )
        })
        .layer(middleware::map_response(problem::problem))
}

/// Who calls: the user behind an access token, as in Matrix's own API.
#[derive(Debug)]
pub struct Caller(pub Requester);

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        let request = Request::from_parts(parts.clone(), Bytes::new());
        let token = AccessToken::extract_authentication(&request)
            .map_err(|_| ApiError::missing_token("This needs an access token. Sign in first."))?;
        AccessToken::authenticate(app, token, &Context { request: &request, client: &client }).await.map(Self)
    }
}

/// The id of a report in a path.
pub(crate) fn id(text: &str) -> Result<i64> {
    text.parse().map_err(|_| ApiError::invalid_param("The id of a report is a whole number."))
}
