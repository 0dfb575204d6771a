use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    admin::administrator,
    rooms::{join, room, say},
    server::{Server, User, count},
};

const SEARCH: &str = "/_matrix/client/v3/search";

/// What a search among events finds.
async fn search(server: &Server, user: &User, criteria: Value) -> Value {
    page(server, user, criteria, "").await
}

/// A page of it.
async fn page(server: &Server, user: &User, criteria: Value, query: &str) -> Value {
    let body = json!({ "search_categories": { "room_events": criteria } });
    let mut answer = server.post(user, &format!("{SEARCH}{query}"), body).await;
    answer["search_categories"]["room_events"].take()
}

/// The texts of what was found.
fn texts(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().into_iter().flatten();
    let content = results.map(|result| &result["result"]["content"]);
    content.filter_map(|content| ["body", "name", "topic"].iter().find_map(|field| content[field].as_str())).collect()
}

async fn finds(server: &Server, user: &User, term: &str) -> Vec<String> {
    let answer = search(server, user, json!({ "search_term": term, "order_by": "recent" })).await;
    texts(&answer).into_iter().map(str::to_owned).collect()
}

on_both_engines! {
    async fn words_are_found_in_any_form(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({ "name": "Кружок шахмат", "topic": "Chess openings" })).await;
        say(&server, &anna, &id, "1", "Контрольная по алгебре в среду").await;
        say(&server, &anna, &id, "2", "Ещё раз: контрольные тетради сдаём, ёлки!").await;
        say(&server, &anna, &id, "3", "The lessons start at 8:30").await;
        for (term, expected) in [
            ("контрольной", vec!["Ещё раз: контрольные тетради сдаём, ёлки!", "Контрольная по алгебре в среду"]),
            ("АЛГЕБРА", vec!["Контрольная по алгебре в среду"]),
            ("алгебра контрольная", vec!["Контрольная по алгебре в среду"]),
            ("алгебра геометрия", vec![]),
            ("елка", vec!["Ещё раз: контрольные тетради сдаём, ёлки!"]),
            ("lesson", vec!["The lessons start at 8:30"]),
            ("starting 30", vec!["The lessons start at 8:30"]),
            ("шахматы", vec!["Кружок шахмат"]),
            ("opening", vec!["Chess openings"]),
            ("контр", vec![]),
        ] {
            assert_eq!(finds(&server, &anna, term).await, expected, "{term}");
        }
        let answer = search(&server, &anna, json!({ "search_term": "Алгебра" })).await;
        assert_eq!((&answer["count"], &answer["highlights"]), (&json!(1), &json!(["алгебра", "алгебре"])), "{answer}");
        let event = &answer["results"][0]["result"];
        assert_eq!((&event["room_id"], &event["sender"], &event["type"]), (&json!(id), &json!(anna.id), &json!("m.room.message")));
        assert!(answer["results"][0].get("context").is_none() && answer.get("next_batch").is_none(), "{answer}");
        let names = search(&server, &anna, json!({ "search_term": "шахматы", "keys": ["content.body", "content.topic"] })).await;
        assert_eq!(texts(&names), [""; 0]);
    }

    async fn what_fits_best_or_is_newest_comes_first(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        for (n, text) in ["урок", "один урок и ещё одно слово", "урок урок нет"].into_iter().enumerate() {
            say(&server, &anna, &id, &n.to_string(), text).await;
        }
        let best = search(&server, &anna, json!({ "search_term": "урок" })).await;
        assert_eq!(texts(&best), ["урок", "урок урок нет", "один урок и ещё одно слово"]);
        assert!(best["results"][0]["rank"].as_f64() > best["results"][1]["rank"].as_f64(), "{best}");
        assert_eq!(finds(&server, &anna, "урок").await, ["урок урок нет", "один урок и ещё одно слово", "урок"]);
    }

    async fn results_come_in_pages(server: Server) {
        let anna = server.register("anna").await;
        let (one, other) = (room(&server, &anna, json!({})).await, room(&server, &anna, json!({})).await);
        let mut expected = Vec::new();
        for n in 0..12 {
            let text = format!("урок {n}");
            say(&server, &anna, if n % 3 == 0 { &one } else { &other }, &n.to_string(), &text).await;
            expected.insert(0, text);
        }
        for order in ["recent", "rank"] {
            for limit in [1, 5, 12, 50] {
                let criteria = json!({ "search_term": "урок", "order_by": order, "filter": { "limit": limit } });
                let (mut seen, mut query): (Vec<String>, String) = (Vec::new(), String::new());
                loop {
                    let answer = page(&server, &anna, criteria.clone(), &query).await;
                    assert_eq!(answer["count"], 12, "{answer}");
                    seen.extend(texts(&answer).into_iter().map(str::to_owned));
                    match answer["next_batch"].as_str() {
                        Some(next) => query = format!("?next_batch={next}"),
                        None => break,
                    }
                    // What is said meanwhile disturbs nobody.
                    say(&server, &anna, &one, &format!("{order}{limit}{}", seen.len()), "перемена").await;
                }
                assert_eq!(seen, expected, "{order} {limit}");
            }
        }

        let group = json!({ "group_by": [{ "key": "room_id" }, { "key": "sender" }] });
        let criteria = json!({ "search_term": "урок", "order_by": "recent", "filter": { "limit": 6 }, "groupings": group });
        let answer = page(&server, &anna, criteria.clone(), "").await;
        let groups = &answer["groups"]["room_id"];
        assert_eq!((groups[&one]["results"].as_array().map(Vec::len), groups[&other]["results"].as_array().map(Vec::len)), (Some(2), Some(4)));
        assert_eq!((&groups[&other]["order"], &groups[&one]["order"]), (&json!(1), &json!(2)), "{answer}");
        assert_eq!(answer["groups"]["sender"][&anna.id]["results"].as_array().map(Vec::len), Some(6));
        let next = groups[&one]["next_batch"].as_str().expect("more in this room");
        let rest = page(&server, &anna, criteria, &format!("?next_batch={}", next.replace(':', "%3A"))).await;
        assert_eq!(texts(&rest), ["урок 3", "урок 0"], "{rest}");
        assert!(rest.get("next_batch").is_none(), "{rest}");
    }

    async fn what_was_edited_or_redacted_is_found_as_it_is(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let message = say(&server, &anna, &id, "1", "Урок отменили").await;
        let edit = async |txn: &str, text: &str| {
            let content = json!({
                "msgtype": "m.text", "body": format!("* {text}"), "m.new_content": { "msgtype": "m.text", "body": text },
                "m.relates_to": { "rel_type": "m.replace", "event_id": message },
            });
            let path = format!("/_matrix/client/v3/rooms/{id}/send/m.room.message/{txn}");
            let edit = server.put(&anna, &path, content).await["event_id"].as_str().expect("an id").to_owned();
            // Of edits of one millisecond the one with the larger id counts as the newest.
            let sent_at = server.app.clock.now();
            while server.app.clock.now() == sent_at {
                tokio::task::yield_now().await;
            }
            edit
        };
        let redact = async |event: &str| {
            server.put(&anna, &format!("/_matrix/client/v3/rooms/{id}/redact/{event}/r{event}"), json!({})).await;
        };
        edit("2", "Урок перенесли на пятницу").await;
        let last = edit("3", "Урок перенесли на субботу").await;
        for term in ["отменить", "отменили", "пятница"] {
            assert!(finds(&server, &anna, term).await.is_empty(), "{term}: it does not say so any more");
        }
        for term in ["суббота", "урок"] {
            let answer = search(&server, &anna, json!({ "search_term": term })).await;
            assert_eq!(answer["results"].as_array().map(Vec::len), Some(1), "{term}: {answer}");
            let event = &answer["results"][0]["result"];
            assert_eq!((&event["event_id"], &event["unsigned"]["m.relations"]["m.replace"]["event_id"]), (&json!(message), &json!(last)));
        }
        redact(&last).await;
        assert!(finds(&server, &anna, "суббота").await.is_empty());
        assert_eq!(finds(&server, &anna, "пятница").await.len(), 1, "the edit before stands again");
        redact(&message).await;
        for term in ["пятница", "урок"] {
            assert!(finds(&server, &anna, term).await.is_empty(), "{term}");
        }

        let encrypted = format!("/_matrix/client/v3/rooms/{id}/send/m.room.encrypted/e");
        let before = count(&server, "SELECT COUNT(*) AS n FROM message_words").await;
        server.put(&anna, &encrypted, json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "шифр", "body": "шифр" })).await;
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM message_words").await, before);
    }

    async fn one_finds_what_one_may_see(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let vera = server.register("vera").await;
        let state = json!([{ "type": "m.room.history_visibility", "state_key": "", "content": { "history_visibility": "joined" } }]);
        let id = room(&server, &anna, json!({ "preset": "public_chat", "initial_state": state })).await;
        say(&server, &anna, &id, "1", "урок первый").await;
        assert!(finds(&server, &boris, "урок").await.is_empty(), "he is not there");
        join(&server, &boris, &id).await;
        join(&server, &vera, &id).await;
        say(&server, &anna, &id, "2", "урок второй").await;
        say(&server, &vera, &id, "3", "урок третий").await;
        assert_eq!(finds(&server, &boris, "урок").await, ["урок третий", "урок второй"]);
        let ignored = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", boris.id);
        server.put(&boris, &ignored, json!({ "ignored_users": { &vera.id: {} } })).await;
        assert_eq!(finds(&server, &boris, "урок").await, ["урок второй"]);
        server.post(&boris, &format!("/_matrix/client/v3/rooms/{id}/leave"), json!({})).await;
        say(&server, &anna, &id, "4", "урок четвёртый").await;
        assert_eq!(finds(&server, &boris, "урок").await, ["урок второй"]);
        server.post(&boris, &format!("/_matrix/client/v3/rooms/{id}/forget"), json!({})).await;
        assert!(finds(&server, &boris, "урок").await.is_empty());

        let other = room(&server, &anna, json!({})).await;
        say(&server, &anna, &other, "5", "урок в другой").await;
        for (filter, expected) in [
            (json!({ "rooms": [other] }), vec!["урок в другой"]),
            (json!({ "not_rooms": [other], "senders": [vera.id] }), vec!["урок третий"]),
            (json!({ "not_senders": [anna.id] }), vec!["урок третий"]),
            (json!({ "types": ["m.room.topic"] }), vec![]),
            (json!({ "rooms": ["!nowhere:parta.test"] }), vec![]),
            (json!({ "rooms": [] }), vec![]),
        ] {
            let answer = search(&server, &anna, json!({ "search_term": "урок", "filter": filter })).await;
            assert_eq!(texts(&answer), expected, "{filter}");
        }

        let head = administrator(&server).await;
        let path = format!("/_synapse/admin/v1/rooms/{id}");
        let (status, answer) = server.json(Method::DELETE, &path, Some(&head.token), &json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM message_words").await, 1, "its words went with it");
    }

    async fn results_have_what_stands_around_them(server: Server) {
        let anna = server.register("anna").await;
        let name = format!("/_matrix/client/v3/profile/{}/displayname", anna.id);
        server.put(&anna, &name, json!({ "displayname": "Анна" })).await;
        let id = room(&server, &anna, json!({ "name": "7Б" })).await;
        for n in 0..5 {
            say(&server, &anna, &id, &n.to_string(), if n == 2 { "урок" } else { "слово" }).await;
        }
        let context = json!({ "before_limit": 1, "after_limit": 2, "include_profile": true });
        let criteria = json!({ "search_term": "урок", "event_context": context, "include_state": true });
        let answer = search(&server, &anna, criteria).await;
        let around = &answer["results"][0]["context"];
        assert_eq!((around["events_before"].as_array().map(Vec::len), around["events_after"].as_array().map(Vec::len)), (Some(1), Some(2)));
        assert_eq!(around["profile_info"][&anna.id]["displayname"], "Анна", "{around}");
        let end = around["end"].as_str().expect("a place");
        let after = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=f&from={end}")).await;
        assert_eq!(after["chunk"], json!([]), "the last message was the second after");
        assert!(answer["state"][&id].as_array().is_some_and(|state| state.iter().any(|event| event["type"] == "m.room.name")));
    }

    async fn nothing_that_is_asked_breaks_it(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let odd = ["", "!!! 👍", "\"", "' OR 1=1 --", "a AND NOT b", "NEAR(a b)", "урок*", "𝕏 ①", "क्षा", "İ", "\u{0}§", "col:урок", "^урок"];
        for (n, term) in odd.into_iter().enumerate() {
            say(&server, &anna, &id, &n.to_string(), term).await;
            let answer = search(&server, &anna, json!({ "search_term": term })).await;
            let has_words = term.chars().any(char::is_alphanumeric);
            assert_eq!(texts(&answer).contains(&term), has_words, "{term:?}: {answer}");
        }
        search(&server, &anna, json!({ "search_term": "слово ".repeat(5_000) })).await;
        search(&server, &anna, json!({ "search_term": "ы".repeat(100_000) })).await;
        for bad in [json!({ "search_term": "а", "order_by": "x" }), json!({ "search_term": "а", "keys": ["content.x"] })] {
            let body = json!({ "search_categories": { "room_events": bad } });
            server.refused(Method::POST, &anna, SEARCH, body, "M_INVALID_PARAM").await;
        }
        let body = json!({ "search_categories": { "room_events": { "search_term": "а" } } });
        server.refused(Method::POST, &anna, &format!("{SEARCH}?next_batch=x"), body, "M_INVALID_PARAM").await;
        let nothing = server.post(&anna, SEARCH, json!({ "search_categories": {} })).await;
        assert_eq!(nothing, json!({ "search_categories": {} }));
    }
}
