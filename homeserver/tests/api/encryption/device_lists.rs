use http::Method;
use serde_json::{Value, json};

use crate::{
    rooms::{join, leave, open_room},
    server::{Server, User},
};

/// The server's present position as a token.
fn token(server: &Server) -> String {
    format!("s{}", server.app.journal.position())
}

/// Whose devices changed for a user since a token, and who left.
async fn changes(server: &Server, user: &User, from: &str) -> (Vec<String>, Vec<String>) {
    let path = format!("/_matrix/client/v3/keys/changes?from={from}&to={}", token(server));
    let answer = server.get(user, &path).await;
    let names = |field: &str| {
        let users = answer[field].as_array().expect("users").iter();
        users.map(|id| id.as_str().expect("an id").trim_end_matches(":parta.test").to_owned()).collect()
    };
    (names("changed"), names("left"))
}

fn users(changed: &[&str], left: &[&str]) -> (Vec<String>, Vec<String>) {
    let names = |names: &[&str]| names.iter().map(|name| format!("@{name}")).collect();
    (names(changed), names(left))
}

on_both_engines! {
    async fn those_who_share_a_room_hear_of_new_keys(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let carol = server.register("carol").await;
        open_room(&server, &alice, &[&bob]).await;
        let from = token(&server);
        assert_eq!(changes(&server, &alice, &from).await, users(&[], &[]));
        server.upload_device_keys(&bob).await;
        server.upload_device_keys(&carol).await;
        assert_eq!(changes(&server, &alice, &from).await, users(&["bob"], &[]));
        assert_eq!(changes(&server, &bob, &from).await, users(&["bob"], &[]), "one's own are news to one's other devices");
        assert_eq!(changes(&server, &alice, &token(&server)).await, users(&[], &[]));
        let from = token(&server);
        server.post(&bob, "/_matrix/client/v3/logout", json!({})).await;
        assert_eq!(changes(&server, &alice, &from).await, users(&["bob"], &[]), "a device with keys is gone");
    }

    async fn what_changed_is_known_after_a_restart(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        open_room(&server, &alice, &[&bob]).await;
        let from = token(&server);
        server.upload_device_keys(&bob).await;
        let server = server.restarted().await;
        assert_eq!(changes(&server, &alice, &from).await, users(&["bob"], &[]));
    }

    async fn those_who_meet_hear_of_each_other(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let first = open_room(&server, &alice, &[]).await;
        let from = token(&server);
        join(&server, &bob, &first).await;
        assert_eq!(changes(&server, &alice, &from).await, users(&["bob"], &[]));
        assert_eq!(changes(&server, &bob, &from).await, users(&["alice"], &[]));
        // A second room of the same two is no news, nor is leaving it.
        let from = token(&server);
        let second = open_room(&server, &alice, &[&bob]).await;
        assert_eq!(changes(&server, &alice, &from).await, users(&[], &[]));
        leave(&server, &bob, &second).await;
        assert_eq!(changes(&server, &alice, &from).await, users(&[], &[]));
        let from = token(&server);
        leave(&server, &bob, &first).await;
        assert_eq!(changes(&server, &alice, &from).await, users(&[], &["bob"]));
        assert_eq!(changes(&server, &bob, &from).await, users(&[], &["alice"]));
    }

    async fn a_long_absence_is_made_up_for(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let room_id = open_room(&server, &alice, &[]).await;
        let from = token(&server);
        join(&server, &bob, &room_id).await;
        // More events than are held in memory.
        for n in 0..80 {
            let path = format!("/_matrix/client/v3/rooms/{room_id}/send/m.room.message/{n}");
            server.put(&alice, &path, json!({ "msgtype": "m.text", "body": "…" })).await;
        }
        assert_eq!(changes(&server, &alice, &from).await, users(&["bob"], &[]));
        let server = server.restarted().await;
        assert_eq!(changes(&server, &alice, &from).await, users(&["bob"], &[]));
    }

    async fn a_token_that_is_none_is_refused(server: Server) {
        let alice = server.register("alice").await;
        let path = "/_matrix/client/v3/keys/changes?from=nonsense&to=s1";
        server.refused(Method::GET, &alice, path, Value::Null, "M_INVALID_PARAM").await;
        let far = format!("/_matrix/client/v3/keys/changes?from=s0&to=s{}", i64::MAX);
        server.get(&alice, &far).await;
    }
}
