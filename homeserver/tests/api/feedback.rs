//! The feedback button, from both ends.

use axum::body::Body;
use homeserver::{
    backup,
    clock::Clock,
    config::Bucket,
    domain::feedback::{Deed, State},
    storage::db::sql,
};
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    admin::administrator,
    rooms::{bodies, join},
    server::{Server, User, count},
    server_notices::invitations,
};

const MINE: &str = "/_parta/client/v1/feedback";
const ALL: &str = "/_parta/admin/v1/feedback";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

fn problem(text: &str) -> Value {
    json!({ "kind": "problem", "text": text, "diagnostics": { "version": "1.2", "language": "ru" } })
}

async fn send(server: &Server, user: &User, report: Value) -> Value {
    server.post(user, MINE, report).await
}

/// Calls what must fail, and how: the problem's code.
async fn fails(server: &Server, method: Method, user: &User, path: &str, body: Value) -> String {
    let request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
        .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
        .unwrap();
    let answer = server.call(request).await;
    let error: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json", "{method} {path}: {error}");
    assert_eq!(error["status"], answer.status().as_u16(), "{error}");
    assert!(error["type"].as_str().is_some_and(|kind| kind.starts_with("urn:parta:problem:")), "{error}");
    assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{error}");
    error["code"].as_str().unwrap_or_default().to_owned()
}

async fn upload(server: &Server, user: &User, bytes: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::post(format!("{MINE}/attachments"))
        .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
        .body(bytes.into())
        .unwrap();
    let answer = server.call(request).await;
    (answer.status(), serde_json::from_slice(answer.body()).unwrap_or_default())
}

/// An attachment for a report.
async fn attachment(server: &Server, user: &User, name: &str, bytes: &'static [u8]) -> Value {
    let (status, uploaded) = upload(server, user, bytes).await;
    assert_eq!(status, StatusCode::OK, "{uploaded}");
    json!({ "name": name, "media_type": uploaded["media_type"], "content_uri": uploaded["content_uri"] })
}

async fn download(server: &Server, user: &User, path: &str) -> http::Response<axum::body::Bytes> {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {}", user.token));
    server.call(request.body(Body::empty()).unwrap()).await
}

/// What a user's account data says is unread.
async fn unread(server: &Server, user: &User) -> Value {
    server.get(user, &format!("/_matrix/client/v3/user/{}/account_data/org.parta.feedback", user.id)).await["unread"]
        .clone()
}

/// Files of feedback that lie in the media store.
fn stored(server: &Server) -> usize {
    fn files(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.flatten().map(|e| if e.path().is_dir() { files(&e.path()) } else { 1 }).sum()
    }
    files(&server.app.config.media_dir().join("feedback"))
}

async fn ids(server: &Server, head: &User, query: &str) -> Vec<Value> {
    let list = server.get(head, &format!("{ALL}{query}")).await;
    list["reports"].as_array().unwrap().iter().map(|report| report["id"].clone()).collect()
}

