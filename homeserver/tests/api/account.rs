//! Passwords, closing an account, devices, profiles, what clients keep here.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    rooms::open_room,
    server::{Server, User},
};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

fn auth(user: &User, password: &str) -> Value {
    json!({ "type": "m.login.password", "password": password, "identifier": { "type": "m.id.user", "user": user.id } })
}

async fn sign_in(server: &Server, name: &str, password: &str) -> (StatusCode, Value) {
    let body = json!({ "type": "m.login.password", "password": password,
        "identifier": { "type": "m.id.user", "user": name } });
    server.json(Method::POST, "/_matrix/client/v3/login", None, &body).await
}

on_both_engines! {
    async fn a_password_is_changed_by_who_knows_it(server: Server) {
        const PASSWORD: &str = "/_matrix/client/v3/account/password";
        let anna = server.register("anna").await;
        let other = server.sign_in(&anna.id).await;
        let (status, asked) =
            server.json(Method::POST, PASSWORD, Some(&anna.token), &json!({ "new_password": "looking-glass" })).await;
        assert_eq!((status, &asked["flows"]), (StatusCode::UNAUTHORIZED, &json!([{ "stages": ["m.login.password"] }])));
        let wrong = json!({ "new_password": "looking-glass", "auth": auth(&anna, "wrong") });
        let (status, answer) = server.json(Method::POST, PASSWORD, Some(&anna.token), &wrong).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::UNAUTHORIZED, Some("M_FORBIDDEN")), "{answer}");
        assert!(answer["session"].is_string(), "{answer}");
        let boris = server.register("boris").await;
        let as_boris = json!({ "new_password": "looking-glass", "auth": auth(&boris, "wonderland") });
        let (status, _) = server.json(Method::POST, PASSWORD, Some(&anna.token), &as_boris).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "another's password proves nothing");

        let mut right = auth(&anna, "wonderland");
        right["session"] = asked["session"].clone();
        server.post(&anna, PASSWORD, json!({ "new_password": "looking-glass", "auth": right })).await;
        server.get(&anna, WHOAMI).await;
        server.refused(Method::GET, &other, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        assert_eq!(sign_in(&server, "anna", "wonderland").await.0, StatusCode::FORBIDDEN);
        assert_eq!(sign_in(&server, "anna", "looking-glass").await.0, StatusCode::OK);
    }

    async fn a_closed_account_leaves_its_rooms(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let room = open_room(&server, &boris, &[&anna]).await;
        let body = json!({ "auth": auth(&anna, "wonderland"), "erase": true });
        let answer = server.post(&anna, "/_matrix/client/v3/account/deactivate", body).await;
        assert_eq!(answer, json!({ "id_server_unbind_result": "success" }));
        server.refused(Method::GET, &anna, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        let (status, answer) = sign_in(&server, "anna", "wonderland").await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::FORBIDDEN, Some("M_USER_DEACTIVATED")));
        let members = server.get(&boris, &format!("/_matrix/client/v3/rooms/{room}/joined_members")).await;
        assert_eq!(members["joined"].as_object().map(|m| m.keys().cloned().collect::<Vec<_>>()), Some(vec![boris.id]));
        let again = json!({ "username": "anna", "password": "wonderland", "auth": { "type": "m.login.dummy" } });
        let (_, answer) = server.json(Method::POST, "/_matrix/client/v3/register", None, &again).await;
        assert_eq!(answer["errcode"], "M_USER_IN_USE", "nobody becomes Anna");
    }

    async fn devices_are_named_and_deleted(server: Server) {
        const DEVICES: &str = "/_matrix/client/v3/devices";
        let anna = server.register("anna").await;
        let other = server.sign_in(&anna.id).await;
        let path = format!("{DEVICES}/{}", other.device);
        server.put(&anna, &path, json!({ "display_name": "Планшет" })).await;
        server.put(&anna, &path, json!({})).await;
        assert_eq!(server.get(&anna, &path).await["display_name"], "Планшет");
        let devices = server.get(&anna, DEVICES).await;
        assert_eq!(devices["devices"].as_array().map(Vec::len), Some(2));
        assert!(devices["devices"].as_array().expect("a list").iter().any(|d| d["last_seen_ts"].is_number()), "{devices}");
        server.refused(Method::GET, &anna, &format!("{DEVICES}/NONE"), Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::PUT, &anna, &format!("{DEVICES}/NONE"), json!({}), "M_NOT_FOUND").await;

        let (status, _) = server.json(Method::DELETE, &path, Some(&anna.token), &json!({})).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let body = json!({ "auth": auth(&anna, "wonderland") });
        assert_eq!(server.delete(&anna, &path, body).await, json!({}));
        server.refused(Method::GET, &other, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        let third = server.sign_in(&anna.id).await;
        let body = json!({ "devices": [third.device], "auth": auth(&anna, "wonderland") });
        server.post(&anna, "/_matrix/client/v3/delete_devices", body).await;
        assert_eq!(server.get(&anna, DEVICES).await["devices"].as_array().map(Vec::len), Some(1));
    }

    async fn a_profile_reaches_the_rooms(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let room = open_room(&server, &anna, &[]).await;
        let profile = format!("/_matrix/client/v3/profile/{}", anna.id);
        server.put(&anna, &format!("{profile}/displayname"), json!({ "displayname": "Анна" })).await;
        server.put(&anna, &format!("{profile}/avatar_url"), json!({ "avatar_url": "mxc://parta.test/a" })).await;
        server.put(&anna, &format!("{profile}/m.tz"), json!({ "m.tz": "Europe/Moscow" })).await;
        let expected = json!({ "displayname": "Анна", "avatar_url": "mxc://parta.test/a", "m.tz": "Europe/Moscow" });
        assert_eq!(server.get(&boris, &profile).await, expected);
        assert_eq!(server.get(&boris, &format!("{profile}/displayname")).await, json!({ "displayname": "Анна" }));
        let member = format!("/_matrix/client/v3/rooms/{room}/state/m.room.member/{}", anna.id);
        let content = server.get(&anna, &member).await;
        assert_eq!((&content["membership"], &content["displayname"]), (&json!("join"), &json!("Анна")), "{content}");
        assert_eq!(content["avatar_url"], "mxc://parta.test/a");

        server.put(&anna, &format!("{profile}/displayname"), json!({ "displayname": "" })).await;
        server.refused(Method::GET, &boris, &format!("{profile}/displayname"), Value::Null, "M_NOT_FOUND").await;
        assert!(server.get(&anna, &member).await.get("displayname").is_none());
        server.delete(&anna, &format!("{profile}/m.tz"), Value::Null).await;
        assert_eq!(server.get(&boris, &profile).await, json!({ "avatar_url": "mxc://parta.test/a" }));
        let other = json!({ "displayname": "Борис" });
        server.refused(Method::PUT, &boris, &format!("{profile}/displayname"), other, "M_FORBIDDEN").await;
        let nobody = "/_matrix/client/v3/profile/@nobody:parta.test";
        server.refused(Method::GET, &boris, nobody, Value::Null, "M_NOT_FOUND").await;
    }

    async fn a_profile_has_bounds(server: Server) {
        let anna = server.register("anna").await;
        let profile = format!("/_matrix/client/v3/profile/{}", anna.id);
        for (key, length, errcode) in [
            ("m.bio", 60_000, None),
            ("m.more", 10_000, Some("M_PROFILE_TOO_LARGE")),
            ("m.bio", 65_000, None),
            ("m.bio", 66_000, Some("M_PROFILE_TOO_LARGE")),
            (&*"k".repeat(255), 1, None),
            (&*"k".repeat(256), 1, Some("M_KEY_TOO_LARGE")),
        ] {
            let (path, value) = (format!("{profile}/{key}"), json!({ key: "x".repeat(length) }));
            match errcode {
                None => drop(server.put(&anna, &path, value).await),
                Some(errcode) => drop(server.refused(Method::PUT, &anna, &path, value, errcode).await),
            }
        }
        let whole = server.get(&anna, &profile).await;
        assert_eq!(whole.as_object().map(serde_json::Map::len), Some(2), "{whole}");
    }

    async fn clients_keep_data_tags_and_filters(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let user = format!("/_matrix/client/v3/user/{}", anna.id);
        let direct = format!("{user}/account_data/m.direct");
        server.refused(Method::GET, &anna, &direct, Value::Null, "M_NOT_FOUND").await;
        server.put(&anna, &direct, json!({ "@boris:parta.test": ["!a:b"] })).await;
        assert_eq!(server.get(&anna, &direct).await, json!({ "@boris:parta.test": ["!a:b"] }));
        server.refused(Method::GET, &boris, &direct, Value::Null, "M_FORBIDDEN").await;
        server.refused(Method::PUT, &anna, &format!("{user}/account_data/m.push_rules"), json!({}), "M_BAD_JSON").await;
        let in_room = format!("{user}/rooms/!room:parta.test");
        server.refused(Method::PUT, &anna, &format!("{in_room}/account_data/m.fully_read"), json!({}), "M_BAD_JSON").await;
        server.put(&anna, &format!("{in_room}/account_data/org.x"), json!({ "a": 1 })).await;
        assert_eq!(server.get(&anna, &format!("{in_room}/account_data/org.x")).await, json!({ "a": 1 }));

        server.put(&anna, &format!("{in_room}/tags/m.favourite"), json!({ "order": 0.5 })).await;
        server.put(&anna, &format!("{in_room}/tags/u.school"), json!({})).await;
        let tags = json!({ "tags": { "m.favourite": { "order": 0.5 }, "u.school": {} } });
        assert_eq!(server.get(&anna, &format!("{in_room}/tags")).await, tags);
        assert_eq!(server.get(&anna, &format!("{in_room}/account_data/m.tag")).await, tags);
        let path = format!("{in_room}/tags/m.favourite");
        server.delete(&anna, &path, Value::Null).await;
        assert_eq!(server.get(&anna, &format!("{in_room}/tags")).await, json!({ "tags": { "u.school": {} } }));

        let filter = json!({ "room": { "timeline": { "limit": 5 } } });
        let id = server.post(&anna, &format!("{user}/filter"), filter.clone()).await["filter_id"].clone();
        let same = server.post(&anna, &format!("{user}/filter"), filter.clone()).await["filter_id"].clone();
        assert_eq!(id, same);
        let id = id.as_str().expect("an id");
        assert_eq!(server.get(&anna, &format!("{user}/filter/{id}")).await, filter);
        server.refused(Method::GET, &anna, &format!("{user}/filter/none"), Value::Null, "M_NOT_FOUND").await;
    }

    async fn people_are_found_by_any_part_of_their_name(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let name = json!({ "displayname": "Анна Королёва" });
        server.put(&anna, &format!("/_matrix/client/v3/profile/{}/displayname", anna.id), name).await;
        let found = async |term: &str| {
            let body = json!({ "search_term": term, "limit": 5 });
            let answer = server.post(&boris, "/_matrix/client/v3/user_directory/search", body).await;
            let people = answer["results"].as_array().expect("results");
            people.iter().map(|p| p["user_id"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        for term in ["anna", "ANN", "анна", "КОРОЛЕВ", "королёва анна", "@anna"] {
            assert_eq!(found(term).await, [anna.id.as_str()], "{term}");
        }
        for term in ["борис", "%", "_", "boris", "анна boris"] {
            assert!(found(term).await.is_empty(), "{term}");
        }
    }

    async fn another_service_learns_who_one_is(server: Server) {
        let anna = server.register("anna").await;
        let path = format!("/_matrix/client/v3/user/{}/openid/request_token", anna.id);
        let token = server.post(&anna, &path, json!({})).await;
        assert_eq!((&token["token_type"], &token["matrix_server_name"]), (&json!("Bearer"), &json!("parta.test")));
        let userinfo = "/_matrix/federation/v1/openid/userinfo?access_token=";
        let path = format!("{userinfo}{}", token["access_token"].as_str().expect("a token"));
        let (_, answer) = server.json(Method::GET, &path, None, &Value::Null).await;
        assert_eq!(answer, json!({ "sub": anna.id }));
        let (status, answer) = server.json(Method::GET, &format!("{userinfo}forged"), None, &Value::Null).await;
        assert_eq!((status.as_u16(), answer["errcode"].as_str()), (401, Some("M_UNKNOWN_TOKEN")));
    }

    async fn accounts_have_no_addresses_and_numbers(server: Server) {
        const V3: &str = "/_matrix/client/v3";
        let anna = server.register("anna").await;
        let own = format!("{V3}/account/3pid");
        assert_eq!(server.get(&anna, &own).await, json!({ "threepids": [] }));
        let session = json!({ "client_secret": "secret", "sid": "1", "id_server": "id.test", "id_access_token": "token" });
        let email = json!({ "client_secret": "secret", "email": "anna@parta.test", "send_attempt": 1 });
        let number = json!({ "client_secret": "secret", "country": "RU", "phone_number": "9261234567", "send_attempt": 1 });
        for (path, body, status, errcode) in [
            ("account/3pid/add", &session, 403, "M_THREEPID_DENIED"),
            ("account/3pid/bind", &session, 403, "M_THREEPID_DENIED"),
            ("account/3pid/email/requestToken", &email, 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"),
            ("account/3pid/msisdn/requestToken", &number, 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"),
            ("account/password/email/requestToken", &email, 403, "M_THREEPID_DENIED"),
            ("account/password/msisdn/requestToken", &number, 403, "M_THREEPID_DENIED"),
            ("register/email/requestToken", &email, 403, "M_THREEPID_DENIED"),
            ("register/msisdn/requestToken", &number, 403, "M_THREEPID_DENIED"),
        ] {
            let (got, answer) = server.json(Method::POST, &format!("{V3}/{path}"), Some(&anna.token), body).await;
            assert_eq!((got.as_u16(), answer["errcode"].as_str()), (status, Some(errcode)), "{path}: {answer}");
        }
        for action in ["delete", "unbind"] {
            let address = json!({ "medium": "email", "address": "anna@parta.test" });
            let answer = server.post(&anna, &format!("{own}/{action}"), address).await;
            assert_eq!(answer, json!({ "id_server_unbind_result": "no-support" }), "{action}");
        }
    }
}
