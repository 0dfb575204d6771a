//! Aliases, the public directory, finding people.

use serde_json::{Value, json};

use crate::api::{Homeserver, list, segment, unique};

on_both_engines![
    aliases,
    alias_refusals,
    aliases_of_a_room,
    canonical_alias_must_exist,
    public_rooms,
    public_rooms_in_pages,
    public_rooms_search,
    directory_visibility_permissions,
    user_search,
    room_summary
];

async fn aliases(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    let alias = format!("#{}:{}", unique("класс"), alice.server_name());
    let path = path!("v3/directory/room/{}", alias);
    alice.get(&path).await.fails(404, "M_NOT_FOUND");
    alice.put(&path, json!({ "room_id": room })).await.ok();
    let found = bob.get(&path).await.ok();
    assert_eq!(found["room_id"], room.as_str());
    assert_eq!(found["servers"], json!([alice.server_name()]));
    alice.put(&path, json!({ "room_id": room })).await.fails(409, "M_UNKNOWN");
    bob.delete(&path).await.fails(403, "M_FORBIDDEN");
    alice.delete(&path).await.ok();
    bob.get(&path).await.fails(404, "M_NOT_FOUND");
    alice.delete(&path).await.fails(404, "M_NOT_FOUND");
}

async fn alias_refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    for bad in ["no-sigil", "#no-server", "!room:hs1"] {
        alice.put(path!("v3/directory/room/{}", bad), json!({ "room_id": room })).await.refused();
        alice.get(path!("v3/directory/room/{}", bad)).await.refused();
    }
    alice.put(path!("v3/directory/room/{}", "#a:elsewhere.example"), json!({ "room_id": room })).await.refused();
    let alias = format!("#{}:{}", unique("x"), alice.server_name());
    alice.put(path!("v3/directory/room/{}", alias), json!({ "room_id": "not a room" })).await.refused();
    hs.answer(
        hs.request(reqwest::Method::PUT, &path!("v3/directory/room/{}", alias)).json(&json!({ "room_id": room })),
    )
    .await
    .fails(401, "M_MISSING_TOKEN");
}

async fn aliases_of_a_room(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let alias = format!("#{}:{}", unique("a"), alice.server_name());
        alice.put(path!("v3/directory/room/{}", alias), json!({ "room_id": room })).await.ok();
        made.push(alias);
    }
    let mut listed: Vec<_> = list(&alice.get(path!("v3/rooms/{}/aliases", room)).await.ok()["aliases"])
        .iter()
        .map(|alias| alias.as_str().unwrap().to_owned())
        .collect();
    listed.sort();
    made.sort();
    assert_eq!(listed, made);
    bob.get(path!("v3/rooms/{}/aliases", room)).await.fails(403, "M_FORBIDDEN");
}

async fn canonical_alias_must_exist(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let alias = format!("#{}:{}", unique("main"), alice.server_name());
    let set = async |content: Value| alice.set_state(&room, "m.room.canonical_alias", "", content).await;
    set(json!({ "alias": alias })).await.fails(400, "M_BAD_ALIAS");
    alice.put(path!("v3/directory/room/{}", alias), json!({ "room_id": room })).await.ok();
    set(json!({ "alias": alias })).await.ok();
    set(json!({ "alias": alias, "alt_aliases": [format!("#{}:{}", unique("none"), alice.server_name())] }))
        .await
        .fails(400, "M_BAD_ALIAS");
    set(json!({ "alias": "not an alias" })).await.refused();
    let other = alice.create_room(json!({})).await;
    alice.set_state(&other, "m.room.canonical_alias", "", json!({ "alias": alias })).await.fails(400, "M_BAD_ALIAS");
}

async fn public_rooms(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let name = unique("Public");
    let room = alice
        .create_room(
            json!({ "visibility": "public", "name": name, "topic": "for all", "room_alias_name": unique("public") }),
        )
        .await;
    bob.join(&room).await;
    let search = async || {
        let answer = bob.post(path!("v3/publicRooms"), json!({ "filter": { "generic_search_term": name } })).await.ok();
        list(&answer["chunk"]).into_iter().find(|entry| entry["room_id"] == room.as_str())
    };
    let entry = search().await.expect("the room is listed");
    assert_eq!(entry["name"], name.as_str());
    assert_eq!(entry["topic"], "for all");
    assert_eq!(entry["num_joined_members"], 2);
    // "When not present, the room is assumed to be public."
    assert!(matches!(entry["join_rule"].as_str(), None | Some("public")), "{entry}");
    assert_eq!(entry["world_readable"], false);
    assert_eq!(entry["guest_can_join"], false);
    assert!(entry["canonical_alias"].as_str().unwrap().starts_with("#public"));
    alice.put(path!("v3/directory/list/room/{}", room), json!({ "visibility": "private" })).await.ok();
    assert!(search().await.is_none());
    assert_eq!(bob.get(path!("v3/directory/list/room/{}", room)).await.ok()["visibility"], "private");
    bob.get(path!("v3/directory/list/room/{}", "!none:hs1")).await.fails(404, "M_NOT_FOUND");
}

