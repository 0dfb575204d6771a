//! Errors of Parta's own API: the Matrix error that a handler answers, in the form of RFC 9457.

use axum::{
    body::{Body, to_bytes},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The longest error; ours have one sentence.
const MAX: usize = 64 * 1024;

/// Why a request was not carried out (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem it is: stable, and made from the code.
    #[schema(example = "urn:parta:problem:not-found")]
    r#type: String,
    /// The kind in words.
    #[schema(example = "Not found")]
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and, where there is one, the mend.
    detail: String,
    /// The Matrix error code.
    #[schema(example = "M_NOT_FOUND")]
    code: String,
    /// What a Matrix error of that code has besides, `retry_after_ms` for example.
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

impl Problem {
    fn new(status: u16, mut error: Map<String, Value>) -> Self {
        let mut text = |key| match error.remove(key) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (code, detail) = (text("errcode"), text("error"));
        let words = code.strip_prefix("M_").unwrap_or(&code).to_ascii_lowercase();
        let (first, rest) = words.split_at_checked(1).unwrap_or_default();
        Self {
            r#type: format!("urn:parta:problem:{}", words.replace('_', "-")),
            title: format!("{}{}", first.to_ascii_uppercase(), rest.replace('_', " ")),
            status,
            detail,
            code,
            more: error,
        }
    }
}

/// Gives an error its form; all other answers pass.
pub(super) async fn problem(response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX).await.unwrap_or_default();
    let problem = Problem::new(status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default());
    let Ok(text) = serde_json::to_vec(&problem) else { return status.into_response() };
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::ApiError;

    async fn shown(error: ApiError) -> Value {
        let response = problem(error.into_response()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        serde_json::from_slice(&to_bytes(response.into_body(), MAX).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn an_error_becomes_a_problem() {
        let expected = serde_json::json!({
            "type": "urn:parta:problem:not-found", "title": "Not found", "status": 404, "code": "M_NOT_FOUND",
            "detail": "There is no such report.",
        });
        assert_eq!(shown(ApiError::not_found("There is no such report.")).await, expected);
        let limited = shown(ApiError::limit_exceeded(Duration::from_secs(2))).await;
        assert_eq!((&limited["code"], &limited["retry_after_ms"]), (&"M_LIMIT_EXCEEDED".into(), &2000.into()));
    }

    #[tokio::test]
    async fn what_is_no_error_passes() {
        let response = problem("text".into_response()).await;
        assert_eq!(to_bytes(response.into_body(), MAX).await.unwrap(), "text");
    }
}
