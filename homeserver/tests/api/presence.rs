use std::time::Duration;

use http::Method;
use ruma::presence::PresenceState;
use serde_json::{Value, json};

use crate::server::{Server, User};

fn path(user: &User) -> String {
    format!("/_matrix/client/v3/presence/{}/status", user.id)
}

on_both_engines! {
    async fn presence_is_for_those_who_share_a_room(server: Server) {
        let (alice, bob, eve) =
            (server.seed_user("alice").await, server.seed_user("bob").await, server.seed_user("eve").await);
        server.seed_room(&[&alice, &bob]).await;
        assert_eq!(server.get(&bob, &path(&alice)).await, json!({ "presence": "offline", "currently_active": false }));
        server.put(&alice, &path(&alice), json!({ "presence": "online", "status_msg": "на уроке" })).await;
        let seen = server.get(&bob, &path(&alice)).await;
        assert_eq!((&seen["presence"], &seen["status_msg"]), (&json!("online"), &json!("на уроке")));
        assert_eq!(seen["currently_active"], json!(true));
        assert!(seen["last_active_ago"].is_u64());
        server.refused(Method::GET, &eve, &path(&alice), Value::Null, "M_FORBIDDEN").await;
        server.refused(Method::PUT, &bob, &path(&alice), json!({ "presence": "online" }), "M_FORBIDDEN").await;
        server.refused(Method::PUT, &bob, &path(&bob), json!({ "presence": "asleep" }), "M_INVALID_PARAM").await;
        server.refused(Method::PUT, &bob, &path(&bob), json!({}), "M_BAD_JSON").await;

        server.put(&alice, &path(&alice), json!({ "presence": "online" })).await;
        assert!(server.get(&bob, &path(&alice)).await["status_msg"].is_null());
    }

    async fn a_restart_changes_nobodys_presence(server: Server) {
        let (alice, bob, eve) =
            (server.seed_user("alice").await, server.seed_user("bob").await, server.seed_user("eve").await);
        server.seed_room(&[&alice, &bob, &eve]).await;
        server.put(&alice, &path(&alice), json!({ "presence": "unavailable", "status_msg": "на уроке" })).await;
        server.put(&eve, &path(&eve), json!({ "presence": "online", "status_msg": "здесь" })).await;
        server.put(&eve, &path(&eve), json!({ "presence": "offline" })).await;
        let active = server.app.presence.status(&alice.user_id()).1;
        assert!(active.is_some());

        let server = server.restarted().await;
        let seen = server.get(&bob, &path(&alice)).await;
        assert_eq!((&seen["presence"], &seen["status_msg"]), (&json!("unavailable"), &json!("на уроке")), "{seen}");
        assert!(server.app.presence.status(&alice.user_id()).1 >= active, "it was before the restart");
        let seen = server.get(&bob, &path(&eve)).await;
        assert_eq!((&seen["presence"], &seen["status_msg"]), (&json!("offline"), &Value::Null), "{seen}");
        assert!(seen["last_active_ago"].is_u64(), "{seen}");
    }

    async fn after_a_restart_one_hears_only_what_is_new(server: Server) {
        const SYNC: &str = "/_matrix/client/v3/sync?set_presence=offline&timeout=0";
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        server.seed_room(&[&alice, &bob]).await;
        server.put(&alice, &path(&alice), json!({ "presence": "unavailable", "status_msg": "на уроке" })).await;
        // Tells what has changed so far.
        server.app.presence.write(&server.app.journal).await.unwrap();
        let first = server.get(&bob, SYNC).await;
        assert_eq!(first["presence"]["events"][0]["sender"], json!(alice.id), "{first}");
        let since = first["next_batch"].as_str().unwrap();

        let server = server.restarted().await;
        let next = server.get(&bob, &format!("{SYNC}&since={since}")).await;
        assert!(next["presence"]["events"].as_array().is_none_or(Vec::is_empty), "{next}");
        let anew = server.get(&bob, SYNC).await;
        assert_eq!(anew["presence"]["events"][0]["content"]["status_msg"], "на уроке", "{anew}");
        server.put(&alice, &path(&alice), json!({ "presence": "offline" })).await;
        let server = server.restarted().await;
        let next = server.get(&bob, &format!("{SYNC}&since={since}")).await;
        assert_eq!(next["presence"]["events"][0]["content"]["presence"], "offline", "told or not, it is not lost: {next}");
    }

    async fn changes_are_told_together(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let told = std::sync::Arc::new(tokio::sync::Notify::new());
        let tell = told.clone();
        server.app.ephemeral.listen(Box::new(move |_| tell.notify_one()));
        let since = server.app.presence.position();
        let _syncing = [&alice, &bob].map(|user| server.app.presence.syncing(&user.user_id(), &PresenceState::Online));
        let everybody = async {
            while server.app.presence.since(since, |_| true).len() < 2 {
                told.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), everybody).await.expect("both are told");
        let only = server.app.presence.since(since, |user_id| user_id == bob.id.as_str());
        let event: Value = serde_json::from_str(&only[0]).expect("JSON");
        assert_eq!((&event["type"], &event["sender"]), (&json!("m.presence"), &json!(bob.id)));
        assert_eq!(event["content"]["presence"], "online");
    }
}
