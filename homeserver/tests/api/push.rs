use http::Method;
use serde_json::{Value, json};

use crate::server::Server;

const RULES: &str = "/_matrix/client/v3/pushrules/global";

on_both_engines! {
    async fn rules_are_the_servers_until_they_are_changed(server: Server) {
        let alice = server.seed_user("alice").await;
        let all = server.get(&alice, "/_matrix/client/v3/pushrules/").await;
        assert_eq!(all["global"]["override"][0]["rule_id"], ".m.rule.master", "{all}");
        assert_eq!(server.get(&alice, &format!("{RULES}/")).await, all["global"]);
        let rule = server.get(&alice, &format!("{RULES}/underride/.m.rule.message")).await;
        assert_eq!((&rule["default"], &rule["actions"]), (&json!(true), &json!(["notify"])));

        server.put(&alice, &format!("{RULES}/override/.m.rule.suppress_notices/enabled"), json!({ "enabled": false })).await;
        let enabled = server.get(&alice, &format!("{RULES}/override/.m.rule.suppress_notices/enabled")).await;
        assert_eq!(enabled, json!({ "enabled": false }));
        server.put(&alice, &format!("{RULES}/underride/.m.rule.message/actions"), json!({ "actions": [] })).await;
        let actions = server.get(&alice, &format!("{RULES}/underride/.m.rule.message/actions")).await;
        assert_eq!(actions, json!({ "actions": [] }));
        let stored = server.app.push.content(&alice.user_id()).await.expect("rules");
        assert!(stored.get().starts_with("{\"global\":"), "{stored}");
        let bob = server.seed_user("bob").await;
        let other = server.get(&bob, &format!("{RULES}/underride/.m.rule.message/actions")).await;
        assert_eq!(other, json!({ "actions": ["notify"] }), "everybody has their own");
    }

    async fn rules_are_made_placed_and_removed(server: Server) {
        let alice = server.seed_user("alice").await;
        let content = |id: &str| format!("{RULES}/content/{id}");
        for id in ["a", "b"] {
            server.put(&alice, &content(id), json!({ "pattern": id, "actions": ["notify"] })).await;
        }
        server.put(&alice, &format!("{}?after=a", content("b")), json!({ "pattern": "b", "actions": ["notify"] })).await;
        let all = server.get(&alice, &format!("{RULES}/")).await;
        let ids: Vec<_> = all["content"].as_array().expect("rules").iter().map(|rule| rule["rule_id"].clone()).collect();
        assert_eq!(ids, ["a", "b"]);
        server.put(&alice, &format!("{RULES}/override/quiet"), json!({ "actions": [] })).await;
        let quiet = server.get(&alice, &format!("{RULES}/override/quiet")).await;
        assert_eq!((&quiet["enabled"], &quiet["conditions"]), (&json!(true), &json!([])));
        server.delete(&alice, &content("a"), Value::Null).await;
        server.refused(Method::DELETE, &alice, &content("a"), Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::GET, &alice, &content("a"), Value::Null, "M_NOT_FOUND").await;
    }

    async fn rules_that_cannot_be_are_refused(server: Server) {
        let alice = server.seed_user("alice").await;
        let rule = json!({ "pattern": "a", "actions": ["notify"] });
        for (path, body, errcode) in [
            ("content/.a", rule.clone(), "M_INVALID_PARAM"),
            ("content/a%2Fb", rule.clone(), "M_INVALID_PARAM"),
            ("content/a?before=x", rule.clone(), "M_NOT_FOUND"),
            ("content/a", json!({ "actions": [] }), "M_BAD_JSON"),
            ("content/a", json!({ "pattern": 1, "actions": [] }), "M_BAD_JSON"),
            ("room/no-room", json!({ "actions": [] }), "M_INVALID_PARAM"),
            ("nothing/a", rule.clone(), "M_INVALID_PARAM"),
            ("content/a/enabled", json!({ "enabled": true }), "M_NOT_FOUND"),
            ("content/a/actions", json!({ "actions": [] }), "M_NOT_FOUND"),
            ("nothing/a/enabled", json!({ "enabled": true }), "M_INVALID_PARAM"),
        ] {
            server.refused(Method::PUT, &alice, &format!("{RULES}/{path}"), body, errcode).await;
        }
        let master = format!("{RULES}/override/.m.rule.master");
        server.refused(Method::DELETE, &alice, &master, Value::Null, "M_INVALID_PARAM").await;
    }

    async fn pushers_are_kept_until_they_are_removed(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let pusher = json!({
            "pushkey": "key", "app_id": "org.example.app", "kind": "http", "app_display_name": "App",
            "device_display_name": "Phone", "lang": "ru", "profile_tag": "tag",
            "data": { "url": "https://push.example.org/_matrix/push/v1/notify", "format": "event_id_only", "more": 1 },
        });
        let set = "/_matrix/client/v3/pushers/set";
        server.post(&alice, set, pusher.clone()).await;
        let kept = server.get(&alice, "/_matrix/client/v3/pushers").await;
        assert_eq!(kept["pushers"], json!([pusher]));
        let mut beside = pusher.clone();
        beside["append"] = json!(true);
        server.post(&bob, set, beside).await;
        assert_eq!(server.get(&alice, "/_matrix/client/v3/pushers").await, kept, "bob's is beside it");
        server.post(&bob, set, pusher.clone()).await;
        assert_eq!(server.get(&alice, "/_matrix/client/v3/pushers").await["pushers"], json!([]), "bob's took its place");
        server.post(&bob, set, json!({ "pushkey": "key", "app_id": "org.example.app", "kind": null })).await;
        assert_eq!(server.get(&bob, "/_matrix/client/v3/pushers").await["pushers"], json!([]));

        for (field, value) in [
            ("kind", json!("email")),
            ("pushkey", json!("k".repeat(513))),
            ("app_id", json!("a".repeat(65))),
            ("data", json!({ "url": "https://push.example.org/elsewhere" })),
            ("data", json!({ "url": "nonsense" })),
        ] {
            let mut wrong = pusher.clone();
            wrong[field] = value;
            server.refused(Method::POST, &bob, set, wrong, "M_INVALID_PARAM").await;
        }
    }

    async fn notifications_are_listed_newest_first(server: Server) {
        let (alice, bob, carol) =
            (server.seed_user("alice").await, server.seed_user("bob").await, server.seed_user("carol").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.seed_text(&alice, &room, "before carol").await;
        server.seed_membership(&carol, &room, "join").await;
        let mut sent = Vec::new();
        for n in 0..5 {
            sent.push(server.seed_text(&alice, &room, &format!("message {n}")).await);
        }
        let mention = json!({ "msgtype": "m.text", "body": "hey", "m.mentions": { "user_ids": [carol.id] } });
        sent.push(server.seed_message(&bob, &room, mention).await);
        server.seed_text(&carol, &room, "my own").await;

        let list = "/_matrix/client/v3/notifications";
        let first = server.get(&carol, &format!("{list}?limit=4")).await;
        let ids = |page: &Value| -> Vec<String> {
            let notifications = page["notifications"].as_array().expect("notifications");
            notifications.iter().map(|n| n["event"]["event_id"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let newest_first: Vec<String> = sent.iter().rev().map(|event| event.event_id.to_string()).collect();
        assert_eq!(ids(&first), newest_first[..4]);
        assert_eq!(first["notifications"][0]["read"], json!(false));
        let from = first["next_token"].as_str().expect("there is more");
        let second = server.get(&carol, &format!("{list}?limit=4&from={from}")).await;
        assert_eq!(ids(&second), newest_first[4..], "and nothing from before she joined");
        assert!(second["next_token"].is_null());
        let highlights = server.get(&carol, &format!("{list}?only=highlight")).await;
        assert_eq!(ids(&highlights), newest_first[..1]);
        server.refused(Method::GET, &carol, &format!("{list}?from=x"), Value::Null, "M_INVALID_PARAM").await;
    }
}
