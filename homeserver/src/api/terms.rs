//! The texts of the policies that this server shows itself.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};

use crate::{
    app::App,
    error::{ApiError, Result},
};

/// `GET /_parta/terms/{id}/{language}`: the text as it is, for anybody.
pub async fn text(State(app): State<App>, Path((id, language)): Path<(String, String)>) -> Result<Response> {
    let text = app.terms.text(&id, &language).and_then(|text| text.body.clone());
    let text = text.ok_or_else(|| ApiError::not_found("There is no such text here."))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, text).into_response())
}
