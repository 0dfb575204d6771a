//! Health and metrics.

use axum::{body::Body, extract::ConnectInfo};
use homeserver::{api, telemetry};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::server::Server;

fn from(address: &str, path: &str) -> http::request::Builder {
    let address: std::net::SocketAddr = address.parse().unwrap();
    Request::get(path).extension(ConnectInfo(address))
}

on_both_engines! {
    async fn a_server_that_works_is_ready(server: Server) {
        let (status, answer) = server.json(Method::GET, "/health/live", None, &Value::Null).await;
        assert_eq!((status, &answer["status"]), (StatusCode::OK, &Value::from("live")));
        let (status, answer) = server.json(Method::GET, "/health/ready", None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert!(answer["position"].is_i64(), "{answer}");
        server.app.db.close().await;
        let (status, answer) = server.json(Method::GET, "/health/ready", None, &Value::Null).await;
        assert_eq!((status, &answer["database"]), (StatusCode::SERVICE_UNAVAILABLE, &Value::Bool(false)));
    }

    async fn metrics_are_for_this_machine_alone(server: Server) {
        telemetry::metrics();
        server.json(Method::GET, "/_matrix/client/versions", None, &Value::Null).await;
        let answer = server.call(from("127.0.0.1:9", "/metrics").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        for line in [
            "parta_http_requests_total{method=\"GET\",route=\"/_matrix/client/versions\",status=\"200\"}",
            "parta_http_request_seconds_bucket{method=\"GET\",route=\"/_matrix/client/versions\",le=\"0.001\"}",
            "parta_database_connections{state=\"idle\"}",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_cpu_seconds_total",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        for request in [
            from("10.0.0.7:9", "/metrics"),
            from("127.0.0.1:9", "/metrics").header("x-forwarded-for", "127.0.0.1"),
            Request::get("/metrics"),
        ] {
            assert_eq!(server.call(request.body(Body::empty()).unwrap()).await.status(), StatusCode::NOT_FOUND);
        }
        let own = api::monitoring::router(&server.app);
        let answer = own.clone().oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(!text.is_empty());
        let answer = own.oneshot(Request::get("/_matrix/client/versions").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
}
