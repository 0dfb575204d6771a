use http::{Method, StatusCode};
use serde_json::Value;

use crate::server::Server;

on_both_engines! {
    async fn the_server_says_what_it_speaks(server: Server) {
        let (status, answer) = server.json(Method::GET, "/_matrix/client/versions", None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        assert!(answer["versions"].as_array().is_some_and(|v| v.contains(&Value::from("v1.11"))), "{answer}");
        let (_, answer) = server.json(Method::GET, "/.well-known/matrix/client", None, &Value::Null).await;
        assert!(answer["m.homeserver"]["base_url"].is_string(), "{answer}");
    }

    async fn unknown_endpoints_and_methods_are_matrix_errors(server: Server) {
        let (status, answer) = server.json(Method::GET, "/_matrix/client/v3/nothing", None, &Value::Null).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::NOT_FOUND, Some("M_UNRECOGNIZED")));
        let (status, answer) = server.json(Method::DELETE, "/_matrix/client/versions", None, &Value::Null).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::METHOD_NOT_ALLOWED, Some("M_UNRECOGNIZED")));
    }
}
