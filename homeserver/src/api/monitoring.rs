//! What watches over the server: is it alive, is it ready, how is it doing. Not part of Matrix.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::{
    app::App,
    error::{self, ApiError},
    storage, telemetry,
};

/// How long a part of the server may take to answer and still count as well.
const PATIENCE: Duration = Duration::from_secs(2);

/// The routes of the listener that is for monitoring alone.
pub fn router(app: &App) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(|State(app): State<App>| async move { render(&app) }))
        .fallback(|| async { ApiError::unrecognized("There is no such endpoint.") })
        .with_state(app.clone())
}

/// `GET /health/live`: the process answers.
pub async fn live() -> Response {
    error::json(StatusCode::OK, &json!({ "status": "live" }))
}

/// `GET /health/ready`: the database answers and the journal writes; else 503 and which of them does not.
pub async fn ready(State(app): State<App>) -> Response {
    let database = timeout(PATIENCE, storage::commit::last_position(&app.db)).await.is_ok_and(|read| read.is_ok());
    // A decision that decides nothing passes through the whole queue and makes no commit.
    let journal = timeout(PATIENCE, app.journal.decide(&[], |_| Ok(()))).await.is_ok_and(|done| done.is_ok());
    let stopping = app.tasks.stopping().is_cancelled();
    let ready = database && journal && !stopping;
    let (status, text) = if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let body = json!({
        "status": text,
        "database": database,
        "journal": journal,
        "position": app.journal.position(),
        "stopping": stopping,
        "version": env!("CARGO_PKG_VERSION"),
    });
    error::json(status, &body)
}

/// `GET /metrics` at the address that clients use: for this machine alone, and only where monitoring has no listener of
/// its own. A request that a proxy has passed on comes from this machine too, and is told by its headers.
pub async fn metrics(State(app): State<App>, headers: HeaderMap, request: Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];
    let direct = peer.is_some_and(|ip| ip.is_loopback()) && !forwarded.iter().any(|name| headers.contains_key(*name));
    if direct && app.config.server.metrics_listen.is_none() {
        return render(&app);
    }
    ApiError::unrecognized("There is no such endpoint.").into_response()
}

fn render(app: &App) -> Response {
    telemetry::observe(app.db.connections());
    let text = telemetry::metrics().render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Counts requests and their time, by the route's template: never by the path itself, which holds ids and has no end.
pub async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let started = Instant::now();
    let under_way = UnderWay::begin();
    let response = next.run(request).await;
    drop(under_way);
    let status = response.status().as_str().to_owned();
    let seconds = started.elapsed().as_secs_f64();
    metrics::histogram!("parta_http_request_seconds", "method" => method.clone(), "route" => route.clone())
        .record(seconds);
    metrics::counter!("parta_http_requests_total", "method" => method, "route" => route, "status" => status)
        .increment(1);
    response
}

/// A request that is being answered; one whose client went away is dropped, not answered.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        metrics::gauge!("parta_http_requests_under_way").increment(1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        metrics::gauge!("parta_http_requests_under_way").decrement(1);
    }
}
