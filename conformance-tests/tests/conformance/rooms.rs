//! Creating rooms: presets, options, and what the room versions change.

use serde_json::{Value, json};

use crate::api::{Homeserver, User, list, of_type, unique};

on_both_engines![
    presets,
    visibility_chooses_the_preset,
    name_topic_and_initial_state,
    creation_content,
    power_level_override,
    invitations_at_creation,
    alias_at_creation,
    events_come_in_the_specified_order,
    refusals,
    state_endpoints,
    joined_rooms,
    spaces,
];

/// One field of a state event's content; null when there is no such event.
pub(crate) async fn state_value(user: &User, room: &str, kind: &str, field: &str) -> Value {
    let answer = user.state(room, kind, "").await;
    if answer.status == 404 { Value::Null } else { answer.ok()[field].clone() }
}

/// Client-server API, `POST /createRoom`, the table of presets.
async fn presets(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    for (preset, join_rule, history, guests) in [
        ("private_chat", "invite", "shared", "can_join"),
        ("trusted_private_chat", "invite", "shared", "can_join"),
        ("public_chat", "public", "shared", "forbidden"),
    ] {
        let room = alice.create_room(json!({ "preset": preset, "invite": [bob.id], "room_version": "11" })).await;
        assert_eq!(state_value(&alice, &room, "m.room.join_rules", "join_rule").await, join_rule, "{preset}");
        assert_eq!(
            state_value(&alice, &room, "m.room.history_visibility", "history_visibility").await,
            history,
            "{preset}"
        );
        let access = state_value(&alice, &room, "m.room.guest_access", "guest_access").await;
        assert!(access == guests || (guests == "forbidden" && access.is_null()), "{preset}: {access}");
        let levels = alice.state(&room, "m.room.power_levels", "").await.ok();
        assert_eq!(levels["users"][&alice.id], 100, "{preset}: {levels}");
        let invitee = if preset == "trusted_private_chat" { json!(100) } else { Value::Null };
        assert_eq!(
            levels["users"][&bob.id], invitee,
            "{preset}: all invitees of a trusted chat are the creator's equals"
        );
    }
}

async fn visibility_chooses_the_preset(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let public = alice.create_room(json!({ "visibility": "public" })).await;
    assert_eq!(state_value(&alice, &public, "m.room.join_rules", "join_rule").await, "public");
    assert_eq!(alice.get(path!("v3/directory/list/room/{}", public)).await.ok()["visibility"], "public");
    let private = alice.create_room(json!({})).await;
    assert_eq!(state_value(&alice, &private, "m.room.join_rules", "join_rule").await, "invite");
    assert_eq!(alice.get(path!("v3/directory/list/room/{}", private)).await.ok()["visibility"], "private");
}

