use std::{collections::BTreeSet, path::Path};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::Server;

/// What each version of the specification asks for, and where it holds.
const VERSIONS: &str = include_str!("versions.txt");

/// The lines: a version, a change, places.
fn walked() -> impl Iterator<Item = [&'static str; 3]> {
    let lines = VERSIONS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let fields: Vec<&'static str> = line.split(" | ").collect();
        let &[version, change, places] = &fields[..] else { panic!("a version, a change, places: {line}") };
        [version, change, places]
    })
}

#[test]
fn what_a_version_asks_for_holds_where_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for [_, change, places] in walked() {
        for place in places.split(", ").filter(|place| *place != "client's matter") {
            let (file, function) = place.split_once("::").unwrap_or((place, ""));
            let text = std::fs::read_to_string(root.join(file));
            let text = text.unwrap_or_else(|error| panic!("{change}: {file}: {error}"));
            assert!(function.is_empty() || text.contains(&format!("fn {function}(")), "{change}: {place}");
        }
    }
}

on_both_engines! {
    async fn the_server_says_what_it_speaks(server: Server) {
        let (status, answer) = server.json(Method::GET, "/_matrix/client/versions", None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let versions = answer["versions"].as_array().expect("a list").iter();
        let versions: BTreeSet<&str> = versions.map(|version| version.as_str().expect("text")).collect();
        let expected: BTreeSet<&str> = walked().map(|[version, ..]| version).collect();
        assert_eq!(versions, expected);
        let (_, answer) = server.json(Method::GET, "/.well-known/matrix/client", None, &Value::Null).await;
        assert!(answer["m.homeserver"]["base_url"].is_string(), "{answer}");
    }

    async fn a_user_learns_what_they_may_do(server: Server) {
        let anna = server.register("anna").await;
        let answer = server.get(&anna, "/_matrix/client/v3/capabilities").await;
        let capabilities = &answer["capabilities"];
        assert_eq!(capabilities["m.profile_fields"], json!({ "enabled": true }));
        assert_eq!(capabilities["m.3pid_changes"], json!({ "enabled": false }));
        // Left out, they are what the specification takes for granted.
        for left_out in ["m.set_displayname", "m.set_avatar_url", "m.forget_forced_upon_leave", "m.account_moderation"] {
            assert!(capabilities.get(left_out).is_none(), "{left_out}: {answer}");
        }
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
