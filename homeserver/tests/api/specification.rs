//! Every endpoint of the specification is served, or it is said here why not.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use crate::server::Server;

/// A method and a path a line.
pub(crate) const SPECIFICATION: &str = include_str!("specification.txt");

/// What is not served, and why.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("GET /.well-known/matrix/policy_server", "policy servers sign what comes by federation, and there is none"),
    ("GET /_matrix/client/v3/events", "clients use /sync"),
    ("GET /_matrix/client/v3/events/{eventId}", "deprecated in favour of /rooms/{roomId}/event/{eventId}"),
    ("GET /_matrix/client/v3/initialSync", "deprecated in favour of /sync"),
    ("GET /_matrix/client/v3/login/sso/redirect", "the academy's sign-on needs no browser"),
    ("GET /_matrix/client/v3/login/sso/redirect/{idpId}", "the academy's sign-on needs no browser"),
    ("GET /_matrix/client/v3/rooms/{roomId}/initialSync", "for peeking by guests, and there are none"),
    ("POST /_matrix/client/v3/account/3pid", "deprecated in favour of /account/3pid/add, which refuses"),
];

async fn is_served(server: &Server, endpoint: &str) -> bool {
    let (method, path) = endpoint.split_once(' ').expect("a method and a path");
    let parts: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
    let method: Method = method.parse().expect("a method");
    let (_, answer) = server.json(method, &parts.join("/"), None, &Value::Null).await;
    answer["errcode"] != "M_UNRECOGNIZED"
}

#[tokio::test]
async fn every_endpoint_is_served_or_left_out_for_a_reason() {
    let server = Server::sqlite().await;
    let mut missing = BTreeSet::new();
    let endpoints: Vec<&str> = SPECIFICATION.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(endpoints.len() > 150, "the list is whole");
    for endpoint in endpoints {
        if !is_served(&server, endpoint).await {
            missing.insert(endpoint);
        }
    }
    let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(endpoint, _)| *endpoint).collect();
    assert_eq!(missing, left_out);
}