on_both_engines! {
    async fn an_answer_comes_back_to_who_asked(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let sent = send(&server, &anna, problem("  Не печатает\nсовсем ")).await;
        assert_eq!((&sent["text"], &sent["state"], &sent["answers"]), (&json!("Не печатает\nсовсем"), &json!("new"), &json!([])));
        let (id, since) = (&sent["id"], server.get(&anna, "/_matrix/client/v3/sync").await["next_batch"].clone());

        let path = format!("{ALL}/{id}");
        server.ok(Method::PATCH, &head, &path, &json!({ "state": "seen", "priority": "high", "note": "принтер в 12" })).await;
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM feedback_acts WHERE told IS NOT NULL").await, 0);
        let answered = server.post(&head, &format!("{path}/answers"), json!({ "text": "Заменили картридж." })).await;
        let acts: Vec<_> = answered["acts"].as_array().unwrap().iter().map(|act| (&act["n"], &act["kind"], &act["value"], &act["who"])).collect();
        let by = &json!(head.id);
        let expected = [
            (&json!(1), &json!("state"), &json!("seen"), by), (&json!(2), &json!("priority"), &json!("high"), by),
            (&json!(3), &json!("note"), &json!("принтер в 12"), by), (&json!(4), &json!("answer"), &json!("Заменили картридж."), by),
        ];
        assert_eq!(acts, expected);
        assert_eq!((&answered["acts"][3]["told"], &answered["reporter"]), (&json!(true), &json!(anna.id)));

        let news = server.get(&anna, &format!("/_matrix/client/v3/sync?since={}", since.as_str().unwrap())).await;
        let signal = json!({ "type": "org.parta.feedback", "content": { "unread": 1 } });
        assert!(news["account_data"]["events"].as_array().unwrap().contains(&signal), "{news}");
        let rooms = invitations(&server, &anna).await;
        let [room] = &rooms[..] else { panic!("{rooms:?}") };
        join(&server, &anna, room).await;
        let messages = server.get(&anna, &format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=100")).await;
        assert_eq!(bodies(&messages["chunk"]), ["Ответ на ваше сообщение «Не печатает…»:\n\nЗаменили картридж."]);

        let own = server.get(&anna, &format!("{MINE}/{id}")).await;
        assert_eq!((&own["state"], &own["unread"], own.get("note"), own.get("acts")), (&json!("seen"), &json!(1), None, None));
        assert_eq!((&own["answers"][0]["text"], &own["answers"][0]["read"]), (&json!("Заменили картридж."), &json!(false)));
        server.post(&anna, &format!("{MINE}/{id}/read"), json!({})).await;
        assert_eq!(unread(&server, &anna).await, 0);
        assert_eq!(server.get(&anna, &format!("{MINE}/{id}")).await["answers"][0]["read"], true);

        server.ok(Method::PATCH, &head, &path, &json!({ "state": "done" })).await;
        assert_eq!(unread(&server, &anna).await, 1);
        server.ok(Method::PATCH, &head, &path, &json!({ "state": "done" })).await;
        assert_eq!(unread(&server, &anna).await, 1, "what changes nothing is no news");
        let messages = server.get(&anna, &format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=1")).await;
        assert_eq!(bodies(&messages["chunk"]), ["Ваше сообщение «Не печатает…»: сделано."]);
        server.delete(&head, &path, json!({})).await;
        assert_eq!(unread(&server, &anna).await, 0);
        assert_eq!(fails(&server, Method::GET, &anna, &format!("{MINE}/{id}"), Value::Null).await, "M_NOT_FOUND");
    }

    async fn what_was_not_told_is_told_later(server: Server) {
        let anna = server.register("anna").await;
        let id = send(&server, &anna, problem("x")).await["id"].as_i64().unwrap();
        // As a command does it beside the server: the server is not asked, and no position is drawn.
        let before = server.app.journal.position();
        server.app.feedback.act(id, "terminal", vec![Deed::Answer("Да.".into()), Deed::State(State::Planned)]).await.unwrap();
        assert_eq!(server.app.journal.position(), before);
        let server = server.restarted().await;
        server.app.feedback_news.tell().await;
        assert_eq!(unread(&server, &anna).await, 2);
        assert_eq!(invitations(&server, &anna).await.len(), 1);
        let at = server.app.journal.position();
        server.app.feedback_news.tell().await;
        assert_eq!(server.app.journal.position(), at, "nothing is told twice");
    }

    async fn a_report_sent_twice_is_one(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let named = |text: &str| json!({ "kind": "idea", "text": text, "client_id": "0d9f" });
        let first = send(&server, &anna, named("Тёмная тема")).await;
        assert_eq!(send(&server, &anna, named("Тёмная тема")).await, first);
        let request = Request::post(MINE)
            .header(header::AUTHORIZATION, format!("Bearer {}", anna.token))
            .header("idempotency-key", "0d9f")
            .body(Body::from(problem("x").to_string()))
            .unwrap();
        let again: Value = serde_json::from_slice(server.call(request).await.body()).unwrap();
        assert_eq!(again, first);
        assert_ne!(send(&server, &boris, named("Тёмная тема")).await["id"], first["id"]);
        let one = send(&server, &anna, problem("x")).await;
        assert_ne!(send(&server, &anna, problem("x")).await["id"], one["id"], "without an id each is its own");

        let page = server.get(&anna, &format!("{MINE}?limit=2")).await;
        assert_eq!((page["reports"].as_array().unwrap().len(), &page["enabled"], &page["unread"]), (2, &json!(true), &json!(0)));
        let rest = server.get(&anna, &format!("{MINE}?from={}", page["next"])).await;
        assert_eq!((&rest["reports"], &rest["next"]), (&json!([first]), &Value::Null));
        let foreign = format!("{MINE}/{}", first["id"]);
        assert_eq!(fails(&server, Method::GET, &boris, &foreign, Value::Null).await, "M_NOT_FOUND");
        assert_eq!(fails(&server, Method::POST, &boris, &format!("{foreign}/read"), json!({})).await, "M_NOT_FOUND");
    }

    async fn there_is_an_end_to_what_one_may_send(server: Server) {
        let anna = server.register("anna").await;
        for (report, code) in [
            (json!({ "kind": "problem", "text": " " }), "M_INVALID_PARAM"),
            (json!({ "kind": "problem", "text": "ы".repeat(4_001) }), "M_INVALID_PARAM"),
            (json!({ "kind": "rumour", "text": "x" }), "M_BAD_JSON"),
            (json!({ "kind": "idea" }), "M_BAD_JSON"),
            (json!({ "kind": "idea", "text": "x", "room_id": "nowhere" }), "M_BAD_JSON"),
            (json!({ "kind": "idea", "text": "x", "client_id": "" }), "M_INVALID_PARAM"),
            (json!({ "kind": "idea", "text": "x", "client_id": "а б" }), "M_INVALID_PARAM"),
            (json!({ "kind": "idea", "text": "x", "diagnostics": { "os": 1 } }), "M_BAD_JSON"),
            (json!({ "kind": "idea", "text": "x", "diagnostics": { "os": "x".repeat(16 * 1024) } }), "M_INVALID_PARAM"),
            (json!({ "kind": "idea", "text": "x", "attachments": [{ "name": "a", "content_uri": "mxc://a/b" }] }), "M_NOT_FOUND"),
            (json!({ "kind": "idea", "text": "x", "attachments": vec![json!({ "name": "a", "content_uri": "b" }); 5] }), "M_INVALID_PARAM"),
        ] {
            assert_eq!(fails(&server, Method::POST, &anna, MINE, report.clone()).await, code, "{report}");
        }
        send(&server, &anna, json!({ "kind": "problem", "text": "ы".repeat(4_000) })).await;
        let server = server.adjusted(|config| config.feedback.max_per_day = 3).await;
        let named = json!({ "kind": "idea", "text": "x", "client_id": "1" });
        send(&server, &anna, named.clone()).await;
        send(&server, &anna, problem("3")).await;
        assert_eq!(fails(&server, Method::POST, &anna, MINE, problem("4")).await, "M_LIMIT_EXCEEDED");
        send(&server, &anna, named.clone()).await;
        let older = sql("UPDATE feedback SET created_at = created_at - 86400000 WHERE text = 'x'");
        server.app.journal.run(vec![older], None).await.unwrap();
        send(&server, &anna, problem("4")).await;

        let server = server.adjusted(|config| {
            config.feedback.max_per_day = 0;
            config.limits.feedback_per_account = Some(Bucket { burst: 1, per_minute: 1 });
        }).await;
        send(&server, &anna, problem("5")).await;
        assert_eq!(fails(&server, Method::POST, &anna, MINE, problem("6")).await, "M_LIMIT_EXCEEDED");
        send(&server, &anna, named.clone()).await;

        let server = server.adjusted(|config| config.feedback.enabled = false).await;
        assert_eq!(fails(&server, Method::POST, &anna, MINE, problem("7")).await, "M_FORBIDDEN");
        assert_eq!(upload(&server, &anna, PNG).await.0, StatusCode::FORBIDDEN);
        assert_eq!(server.get(&anna, MINE).await["enabled"], false);
    }

    async fn attachments_are_for_administrators_alone(server: Server) {
        let (head, anna, boris) =
            (administrator(&server).await, server.register("anna").await, server.register("boris").await);
        let log = attachment(&server, &anna, "журнал.log", "10:15 ошибка\n".as_bytes()).await;
        let picture = attachment(&server, &anna, "screen.png", PNG).await;
        let with = |attachments: Value| json!({ "kind": "problem", "text": "x", "attachments": attachments });
        assert_eq!(fails(&server, Method::POST, &boris, MINE, with(json!([picture]))).await, "M_NOT_FOUND");
        let path_like = json!([{ "name": "../x", "content_uri": picture["content_uri"] }]);
        assert_eq!(fails(&server, Method::POST, &anna, MINE, with(path_like)).await, "M_INVALID_PARAM");
        let sent = send(&server, &anna, with(json!([picture, log]))).await;
        let expected = json!([
            { "n": 1, "name": "screen.png", "media_type": "image/png", "size": PNG.len() },
            { "n": 2, "name": "журнал.log", "media_type": "text/plain; charset=utf-8", "size": 19 },
        ]);
        assert_eq!(sent["attachments"], expected);
        assert_eq!(fails(&server, Method::POST, &anna, MINE, with(json!([picture]))).await, "M_NOT_FOUND", "it is on a report");

        let path = format!("{ALL}/{}/attachments/1", sent["id"]);
        let answer = download(&server, &head, &path).await;
        assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, PNG));
        for (name, value) in [
            ("content-type", "image/png"), ("content-disposition", "attachment; filename=screen.png"),
            ("x-content-type-options", "nosniff"), ("content-security-policy", "sandbox; default-src 'none'"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        assert_eq!(download(&server, &anna, &path).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(download(&server, &head, &format!("{ALL}/{}/attachments/3", sent["id"])).await.status(), StatusCode::NOT_FOUND);
        let id = picture["content_uri"].as_str().unwrap().rsplit('/').next().unwrap();
        let public = format!("/_matrix/client/v1/media/download/parta.test/{id}");
        server.refused(Method::GET, &head, &public, Value::Null, "M_NOT_FOUND").await;

        for bytes in [&b"MZ\x90\0\x03"[..], b"\xff\xfe\x41\0", b""] {
            assert_eq!(upload(&server, &anna, bytes).await.1["code"], "M_INVALID_PARAM");
        }
        let server = server.adjusted(|config| config.feedback.max_attachment_bytes = 100).await;
        assert_eq!(upload(&server, &anna, "x".repeat(101)).await.1["code"], "M_TOO_LARGE");
        assert_eq!((stored(&server), count(&server, "SELECT COUNT(*) AS n FROM feedback_attachments").await), (2, 2));

        let waiting = attachment(&server, &anna, "a.txt", b"waits").await;
        server.app.feedback_attachments.tidy().await.unwrap();
        assert_eq!(stored(&server), 3);
        let older = sql("UPDATE feedback_attachments SET created_at = created_at - 86400001");
        server.app.journal.run(vec![older], None).await.unwrap();
        assert_eq!(fails(&server, Method::POST, &anna, MINE, with(json!([waiting]))).await, "M_NOT_FOUND");
        server.app.feedback_attachments.tidy().await.unwrap();
        assert_eq!(stored(&server), 2, "what nobody has sent is gone");
        for _ in 0..16 {
            attachment(&server, &anna, "a.txt", b"waits").await;
        }
        assert_eq!(upload(&server, &anna, "x").await.1["code"], "M_LIMIT_EXCEEDED");
        server.delete(&head, &format!("{ALL}/{}", sent["id"]), json!({})).await;
        assert_eq!(stored(&server), 16, "a report takes its attachments with it");
    }

    async fn administrators_find_what_they_look_for(server: Server) {
        let (head, anna, boris) =
            (administrator(&server).await, server.register("anna").await, server.register("boris").await);
        let report = |kind: &str, text: &str| json!({ "kind": kind, "text": text });
        let mut sent = Vec::new();
        for (user, kind, text) in [
            (&anna, "problem", "Звонки НЕ слышно"), (&boris, "idea", "=HYPERLINK(\"x\")"), (&boris, "praise", "100% хорошо"),
        ] {
            sent.push(send(&server, user, report(kind, text)).await["id"].clone());
        }
        let [call, idea, praise] = &sent[..] else { panic!("three") };
        server.ok(Method::PATCH, &head, &format!("{ALL}/{idea}"), &json!({ "state": "declined", "priority": "high" })).await;
        for (query, expected) in [
            ("", vec![praise, idea, call]), ("?order=oldest", vec![call, idea, praise]), ("?order=priority", vec![idea, praise, call]),
            ("?state=declined", vec![idea]), ("?kind=praise", vec![praise]), ("?user=boris&kind=idea", vec![idea]),
            ("?text=%D0%BD%D0%B5+%D1%81%D0%BB%D1%8B%D1%88", vec![call]), ("?text=%25", vec![praise]),
            ("?limit=1&offset=1", vec![idea]), ("?from=32503680000000", vec![]), ("?to=1", vec![]),
        ] {
            assert_eq!(ids(&server, &head, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
        }
        let page = server.get(&head, &format!("{ALL}?limit=2")).await;
        assert_eq!((&page["total"], &page["next"]), (&json!(3), &json!(2)));
        let counts = server.get(&head, &format!("{ALL}/counts")).await;
        let expected = json!({ "total": 3, "by_state": { "new": 2, "declined": 1 }, "by_kind": { "problem": 1, "idea": 1, "praise": 1 } });
        assert_eq!(counts, expected);

        let csv = download(&server, &head, &format!("{ALL}/export?format=csv")).await;
        assert_eq!(csv.headers()[header::CONTENT_DISPOSITION], "attachment; filename=feedback.csv");
        let text = String::from_utf8(csv.body().to_vec()).unwrap();
        assert!(text.starts_with("\u{FEFF}\"id\",\"created\",") && text.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{text}");
        assert_eq!(text.matches("\r\n").count(), 4);
        let json: Value = serde_json::from_slice(download(&server, &head, &format!("{ALL}/export?kind=idea")).await.body()).unwrap();
        assert_eq!(json, json!([server.get(&head, &format!("{ALL}/{idea}")).await]));
        let none: Value = serde_json::from_slice(download(&server, &head, &format!("{ALL}/export?to=1")).await.body()).unwrap();
        assert_eq!(none, json!([]));

        let one = format!("{ALL}/{idea}");
        for (method, path, body, code) in [
            (Method::GET, format!("{ALL}?state=lost"), Value::Null, "M_INVALID_PARAM"),
            (Method::GET, format!("{ALL}?order=x"), Value::Null, "M_INVALID_PARAM"),
            (Method::GET, format!("{ALL}/export?format=pdf"), Value::Null, "M_INVALID_PARAM"),
            (Method::GET, format!("{ALL}/x"), Value::Null, "M_INVALID_PARAM"),
            (Method::GET, format!("{ALL}/9999"), Value::Null, "M_NOT_FOUND"),
            (Method::PATCH, format!("{ALL}/9999"), json!({ "state": "seen" }), "M_NOT_FOUND"),
            (Method::PATCH, one.clone(), json!({ "state": "lost" }), "M_BAD_JSON"),
            (Method::PATCH, one.clone(), json!({ "note": "x".repeat(4_001) }), "M_INVALID_PARAM"),
            (Method::POST, format!("{one}/answers"), json!({ "text": "" }), "M_INVALID_PARAM"),
            (Method::DELETE, format!("{ALL}/9999"), json!({}), "M_NOT_FOUND"),
            (Method::PUT, one.clone(), json!({}), "M_UNRECOGNIZED"),
        ] {
            assert_eq!(fails(&server, method.clone(), &head, &path, body).await, code, "{method} {path}");
        }
        for path in [ALL.to_owned(), format!("{ALL}/counts"), format!("{ALL}/export"), one] {
            assert_eq!(fails(&server, Method::GET, &anna, &path, Value::Null).await, "M_FORBIDDEN", "{path}");
        }
        let (status, answer) = server.json(Method::GET, MINE, None, &Value::Null).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("M_MISSING_TOKEN")));
    }

    async fn an_erased_account_leaves_its_reports_without_its_name(server: Server) {
        let (head, anna, boris) =
            (administrator(&server).await, server.register("anna").await, server.register("boris").await);
        let (of_anna, of_boris) = (send(&server, &anna, problem("x")).await, send(&server, &boris, problem("y")).await);
        server.post(&head, &format!("/_synapse/admin/v1/deactivate/{}", anna.id), json!({ "erase": true })).await;
        server.post(&head, &format!("/_synapse/admin/v1/deactivate/{}", boris.id), json!({})).await;
        for (report, reporter) in [(of_anna, Value::Null), (of_boris, json!(boris.id))] {
            let path = format!("{ALL}/{}", report["id"]);
            server.post(&head, &format!("{path}/answers"), json!({ "text": "Поздно." })).await;
            assert_eq!(server.get(&head, &path).await["reporter"], reporter);
        }
    }

    async fn what_is_old_goes_where_that_is_wanted(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let (old, new) = (send(&server, &anna, problem("old")).await, send(&server, &anna, problem("new")).await);
        let older = sql("UPDATE feedback SET updated_at = updated_at - 2678400000 WHERE text = 'old'");
        server.app.journal.run(vec![older], None).await.unwrap();
        server.app.feedback.forget_old().await.unwrap();
        assert_eq!(ids(&server, &head, "").await, [new["id"].clone(), old["id"].clone()]);
        let server = server.adjusted(|config| config.feedback.keep_days = Some(30)).await;
        server.app.feedback.forget_old().await.unwrap();
        assert_eq!(ids(&server, &head, "").await, [new["id"].clone()]);
    }

    async fn the_signal_is_the_servers_own(server: Server) {
        let anna = server.register("anna").await;
        let path = format!("/_matrix/client/v3/user/{}/account_data/org.parta.feedback", anna.id);
        server.refused(Method::PUT, &anna, &path, json!({ "unread": 7 }), "M_BAD_JSON").await;
    }
}

#[tokio::test]
async fn a_backup_has_the_attachments() {
    let server = Server::sqlite().await;
    let anna = server.register("anna").await;
    let log = attachment(&server, &anna, "a.log", b"log").await;
    send(&server, &anna, json!({ "kind": "problem", "text": "x", "attachments": [log] })).await;
    let folder = tempfile::tempdir().unwrap();
    let made = backup::create(&server.app.config, None, folder.path(), &Clock::system()).await.unwrap();
    assert!(
        made.manifest.members.iter().any(|member| member.name.starts_with("media/feedback/")),
        "{:?}",
        made.manifest
    );
    assert!(made.manifest.missing.is_empty() && made.manifest.damaged.is_empty(), "{:?}", made.manifest);
}
