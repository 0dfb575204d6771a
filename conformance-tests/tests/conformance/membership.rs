//! Inviting, joining, knocking, leaving, kicking, banning, forgetting.

use serde_json::json;

use crate::api::{Homeserver, list, timeline, unique};

on_both_engines![
    invite_and_join,
    invite_needs_a_member,
    invite_of_a_member_is_refused,
    invitation_declined,
    join_rules_are_kept,
    join_by_alias_and_twice,
    knocking,
    knock_refusals,
    restricted_rooms,
    kick,
    ban_and_unban,
    forget,
    members_lists,
    reasons_are_kept,
    direct_membership_events,
    leaving_ends_what_is_seen,
];

async fn invite_and_join(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "name": "secret" })).await;
    let (mut alices, mut bobs) = (alice.follow().await, bob.follow().await);
    alice.member(&room, "invite", &bob).await.ok();
    let invite = bobs.until(|sync| sync["rooms"]["invite"].get(&room).cloned()).await;
    assert!(
        list(&invite["invite_state"]["events"]).iter().all(|event| event["event_id"].is_null()),
        "stripped state has no event ids: {invite}"
    );
    bob.get(path!("v3/rooms/{}/messages?dir=b", room)).await.fails(403, "M_FORBIDDEN");
    let answer = bob.post(path!("v3/rooms/{}/join", room), json!({})).await.ok();
    assert_eq!(answer["room_id"], room.as_str());
    let joined = bobs.until(|sync| sync["rooms"]["join"].get(&room).cloned()).await;
    let events: Vec<_> =
        list(&joined["state"]["events"]).into_iter().chain(list(&joined["timeline"]["events"])).collect();
    assert!(events.iter().any(|event| event["type"] == "m.room.name"), "a newly joined room comes whole: {joined}");
    alices
        .until(|sync| {
            timeline(sync, &room)
                .into_iter()
                .find(|event| event["content"]["membership"] == "join" && event["state_key"] == bob.id.as_str())
        })
        .await;
    // The invitation is gone from the next initial sync.
    let fresh = bob.sync("").await;
    assert!(fresh["rooms"]["invite"].get(&room).is_none());
}

async fn invite_needs_a_member(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    bob.member(&room, "invite", &carol).await.fails(403, "M_FORBIDDEN");
    alice.post(path!("v3/rooms/{}/invite", room), json!({})).await.refused();
    alice.post(path!("v3/rooms/{}/invite", room), json!({ "user_id": "bob" })).await.refused();
    // Without a level for it an ordinary member may not invite.
    bob.join(&room).await;
    let mut levels = alice.state(&room, "m.room.power_levels", "").await.ok();
    levels["invite"] = json!(50);
    alice.set_state(&room, "m.room.power_levels", "", levels).await.ok();
    bob.member(&room, "invite", &carol).await.fails(403, "M_FORBIDDEN");
}

async fn invite_of_a_member_is_refused(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    alice.member(&room, "invite", &bob).await.fails(403, "M_FORBIDDEN");
}

async fn invitation_declined(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "invite": [bob.id] })).await;
    let mut bobs = bob.follow().await;
    bob.leave(&room).await;
    bobs.until(|sync| sync["rooms"]["leave"].get(&room).cloned()).await;
    assert!(bob.sync("").await["rooms"]["invite"].get(&room).is_none());
    bob.post(path!("v3/rooms/{}/join", room), json!({})).await.fails(403, "M_FORBIDDEN");
    assert_eq!(alice.state(&room, "m.room.member", &bob.id).await.ok()["membership"], "leave");
    // An invitation can be withdrawn as well.
    alice.member(&room, "invite", &bob).await.ok();
    alice.member(&room, "kick", &bob).await.ok();
    bob.post(path!("v3/rooms/{}/join", room), json!({})).await.fails(403, "M_FORBIDDEN");
}

