use http::Method;
use ruma::RoomId;
use serde_json::{Value, json};

use crate::{
    rooms::{join, leave, open_room, room, say},
    server::{Server, User},
    sliding::{sync, woken},
};

const RULES: &str = "/_matrix/client/v3/pushrules/global/";
const SUBSCRIPTIONS: &str = "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions";
const EXTENSION: &str = "io.element.msc4308.thread_subscriptions";
const CONFLICT: &str = "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION";
const NOT_IN_THREAD: &str = "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD";

fn path(room: &str, query: &str) -> String {
    format!("/_matrix/client/v1/rooms/{room}/threads{query}")
}

fn subscription(room: &str, root: &str) -> String {
    format!("/_matrix/client/unstable/io.element.msc4306/rooms/{room}/thread/{root}/subscription")
}

/// What an answer says of a room's threads, the last first: the root, and whether it is subscribed to.
fn said<'a>(answer: &'a Value, room: &str) -> Vec<(&'a str, bool)> {
    let mut said: Vec<(u64, &str, bool)> = Vec::new();
    for (field, subscribed) in [("subscribed", true), ("unsubscribed", false)] {
        for (root, thread) in answer[field][room].as_object().into_iter().flatten() {
            said.push((thread["bump_stamp"].as_u64().expect("a bump stamp"), root.as_str(), subscribed));
        }
    }
    said.sort_unstable();
    said.into_iter().rev().map(|(_, root, subscribed)| (root, subscribed)).collect()
}

/// How many notifications are unread in a room.
async fn unread(server: &Server, user: &User, room: &str) -> u64 {
    let room_id = <&RoomId>::try_from(room).expect("a room's id");
    let state = server.app.rooms.require(room_id).await.expect("a room");
    server.app.unread.of(&state, &user.user_id()).await.expect("a count").total().notifications
}