async fn name_topic_and_initial_state(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice
        .create_room(json!({
            "name": "7 «Б» класс",
            "topic": "Алгебра & геометрия",
            "preset": "private_chat",
            "initial_state": [
                { "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } },
                { "type": "org.example.timetable", "state_key": "monday", "content": { "lessons": [1, 2, 3] } },
                { "type": "m.room.name", "content": { "name": "overridden" } },
            ],
        }))
        .await;
    assert_eq!(state_value(&alice, &room, "m.room.name", "name").await, "7 «Б» класс", "name wins over initial_state");
    assert_eq!(state_value(&alice, &room, "m.room.topic", "topic").await, "Алгебра & геометрия");
    assert_eq!(
        state_value(&alice, &room, "m.room.history_visibility", "history_visibility").await,
        "joined",
        "initial_state wins over the preset"
    );
    let own = alice.state(&room, "org.example.timetable", "monday").await.ok();
    assert_eq!(own, json!({ "lessons": [1, 2, 3] }));
}

async fn creation_content(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let content = json!({ "m.federate": false, "org.example.kind": "lesson", "type": "m.space" });
    let room = alice.create_room(json!({ "creation_content": content, "room_version": "11" })).await;
    let create = alice.state(&room, "m.room.create", "").await.ok();
    assert_eq!(create["m.federate"], false);
    assert_eq!(create["org.example.kind"], "lesson");
    assert_eq!(create["type"], "m.space");
    assert_eq!(create["room_version"], "11", "the version is the server's to write");
}

async fn power_level_override(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let override_ = json!({ "events": { "m.room.name": 77 }, "invite": 33, "users_default": 5 });
    let room = alice.create_room(json!({ "power_level_content_override": override_ })).await;
    let levels = alice.state(&room, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["invite"], 33);
    assert_eq!(levels["users_default"], 5);
    assert_eq!(levels["events"]["m.room.name"], 77);
}

async fn invitations_at_creation(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let mut sync = bob.follow().await;
    let room = alice.create_room(json!({ "invite": [bob.id], "is_direct": true, "name": "разговор" })).await;
    let invite = sync.until(|sync| sync["rooms"]["invite"].get(&room).cloned()).await;
    let events = &invite["invite_state"]["events"];
    let member = list(events).into_iter().find(|event| event["state_key"] == bob.id.as_str()).unwrap();
    assert_eq!(member["content"]["membership"], "invite");
    assert_eq!(member["content"]["is_direct"], true);
    assert_eq!(member["sender"], alice.id.as_str());
    assert_eq!(of_type(events, "m.room.name").unwrap()["content"]["name"], "разговор", "the invite says what it is to");
    assert!(of_type(events, "m.room.create").is_some() && of_type(events, "m.room.join_rules").is_some(), "{invite}");
}

async fn alias_at_creation(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let name = unique("alias");
    let room = alice.create_room(json!({ "room_alias_name": name, "preset": "public_chat" })).await;
    let alias = format!("#{name}:{}", alice.server_name());
    assert_eq!(alice.get(path!("v3/directory/room/{}", alias)).await.ok()["room_id"], room.as_str());
    assert_eq!(state_value(&alice, &room, "m.room.canonical_alias", "alias").await, alias.as_str());
    let again = alice.post(path!("v3/createRoom"), json!({ "room_alias_name": name })).await;
    assert!(again.status == 400 && again.body["errcode"] == "M_ROOM_IN_USE", "{again}");
}

/// `POST /createRoom`: "The server MUST create the following events in this order".
async fn events_come_in_the_specified_order(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "name": "n", "topic": "t", "preset": "private_chat", "invite": [bob.id], "room_alias_name": unique("order") })).await;
    let page = alice.get(path!("v3/rooms/{}/messages?dir=f&limit=50", room)).await.ok();
    let events = list(&page["chunk"]);
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let place =
        |kind: &str| kinds.iter().position(|other| *other == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
    let order = [
        "m.room.create",
        "m.room.member",
        "m.room.power_levels",
        "m.room.canonical_alias",
        "m.room.join_rules",
        "m.room.history_visibility",
        "m.room.name",
        "m.room.topic",
    ];
    let places: Vec<_> = order.iter().map(|kind| place(kind)).collect();
    assert!(places.is_sorted(), "{kinds:?}");
    assert_eq!(events.last().unwrap()["content"]["membership"], "invite", "invitations come last");
}

async fn refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let create = async |body: Value| alice.post(path!("v3/createRoom"), body).await;
    create(json!({ "room_version": "none-such" })).await.fails(400, "M_UNSUPPORTED_ROOM_VERSION");
    create(json!({ "preset": "no such preset" })).await.refused();
    create(json!({ "name": 7 })).await.refused();
    create(json!({ "invite": "alice" })).await.refused();
    create(json!({ "invite": ["not a user id"] })).await.refused();
    create(json!({ "initial_state": [{ "type": 7 }] })).await.refused();
    create(json!({ "power_level_content_override": { "users_default": "many" } })).await.refused();
    create(json!({ "room_alias_name": "with:colon" })).await.refused();
    hs.post(path!("v3/createRoom"), json!({})).await.fails(401, "M_MISSING_TOKEN");
}