async fn join_rules_are_kept(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "private_chat" })).await;
    bob.post(path!("v3/join/{}", room), json!({})).await.fails(403, "M_FORBIDDEN");
    alice.set_state(&room, "m.room.join_rules", "", json!({ "join_rule": "public" })).await.ok();
    bob.post(path!("v3/join/{}", room), json!({})).await.ok();
    bob.leave(&room).await;
    alice.set_state(&room, "m.room.join_rules", "", json!({ "join_rule": "private" })).await.ok();
    bob.post(path!("v3/join/{}", room), json!({})).await.fails(403, "M_FORBIDDEN");
}

async fn join_by_alias_and_twice(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let name = unique("join");
    let room = alice.create_room(json!({ "preset": "public_chat", "room_alias_name": name })).await;
    let alias = format!("#{name}:{}", alice.server_name());
    let answer = bob.post(path!("v3/join/{}", alias), json!({})).await.ok();
    assert_eq!(answer["room_id"], room.as_str());
    bob.post(path!("v3/join/{}", room), json!({})).await.ok();
    let joins = alice
        .back(&room)
        .await
        .into_iter()
        .filter(|event| event["state_key"] == bob.id.as_str() && event["content"]["membership"] == "join")
        .count();
    assert_eq!(joins, 1, "joining twice is one join");
    bob.post(path!("v3/join/{}", format!("#none:{}", alice.server_name())), json!({})).await.fails(404, "M_NOT_FOUND");
}

async fn knocking(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "name": "knock here", "initial_state": [{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }] })).await;
    let (mut alices, mut bobs) = (alice.follow().await, bob.follow().await);
    bob.post(path!("v3/join/{}", room), json!({})).await.fails(403, "M_FORBIDDEN");
    let answer = bob.post(path!("v3/knock/{}", room), json!({ "reason": "пустите" })).await.ok();
    assert_eq!(answer["room_id"], room.as_str());
    let knock = bobs.until(|sync| sync["rooms"]["knock"].get(&room).cloned()).await;
    assert!(
        list(&knock["knock_state"]["events"]).iter().any(|event| event["content"]["membership"] == "knock"),
        "{knock}"
    );
    let seen = alices
        .until(|sync| timeline(sync, &room).into_iter().find(|event| event["content"]["membership"] == "knock"))
        .await;
    assert_eq!(seen["content"]["reason"], "пустите");
    alice.member(&room, "invite", &bob).await.ok();
    bobs.until(|sync| sync["rooms"]["invite"].get(&room).cloned()).await;
    bob.join(&room).await;
    bob.send(&room, "спасибо").await;
}

async fn knock_refusals(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let private = alice.create_room(json!({ "preset": "private_chat" })).await;
    bob.post(path!("v3/knock/{}", private), json!({})).await.fails(403, "M_FORBIDDEN");
    let open = alice
        .create_room(json!({ "initial_state": [{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }] }))
        .await;
    alice.member(&open, "ban", &bob).await.ok();
    bob.post(path!("v3/knock/{}", open), json!({})).await.fails(403, "M_FORBIDDEN");
    alice.member(&open, "unban", &bob).await.ok();
    bob.post(path!("v3/knock/{}", open), json!({})).await.ok();
    // A knock can be withdrawn, and rejected.
    bob.leave(&open).await;
    bob.post(path!("v3/knock/{}", open), json!({})).await.ok();
    alice.member(&open, "kick", &bob).await.ok();
    assert_eq!(alice.state(&open, "m.room.member", &bob.id).await.ok()["membership"], "leave");
}