async fn public_rooms_in_pages(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(alice.create_room(json!({ "visibility": "public", "name": format!("page {number}") })).await);
    }
    let (mut seen, mut since) = (Vec::new(), String::new());
    for _ in 0..500 {
        let page = alice.get(format!("{}?limit=3{since}", path!("v3/publicRooms"))).await.ok();
        let chunk = list(&page["chunk"]);
        assert!(chunk.len() <= 3);
        seen.extend(chunk.iter().map(|entry| entry["room_id"].as_str().unwrap().to_owned()));
        match page["next_batch"].as_str() {
            Some(next) => since = format!("&since={}", segment(next)),
            None => break,
        }
    }
    for room in &made {
        assert_eq!(seen.iter().filter(|id| *id == room).count(), 1, "each room once");
    }
}

async fn public_rooms_search(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let word = unique("Необычное");
    let room = alice.create_room(json!({ "visibility": "public", "name": format!("Кружок {word}") })).await;
    let space = alice
        .create_room(json!({ "visibility": "public", "topic": word, "creation_content": { "type": "m.space" } }))
        .await;
    let search = async |filter: Value| {
        let answer = alice.post(path!("v3/publicRooms"), json!({ "filter": filter })).await.ok();
        let mut found: Vec<_> =
            list(&answer["chunk"]).iter().map(|entry| entry["room_id"].as_str().unwrap().to_owned()).collect();
        found.sort();
        found
    };
    let mut both = vec![room.clone(), space.clone()];
    both.sort();
    assert_eq!(search(json!({ "generic_search_term": word })).await, both, "in names and topics");
    assert_eq!(search(json!({ "generic_search_term": word, "room_types": ["m.space"] })).await, [space]);
    assert_eq!(search(json!({ "generic_search_term": word, "room_types": [null] })).await, [room]);
    assert!(search(json!({ "generic_search_term": unique("nothing") })).await.is_empty());
}

async fn directory_visibility_permissions(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    bob.put(path!("v3/directory/list/room/{}", room), json!({ "visibility": "public" }))
        .await
        .fails(403, "M_FORBIDDEN");
    alice.put(path!("v3/directory/list/room/{}", room), json!({ "visibility": "everywhere" })).await.refused();
}

async fn user_search(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let name = unique("Ёлкина");
    bob.put(path!("v3/profile/{}/displayname", bob.id), json!({ "displayname": name })).await.ok();
    let room = alice.room_with(&[&bob]).await;
    let search = async |term: &str| {
        list(
            &alice.post(path!("v3/user_directory/search"), json!({ "search_term": term, "limit": 5 })).await.ok()["results"],
        )
    };
    // Directories may be filled a moment later.
    let mut found = Vec::new();
    for _ in 0..100 {
        found = search(bob.localpart()).await;
        if !found.is_empty() && found[0]["display_name"] == name.as_str() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(found[0]["user_id"], bob.id.as_str());
    assert_eq!(found[0]["display_name"], name.as_str());
    assert!(search(&unique("nobody")).await.is_empty());
    assert!(!room.is_empty());
}

/// Client-server API v1.15: a look at a room before joining it.
async fn room_summary(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat", "name": "Seen" })).await;
    let answer = bob.get(path!("v1/room_summary/{}", room)).await;
    if answer.body["errcode"] == "M_UNRECOGNIZED" {
        return eprintln!("skipped: the server does not offer room summaries");
    }
    let summary = answer.ok();
    assert_eq!(summary["name"], "Seen");
    assert_eq!(summary["num_joined_members"], 1);
    let private = alice.create_room(json!({ "name": "Unseen" })).await;
    bob.get(path!("v1/room_summary/{}", private)).await.refused();
}
