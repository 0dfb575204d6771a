//! Registration tokens.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    extract::{Admin, Body, Params, Path, present},
    ok,
};
use crate::{
    app::App,
    domain::registration_tokens::RegistrationToken,
    error::{ApiError, Result},
};

fn shown(token: &RegistrationToken) -> Value {
    // Where an account is made in one step with the use of its token, none is ever pending.
    json!({
        "token": token.token, "uses_allowed": token.uses_allowed, "pending": 0, "completed": token.completed,
        "expiry_time": token.expires_at,
    })
}

/// `GET /_synapse/admin/v1/registration_tokens`
pub(super) async fn list(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let (wanted, now) = (params.flag("valid")?, app.clock.now());
    let tokens = app.registration_tokens.all().await?;
    let shown: Vec<_> =
        tokens.iter().filter(|token| wanted.is_none_or(|wanted| token.is_valid(now) == wanted)).map(shown).collect();
    Ok(ok(&json!({ "registration_tokens": shown })))
}

/// `GET /_synapse/admin/v1/registration_tokens/{token}`
pub(super) async fn details(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    Ok(ok(&shown(&app.registration_tokens.require(path.text(0)).await?)))
}

#[derive(Deserialize)]
pub(super) struct New {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    length: Option<usize>,
    #[serde(default)]
    uses_allowed: Option<i64>,
    #[serde(default)]
    expiry_time: Option<i64>,
}

/// `POST /_synapse/admin/v1/registration_tokens/new`
pub(super) async fn create(State(app): State<App>, _: Admin, Body(new): Body<New>) -> Result<Response> {
    check_end(&app, new.expiry_time)?;
    let token = app.registration_tokens.create(new.token, new.length, new.uses_allowed, new.expiry_time).await?;
    Ok(ok(&shown(&token)))
}

#[derive(Deserialize)]
pub(super) struct Changes {
    #[serde(default, deserialize_with = "present")]
    uses_allowed: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present")]
    expiry_time: Option<Option<i64>>,
}

/// `PUT /_synapse/admin/v1/registration_tokens/{token}`
pub(super) async fn update(
    State(app): State<App>,
    _: Admin,
    path: Path,
    Body(changes): Body<Changes>,
) -> Result<Response> {
    let mut token = app.registration_tokens.require(path.text(0)).await?;
    if let Some(uses) = changes.uses_allowed {
        token.uses_allowed = uses;
    }
    if let Some(end) = changes.expiry_time {
        check_end(&app, end)?;
        token.expires_at = end;
    }
    app.registration_tokens.update(token.clone()).await?;
    Ok(ok(&shown(&token)))
}

/// `DELETE /_synapse/admin/v1/registration_tokens/{token}`
pub(super) async fn remove(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    app.registration_tokens.delete(path.text(0)).await?;
    Ok(ok(&json!({})))
}

fn check_end(app: &App, end: Option<i64>) -> Result<()> {
    match end {
        Some(end) if end < app.clock.now() => Err(ApiError::invalid_param("expiry_time is in the past.")),
        _ => Ok(()),
    }
}
