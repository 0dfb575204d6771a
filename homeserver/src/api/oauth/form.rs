//! Forms: what OAuth 2.0 clients and browsers send.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use http::{Method, header};
use http_body_util::{BodyExt as _, Limited};

use crate::{
    app::App,
    domain::oauth::authorization::Parameters,
    error::{ApiError, Result},
};

/// The longest form, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// A form's fields: of the query where there is no body.
#[derive(Clone, Debug, Default)]
pub struct Form(pub Parameters);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// `M_INVALID_PARAM` for a field that comes twice (RFC 6749 section 3.1).
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            // What has no value counts as left out (RFC 6749 section 3.1).
            if value.is_empty() {
                continue;
            }
            if value.contains('\0') || fields.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(ApiError::invalid_param(format!("{name} cannot be used.")));
            }
        }
        Ok(Self(fields))
    }

    /// A field that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field, or nothing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}

impl FromRequest<App> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, app: &App) -> Result<Self> {
        if request.method() == Method::GET {
            return Self::parse(request.uri().query().unwrap_or_default().as_bytes());
        }
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(ApiError::invalid_param("The body is application/x-www-form-urlencoded."));
        }
        let idle = std::time::Duration::from_secs(app.config.limits.idle_seconds);
        let read = tokio::time::timeout(idle, Limited::new(request.into_body(), MAX_BYTES).collect());
        match read.await {
            Ok(Ok(body)) => Self::parse(&body.to_bytes()),
            Ok(Err(_)) => Err(ApiError::too_large("The form is too large, or broke off.")),
            Err(_) => Err(ApiError::unknown("The request's body did not come in time.")),
        }
    }
}
