//! Sign-in by password, a new device each time: what a class at the bell costs, hash included.

use anyhow::Result;
use bytes::Bytes;
use hyper::Method;
use serde_json::json;

use super::accounts::PASSWORD;
use super::closed_loop;
use super::lab::Lab;
use super::report::Outcome;

/// Each caller signs in to an account of its own, over and over.
pub(crate) async fn run(lab: &mut Lab) -> Result<Outcome> {
    let callers = lab.options.logins as usize;
    lab.accounts(callers).await?;
    let bodies: Vec<Bytes> = (0..callers)
        .map(|index| {
            let body = json!({
                "type": "m.login.password",
                "identifier": { "type": "m.id.user", "user": lab.username(index) },
                "password": PASSWORD,
                "initial_device_display_name": "load-benchmark",
            });
            Bytes::from(body.to_string())
        })
        .collect();
    let http = lab.http.clone();
    closed_loop::run(lab, callers, json!({ "callers": callers }), move |worker, _| {
        let (http, body) = (http.clone(), bodies[worker].clone());
        async move {
            http.call(Method::POST, "/_matrix/client/v3/login", None, body).await?.success()?;
            Ok(())
        }
    })
    .await
}
