//! Takes connections: so many at once and so many of one address, none that says nothing, and all of them closed in time
//! when the server stops. HTTP/1.1 alone: what speaks TLS and HTTP/2 to the world is the proxy in front.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::stall::Stalling;
use crate::config::Config;

/// How long to wait after the system has refused a connection, usually for want of file descriptors.
const RETRY: Duration = Duration::from_millis(50);
/// Headers in one request.
const MAX_HEADERS: usize = 64;
/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// Serves what comes in at one address.
pub(super) struct Acceptor {
    router: Router,
    stopping: CancellationToken,
    most: usize,
    most_per_address: usize,
    trusted: Vec<IpAddr>,
    header: Duration,
    idle: Duration,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Acceptor {
    pub(super) fn new(config: &Config, router: Router, stopping: CancellationToken) -> Self {
        Self {
            router,
            stopping,
            most: config.limits.connections,
            most_per_address: config.limits.connections_per_address,
            trusted: config.server.trusted_proxies.clone(),
            header: Duration::from_secs(config.limits.header_seconds),
            idle: Duration::from_secs(config.limits.idle_seconds),
            open: Mutex::default(),
        }
    }

    /// Runs until the server stops; the connections go on in tasks of their own.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener, connections: TaskTracker) {
        loop {
            let accepted = tokio::select! {
                () = self.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match Seat::take(&self, peer.ip()) {
                    Some(seat) => {
                        connections.spawn(self.clone().serve(stream, peer, seat));
                    }
                    // Closed without a word: an answer would cost more than the attack.
                    None => metrics::counter!("parta_http_connections_refused_total").increment(1),
                },
                Err(e) => {
                    tracing::warn!(error = &e as &dyn std::error::Error, "a connection could not be taken");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _seat: Seat) {
        // A connection on which nothing was ever said has no request under way, and ends with the server.
        let mut byte = [0];
        let first = tokio::select! {
            () = self.stopping.cancelled() => return,
            first = tokio::time::timeout(self.header, stream.peek(&mut byte)) => first,
        };
        if !matches!(first, Ok(Ok(1..))) {
            return;
        }
        // Fails only on a connection that is gone already.
        let _ = stream.set_nodelay(true);
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request.map(Body::new))
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.header)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(Stalling::new(stream, self.idle)), service));
        // How a connection ends is its client's business.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.stopping.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// One connection's place among those that are open.
struct Seat {
    acceptor: Arc<Acceptor>,
    address: IpAddr,
}

impl Seat {
    fn take(acceptor: &Arc<Acceptor>, address: IpAddr) -> Option<Self> {
        let mut open = acceptor.open.lock();
        if open.all >= acceptor.most {
            return None;
        }
        let count = open.by_address.entry(address).or_default();
        if *count >= acceptor.most_per_address && !acceptor.trusted.contains(&address) {
            return None;
        }
        *count += 1;
        open.all += 1;
        metrics::gauge!("parta_http_connections").increment(1);
        Some(Self { acceptor: acceptor.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.acceptor.open.lock();
        open.all -= 1;
        if let Entry::Occupied(mut count) = open.by_address.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        metrics::gauge!("parta_http_connections").decrement(1);
    }
}
