//! A lean HTTP client: one pool, no cookies, no redirects, no decompression, so that what the load costs stays
//! small beside what the server costs.

use std::net::ToSocketAddrs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use url::Url;

/// Longest wait for any one answer; a long poll asks for less.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often set-up takes a 429 for an answer before it gives up.
const LIMITED_TRIES: u32 = 50;

/// A pooled client bound to one loopback server.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// The whole body.
    pub(crate) body: Bytes,
    /// The `Server` header, if any.
    pub(crate) server: Option<String>,
}

impl Http {
    /// A client for `base`, refused unless every address behind it is loopback.
    pub(crate) fn new(base: &Url) -> Result<Self> {
        ensure!(base.scheme() == "http", "the base URL must be http://, not {base}");
        let host = base.host_str().context("the base URL has no host")?;
        let port = base.port_or_known_default().context("the base URL has no port")?;
        let mut addresses =
            (host.trim_matches(['[', ']']), port).to_socket_addrs().with_context(|| format!("looking up {host}"))?;
        ensure!(
            addresses.all(|address| address.ip().is_loopback()),
            "{host} is not loopback: load is only sent to this machine"
        );
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(8192)
            .build(connector);
        Ok(Self { client, base: base.as_str().trim_end_matches('/').to_owned() })
    }

    /// Sends one request and reads the whole answer, whatever its status.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&HeaderValue>,
        body: Bytes,
    ) -> Result<Reply> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request.body(Full::new(body))?;
        let answer = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let server = response.headers().get(SERVER).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let body = response.into_body().collect().await?.to_bytes();
            anyhow::Ok(Reply { status, body, server })
        };
        tokio::time::timeout(PATIENCE, answer)
            .await
            .with_context(|| format!("no answer in {PATIENCE:?} from {path}"))?
    }

    /// For set-up: a call that must succeed, with a bounded wait where the server says it is limiting.
    pub(crate) async fn must(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&HeaderValue>,
        body: &Value,
    ) -> Result<Value> {
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(serde_json::to_vec(body)?) };
        for _ in 0..LIMITED_TRIES {
            let reply = self.call(method.clone(), path, authorization, bytes.clone()).await?;
            let value: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            if reply.status.is_success() {
                return Ok(value);
            }
            if reply.status != StatusCode::TOO_MANY_REQUESTS {
                bail!("{method} {path}: {} {value}", reply.status);
            }
            let wait = value["retry_after_ms"].as_u64().unwrap_or(100).clamp(10, 5_000);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        bail!("{method} {path}: still limited after {LIMITED_TRIES} tries")
    }
}

impl Reply {
    /// The body, if the status is a success.
    pub(crate) fn success(self) -> Result<Bytes> {
        ensure!(
            self.status.is_success(),
            "{}: {}",
            self.status,
            String::from_utf8_lossy(&self.body[..self.body.len().min(300)])
        );
        Ok(self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::Http;

    #[test]
    fn only_loopback_is_accepted() {
        for good in ["http://127.0.0.1:8008", "http://127.9.9.9:1/", "http://[::1]:8008", "http://localhost:8008"] {
            Http::new(&good.parse().unwrap()).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for bad in ["http://10.0.0.1:8008", "http://192.168.1.1", "http://0.0.0.0:8008", "https://127.0.0.1:8008"] {
            assert!(Http::new(&bad.parse().unwrap()).is_err(), "{bad} must be refused");
        }
    }
}
