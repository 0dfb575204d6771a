//! Listens, serves, and stops cleanly.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::{api, app::App, lock::Lock, telemetry, tls::Keeper};

mod accept;
mod announcement;
mod stall;

use accept::Acceptor;
use announcement::Announcement;

/// Serves until SIGTERM or Ctrl-C. Then no new connection is taken, idle ones are closed, long polls answer at once,
/// requests under way have the configured grace, and what was submitted to the journal is committed.
pub async fn serve(app: App, lock: Option<Lock>) -> anyhow::Result<()> {
    telemetry::start(&app.tasks);
    let connections = TaskTracker::new();
    let acceptor = |router| Arc::new(Acceptor::new(&app.config, router, app.tasks.stopping().clone()));
    let clients = acceptor(api::router(&app));
    if let Some(keeper) = Keeper::start(&app.config, app.clock.clone())? {
        let keeper = Arc::new(keeper);
        let tls = TlsAcceptor::from(keeper.server_config()?);
        for &address in &app.config.tls.listen {
            listen(&app, address, Some(tls.clone()), &clients, &connections).await?;
        }
        app.tasks.spawn(keeper.run());
    }
    listen(&app, app.config.server.listen, None, &clients, &connections).await?;
    if let Some(address) = app.config.server.metrics_listen {
        listen(&app, address, None, &acceptor(api::monitoring::router(&app)), &connections).await?;
    }
    let announcement = Announcement::begin(&app.config);
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    tracing::info!("stopping");
    let grace = Duration::from_secs(app.config.server.shutdown_grace_seconds);
    app.tasks.stopping().cancel();
    announcement.end().await;
    connections.close();
    if tokio::time::timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were still under way at the end of the grace");
    }
    if tokio::time::timeout(grace, app.stop()).await.is_err() {
        tracing::warn!("background work did not end in time");
    }
    drop(lock);
    Ok(())
}

/// Takes connections at an address until the server stops.
async fn listen(
    app: &App,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    acceptor: &Arc<Acceptor>,
    connections: &TaskTracker,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let server_name = &app.config.server.name;
    tracing::info!(address = %listener.local_addr()?, tls = tls.is_some(), server_name = %server_name, "serving");
    connections.spawn(acceptor.clone().run(listener, tls, connections.clone()));
    Ok(())
}
