use http::Method;
use ruma::RoomId;
use serde_json::{Value, json};

use crate::server::{Server, User};

fn path(room: &RoomId, kind: &str, event_id: &ruma::EventId) -> String {
    format!("/_matrix/client/v3/rooms/{room}/receipt/{kind}/{event_id}")
}

impl Server {
    async fn receipts(&self, room: &RoomId, since: i64, viewer: &User) -> Value {
        let contents = self.app.receipts.since(room, since, &viewer.user_id()).await.expect("receipts");
        serde_json::to_value(contents).expect("JSON")
    }

    async fn unread(&self, room: &RoomId, user: &User) -> (u64, u64) {
        let state = self.app.rooms.require(room).await.expect("a room");
        let total = self.app.unread.of(&state, &user.user_id()).await.expect("a count").total();
        (total.notifications, total.highlights)
    }

    async fn unread_everywhere(&self, user: &User) -> u64 {
        let (app, up_to) = (&self.app, self.app.journal.position());
        app.unread.everywhere(&app.rooms, &app.moved, &user.user_id(), up_to).await.expect("a sum")
    }
}

on_both_engines! {
    async fn receipts_reach_those_who_may_see_them(server: Server) {
        let (alice, bob, eve) =
            (server.seed_user("alice").await, server.seed_user("bob").await, server.seed_user("eve").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        let first = server.seed_text(&alice, &room, "one").await;
        let second = server.seed_text(&alice, &room, "two").await;
        server.post(&bob, &path(&room, "m.read", &first.event_id), json!({})).await;
        let shown = server.receipts(&room, 0, &alice).await;
        assert!(shown[0][first.event_id.as_str()]["m.read"][&bob.id]["ts"].is_i64(), "{shown}");
        server.post(&bob, &path(&room, "m.read.private", &second.event_id), json!({})).await;
        assert_eq!(server.receipts(&room, 0, &alice).await, shown, "private");
        let own = server.receipts(&room, 0, &bob).await;
        assert!(own[0][second.event_id.as_str()]["m.read.private"][&bob.id].is_object(), "{own}");

        let now = server.app.journal.position();
        assert!(!server.app.receipts.may_have_since(&room, now));
        server.post(&bob, &path(&room, "m.read", &second.event_id), json!({ "thread_id": "main" })).await;
        let new = server.receipts(&room, now, &alice).await;
        assert_eq!(new[0][second.event_id.as_str()]["m.read"][&bob.id]["thread_id"], "main", "{new}");
        let now = server.app.journal.position();
        server.post(&bob, &path(&room, "m.read", &first.event_id), json!({ "thread_id": "main" })).await;
        assert_eq!(server.app.journal.position(), now, "a receipt does not move backwards");

        server.refused(Method::POST, &eve, &path(&room, "m.read", &first.event_id), json!({}), "M_FORBIDDEN").await;
        let elsewhere = server.seed_room(&[&alice, &bob]).await;
        let wrong_room = path(&elsewhere, "m.read", &first.event_id);
        server.refused(Method::POST, &bob, &wrong_room, json!({}), "M_NOT_FOUND").await;
        for (kind, body) in [
            ("m.read", json!({ "thread_id": "" })),
            ("m.read", json!({ "thread_id": "x" })),
            ("m.read", json!({ "thread_id": "$nothing" })),
            ("m.fully_read", json!({ "thread_id": "main" })),
            ("m.seen", json!({})),
        ] {
            server.refused(Method::POST, &bob, &path(&room, kind, &first.event_id), body, "M_INVALID_PARAM").await;
        }
        let body = json!({ "thread_id": 1 });
        server.refused(Method::POST, &bob, &path(&room, "m.read", &first.event_id), body, "M_BAD_JSON").await;
    }

    async fn read_markers_are_account_data(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        let first = server.seed_text(&alice, &room, "one").await;
        let second = server.seed_text(&alice, &room, "two").await;
        let markers = format!("/_matrix/client/v3/rooms/{room}/read_markers");
        server.post(&bob, &markers, json!({ "m.fully_read": second.event_id, "m.read": first.event_id })).await;
        server.post(&bob, &path(&room, "m.fully_read", &first.event_id), json!({})).await;
        let row = homeserver::storage::db::sql("SELECT content FROM account_data WHERE type = 'm.fully_read'")
            .one(&server.app.db)
            .await
            .expect("a marker");
        let content: Value = serde_json::from_str(&row.get::<String>("content").expect("content")).expect("JSON");
        assert_eq!(content, json!({ "event_id": second.event_id }), "it does not move backwards");
        let shown = server.receipts(&room, 0, &bob).await;
        assert_eq!(shown.as_array().map(Vec::len), Some(1), "a marker is no receipt: {shown}");
        server.post(&bob, &markers, json!({})).await;
    }

    async fn receipts_outlive_the_server(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        let text = server.seed_text(&alice, &room, "one").await;
        server.post(&bob, &path(&room, "m.read", &text.event_id), json!({ "thread_id": "main" })).await;
        let before = server.receipts(&room, 0, &alice).await;
        let server = server.adjusted(|_| {}).await;
        assert_eq!(server.receipts(&room, 0, &alice).await, before);
        assert_eq!(server.unread(&room, &bob).await, (0, 0));
    }

    async fn unread_counts_follow_messages_and_receipts(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice]).await;
        for n in 0..3 {
            server.seed_text(&alice, &room, &format!("before {n}")).await;
        }
        server.seed_membership(&bob, &room, "join").await;
        assert_eq!(server.unread(&room, &bob).await, (0, 0), "what was before one joined is no news");
        let first = server.seed_text(&alice, &room, "one").await;
        assert_eq!(server.unread(&room, &bob).await, (1, 0));
        let mention = json!({ "msgtype": "m.text", "body": "bob", "m.mentions": { "user_ids": [bob.id] } });
        let second = server.seed_message(&alice, &room, mention).await;
        server.seed_text(&alice, &room, "three").await;
        assert_eq!(server.unread(&room, &bob).await, (3, 1));
        assert_eq!(server.unread(&room, &alice).await, (0, 0), "one's own messages are read");
        server.post(&bob, &path(&room, "m.read", &first.event_id), json!({})).await;
        assert_eq!(server.unread(&room, &bob).await, (2, 1));
        server.post(&bob, &path(&room, "m.read.private", &second.event_id), json!({})).await;
        assert_eq!(server.unread(&room, &bob).await, (1, 0), "the one that is ahead counts");
        server.seed_text(&bob, &room, "an answer").await;
        assert_eq!(server.unread(&room, &bob).await, (0, 0), "an answer is as good as a receipt");
        assert_eq!(server.unread(&room, &alice).await, (1, 0));

        // More than the room keeps in memory, after a restart.
        for n in 0..100 {
            server.seed_text(&alice, &room, &format!("{n}")).await;
        }
        let server = server.adjusted(|_| {}).await;
        assert_eq!(server.unread(&room, &bob).await, (100, 0));
    }

    async fn the_sum_of_all_rooms_follows_those_that_move(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let one = server.seed_room(&[&alice, &bob]).await;
        let other = server.seed_room(&[&alice, &bob]).await;
        assert_eq!(server.unread_everywhere(&bob).await, 0);
        let first = server.seed_text(&alice, &one, "one").await;
        server.seed_text(&alice, &one, "two").await;
        let third = server.seed_text(&alice, &other, "three").await;
        assert_eq!(server.unread_everywhere(&bob).await, 3);
        assert_eq!(server.unread_everywhere(&bob).await, 3, "nothing moved");
        server.post(&bob, &path(&one, "m.read", &first.event_id), json!({})).await;
        assert_eq!(server.unread_everywhere(&bob).await, 2);
        let redact = format!("/_matrix/client/v3/rooms/{other}/redact/{}/r1", third.event_id);
        server.put(&alice, &redact, json!({})).await;
        assert_eq!(server.unread_everywhere(&bob).await, 1);
        server.seed_text(&alice, &other, "four").await;
        assert_eq!(server.unread_everywhere(&bob).await, 2);
        server.seed_membership(&bob, &one, "leave").await;
        assert_eq!(server.unread_everywhere(&bob).await, 1);
        let ignored = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", bob.id);
        server.put(&bob, &ignored, json!({ "ignored_users": { &alice.id: {} } })).await;
        assert_eq!(server.unread_everywhere(&bob).await, 0);
        server.put(&bob, &ignored, json!({})).await;
        let server = server.restarted().await;
        assert_eq!(server.unread_everywhere(&bob).await, 1);
    }

    async fn all_come_back_at_once_and_each_has_their_own_count(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let (carol, dave) = (server.seed_user("carol").await, server.seed_user("dave").await);
        let room = server.seed_room(&[&alice, &bob, &carol]).await;
        let mut texts = Vec::new();
        for n in 0..100 {
            texts.push(server.seed_text(&alice, &room, &format!("{n}")).await);
            if n == 19 {
                server.seed_membership(&dave, &room, "join").await;
            }
        }
        server.post(&carol, &path(&room, "m.read", &texts[9].event_id), json!({})).await;
        let server = server.restarted().await;
        let counts = async || {
            let all = [&dave, &bob, &carol, &alice].map(|user| Box::pin(server.unread(&room, user)));
            futures_util::future::join_all(all).await.into_iter().map(|(notifications, _)| notifications).collect::<Vec<_>>()
        };
        assert_eq!(counts().await, [80, 100, 90, 0]);
        let redact = format!("/_matrix/client/v3/rooms/{room}/redact/{}/r1", texts[30].event_id);
        server.put(&alice, &redact, json!({})).await;
        assert_eq!(counts().await, [79, 99, 89, 0], "what was redacted is no news");
        server.seed_text(&alice, &room, "one more").await;
        assert_eq!(counts().await, [80, 100, 90, 0]);
    }

    async fn threads_are_read_apart(server: Server) {
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        let root = server.seed_text(&alice, &room, "root").await;
        let reply = json!({
            "msgtype": "m.text", "body": "in it", "m.relates_to": { "rel_type": "m.thread", "event_id": root.event_id },
        });
        let threaded = server.seed_message(&alice, &room, reply).await;
        let last = server.seed_text(&alice, &room, "in the room").await;
        let unread = async || {
            let state = server.app.rooms.require(&room).await.expect("a room");
            let unread = server.app.unread.of(&state, &bob.user_id()).await.expect("a count");
            (unread.main.notifications, unread.threads.get(&root.event_id).map_or(0, |thread| thread.notifications))
        };
        assert_eq!(unread().await, (2, 1));
        let wrong = path(&room, "m.read", &last.event_id);
        let body = json!({ "thread_id": root.event_id });
        server.refused(Method::POST, &bob, &wrong, body.clone(), "M_INVALID_PARAM").await;
        let main = json!({ "thread_id": "main" });
        server.refused(Method::POST, &bob, &path(&room, "m.read", &threaded.event_id), main.clone(), "M_INVALID_PARAM").await;
        server.post(&bob, &path(&room, "m.read", &last.event_id), main).await;
        assert_eq!(unread().await, (0, 1), "the thread has a receipt of its own");
        server.post(&bob, &path(&room, "m.read", &threaded.event_id), body).await;
        assert_eq!(unread().await, (0, 0));
        server.post(&bob, &path(&room, "m.read", &root.event_id), json!({ "thread_id": root.event_id })).await;
    }
}
