//! The administration's API.

use homeserver::domain::accounts::NewAccount;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    rooms::{join, room},
    server::{Server, User},
};

const V1: &str = "/_synapse/admin/v1";
const V2: &str = "/_synapse/admin/v2";

/// An administrator, signed in.
pub(crate) async fn administrator(server: &Server) -> User {
    let user = server.register("head").await;
    let id = ruma::UserId::parse(&user.id).expect("an id");
    server.app.accounts.set_admin(&id, true).await.expect("is made an administrator");
    user
}

on_both_engines! {
    async fn it_is_for_administrators(server: Server) {
        let anna = server.register("anna").await;
        for path in ["/v1/server_version", "/v2/users", "/v1/rooms", "/v1/registration_tokens", "/v1/event_reports"] {
            let path = format!("/_synapse/admin{path}");
            server.refused(Method::GET, &anna, &path, Value::Null, "M_FORBIDDEN").await;
            let (status, answer) = server.json(Method::GET, &path, None, &Value::Null).await;
            assert_eq!((status.as_u16(), answer["errcode"].as_str()), (401, Some("M_MISSING_TOKEN")), "{path}");
        }
        let head = administrator(&server).await;
        let version = server.get(&head, &format!("{V1}/server_version")).await;
        assert!(version["server_version"].as_str().is_some_and(|v| v.starts_with("Parta ")), "{version}");
    }

    async fn users_are_made_changed_and_closed(server: Server) {
        let head = administrator(&server).await;
        let anna = format!("{V2}/users/@anna:parta.test");
        let body = json!({ "password": "wonderland", "displayname": "Анна", "user_type": "bot" });
        let (status, made) = server.json(Method::PUT, &anna, Some(&head.token), &body).await;
        assert_eq!((status, &made["displayname"], &made["admin"]), (StatusCode::CREATED, &json!("Анна"), &json!(false)));
        let changed = server.put(&head, &anna, json!({ "displayname": "Анна К.", "admin": true, "locked": true })).await;
        assert_eq!((&changed["displayname"], &changed["admin"], &changed["locked"]), (&json!("Анна К."), &json!(true), &json!(true)));
        let login = json!({ "type": "m.login.password", "user": "anna", "password": "wonderland" });
        let (status, answer) = server.json(Method::POST, "/_matrix/client/v3/login", None, &login).await;
        assert_eq!((status.as_u16(), answer["errcode"].as_str()), (401, Some("M_USER_LOCKED")));
        server.put(&head, &anna, json!({ "locked": false })).await;
        server.post(&head, &format!("{V1}/reset_password/@anna:parta.test"), json!({ "new_password": "looking-glass" })).await;
        let (status, _) = server.json(Method::POST, "/_matrix/client/v3/login", None, &login).await;
        assert_eq!(status, StatusCode::FORBIDDEN);

        server.register("boris").await;
        let list = server.get(&head, &format!("{V2}/users?limit=2&order_by=name")).await;
        assert_eq!((&list["total"], &list["next_token"]), (&json!(3), &json!("2")), "{list}");
        assert_eq!(list["users"][0]["name"], "@anna:parta.test");
        let list = server.get(&head, &format!("{V2}/users?from=2&dir=f")).await;
        assert_eq!((list["users"].as_array().map(Vec::len), list.get("next_token")), (Some(1), None));
        for (filter, expected) in [("name=%D0%90%D0%BD%D0%BD", 1), ("user_id=@boris", 1), ("admins=true", 2), ("not_user_type=bot", 2)] {
            assert_eq!(server.get(&head, &format!("{V2}/users?{filter}")).await["total"], expected, "{filter}");
        }
        server.refused(Method::GET, &head, &format!("{V2}/users?from=-1"), Value::Null, "M_INVALID_PARAM").await;
        server.refused(Method::GET, &head, &format!("{V2}/users?order_by=x"), Value::Null, "M_INVALID_PARAM").await;
        server.refused(Method::GET, &head, &format!("{V2}/users/@nobody:parta.test"), Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::GET, &head, &format!("{V2}/users/@a:elsewhere"), Value::Null, "M_INVALID_PARAM").await;

        server.post(&head, &format!("{V1}/deactivate/@anna:parta.test"), json!({ "erase": true })).await;
        let closed = server.get(&head, &anna).await;
        assert_eq!((&closed["deactivated"], &closed["erased"], &closed["displayname"]), (&json!(true), &json!(true), &Value::Null));
        assert_eq!(server.get(&head, &format!("{V2}/users")).await["total"], 2);
        assert_eq!(server.get(&head, &format!("{V2}/users?deactivated=true")).await["total"], 3);
        let own = format!("{V1}/users/{}/admin", head.id);
        assert_eq!(server.get(&head, &own).await, json!({ "admin": true }));
        server.refused(Method::PUT, &head, &own, json!({ "admin": false }), "M_INVALID_PARAM").await;
    }

    async fn an_administrator_acts_as_a_user(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let token = server.post(&head, &format!("{V1}/users/{}/login", anna.id), json!({})).await;
        let puppet = User { token: token["access_token"].as_str().expect("a token").to_owned(), ..anna.clone() };
        let who = server.get(&puppet, "/_matrix/client/v3/account/whoami").await;
        assert_eq!(who, json!({ "user_id": anna.id }));
        let devices = server.get(&head, &format!("{V2}/users/{}/devices", anna.id)).await;
        assert_eq!(devices["total"], 1);
        server.post(&puppet, "/_matrix/client/v3/logout", json!({})).await;
        server.get(&anna, "/_matrix/client/v3/account/whoami").await;
        server.delete(&head, &format!("{V2}/users/{}/devices/{}", anna.id, anna.device), json!({})).await;
        server.refused(Method::GET, &anna, "/_matrix/client/v3/account/whoami", Value::Null, "M_UNKNOWN_TOKEN").await;
    }

    async fn one_sees_where_one_is_signed_in_and_administrators_see_all(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let path = |user: &User| format!("/_matrix/client/v3/admin/whois/{}", user.id);
        for by in [&anna, &head] {
            let answer = server.get(by, &path(&anna)).await;
            assert_eq!(answer["user_id"], anna.id);
            let connection = &answer["devices"][&anna.device]["sessions"][0]["connections"][0];
            assert!(connection["last_seen"].as_i64().is_some_and(|at| at > 0), "{answer}");
        }
        server.refused(Method::GET, &anna, &path(&head), Value::Null, "M_FORBIDDEN").await;
        let nobody = "/_matrix/client/v3/admin/whois/@nobody:parta.test";
        server.refused(Method::GET, &anna, nobody, Value::Null, "M_FORBIDDEN").await;
        server.refused(Method::GET, &head, nobody, Value::Null, "M_NOT_FOUND").await;
    }

    async fn a_suspended_account_reads_and_leaves(server: Server) {
        const V3: &str = "/_matrix/client/v3";
        let (head, anna, boris) =
            (administrator(&server).await, server.register("anna").await, server.register("boris").await);
        let room = server.post(&boris, &format!("{V3}/createRoom"), json!({ "preset": "public_chat" })).await;
        let room = room["room_id"].as_str().expect("a room").to_owned();
        let in_room = |path: &str| format!("{V3}/rooms/{room}/{path}");
        server.post(&anna, &in_room("join"), json!({})).await;
        let text = json!({ "msgtype": "m.text", "body": "Грубость" });
        let own = server.put(&anna, &in_room("send/m.room.message/1"), text.clone()).await;
        let other = server.put(&boris, &in_room("send/m.room.message/2"), text.clone()).await;
        let id = |sent: &Value| sent["event_id"].as_str().expect("an id").to_owned();

        let suspension = format!("/_matrix/client/v1/admin/suspend/{}", anna.id);
        assert_eq!(server.get(&head, &suspension).await, json!({ "suspended": false }));
        assert_eq!(server.put(&head, &suspension, json!({ "suspended": true })).await, json!({ "suspended": true }));
        assert_eq!(server.get(&head, &format!("{V2}/users/{}", anna.id)).await["suspended"], true);
        let (post, put) = (Method::POST, Method::PUT);
        for (method, path, body) in [
            (&put, in_room("send/m.room.message/3"), text.clone()),
            (&put, in_room("state/m.room.topic"), json!({ "topic": "x" })),
            (&put, in_room(&format!("redact/{}/4", id(&other))), json!({})),
            (&post, in_room("invite"), json!({ "user_id": head.id })),
            (&post, in_room("join"), json!({})),
            (&post, format!("{V3}/knock/{room}"), json!({})),
            (&post, format!("{V3}/createRoom"), json!({})),
            (&put, format!("{V3}/profile/{}/displayname", anna.id), json!({ "displayname": "x" })),
        ] {
            server.refused(method.clone(), &anna, &path, body, "M_USER_SUSPENDED").await;
        }
        server.get(&anna, &in_room("messages?dir=b")).await;
        server.put(&anna, &in_room(&format!("redact/{}/5", id(&own))), json!({})).await;
        server.post(&anna, &in_room("leave"), json!({})).await;
        server.put(&head, &format!("{V1}/suspend/{}", anna.id), json!({ "suspend": false })).await;
        server.post(&anna, &in_room("join"), json!({})).await;
    }

    async fn administrators_moderate_accounts(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let deputy = server.register("deputy").await;
        server.put(&head, &format!("{V1}/users/{}/admin", deputy.id), json!({ "admin": true })).await;
        server.register("closed").await;
        server.post(&head, &format!("{V1}/deactivate/@closed:parta.test"), json!({})).await;
        for (kind, field) in [("lock", "locked"), ("suspend", "suspended")] {
            let path = |id: &str| format!("/_matrix/client/v1/admin/{kind}/{id}");
            let wish = || json!({ field: true });
            for (id, errcode) in [
                (deputy.id.as_str(), "M_FORBIDDEN"),
                ("@closed:parta.test", "M_NOT_FOUND"),
                ("@nobody:parta.test", "M_NOT_FOUND"),
                ("@anna:elsewhere.test", "M_INVALID_PARAM"),
            ] {
                server.refused(Method::GET, &head, &path(id), Value::Null, errcode).await;
                server.refused(Method::PUT, &head, &path(id), wish(), errcode).await;
                server.refused(Method::PUT, &anna, &path(id), wish(), "M_FORBIDDEN").await;
            }
            assert_eq!(server.get(&head, &path(&head.id)).await, json!({ field: false }));
            server.refused(Method::PUT, &head, &path(&head.id), wish(), "M_FORBIDDEN").await;
        }
        for (user, expected) in [(&head, json!({ "lock": true, "suspend": true })), (&anna, Value::Null)] {
            let capabilities = server.get(user, "/_matrix/client/v3/capabilities").await;
            assert_eq!(capabilities["capabilities"]["m.account_moderation"], expected);
        }
        let lock = format!("/_matrix/client/v1/admin/lock/{}", anna.id);
        server.put(&head, &lock, json!({ "locked": true })).await;
        assert_eq!(server.get(&head, &lock).await, json!({ "locked": true }));
        server.refused(Method::GET, &anna, "/_matrix/client/v3/account/whoami", Value::Null, "M_USER_LOCKED").await;
        server.put(&head, &lock, json!({ "locked": false })).await;
        server.get(&anna, "/_matrix/client/v3/account/whoami").await;
    }

    async fn registration_tokens_are_kept(server: Server) {
        let head = administrator(&server).await;
        let tokens = format!("{V1}/registration_tokens");
        let made = server.post(&head, &format!("{tokens}/new"), json!({ "token": "class-7b", "uses_allowed": 1 })).await;
        let expected = json!({ "token": "class-7b", "uses_allowed": 1, "pending": 0, "completed": 0, "expiry_time": null });
        assert_eq!(made, expected);
        let random = server.post(&head, &format!("{tokens}/new"), json!({ "length": 8 })).await;
        assert_eq!(random["token"].as_str().map(str::len), Some(8));
        assert_eq!(server.get(&head, &format!("{tokens}/class-7b")).await, expected);
        let validity = "/_matrix/client/v1/register/m.login.registration_token/validity?token=class-7b";
        assert_eq!(server.get(&head, validity).await, json!({ "valid": true }));
        let changed = server.put(&head, &format!("{tokens}/class-7b"), json!({ "uses_allowed": 0 })).await;
        assert_eq!((&changed["uses_allowed"], &changed["expiry_time"]), (&json!(0), &Value::Null));
        assert_eq!(server.get(&head, validity).await, json!({ "valid": false }));
        let list = server.get(&head, &format!("{tokens}?valid=true")).await;
        assert_eq!(list["registration_tokens"].as_array().map(Vec::len), Some(1));
        server.delete(&head, &format!("{tokens}/class-7b"), json!({})).await;
        server.refused(Method::GET, &head, &format!("{tokens}/class-7b"), Value::Null, "M_NOT_FOUND").await;
        for bad in [json!({ "token": "a b" }), json!({ "token": "" }), json!({ "length": 65 }), json!({ "uses_allowed": -1 })] {
            server.refused(Method::POST, &head, &format!("{tokens}/new"), bad, "M_INVALID_PARAM").await;
        }
    }

    async fn a_token_makes_as_many_accounts_as_it_says(server: Server) {
        let token = server.app.registration_tokens.create(None, None, Some(1), None).await.expect("a token").token;
        let id = |name: &str| ruma::UserId::parse(format!("@{name}:parta.test")).expect("an id");
        let new = |name: &str| NewAccount { registration_token: Some(token.clone()), ..NewAccount::new(id(name)) };
        server.app.accounts.create(new("anna"), None).await.expect("the first is made");
        assert!(server.app.accounts.create(new("boris"), None).await.is_err());
        assert!(server.app.users.get(&id("boris")).await.expect("an answer").is_none(), "nothing of it stays");
    }

    async fn files_are_listed_counted_and_deleted(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let boris = server.register("boris").await;
        server.put(&head, &format!("{V2}/users/{}", anna.id), json!({ "displayname": "Анна" })).await;
        let mut ids = Vec::new();
        for (user, name, size) in [(&anna, "a.txt", 30), (&anna, "b.txt", 10), (&anna, "c.txt", 20), (&boris, "d.txt", 5)] {
            let path = format!("/_matrix/media/v3/upload?filename={name}");
            let request = http::Request::builder().method(Method::POST).uri(path).header("content-type", "text/plain");
            let request = request.header("authorization", format!("Bearer {}", user.token));
            let answer = server.call(request.body(vec![7u8; size].into()).unwrap()).await;
            let answer: Value = serde_json::from_slice(answer.body()).unwrap();
            ids.push(answer["content_uri"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned());
        }
        server.post(&anna, "/_matrix/media/v1/create", json!({})).await;
        let of_anna = format!("{V1}/users/{}/media", anna.id);
        let list = server.get(&head, &of_anna).await;
        assert_eq!((&list["total"], list.get("next_token")), (&json!(3), None), "a reserved id is no file: {list}");
        let list = server.get(&head, &format!("{of_anna}?order_by=media_length&limit=2")).await;
        assert_eq!((&list["media"][0]["media_length"], &list["media"][1]["media_length"]), (&json!(10), &json!(20)), "{list}");
        assert_eq!((list["media"].as_array().map(Vec::len), &list["next_token"]), (Some(2), &json!(2)), "{list}");
        let list = server.get(&head, &format!("{of_anna}?order_by=upload_name&dir=b&from=2")).await;
        let file = &list["media"][0];
        assert_eq!((&file["media_id"], &file["upload_name"]), (&json!(ids[0]), &json!("a.txt")), "{list}");
        assert_eq!((&file["media_type"], &file["quarantined_by"]), (&json!("text/plain"), &Value::Null), "{list}");
        assert!(file["created_ts"].is_i64(), "{list}");
        server.refused(Method::GET, &head, &format!("{of_anna}?order_by=x"), Value::Null, "M_INVALID_PARAM").await;
        server.refused(Method::GET, &anna, &of_anna, Value::Null, "M_FORBIDDEN").await;
        let nobody = format!("{V1}/users/@nobody:parta.test/media");
        server.refused(Method::GET, &head, &nobody, Value::Null, "M_NOT_FOUND").await;

        let statistics = format!("{V1}/statistics/users/media");
        let all = server.get(&head, &format!("{statistics}?order_by=media_length&dir=b")).await;
        let expected = json!([
            { "user_id": anna.id, "displayname": "Анна", "media_count": 3, "media_length": 60 },
            { "user_id": boris.id, "displayname": null, "media_count": 1, "media_length": 5 },
        ]);
        assert_eq!((&all["users"], &all["total"]), (&expected, &json!(2)), "{all}");
        let found = server.get(&head, &format!("{statistics}?search_term=%D0%B0%D0%BD%D0%BD")).await;
        assert_eq!(found["users"], json!([expected[0]]), "{found}");
        assert_eq!(server.get(&head, &format!("{statistics}?until_ts=1000")).await["total"], 0);

        let gone = server.delete(&head, &format!("{of_anna}?order_by=media_length&limit=1"), Value::Null).await;
        assert_eq!(gone, json!({ "deleted_media": [ids[1]], "total": 1 }));
        let one = format!("{V1}/media/parta.test/{}", ids[0]);
        assert_eq!(server.delete(&head, &one, json!({})).await["total"], 1);
        server.refused(Method::DELETE, &head, &one, Value::Null, "M_NOT_FOUND").await;
        let file = format!("/_matrix/client/v1/media/download/parta.test/{}", ids[0]);
        server.refused(Method::GET, &anna, &file, Value::Null, "M_NOT_FOUND").await;
        assert!(!server.app.config.media_dir().join(homeserver::domain::media::content_key(&ids[0]).to_string()).exists());
        let left = server.delete(&head, &of_anna, Value::Null).await;
        assert_eq!(left, json!({ "deleted_media": [ids[2]], "total": 1 }));
        assert_eq!(server.get(&head, &of_anna).await["total"], 0);
    }

    async fn rooms_are_seen_blocked_and_deleted(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let boris = server.register("boris").await;
        let create = async |name: &str, alias: &str| {
            let body = json!({ "preset": "public_chat", "name": name, "room_alias_name": alias });
            room(&server, &anna, body).await
        };
        let (first, second) = (create("Класс 7Б", "class").await, create("Шахматы", "chess").await);
        join(&server, &boris, &second).await;
        let list = server.get(&head, &format!("{V1}/rooms?order_by=joined_members")).await;
        assert_eq!((&list["total_rooms"], &list["rooms"][0]["name"]), (&json!(2), &json!("Шахматы")), "{list}");
        let found = server.get(&head, &format!("{V1}/rooms?search_term=%D0%BA%D0%BB%D0%B0%D1%81%D1%81")).await;
        assert_eq!((&found["total_rooms"], &found["rooms"][0]["room_id"]), (&json!(1), &json!(first)));
        let details = server.get(&head, &format!("{V1}/rooms/{first}")).await;
        assert_eq!((&details["creator"], &details["joined_members"]), (&json!(anna.id), &json!(1)));
        assert_eq!(details["canonical_alias"], "#class:parta.test");
        let members = server.get(&head, &format!("{V1}/rooms/{second}/members")).await;
        assert_eq!(members, json!({ "members": [anna.id, boris.id], "total": 2 }));
        let state = server.get(&head, &format!("{V1}/rooms/{second}/state")).await;
        assert!(state["state"].as_array().is_some_and(|s| s.iter().any(|e| e["type"] == "m.room.create")));

        server.put(&head, &format!("{V1}/rooms/{first}/block"), json!({ "block": true })).await;
        let blocked = server.get(&head, &format!("{V1}/rooms/{first}/block")).await;
        assert_eq!(blocked, json!({ "block": true, "user_id": head.id }));
        let (status, _) =
            server.json(Method::POST, &format!("/_matrix/client/v3/join/{first}"), Some(&boris.token), &json!({})).await;
        assert_eq!(status, StatusCode::FORBIDDEN);

        let done = server.delete(&head, &format!("{V1}/rooms/{second}"), json!({ "purge": true })).await;
        assert_eq!(done["kicked_users"].as_array().map(Vec::len), Some(2), "{done}");
        assert_eq!(done["local_aliases"], json!(["#chess:parta.test"]));
        server.refused(Method::GET, &head, &format!("{V1}/rooms/{second}"), Value::Null, "M_NOT_FOUND").await;
        let joined = server.get(&anna, "/_matrix/client/v3/joined_rooms").await;
        assert_eq!(joined, json!({ "joined_rooms": [first] }));
        let begun = server.delete(&head, &format!("{V2}/rooms/{first}"), json!({})).await;
        let path = format!("{V2}/rooms/delete_status/{}", begun["delete_id"].as_str().expect("an id"));
        let complete = async {
            while server.get(&head, &path).await["status"] != "complete" {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), complete).await.expect("the room is deleted");
        assert_eq!(server.get(&head, &format!("{V1}/rooms")).await["total_rooms"], 0);
    }
}
