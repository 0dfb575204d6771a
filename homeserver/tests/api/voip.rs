use http::Method;
use serde_json::{Value, json};

use crate::server::Server;

const TURN: &str = "/_matrix/client/v3/voip/turnServer";

on_both_engines! {
    async fn calls_have_credentials_where_there_is_a_turn_server(server: Server) {
        let anna = server.register("anna").await;
        assert_eq!(server.get(&anna, TURN).await, json!({}));
        let server = server
            .adjusted(|config| {
                config.voip.turn_uris = vec!["turn:turn.parta.test?transport=udp".into()];
                config.voip.turn_secret = Some("secret".into());
                config.voip.turn_lifetime_seconds = 600;
            })
            .await;
        let answer = server.get(&anna, TURN).await;
        let username = answer["username"].as_str().expect("a name");
        let (ends_at, user_id) = username.split_once(':').expect("an end and a user");
        let left = ends_at.parse::<i64>().expect("seconds") - server.app.clock.now() / 1000;
        assert!((1..=600).contains(&left) && user_id == anna.id, "{answer}");
        assert!(answer["password"].as_str().is_some_and(|password| password.len() == 28), "{answer}");
        assert_eq!((&answer["uris"], &answer["ttl"]), (&json!(["turn:turn.parta.test?transport=udp"]), &json!(600)));
        let (status, answer) = server.json(Method::GET, TURN, None, &Value::Null).await;
        assert_eq!((status.as_u16(), answer["errcode"].as_str()), (401, Some("M_MISSING_TOKEN")));
    }
}
