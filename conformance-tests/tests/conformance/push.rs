//! Push rules and pushers.

use serde_json::{Value, json};

use crate::api::{Homeserver, User, list, of_type, unique};

on_both_engines![
    default_rules,
    own_rules,
    rule_order,
    rules_switched_off,
    rule_refusals,
    rules_reach_other_devices,
    rules_decide_what_counts,
    pushers
];

async fn global(user: &User) -> Value {
    user.get(path!("v3/pushrules/")).await.ok()["global"].clone()
}

fn rule(rules: &Value, kind: &str, id: &str) -> Option<Value> {
    list(&rules[kind]).into_iter().find(|rule| rule["rule_id"] == id)
}

/// Client-server API, "Predefined Rules".
async fn default_rules(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let rules = global(&alice).await;
    assert_eq!(alice.get(path!("v3/pushrules/global/")).await.ok(), rules);
    for (kind, ids) in [
        (
            "override",
            &[
                ".m.rule.master",
                ".m.rule.suppress_notices",
                ".m.rule.invite_for_me",
                ".m.rule.member_event",
                ".m.rule.is_user_mention",
                ".m.rule.is_room_mention",
                ".m.rule.tombstone",
                ".m.rule.reaction",
                ".m.rule.room.server_acl",
                ".m.rule.suppress_edits",
            ][..],
        ),
        (
            "underride",
            &[
                ".m.rule.call",
                ".m.rule.encrypted_room_one_to_one",
                ".m.rule.room_one_to_one",
                ".m.rule.message",
                ".m.rule.encrypted",
            ],
        ),
    ] {
        for id in ids {
            let found = rule(&rules, kind, id).unwrap_or_else(|| panic!("no {id} in {rules}"));
            assert_eq!(found["default"], true);
            assert_eq!(found["enabled"], *id != ".m.rule.master", "{id}");
        }
    }
    let mention = rule(&rules, "override", ".m.rule.is_user_mention").unwrap();
    assert_eq!(mention["conditions"][0]["value"], alice.id.as_str(), "{mention}");
}

async fn own_rules(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let content = json!({ "pattern": "пятёрка", "actions": ["notify", { "set_tweak": "highlight" }] });
    let path = path!("v3/pushrules/global/content/{}", "мое правило");
    alice.put(&path, content.clone()).await.ok();
    let read = alice.get(&path).await.ok();
    assert_eq!(read["pattern"], "пятёрка");
    assert_eq!(read["actions"], content["actions"]);
    assert_eq!((read["default"].clone(), read["enabled"].clone()), (json!(false), json!(true)));
    alice.put(format!("{path}/actions"), json!({ "actions": ["notify"] })).await.ok();
    assert_eq!(alice.get(format!("{path}/actions")).await.ok(), json!({ "actions": ["notify"] }));
    alice.put(format!("{path}/enabled"), json!({ "enabled": false })).await.ok();
    assert_eq!(alice.get(format!("{path}/enabled")).await.ok(), json!({ "enabled": false }));
    alice.delete(&path).await.ok();
    alice.get(&path).await.fails(404, "M_NOT_FOUND");
}

async fn rule_order(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let put = async |id: &str, query: &str| {
        let body = json!({ "conditions": [{ "kind": "event_match", "key": "type", "pattern": "org.example" }], "actions": [] });
        alice.put(format!("{}{query}", path!("v3/pushrules/global/override/{}", id)), body).await
    };
    put("one", "").await.ok();
    put("two", "").await.ok();
    put("three", "?after=one").await.ok();
    put("four", "?before=one").await.ok();
    let rules = global(&alice).await;
    let own: Vec<_> = list(&rules["override"])
        .iter()
        .filter(|rule| rule["default"] == false)
        .map(|rule| rule["rule_id"].as_str().unwrap().to_owned())
        .collect();
    let place = |id: &str| own.iter().position(|other| other == id).unwrap_or_else(|| panic!("{own:?}"));
    assert!(place("two") < place("one"), "a new rule comes first: {own:?}");
    assert_eq!(place("three"), place("one") + 1, "{own:?}");
    assert_eq!(place("four") + 1, place("one"), "{own:?}");
    put("five", "?before=none").await.refused();
    put("six", "?before=.m.rule.master").await.refused();
}

