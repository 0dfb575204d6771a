use http::Method;
use serde_json::{Value, json};

use crate::{
    rooms::{bodies, open_room, room, say},
    server::{Server, User},
};

async fn ignore(server: &Server, user: &User, ignored: &[&User]) {
    let list: serde_json::Map<String, Value> = ignored.iter().map(|user| (user.id.clone(), json!({}))).collect();
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", user.id);
    server.put(user, &path, json!({ "ignored_users": list })).await;
}

async fn unread(server: &Server, user: &User, room: &str) -> u64 {
    let state = server.app.rooms.require(room.try_into().expect("a room id")).await.expect("a room");
    server.app.unread.of(&state, &user.user_id()).await.expect("a count").total().notifications
}

on_both_engines! {
    async fn what_the_ignored_say_is_withheld(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let vera = server.register("vera").await;
        let id = open_room(&server, &anna, &[&boris, &vera]).await;
        let root = say(&server, &anna, &id, "1", "Вопрос").await;
        let rude = say(&server, &boris, &id, "2", "Грубость").await;
        say(&server, &anna, &id, "3", "Ответ").await;
        assert_eq!(unread(&server, &vera, &id).await, 3);
        ignore(&server, &vera, &[&boris]).await;
        assert_eq!(unread(&server, &vera, &id).await, 2, "what was counted is counted anew");

        let first = server.get(&vera, "/_matrix/client/v3/sync").await;
        assert_eq!(bodies(&first["rooms"]["join"][&id]["timeline"]["events"]), ["Вопрос", "Ответ"]);
        let since = first["next_batch"].as_str().expect("a token");
        let relates_to = json!({ "rel_type": "m.thread", "event_id": root });
        let path = format!("/_matrix/client/v3/rooms/{id}/send/m.room.message/4");
        server.put(&boris, &path, json!({ "msgtype": "m.text", "body": "Ещё", "m.relates_to": relates_to })).await;
        let next = server.get(&vera, &format!("/_matrix/client/v3/sync?since={since}")).await;
        assert!(next["rooms"]["join"][&id].get("timeline").is_none(), "{next}");
        // State is shown whoever set it.
        let path = format!("/_matrix/client/v3/rooms/{id}/state/m.room.member/{}", boris.id);
        server.put(&boris, &path, json!({ "membership": "join", "displayname": "Борис" })).await;
        let next = server.get(&vera, &format!("/_matrix/client/v3/sync?since={since}")).await;
        let timeline = next["rooms"]["join"][&id]["timeline"]["events"].as_array().expect("a timeline");
        assert_eq!(timeline.len(), 1, "{next}");
        assert_eq!(timeline[0]["content"]["displayname"], "Борис");
        assert_eq!(unread(&server, &vera, &id).await, 2);

        let page = server.get(&vera, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=50")).await;
        assert_eq!(bodies(&page["chunk"]), ["Ответ", "Вопрос"]);
        let context = server.get(&vera, &format!("/_matrix/client/v3/rooms/{id}/context/{root}?limit=10")).await;
        assert_eq!(bodies(&context["events_after"]), ["Ответ"]);
        let related = server.get(&vera, &format!("/_matrix/client/v1/rooms/{id}/relations/{root}")).await;
        assert_eq!(related["chunk"], json!([]));
        let event = server.get(&vera, &format!("/_matrix/client/v3/rooms/{id}/event/{root}")).await;
        assert!(event["unsigned"].get("m.relations").is_none(), "{event}");
        let path = format!("/_matrix/client/v3/rooms/{id}/event/{rude}");
        server.refused(Method::GET, &vera, &path, Value::Null, "M_NOT_FOUND").await;
        let notified = server.get(&vera, "/_matrix/client/v3/notifications").await;
        let events = notified["notifications"].as_array().expect("notifications");
        assert!(events.iter().all(|n| n["event"]["sender"] != boris.id.as_str()), "{notified}");

        // Others hear him, and so does she once she no longer ignores him.
        let page = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=50")).await;
        assert_eq!(bodies(&page["chunk"]).len(), 4);
        ignore(&server, &vera, &[]).await;
        let page = server.get(&vera, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=50")).await;
        assert_eq!(bodies(&page["chunk"]).len(), 4);
    }

    async fn invitations_by_the_ignored_are_withheld(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        ignore(&server, &boris, &[&anna, &boris]).await;
        let unwanted = room(&server, &anna, json!({ "invite": [boris.id] })).await;
        let first = server.get(&boris, "/_matrix/client/v3/sync").await;
        assert!(first["rooms"]["invite"].get(&unwanted).is_none(), "{first}");
        ignore(&server, &boris, &[]).await;
        let first = server.get(&boris, "/_matrix/client/v3/sync").await;
        assert!(first["rooms"]["invite"].get(&unwanted).is_some(), "{first}");
    }

    async fn who_blocks_invitations_has_none(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let earlier = room(&server, &boris, json!({ "invite": [anna.id] })).await;
        let permission = format!("/_matrix/client/v3/user/{}/account_data/m.invite_permission_config", anna.id);
        server.put(&anna, &permission, json!({ "default_action": "block" })).await;
        let invites = async || {
            let answer = server.get(&anna, "/_matrix/client/v3/sync").await;
            answer["rooms"]["invite"].as_object().map_or(0, serde_json::Map::len)
        };
        assert_eq!(invites().await, 0, "one that came before is not shown");
        let id = room(&server, &boris, json!({})).await;
        let invite = format!("/_matrix/client/v3/rooms/{id}/invite");
        let by_state = format!("/_matrix/client/v3/rooms/{id}/state/m.room.member/{}", anna.id);
        for (method, path, body) in [
            (Method::POST, invite.as_str(), json!({ "user_id": anna.id })),
            (Method::POST, "/_matrix/client/v3/createRoom", json!({ "invite": [anna.id] })),
            (Method::PUT, by_state.as_str(), json!({ "membership": "invite" })),
        ] {
            server.refused(method, &boris, path, body, "M_INVITE_BLOCKED").await;
        }
        server.put(&anna, &permission, json!({})).await;
        server.post(&boris, &invite, json!({ "user_id": anna.id })).await;
        assert_eq!(invites().await, 2);
        let answer = server.get(&anna, "/_matrix/client/v3/sync").await;
        assert!(answer["rooms"]["invite"].get(&earlier).is_some(), "{answer}");
    }
}
