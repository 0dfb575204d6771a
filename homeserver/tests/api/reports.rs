use http::Method;
use serde_json::{Value, json};

use crate::{
    admin::administrator,
    rooms::{join, room, say},
    server::{Server, User},
};

const REPORTS: &str = "/_synapse/admin/v1/event_reports";

/// What a list of reports says of one field.
async fn listed(server: &Server, head: &User, query: &str, field: &str) -> Vec<Value> {
    let list = server.get(head, &format!("{REPORTS}{query}")).await;
    list["event_reports"].as_array().expect("reports").iter().map(|report| report[field].clone()).collect()
}

on_both_engines! {
    async fn administrators_read_what_is_reported(server: Server) {
        let (head, anna, boris) =
            (administrator(&server).await, server.register("anna").await, server.register("boris").await);
        let id = room(&server, &anna, json!({ "preset": "public_chat", "name": "7Б", "room_alias_name": "class" })).await;
        join(&server, &boris, &id).await;
        let rude = say(&server, &anna, &id, "0", "Грубость").await;
        let report = format!("/_matrix/client/v3/rooms/{id}/report");
        assert_eq!(server.post(&boris, &format!("{report}/{rude}"), json!({ "reason": "грубо" })).await, json!({}));
        server.post(&boris, &report, json!({})).await;
        server.post(&anna, &format!("/_matrix/client/v3/users/{}/report", boris.id), json!({ "reason": "жалобы" })).await;

        let list = server.get(&head, REPORTS).await;
        assert_eq!((&list["total"], list.get("next_token")), (&json!(3), None), "{list}");
        let [of_user, of_room, of_event] = &list["event_reports"].as_array().expect("reports")[..] else {
            panic!("three reports: {list}");
        };
        assert_eq!((&of_user["sender"], &of_user["room_id"], &of_user["event_id"]), (&json!(boris.id), &Value::Null, &Value::Null));
        assert_eq!((&of_user["user_id"], &of_user["reason"]), (&json!(anna.id), &json!("жалобы")));
        assert_eq!((&of_room["room_id"], &of_room["event_id"], &of_room["reason"]), (&json!(id), &Value::Null, &Value::Null));
        let expected = json!({
            "id": of_event["id"], "received_ts": of_event["received_ts"], "room_id": id, "name": "7Б", "event_id": rude,
            "user_id": boris.id, "reason": "грубо", "score": null, "sender": anna.id,
            "canonical_alias": "#class:parta.test",
        });
        assert_eq!(*of_event, expected);
        assert!(of_event["received_ts"].as_i64().is_some_and(|ts| ts > 0) && of_event["id"].is_i64(), "{of_event}");

        let one = format!("{REPORTS}/{}", of_event["id"]);
        let details = server.get(&head, &one).await;
        assert_eq!(details["event_json"]["content"]["body"], "Грубость", "{details}");
        assert_eq!((&details["event_json"]["room_id"], &details["sender"]), (&json!(id), &json!(anna.id)));
        let other = server.get(&head, &format!("{REPORTS}/{}", of_room["id"])).await;
        assert_eq!(other["event_json"], Value::Null);

        assert_eq!(server.delete(&head, &one, json!({})).await, json!({}));
        server.refused(Method::GET, &head, &one, Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::DELETE, &head, &one, json!({}), "M_NOT_FOUND").await;
        server.refused(Method::GET, &head, &format!("{REPORTS}/x"), Value::Null, "M_INVALID_PARAM").await;
        server.refused(Method::GET, &boris, REPORTS, Value::Null, "M_FORBIDDEN").await;
    }

    async fn reports_are_paged_and_found(server: Server) {
        let (head, anna, boris) =
            (administrator(&server).await, server.register("anna").await, server.register("boris").await);
        let id = room(&server, &anna, json!({ "preset": "public_chat" })).await;
        for reason in ["1", "2", "3"] {
            server.post(&anna, &format!("/_matrix/client/v3/rooms/{id}/report"), json!({ "reason": reason })).await;
        }
        server.post(&boris, &format!("/_matrix/client/v3/users/{}/report", anna.id), json!({ "reason": "4" })).await;
        assert_eq!(listed(&server, &head, "", "reason").await, ["4", "3", "2", "1"]);
        assert_eq!(listed(&server, &head, "?dir=f&limit=3", "reason").await, ["1", "2", "3"]);
        let first = server.get(&head, &format!("{REPORTS}?limit=3")).await;
        assert_eq!((&first["next_token"], &first["total"]), (&json!(3), &json!(4)), "{first}");
        assert_eq!(listed(&server, &head, "?limit=3&from=3", "reason").await, ["1"]);
        assert!(listed(&server, &head, "?from=18446744073709551615", "reason").await.is_empty());
        assert_eq!(listed(&server, &head, "?user_id=boris", "reason").await, ["4"]);
        assert_eq!(listed(&server, &head, "?event_sender_user_id=@anna", "reason").await, ["4"]);
        assert_eq!(listed(&server, &head, &format!("?room_id={id}&limit=1"), "reason").await, ["3"]);
        assert!(listed(&server, &head, "?user_id=%25", "reason").await.is_empty(), "no wildcards");
        server.refused(Method::GET, &head, &format!("{REPORTS}?dir=x"), Value::Null, "M_INVALID_PARAM").await;

        // They go with their room.
        server.delete(&head, &format!("/_synapse/admin/v1/rooms/{id}"), json!({})).await;
        assert_eq!(listed(&server, &head, "", "reason").await, ["4"]);
    }

    async fn one_reports_what_one_sees(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = room(&server, &anna, json!({ "preset": "public_chat" })).await;
        let secret = say(&server, &anna, &id, "0", "Тайна").await;
        let report = format!("/_matrix/client/v3/rooms/{id}/report");
        let body = || json!({ "reason": "x" });
        server.refused(Method::POST, &boris, &format!("{report}/{secret}"), body(), "M_NOT_FOUND").await;
        join(&server, &boris, &id).await;
        server.post(&boris, &format!("{report}/{secret}"), json!({})).await;
        server.refused(Method::POST, &boris, &format!("{report}/$none"), body(), "M_NOT_FOUND").await;
        let nowhere = "/_matrix/client/v3/rooms/!none:parta.test/report";
        server.refused(Method::POST, &boris, nowhere, body(), "M_NOT_FOUND").await;
        let nobody = "/_matrix/client/v3/users/@nobody:parta.test/report";
        server.refused(Method::POST, &boris, nobody, body(), "M_NOT_FOUND").await;
        let long = |length: usize| json!({ "reason": "ы".repeat(length) });
        server.post(&boris, &report, long(1_000)).await;
        server.refused(Method::POST, &boris, &report, long(1_001), "M_INVALID_PARAM").await;
    }
}