/// Room version 8 and later: `restricted` lets in whoever is in one of the allowed rooms.
async fn restricted_rooms(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    for version in ["8", "9", "10", "12"] {
        let class = alice.create_room(json!({ "preset": "public_chat" })).await;
        let rule = json!({ "join_rule": "restricted", "allow": [{ "type": "m.room_membership", "room_id": class }] });
        let lesson = alice
            .create_room(
                json!({ "room_version": version, "initial_state": [{ "type": "m.room.join_rules", "content": rule }] }),
            )
            .await;
        bob.join(&class).await;
        bob.join(&lesson).await;
        let member = alice.state(&lesson, "m.room.member", &bob.id).await.ok();
        assert_eq!(member["membership"], "join");
        assert!(member["join_authorised_via_users_server"].is_string(), "{member}");
        carol.post(path!("v3/join/{}", lesson), json!({})).await.fails(403, "M_FORBIDDEN");
        alice.member(&lesson, "invite", &carol).await.ok();
        carol.join(&lesson).await;
        // A member stays when the allowed room is left.
        bob.leave(&class).await;
        bob.send(&lesson, "still here").await;
    }
}

async fn kick(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob, &carol]).await;
    bob.member(&room, "kick", &carol).await.fails(403, "M_FORBIDDEN");
    let mut carols = carol.follow().await;
    alice.post(path!("v3/rooms/{}/kick", room), json!({ "user_id": carol.id, "reason": "шум" })).await.ok();
    let left = carols.until(|sync| sync["rooms"]["leave"].get(&room).cloned()).await;
    let member =
        list(&left["timeline"]["events"]).into_iter().find(|event| event["state_key"] == carol.id.as_str()).unwrap();
    assert_eq!(member["content"]["reason"], "шум");
    assert_eq!(member["sender"], alice.id.as_str());
    carol
        .try_send(&room, "m.room.message", json!({ "msgtype": "m.text", "body": "x" }))
        .await
        .fails(403, "M_FORBIDDEN");
    alice.member(&room, "kick", &carol).await.fails(403, "M_FORBIDDEN");
    // Being kicked is not being banned.
    carol.join(&room).await;
}

async fn ban_and_unban(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob]).await;
    bob.member(&room, "ban", &alice).await.fails(403, "M_FORBIDDEN");
    alice.member(&room, "ban", &bob).await.ok();
    bob.post(path!("v3/join/{}", room), json!({})).await.fails(403, "M_FORBIDDEN");
    alice.member(&room, "invite", &bob).await.fails(403, "M_FORBIDDEN");
    bob.try_send(&room, "m.room.message", json!({ "body": "x" })).await.fails(403, "M_FORBIDDEN");
    // A ban can come before the person does.
    alice.member(&room, "ban", &carol).await.ok();
    carol.post(path!("v3/join/{}", room), json!({})).await.fails(403, "M_FORBIDDEN");
    alice.member(&room, "unban", &bob).await.ok();
    bob.join(&room).await;
    alice.member(&room, "unban", &bob).await.fails(403, "M_BAD_STATE");
}

async fn forget(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let said = alice.send(&room, "before").await;
    bob.post(path!("v3/rooms/{}/forget", room), json!({})).await.fails(400, "M_UNKNOWN");
    bob.leave(&room).await;
    let kept = bob.back(&room).await;
    assert!(
        kept.iter().any(|event| event["event_id"] == said.as_str()),
        "one who left may read what was, until forgetting"
    );
    bob.post(path!("v3/rooms/{}/forget", room), json!({})).await.ok();
    bob.get(path!("v3/rooms/{}/messages?dir=b", room)).await.fails(403, "M_FORBIDDEN");
    let filter = json!({ "room": { "include_leave": true } }).to_string();
    let sync = bob.sync(&format!("&filter={}", crate::api::segment(&filter))).await;
    assert!(sync["rooms"]["leave"].get(&room).is_none(), "forgotten");
    bob.join(&room).await;
    assert!(bob.sync("").await["rooms"]["join"].get(&room).is_some(), "and can be joined again");
}

