use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::Server;

on_both_engines! {
    async fn the_server_says_what_it_speaks(server: Server) {
        let (status, answer) = server.json(Method::GET, "/_matrix/client/versions", None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        assert!(answer["versions"].as_array().is_some_and(|v| v.contains(&Value::from("v1.11"))), "{answer}");
        let (_, answer) = server.json(Method::GET, "/.well-known/matrix/client", None, &Value::Null).await;
        assert!(answer["m.homeserver"]["base_url"].is_string(), "{answer}");
    }

    async fn whoever_asks_is_told_where_help_is(server: Server) {
        const SUPPORT: &str = "/.well-known/matrix/support";
        let (status, answer) = server.json(Method::GET, SUPPORT, None, &Value::Null).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::NOT_FOUND, Some("M_NOT_FOUND")));
        let mut server = server;
        for (page, email, matrix_id, expected) in [
            (None, Some("head@parta.test"), None, json!({ "contacts": [{ "role": "m.role.admin", "email_address": "head@parta.test" }] })),
            (None, None, Some("@head:parta.test"), json!({ "contacts": [{ "role": "m.role.admin", "matrix_id": "@head:parta.test" }] })),
            (Some("https://parta.test/help"), None, None, json!({ "support_page": "https://parta.test/help" })),
        ] {
            server = server
                .adjusted(|config| {
                    config.support.page = page.map(|page: &str| page.parse().expect("an address"));
                    config.support.email = email.map(str::to_owned);
                    config.support.matrix_id = matrix_id.map(|id: &str| id.try_into().expect("an id"));
                })
                .await;
            let (status, answer) = server.json(Method::GET, SUPPORT, None, &Value::Null).await;
            assert_eq!((status, answer), (StatusCode::OK, expected));
        }
    }

    async fn unknown_endpoints_and_methods_are_matrix_errors(server: Server) {
        let (status, answer) = server.json(Method::GET, "/_matrix/client/v3/nothing", None, &Value::Null).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::NOT_FOUND, Some("M_UNRECOGNIZED")));
        let (status, answer) = server.json(Method::DELETE, "/_matrix/client/versions", None, &Value::Null).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::METHOD_NOT_ALLOWED, Some("M_UNRECOGNIZED")));
    }
}
