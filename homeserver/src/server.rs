//! Listens, serves, and stops cleanly.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{api, app::App};

/// Serves until SIGTERM or Ctrl-C. Then no new connection is taken, long polls answer at once, requests under way have
/// the configured grace, and what was submitted to the journal is committed.
pub async fn serve(app: App) -> anyhow::Result<()> {
    let listen = app.config.server.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    tracing::info!(address = %listener.local_addr()?, server_name = %app.config.server.name, "serving");
    let router = api::router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let stopping = app.tasks.stopping().clone();
    let grace = Duration::from_secs(app.config.server.shutdown_grace_seconds);
    let serving = tokio::spawn(
        axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned()).into_future(),
    );
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    tracing::info!("stopping");
    app.tasks.stop().await;
    if tokio::time::timeout(grace, serving).await.is_err() {
        tracing::warn!("requests were still under way at the end of the grace and were cut off");
    }
    app.db.close().await;
    Ok(())
}