async fn members_lists(hs: Homeserver) {
    let [alice, bob, carol, dave] = hs.users(["alice", "bob", "carol", "dave"]).await;
    let room = alice.room_with(&[&bob, &carol]).await;
    let before = alice.sync("").await;
    let since = crate::api::next_batch(&before);
    carol.leave(&room).await;
    alice.member(&room, "invite", &dave).await.ok();
    let who = async |query: &str| {
        let answer = alice.get(format!("{}{query}", path!("v3/rooms/{}/members", room))).await.ok();
        let mut names: Vec<_> =
            list(&answer["chunk"]).iter().map(|event| event["state_key"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let mut everyone = vec![alice.id.clone(), bob.id.clone(), carol.id.clone(), dave.id.clone()];
    everyone.sort();
    assert_eq!(who("").await, everyone);
    let mut present = vec![alice.id.clone(), bob.id.clone()];
    present.sort();
    assert_eq!(who("?membership=join").await, present);
    assert_eq!(who("?membership=invite").await, std::slice::from_ref(&dave.id));
    assert_eq!(who("?membership=leave").await, std::slice::from_ref(&carol.id));
    assert!(!who("?not_membership=leave").await.contains(&carol.id));
    let mut then = vec![alice.id.clone(), bob.id.clone(), carol.id.clone()];
    then.sort();
    assert_eq!(
        who(&format!("?membership=join&at={}", crate::api::segment(&since))).await,
        then,
        "as of an earlier sync"
    );
    let joined = alice.get(path!("v3/rooms/{}/joined_members", room)).await.ok();
    assert_eq!(joined["joined"].as_object().unwrap().len(), 2);
    dave.get(path!("v3/rooms/{}/joined_members", room)).await.fails(403, "M_FORBIDDEN");
}

async fn reasons_are_kept(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    alice.post(path!("v3/rooms/{}/invite", room), json!({ "user_id": bob.id, "reason": "урок" })).await.ok();
    assert_eq!(alice.state(&room, "m.room.member", &bob.id).await.ok()["reason"], "урок");
    bob.post(path!("v3/join/{}", room), json!({ "reason": "иду" })).await.ok();
    assert_eq!(alice.state(&room, "m.room.member", &bob.id).await.ok()["reason"], "иду");
    bob.post(path!("v3/rooms/{}/leave", room), json!({ "reason": "звонок" })).await.ok();
    assert_eq!(alice.state(&room, "m.room.member", &bob.id).await.ok()["reason"], "звонок");
}

async fn direct_membership_events(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    // A member may name himself for this room alone.
    bob.set_state(&room, "m.room.member", &bob.id, json!({ "membership": "join", "displayname": "Боб здесь" }))
        .await
        .ok();
    assert_eq!(alice.state(&room, "m.room.member", &bob.id).await.ok()["displayname"], "Боб здесь");
    bob.set_state(&room, "m.room.member", &alice.id, json!({ "membership": "join", "displayname": "not Alice" }))
        .await
        .fails(403, "M_FORBIDDEN");
    bob.set_state(&room, "m.room.member", &bob.id, json!({ "membership": "dancing" })).await.refused();
    alice.set_state(&room, "m.room.member", &bob.id, json!({ "membership": "leave" })).await.ok();
    bob.try_send(&room, "m.room.message", json!({ "body": "x" })).await.fails(403, "M_FORBIDDEN");
}

async fn leaving_ends_what_is_seen(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let before = alice.send(&room, "before").await;
    let mut bobs = bob.follow().await;
    bob.leave(&room).await;
    bobs.until(|sync| sync["rooms"]["leave"].get(&room).cloned()).await;
    let after = alice.send(&room, "after").await;
    let marker = bob.create_room(json!({})).await;
    // Everything up to the marker has gone by, and the later message was not in it.
    bobs.until(|sync| {
        assert!(!sync.to_string().contains(&after), "{sync}");
        sync["rooms"]["join"].get(&marker).cloned()
    })
    .await;
    let events = bob.back(&room).await;
    assert!(events.iter().any(|event| event["event_id"] == before.as_str()));
    assert!(events.iter().all(|event| event["event_id"] != after.as_str()));
    let hidden = bob.get(path!("v3/rooms/{}/event/{}", room, after)).await;
    assert!([403, 404].contains(&hidden.status), "{hidden}");
}