async fn state_endpoints(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "name": "n" })).await;
    // The empty state key, with and without the slash.
    for path in [path!("v3/rooms/{}/state/m.room.name", room), path!("v3/rooms/{}/state/m.room.name/", room)] {
        assert_eq!(alice.get(path).await.ok(), json!({ "name": "n" }));
    }
    alice.put(path!("v3/rooms/{}/state/m.room.name", room), json!({ "name": "m" })).await.ok();
    let whole = alice.get(path!("v3/rooms/{}/state/m.room.name?format=event", room)).await.ok();
    assert_eq!(whole["content"]["name"], "m");
    assert_eq!(whole["sender"], alice.id.as_str());
    let key = "ключ/с косой чертой";
    alice.set_state(&room, "org.example.any", key, json!({ "value": 1 })).await.ok();
    assert_eq!(alice.state(&room, "org.example.any", key).await.ok(), json!({ "value": 1 }));
    alice.state(&room, "org.example.none", "").await.fails(404, "M_NOT_FOUND");
    bob.state(&room, "m.room.name", "").await.fails(403, "M_FORBIDDEN");
    bob.get(path!("v3/rooms/{}/state", room)).await.fails(403, "M_FORBIDDEN");
    let state = alice.whole_state(&room).await;
    assert!(state.iter().all(|event| event["state_key"].is_string() && event["event_id"].is_string()));
    assert_eq!(state.iter().filter(|event| event["type"] == "m.room.name").count(), 1);
    // Setting what is set already makes no new event.
    let first = alice.set_state(&room, "org.example.same", "", json!({ "a": 1 })).await.ok();
    let second = alice.set_state(&room, "org.example.same", "", json!({ "a": 1 })).await.ok();
    assert!(first["event_id"].is_string() && second["event_id"].is_string());
}

async fn joined_rooms(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let (one, two) = (alice.create_room(json!({})).await, alice.create_room(json!({})).await);
    alice.leave(&one).await;
    assert_eq!(alice.get(path!("v3/joined_rooms")).await.ok(), json!({ "joined_rooms": [two] }));
}

async fn spaces(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let space = alice
        .create_room(json!({ "preset": "public_chat", "name": "School", "creation_content": { "type": "m.space" } }))
        .await;
    let open = alice.create_room(json!({ "preset": "public_chat", "name": "Open" })).await;
    let hidden = alice.create_room(json!({ "preset": "private_chat", "name": "Hidden" })).await;
    for (room, order) in [(&open, "a"), (&hidden, "b")] {
        alice
            .set_state(&space, "m.space.child", room, json!({ "via": [alice.server_name()], "order": order }))
            .await
            .ok();
    }
    bob.join(&space).await;
    let tree = bob.get(path!("v1/rooms/{}/hierarchy", space)).await.ok();
    let rooms = list(&tree["rooms"]);
    assert_eq!(rooms[0]["room_id"], space.as_str());
    assert_eq!(rooms[0]["room_type"], "m.space");
    assert_eq!(list(&rooms[0]["children_state"]).len(), 2, "{tree}");
    assert_eq!(
        rooms.iter().map(|room| room["room_id"].as_str().unwrap()).collect::<Vec<_>>(),
        [space.as_str(), open.as_str()],
        "what bob may not see is left out"
    );
    let own = alice.get(path!("v1/rooms/{}/hierarchy?limit=1", space)).await.ok();
    assert_eq!(list(&own["rooms"]).len(), 1);
    let next = own["next_batch"].as_str().unwrap();
    let rest = alice.get(path!("v1/rooms/{}/hierarchy?limit=10&from={}", space, next)).await.ok();
    assert_eq!(list(&rest["rooms"]).len(), 2);
}