async fn rules_switched_off(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let path = path!("v3/pushrules/global/underride/{}", ".m.rule.message");
    alice.put(format!("{path}/enabled"), json!({ "enabled": false })).await.ok();
    assert_eq!(rule(&global(&alice).await, "underride", ".m.rule.message").unwrap()["enabled"], false);
    alice.put(format!("{path}/actions"), json!({ "actions": [] })).await.ok();
    assert_eq!(alice.get(&path).await.ok()["actions"], json!([]));
    alice.delete(&path).await.refused();
}

async fn rule_refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let put =
        async |path: &str, body: Value| alice.put(format!("/_matrix/client/v3/pushrules/global/{path}"), body).await;
    put("nosuchkind/x", json!({ "actions": [] })).await.refused();
    put("override/.m.rule.own", json!({ "actions": [], "conditions": [] })).await.refused();
    put("override/with%2Fslash", json!({ "actions": [], "conditions": [] })).await.refused();
    put("override/x", json!({ "conditions": [] })).await.refused();
    put("content/x", json!({ "actions": [] })).await.refused();
    put("override/none/enabled", json!({ "enabled": true })).await.fails(404, "M_NOT_FOUND");
    alice.delete(path!("v3/pushrules/global/override/none")).await.fails(404, "M_NOT_FOUND");
    alice.get(path!("v3/pushrules/global/override/none/actions")).await.fails(404, "M_NOT_FOUND");
}

async fn rules_reach_other_devices(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let mut other = hs.login(&alice.id).await.follow().await;
    alice.put(path!("v3/pushrules/global/room/{}", "!class:hs1"), json!({ "actions": [] })).await.ok();
    let event = other.until(|sync| of_type(&sync["account_data"]["events"], "m.push_rules")).await;
    assert!(rule(&event["content"]["global"], "room", "!class:hs1").is_some(), "{event}");
}

async fn rules_decide_what_counts(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let (loud, muted) = (alice.room_with(&[&bob]).await, alice.room_with(&[&bob]).await);
    bob.put(path!("v3/pushrules/global/room/{}", muted), json!({ "actions": [] })).await.ok();
    bob.put(
        path!("v3/pushrules/global/content/word"),
        json!({ "pattern": "контрольная", "actions": ["notify", { "set_tweak": "highlight" }] }),
    )
    .await
    .ok();
    alice.send(&muted, "тихо").await;
    alice.send(&loud, "обычное").await;
    alice.send(&loud, "завтра контрольная!").await;
    let sync = bob.sync("").await;
    let counts = |room: &str| sync["rooms"]["join"][room]["unread_notifications"].clone();
    assert_eq!(counts(&muted), json!({ "notification_count": 0, "highlight_count": 0 }));
    assert_eq!(counts(&loud), json!({ "notification_count": 2, "highlight_count": 1 }));
}

async fn pushers(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let key = unique("pushkey");
    let pusher = json!({
        "app_id": "org.example.app", "app_display_name": "App", "device_display_name": "Phone", "kind": "http", "lang": "ru",
        "pushkey": key, "data": { "url": "https://push.example.org/_matrix/push/v1/notify", "format": "event_id_only" },
    });
    alice.post(path!("v3/pushers/set"), pusher.clone()).await.ok();
    let listed = list(&alice.get(path!("v3/pushers")).await.ok()["pushers"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["pushkey"], key.as_str());
    assert_eq!(listed[0]["lang"], "ru");
    alice
        .post(path!("v3/pushers/set"), json!({ "app_id": "org.example.app", "pushkey": key, "kind": null }))
        .await
        .ok();
    assert!(list(&alice.get(path!("v3/pushers")).await.ok()["pushers"]).is_empty());
    let mut bad = pusher;
    bad["data"] = json!({ "url": "https://push.example.org/elsewhere" });
    alice.post(path!("v3/pushers/set"), bad).await.refused();
    alice.post(path!("v3/pushers/set"), json!({ "kind": "http" })).await.refused();
}