/// What has notified somebody, oldest first.
async fn notified(server: &Server, user: &User) -> Vec<String> {
    let page = server.get(user, "/_matrix/client/v3/notifications?limit=100").await;
    let newest_first = page["notifications"].as_array().expect("notifications").iter().rev();
    newest_first.map(|n| n["event"]["content"]["body"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The roots of a list of threads.
fn roots(answer: &Value) -> Vec<&str> {
    answer["chunk"].as_array().expect("events").iter().filter_map(|event| event["event_id"].as_str()).collect()
}

/// Answers in a thread.
async fn reply(server: &Server, user: &User, room: &str, root: &str, text: &str) -> String {
    let relates_to = json!({ "rel_type": "m.thread", "event_id": root });
    let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{text}");
    let content = json!({ "msgtype": "m.text", "body": text, "m.relates_to": relates_to });
    server.put(user, &path, content).await["event_id"].as_str().expect("an event id").to_owned()
}

on_both_engines! {
    async fn the_last_to_move_comes_first(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[&boris]).await;
        assert_eq!(server.get(&anna, &path(&id, "")).await, json!({ "chunk": [] }));
        let old = say(&server, &anna, &id, "old", "Старое").await;
        let new = say(&server, &anna, &id, "new", "Новое").await;
        reply(&server, &anna, &id, &new, "a").await;
        let inner = reply(&server, &boris, &id, &old, "b").await;
        let last = reply(&server, &boris, &id, &old, "c").await;
        // What relates to another event itself is no root, and what nobody sent is none either.
        reply(&server, &boris, &id, &inner, "d").await;
        reply(&server, &boris, &id, "$nothing", "e").await;

        let all = server.get(&anna, &path(&id, "")).await;
        assert_eq!(roots(&all), [old.as_str(), new.as_str()]);
        assert_eq!((&all["chunk"][0]["room_id"], all.get("next_batch")), (&json!(id), None));
        let thread = &all["chunk"][0]["unsigned"]["m.relations"]["m.thread"];
        assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&json!(2), &json!(last)), "{all}");
        let taken_part = path(&id, "?include=participated");
        assert_eq!(roots(&server.get(&boris, &taken_part).await), [old.as_str()]);
        assert_eq!(roots(&server.get(&anna, &taken_part).await), [old.as_str(), new.as_str()], "the roots are hers");

        let redact = format!("/_matrix/client/v3/rooms/{id}/redact/{old}/r");
        server.put(&anna, &redact, json!({})).await;
        assert_eq!(roots(&server.get(&anna, &path(&id, "?include=all")).await), [new.as_str()]);
        for bad in ["?from=x", "?limit=x"] {
            let (status, answer) = server.json(Method::GET, &path(&id, bad), Some(&anna.token), &Value::Null).await;
            assert_eq!(status.as_u16(), 400, "{bad}: {answer}");
        }
    }

    async fn pages_tell_every_thread_once(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let mut expected = Vec::new();
        for n in 0..5 {
            expected.push(say(&server, &anna, &id, &format!("root{n}"), "Тема").await);
        }
        // Twice each, so that the older replies lie between the newer ones of other threads and what a page ends with.
        for round in 0..2 {
            for (n, root) in expected.iter().enumerate() {
                reply(&server, &anna, &id, root, &format!("{round}-{n}")).await;
            }
        }
        expected.reverse();
        for limit in 1..=5 {
            let (mut seen, mut from): (Vec<String>, String) = (Vec::new(), String::new());
            loop {
                let page = server.get(&anna, &path(&id, &format!("?limit={limit}{from}"))).await;
                seen.extend(roots(&page).into_iter().map(str::to_owned));
                match page["next_batch"].as_str() {
                    Some(next) => from = format!("&from={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, expected, "limit {limit}");
        }
    }

    async fn what_one_may_not_see_is_no_thread(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let vera = server.register("vera").await;
        let id = open_room(&server, &anna, &[&boris]).await;
        server.refused(Method::GET, &vera, &path(&id, ""), Value::Null, "M_FORBIDDEN").await;
        join(&server, &vera, &id).await;
        let (first, second) = (say(&server, &anna, &id, "1", "Раз").await, say(&server, &boris, &id, "2", "Два").await);
        reply(&server, &anna, &id, &first, "a").await;
        reply(&server, &anna, &id, &second, "b").await;
        reply(&server, &boris, &id, &first, "c").await;
        assert_eq!(roots(&server.get(&vera, &path(&id, "")).await), [first.as_str(), second.as_str()]);
        let ignored = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", vera.id);
        server.put(&vera, &ignored, json!({ "ignored_users": { boris.id.clone(): {} } })).await;
        let seen = server.get(&vera, &path(&id, "")).await;
        assert_eq!(roots(&seen), [first.as_str()], "the root of one who is ignored is hidden");
        assert_eq!(seen["chunk"][0]["unsigned"]["m.relations"]["m.thread"]["count"], 1, "{seen}");

        leave(&server, &vera, &id).await;
        let later = say(&server, &anna, &id, "3", "Без неё").await;
        reply(&server, &anna, &id, &later, "d").await;
        assert_eq!(roots(&server.get(&vera, &path(&id, "")).await), [first.as_str()]);
        assert_eq!(roots(&server.get(&anna, &path(&id, "")).await)[0], later);
    }

    async fn a_person_subscribes_or_a_client_does(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = open_room(&server, &anna, &[&boris]).await;
        let root = say(&server, &anna, &id, "root", "Тема").await;
        let first = reply(&server, &anna, &id, &root, "a").await;
        let path = subscription(&id, &root);
        server.refused(Method::GET, &boris, &path, Value::Null, "M_NOT_FOUND").await;
        server.put(&boris, &path, json!({ "automatic": first })).await;
        assert_eq!(server.get(&boris, &path).await, json!({ "automatic": true }));
        server.refused(Method::GET, &anna, &path, Value::Null, "M_NOT_FOUND").await;
        server.put(&boris, &path, json!({})).await;
        assert_eq!(server.get(&boris, &path).await, json!({ "automatic": false }));
        let now = server.app.journal.position();
        server.put(&boris, &path, json!({ "automatic": first })).await;
        server.put(&boris, &path, json!({})).await;
        assert_eq!(server.get(&boris, &path).await, json!({ "automatic": false }), "a choice is not taken back by a client");
        assert_eq!(server.app.journal.position(), now, "nothing has changed");

        server.delete(&boris, &path, Value::Null).await;
        server.refused(Method::GET, &boris, &path, Value::Null, "M_NOT_FOUND").await;
        let cause = json!({ "automatic": first });
        let (status, answer) = server.json(Method::PUT, &path, Some(&boris.token), &cause).await;
        assert_eq!((status.as_u16(), &answer["errcode"]), (409, &json!(CONFLICT)), "{answer}");
        let second = reply(&server, &anna, &id, &root, "b").await;
        server.put(&boris, &path, json!({ "automatic": second })).await;
        assert_eq!(server.get(&boris, &path).await, json!({ "automatic": true }), "what came since is another matter");

        // Who says it again means what has come since, too.
        server.delete(&boris, &path, Value::Null).await;
        let third = reply(&server, &anna, &id, &root, "c").await;
        server.delete(&boris, &path, Value::Null).await;
        server.refused(Method::PUT, &boris, &path, json!({ "automatic": third }), CONFLICT).await;
        let server = server.restarted().await;
        server.refused(Method::PUT, &boris, &path, json!({ "automatic": third }), CONFLICT).await;
        server.put(&boris, &path, json!({})).await;
        assert_eq!(server.get(&boris, &path).await, json!({ "automatic": false }));
    }

    async fn one_subscribes_to_threads_that_one_sees(server: Server) {
        let (anna, vera) = (server.register("anna").await, server.register("vera").await);
        let id = open_room(&server, &anna, &[]).await;
        let elsewhere = room(&server, &anna, json!({})).await;
        let root = say(&server, &anna, &id, "root", "Тема").await;
        let other = say(&server, &anna, &id, "other", "Другая").await;
        let (inner, outer) = (reply(&server, &anna, &id, &root, "a").await, reply(&server, &anna, &id, &other, "b").await);
        for (user, path) in [
            (&vera, subscription(&id, &root)),
            (&anna, subscription(&id, "$nothing")),
            (&anna, subscription(&id, &inner)),
            (&anna, subscription(&elsewhere, &root)),
            (&anna, subscription("!nowhere:parta.test", &root)),
        ] {
            for (method, body) in [(Method::GET, Value::Null), (Method::PUT, json!({})), (Method::DELETE, Value::Null)] {
                server.refused(method, user, &path, body, "M_NOT_FOUND").await;
            }
        }
        let path = subscription(&id, &root);
        for (cause, errcode) in [
            (json!(root), NOT_IN_THREAD),
            (json!(other), NOT_IN_THREAD),
            (json!(outer), NOT_IN_THREAD),
            (json!("$nothing"), NOT_IN_THREAD),
            (json!(true), "M_BAD_JSON"),
        ] {
            let answer = server.refused(Method::PUT, &anna, &path, json!({ "automatic": cause }), errcode).await;
            assert!(answer["error"].is_string(), "{answer}");
        }
        server.refused(Method::GET, &anna, &path, Value::Null, "M_NOT_FOUND").await;

        // What one sees no more is no thread of one's own.
        join(&server, &vera, &id).await;
        server.put(&vera, &path, json!({})).await;
        let ignored = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", vera.id);
        server.put(&vera, &ignored, json!({ "ignored_users": { anna.id.clone(): {} } })).await;
        server.refused(Method::GET, &vera, &path, Value::Null, "M_NOT_FOUND").await;
    }

    async fn who_follows_threads_is_notified_of_those_alone(server: Server) {
        let (anna, boris, vera) =
            (server.register("anna").await, server.register("boris").await, server.register("vera").await);
        let id = open_room(&server, &anna, &[&boris, &vera]).await;
        let followed = say(&server, &anna, &id, "followed", "followed").await;
        let other = say(&server, &anna, &id, "other", "other").await;
        assert!(server.get(&boris, RULES).await.get("postcontent").is_none());
        server.put(&boris, &subscription(&id, &followed), json!({})).await;
        let listed = server.get(&boris, RULES).await;
        let ids: Vec<_> = listed["postcontent"].as_array().expect("rules").iter().map(|rule| &rule["rule_id"]).collect();
        let names = ["unsubscribed_thread", "subscribed_thread"].map(|name| json!(format!(".io.element.msc4306.rule.{name}")));
        assert_eq!(ids, [&names[0], &names[1]]);
        let stored = format!("/_matrix/client/v3/user/{}/account_data/m.push_rules", boris.id);
        assert_eq!(server.get(&boris, &stored).await["global"]["postcontent"], listed["postcontent"], "clients are told");
        assert!(server.get(&vera, RULES).await.get("postcontent").is_none(), "others are as they were");

        reply(&server, &anna, &id, &followed, "inside").await;
        reply(&server, &anna, &id, &other, "outside").await;
        let relates_to = json!({ "rel_type": "m.thread", "event_id": other });
        let mentions = json!({ "user_ids": [boris.id] });
        let mention = json!({ "msgtype": "m.text", "body": "mention", "m.mentions": mentions, "m.relates_to": relates_to });
        server.put(&anna, &format!("/_matrix/client/v3/rooms/{id}/send/m.room.message/m"), mention).await;
        assert_eq!(notified(&server, &boris).await, ["followed", "other", "inside", "mention"]);
        assert_eq!(notified(&server, &vera).await, ["followed", "other", "inside", "outside", "mention"]);
        assert_eq!((unread(&server, &boris, &id).await, unread(&server, &vera, &id).await), (4, 5));

        // From one to the other.
        server.delete(&boris, &subscription(&id, &followed), Value::Null).await;
        server.put(&boris, &subscription(&id, &other), json!({})).await;
        reply(&server, &anna, &id, &followed, "not-any-more").await;
        assert_eq!((unread(&server, &boris, &id).await, unread(&server, &vera, &id).await), (4, 6));
        reply(&server, &anna, &id, &other, "now").await;
        let server = server.restarted().await;
        assert_eq!(notified(&server, &boris).await, ["followed", "other", "outside", "mention", "now"]);
        assert_eq!(notified(&server, &vera).await.len(), 7);

        // Who has only ever unsubscribed follows threads as well, and none of them.
        server.delete(&vera, &subscription(&id, &other), Value::Null).await;
        assert_eq!(notified(&server, &vera).await, ["followed", "other"]);
    }

    async fn the_rules_for_threads_are_a_persons_own(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = open_room(&server, &anna, &[&boris]).await;
        let root = say(&server, &anna, &id, "root", "root").await;
        let rule = |kind: &str| format!("{RULES}{kind}/.io.element.msc4306.rule.unsubscribed_thread");
        let (path, enabled) = (rule("postcontent"), format!("{}/enabled", rule("postcontent")));
        server.refused(Method::GET, &boris, &path, Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::PUT, &boris, &enabled, json!({ "enabled": false }), "M_NOT_FOUND").await;
        // A rule of another kind was changed before.
        server.put(&boris, &format!("{RULES}content/cake"), json!({ "pattern": "cake", "actions": ["notify"] })).await;
        server.delete(&boris, &subscription(&id, &root), Value::Null).await;
        let shown = server.get(&boris, &path).await;
        let conditions = json!([{ "kind": "io.element.msc4306.thread_subscription", "subscribed": false }]);
        assert_eq!((&shown["conditions"], &shown["enabled"]), (&conditions, &json!(true)), "{shown}");
        assert_eq!(server.get(&boris, &rule("io.element.msc4306.postcontent")).await, shown);
        assert_eq!(server.get(&boris, RULES).await["content"][0]["rule_id"], "cake");
        reply(&server, &anna, &id, &root, "quiet").await;
        assert_eq!(notified(&server, &boris).await, ["root"]);
        reply(&server, &anna, &id, &root, "cake").await;
        assert_eq!(notified(&server, &boris).await, ["root", "cake"], "words that one waits for come first");

        server.put(&boris, &enabled, json!({ "enabled": false })).await;
        assert_eq!(server.get(&boris, &enabled).await, json!({ "enabled": false }));
        server.put(&boris, &subscription(&id, &root), json!({})).await;
        server.delete(&boris, &subscription(&id, &root), Value::Null).await;
        assert_eq!(server.get(&boris, &enabled).await, json!({ "enabled": false }), "and stays so");
        assert_eq!(notified(&server, &boris).await, ["root", "quiet", "cake"]);
        let own = format!("{RULES}postcontent/own");
        server.refused(Method::PUT, &boris, &own, json!({ "conditions": [], "actions": [] }), "M_INVALID_PARAM").await;
        server.refused(Method::DELETE, &boris, &path, Value::Null, "M_INVALID_PARAM").await;
    }

    async fn clients_hear_which_threads_are_followed(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let versions = server.get(&anna, "/_matrix/client/versions").await;
        for feature in ["org.matrix.msc4306", "org.matrix.msc4308"] {
            assert_eq!(versions["unstable_features"][feature], true, "{versions}");
        }
        let id = open_room(&server, &anna, &[&boris]).await;
        let mut roots = Vec::new();
        for n in 0..5 {
            let root = say(&server, &boris, &id, &n.to_string(), "Тема").await;
            server.put(&anna, &subscription(&id, &root), json!({})).await;
            roots.push(root);
        }
        server.delete(&anna, &subscription(&id, &roots[0]), Value::Null).await;
        let root = |n: usize| roots[n].as_str();
        let body = json!({ "extensions": { EXTENSION: { "enabled": true, "limit": 2 } } });
        let (first, pos) = sync(&server, &anna, "", &body).await;
        let told = &first["extensions"][EXTENSION];
        assert_eq!(said(told, &id), [(root(0), false), (root(4), true)]);
        assert_eq!(told["subscribed"][&id][root(4)]["automatic"], false, "{told}");

        // The rest is read page by page.
        let page = async |query: String| server.get(&anna, &format!("{SUBSCRIPTIONS}?dir=b{query}")).await;
        let second = page(format!("&limit=2&from={}", told["prev_batch"].as_str().expect("a token"))).await;
        assert_eq!(said(&second, &id), [(root(3), true), (root(2), true)]);
        let third = page(format!("&limit=2&from={}", second["end"].as_str().expect("a token"))).await;
        assert_eq!((said(&third, &id), third.get("end")), (vec![(root(1), true)], None));
        let whole = page(String::new()).await;
        assert_eq!((said(&whole, &id).len(), whole.get("end")), (5, None));
        assert_eq!(server.get(&boris, &format!("{SUBSCRIPTIONS}?dir=b")).await, json!({}), "everybody has their own");

        // Then what changes.
        let (quiet, pos) = sync(&server, &anna, &pos, &body).await;
        assert!(quiet.get("extensions").is_none(), "{quiet}");
        let (news, pos) = woken(&server, &anna, &pos, &body, async {
            server.delete(&anna, &subscription(&id, root(3)), Value::Null).await;
        })
        .await;
        assert_eq!(said(&news["extensions"][EXTENSION], &id), [(root(3), false)]);
        assert!(news["extensions"][EXTENSION].get("prev_batch").is_none(), "{news}");
        for n in [1, 2, 0, 3] {
            server.delete(&anna, &subscription(&id, root(n)), Value::Null).await;
        }
        server.put(&anna, &subscription(&id, root(0)), json!({})).await;
        let (many, _) = sync(&server, &anna, &pos, &body).await;
        let told = &many["extensions"][EXTENSION];
        assert_eq!(said(told, &id), [(root(0), true), (root(3), false)], "of each the last that was said");
        let rest = page(format!("&from={}&to={pos}", told["prev_batch"].as_str().expect("a token"))).await;
        assert_eq!((said(&rest, &id), rest.get("end")), (vec![(root(2), false), (root(1), false)], None));

        let off = json!({ "extensions": { EXTENSION: { "limit": 2 } } });
        assert!(sync(&server, &anna, "", &off).await.0.get("extensions").is_none());
        for bad in ["?limit=5", "?dir=b&limit=0", "?dir=b&limit=x", "?dir=b&from=x", "?dir=b&to=x"] {
            server.refused(Method::GET, &anna, &format!("{SUBSCRIPTIONS}{bad}"), Value::Null, "M_INVALID_PARAM").await;
        }
    }
}
