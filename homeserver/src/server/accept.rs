//! Takes connections: so many at once and so many of one address, none that says nothing, and all of them closed in time
//! when the server stops. HTTP/1.1 in plain; by TLS HTTP/2 too, where the client would have it.

use std::{
    collections::{HashMap, hash_map::Entry},
    future::pending,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use futures_util::TryFutureExt as _;
use http::{HeaderValue, Request, Version, header, uri::Scheme};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::stall::{Stalling, bounded};
use crate::{config::Config, tls::HTTP_2};

/// How long to wait after the system has refused a connection, usually for want of file descriptors.
const RETRY: Duration = Duration::from_millis(50);
/// Headers in one request.
const MAX_HEADERS: usize = 64;
/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;
/// Requests at the same time on one connection of HTTP/2.
const MAX_STREAMS: u32 = 100;

/// Serves what comes in, at any number of addresses.
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
    pub(super) async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        connections: TaskTracker,
    ) {
        loop {
            let accepted = tokio::select! {
                () = self.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Who comes by IPv4 to an address of IPv6 is known by the one that the configuration has.
                    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                    match Seat::take(&self, peer.ip()) {
                        Some(seat) => {
                            connections.spawn(self.clone().serve(stream, tls.clone(), peer, seat));
                        }
                        // Closed without a word: an answer would cost more than the attack.
                        None => metrics::counter!("parta_http_connections_refused_total").increment(1),
                    }
                }
                Err(e) => {
                    tracing::warn!(error = &e as &dyn std::error::Error, "a connection could not be taken");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, tls: Option<TlsAcceptor>, peer: SocketAddr, _seat: Seat) {
        // A connection on which nothing was ever said has no request under way, and ends with the server.
        let mut byte = [0];
        let first = tokio::select! {
            () = self.stopping.cancelled() => return,
            first = timeout(self.header, stream.peek(&mut byte)) => first,
        };
        if !matches!(first, Ok(Ok(1..))) {
            return;
        }
        // Fails only on a connection that is gone already.
        let _ = stream.set_nodelay(true);
        let stream = Stalling::new(stream, self.idle);
        let Some(tls) = tls else {
            self.speak(stream, Version::HTTP_11, Scheme::HTTP, peer).await;
            return;
        };
        let shaken = tokio::select! {
            () = self.stopping.cancelled() => return,
            shaken = timeout(self.header, tls.accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => {
                let agreed = stream.get_ref().1.alpn_protocol();
                let version = if agreed == Some(HTTP_2) { Version::HTTP_2 } else { Version::HTTP_11 };
                Box::pin(self.speak(stream, version, Scheme::HTTPS, peer)).await;
            }
            // Whether a client trusts the certificate is said here and nowhere else.
            Ok(Err(e)) => tracing::debug!(error = &e as &dyn std::error::Error, %peer, "no TLS came about"),
            Err(_) => tracing::debug!(%peer, "a handshake took too long"),
        }
    }

    /// Answers what a connection asks for, until it ends.
    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        version: Version,
        scheme: Scheme,
        peer: SocketAddr,
    ) {
        let (router, begun) = (self.router.clone(), CancellationToken::new());
        let (first, idle, is_http_2) = (begun.clone(), self.idle, version == Version::HTTP_2);
        let service = service_fn(move |request: Request<Incoming>| {
            first.cancel();
            let answer = router.clone().oneshot(received(request, scheme.clone(), peer));
            answer.map_ok(move |answer| if is_http_2 { answer.map(|body| bounded(body, idle)) } else { answer })
        });
        let io = TokioIo::new(stream);
        if is_http_2 {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .keep_alive_interval(self.header)
                .keep_alive_timeout(self.idle)
                .max_concurrent_streams(MAX_STREAMS)
                .max_header_list_size(MAX_HEAD as u32);
            // It has no bound of its own on how long a client takes to begin.
            let silent = async {
                if timeout(self.header, begun.cancelled()).await.is_ok() {
                    pending::<()>().await;
                }
            };
            // Most connections are plain ones, and need not have room for this.
            let mut connection = Box::pin(builder.serve_connection(io, service));
            self.drive(connection.as_mut(), silent).await;
        } else {
            let mut builder = http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .header_read_timeout(self.header)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_HEAD);
            self.drive(pin!(builder.serve_connection(io, service)), pending()).await;
        }
    }

    /// Runs a connection to its end, or until its client counts as silent. When the server stops it answers what is under
    /// way.
    async fn drive(
        &self,
        mut connection: Pin<&mut (impl GracefulConnection<Error: Send> + Send)>,
        silent: impl Future<Output = ()> + Send,
    ) {
        // How a connection ends is its client's business.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = silent => return,
            () = self.stopping.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// A request, with what the listener knows of it: whom it is from, and whether by TLS.
fn received(request: Request<Incoming>, scheme: Scheme, peer: SocketAddr) -> Request<Body> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(scheme);
    // HTTP/2 says the host in the address alone (RFC 9113, section 8.3.1).
    let host = request.uri().authority().and_then(|authority| HeaderValue::try_from(authority.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
    request
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
