use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::server::Server;

on_both_engines! {
    async fn members_type(server: Server) {
        let (alice, bob, eve) =
            (server.seed_user("alice").await, server.seed_user("bob").await, server.seed_user("eve").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        let path = |user: &str| format!("/_matrix/client/v3/rooms/{room}/typing/{user}");
        let since = server.app.typing.position();
        server.put(&alice, &path(&alice.id), json!({ "typing": true, "timeout": 30_000 })).await;
        assert_eq!(server.app.typing.since(&room, since), Some(vec![alice.user_id()]));
        server.put(&bob, &path(&bob.id), json!({ "typing": true })).await;
        server.put(&alice, &path(&alice.id), json!({ "typing": false })).await;
        assert_eq!(server.app.typing.since(&room, since), Some(vec![bob.user_id()]));
        server.seed_text(&bob, &room, "done").await;
        assert_eq!(server.app.typing.since(&room, since), Some(vec![]), "a message ends typing");

        let on = json!({ "typing": true, "timeout": 1_000 });
        server.refused(Method::PUT, &alice, &path(&bob.id), on.clone(), "M_FORBIDDEN").await;
        server.refused(Method::PUT, &eve, &path(&eve.id), on, "M_FORBIDDEN").await;
        server.refused(Method::PUT, &alice, &path(&alice.id), json!({ "typing": "yes" }), "M_BAD_JSON").await;
        server.refused(Method::PUT, &alice, &path(&alice.id), json!([]), "M_BAD_JSON").await;
    }

    async fn typing_ends_by_itself(server: Server) {
        let alice = server.seed_user("alice").await;
        let room = server.seed_room(&[&alice]).await;
        let ended = std::sync::Arc::new(tokio::sync::Notify::new());
        let told = ended.clone();
        let path = format!("/_matrix/client/v3/rooms/{room}/typing/{}", alice.id);
        server.put(&alice, &path, json!({ "typing": true, "timeout": 50 })).await;
        let since = server.app.typing.position();
        server.app.ephemeral.listen(Box::new(move |_| told.notify_one()));
        if server.app.typing.since(&room, since).is_none() {
            tokio::time::timeout(Duration::from_secs(10), ended.notified()).await.expect("typing ends");
        }
        assert_eq!(server.app.typing.since(&room, since), Some(vec![]));
    }
}
