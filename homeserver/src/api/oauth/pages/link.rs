//! Letting a device in that has no browser of its own: its code is typed here (RFC 8628 section 3.3).

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;

use super::{super::form::Form, Frame, Visit, show};
use crate::{app::App, domain::oauth::device_code::Pending, error::Result};

#[derive(Template)]
#[template(path = "link.html")]
struct Link<'a> {
    frame: Frame,
    problem: Option<&'static str>,
    code: &'a str,
}

#[derive(Template)]
#[template(path = "link_consent.html")]
struct LinkConsent<'a> {
    frame: Frame,
    client: String,
    host: String,
    code: &'a str,
}

fn show_code(visit: &Visit, code: &str, problem: Option<&'static str>) -> Response {
    let status = if problem.is_some() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    show(status, &Link { frame: visit.frame(visit.texts().link_title), problem, code })
}

/// The device that waits with the code, or the form again. Codes are short, so trying is counted as signing in is.
async fn pending(app: &App, visit: &Visit, code: &str) -> Result<Pending, Response> {
    app.limits.login(visit.from.ip).map_err(|error| visit.failed(error))?;
    let pending = app.oauth.pending(code).await.map_err(|error| visit.failed(error))?;
    pending.ok_or_else(|| show_code(visit, code, Some(visit.texts().link_unknown)))
}

/// `GET /account/link`
pub(super) async fn page(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    if visit.user.is_none() {
        return Ok(visit.to_sign_in(false));
    }
    let Some(code) = form.get("code") else { return Ok(show_code(&visit, "", None)) };
    let pending = pending(&app, &visit, code).await?;
    let page = LinkConsent {
        frame: visit.frame(visit.texts().consent_title),
        client: pending.client.name(visit.language.tag()),
        host: pending.client.host(),
        code,
    };
    Ok(show(StatusCode::OK, &page))
}

/// `POST /account/link`
pub(super) async fn decide(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    let Some(user_id) = &visit.user else { return Ok(visit.to_sign_in(false)) };
    let pending = pending(&app, &visit, form.text("code")).await?;
    let texts = visit.texts();
    let allowed = form.text("decision") == "allow";
    let decided = app.oauth.decide(&pending, allowed.then_some(user_id)).await.map_err(|error| visit.failed(error))?;
    Ok(match (decided, allowed) {
        (false, _) => show_code(&visit, form.text("code"), Some(texts.link_unknown)),
        (true, true) => visit.done(texts.link_title, texts.link_done),
        (true, false) => visit.done(texts.link_title, texts.link_denied),
    })
}
