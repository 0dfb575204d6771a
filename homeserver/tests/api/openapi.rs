//! The document that describes Parta's own API says what the router does.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::server::Server;

const ROUTES: &str = include_str!("../../src/api/parta.rs");
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

#[tokio::test]
async fn every_route_is_described_and_everything_described_is_served() {
    let server = Server::sqlite().await;
    let (status, document) = server.json(Method::GET, "/_parta/openapi.json", None, &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document["openapi"], "3.1.0");
    let described = document["paths"].as_object().unwrap();
    let paths: BTreeSet<&str> = described.keys().map(String::as_str).collect();
    let mut routes: BTreeSet<&str> =
        ROUTES.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(routes.remove("/_parta/openapi.json"));
    assert_eq!(paths, routes);
    for (path, item) in described {
        let called = path.replace("{id}", "1").replace("{n}", "1");
        for method in METHODS {
            let (status, answer) = server.json(method.clone(), &called, None, &Value::Null).await;
            let expected = match item.get(method.as_str().to_ascii_lowercase()) {
                Some(_) => StatusCode::UNAUTHORIZED,
                None => StatusCode::METHOD_NOT_ALLOWED,
            };
            assert_eq!(status, expected, "{method} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let server = Server::sqlite().await;
    let (_, document) = server.json(Method::GET, "/_parta/openapi.json", None, &Value::Null).await;
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let mut names = BTreeSet::new();
    for operation in document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{operation}");
        assert!(operation["responses"]["default"]["content"]["application/problem+json"].is_object(), "{operation}");
    }
}
