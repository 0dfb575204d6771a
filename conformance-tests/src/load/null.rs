//! The load generator's own ceiling on this machine: an endpoint that does nothing, asked as `send-rooms` asks.

use anyhow::Result;
use bytes::Bytes;
use hyper::Method;
use serde_json::json;

use super::closed_loop;
use super::lab::Lab;
use super::report::Outcome;

/// `GET /versions` from as many callers as there are senders.
pub(crate) async fn run(lab: &Lab) -> Result<Outcome> {
    let callers = lab.options.senders as usize;
    let http = lab.http.clone();
    closed_loop::run(lab, callers, json!({ "callers": callers }), move |_, _| {
        let http = http.clone();
        async move {
            http.call(Method::GET, "/_matrix/client/versions", None, Bytes::new()).await?.success()?;
            Ok(())
        }
    })
    .await
}
