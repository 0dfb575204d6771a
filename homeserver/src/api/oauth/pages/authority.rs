//! The server's own certificate authority, for people who install it on their devices. Whoever needs these pages does not
//! trust the server yet, and opens them in plain.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{StatusCode, header};

use super::{Frame, Guest, show};
use crate::{
    app::App,
    error::{ApiError, Result},
    tls::{Authority, Certificate},
};

/// Where the certificate is. Phones go by the ending.
const FILE: &str = "/authority.crt";

pub(super) fn router() -> Router<App> {
    Router::new().route("/authority", get(page)).route(FILE, get(file))
}

#[derive(Template)]
#[template(path = "authority.html")]
struct Page {
    frame: Frame,
    file: &'static str,
    fingerprint: String,
    devices: [Device; 5],
}

/// A kind of device, and how the certificate is installed there.
struct Device {
    name: &'static str,
    steps: Vec<&'static str>,
}

fn of(app: &App) -> Result<Authority> {
    Authority::of(&app.config)
        .ok_or_else(|| ApiError::not_found("This server has no certificate authority of its own."))
}

/// `GET /authority`: how to install it, and what to compare.
async fn page(State(app): State<App>, Guest(visit): Guest) -> Result<Response> {
    let pem = tokio::fs::read(of(&app)?.file()).await?;
    let fingerprint = Certificate::from_pem(&pem).map_err(ApiError::internal)?.fingerprint();
    let texts = visit.texts();
    let devices = [
        ("Android", texts.authority_android),
        ("iPhone, iPad", texts.authority_ios),
        ("Windows", texts.authority_windows),
        ("macOS", texts.authority_macos),
        (texts.authority_browsers, texts.authority_browser),
    ];
    let devices = devices.map(|(name, steps)| Device { name, steps: steps.lines().collect() });
    let frame = visit.frame(texts.authority_title);
    Ok(show(StatusCode::OK, &Page { frame, file: FILE, fingerprint, devices }))
}

/// `GET /authority.crt`: its certificate, in PEM.
async fn file(State(app): State<App>) -> Result<Response> {
    let pem = tokio::fs::read(of(&app)?.file()).await?;
    Ok(([(header::CONTENT_TYPE, "application/x-x509-ca-cert")], pem).into_response())
}
