//! Networks that an application service provides, and the rooms that it lists in them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fake, acting};
use crate::server::Server;

/// What the application service answers below `thirdparty/`.
pub(super) async fn answer(
    Path(path): Path<String>,
    Query(fields): Query<BTreeMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let place = json!({ "alias": "#games_board:parta.test", "protocol": "chess", "fields": fields });
    let player = json!({ "userid": "@bot_master:parta.test", "protocol": "chess", "fields": fields });
    let answer = match path.as_str() {
        "protocol/chess" => json!({
            "user_fields": ["name"], "location_fields": ["hall", "board"], "icon": "mxc://parta.test/chess",
            "field_types": {
                "name": { "regexp": ".+", "placeholder": "Magnus" },
                "hall": { "regexp": "[a-z]+", "placeholder": "east" },
                "board": { "regexp": "[0-9]+", "placeholder": "1" },
            },
            "instances": [{ "network_id": "club", "desc": "The club", "fields": { "hall": "east" } }],
        }),
        "location/chess" => json!([place]),
        "user/chess" => json!([player]),
        "location" if fields["alias"] == "#games_board:parta.test" => json!([place]),
        "user" if fields["userid"] == "@bot_master:parta.test" => json!([player]),
        _ => return (StatusCode::NOT_FOUND, Json(json!({ "errcode": "GAMES_NOT_FOUND" }))),
    };
    (StatusCode::OK, Json(answer))
}

fn path(rest: &str) -> String {
    format!("/_matrix/client/v3/thirdparty/{rest}")
}

on_both_engines! {
    async fn there_may_be_no_networks(server: Server) {
        let alice = server.seed_user("alice").await;
        assert_eq!(server.get(&alice, &path("protocols")).await, json!({}));
        for list in [
            "location/chess?board=1",
            "user/chess?name=Magnus",
            "location?alias=%23board:parta.test",
            "user?userid=@alice:parta.test",
        ] {
            assert_eq!(server.get(&alice, &path(list)).await, json!([]), "{list}");
        }
        server.refused(Method::GET, &alice, &path("protocol/chess"), Value::Null, "M_NOT_FOUND").await;
    }

    async fn a_network_is_described_by_who_provides_it(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("protocols: [chess, go]\n")).await;
        let alice = server.seed_user("alice").await;
        let chess = server.get(&alice, &path("protocol/chess")).await;
        assert_eq!(chess["instances"][0]["instance_id"], "games|club", "{chess:#}");
        assert_eq!(chess["location_fields"], json!(["hall", "board"]));
        // It says that it provides another and does not know it.
        assert_eq!(server.get(&alice, &path("protocols")).await, json!({ "chess": chess }));
        server.refused(Method::GET, &alice, &path("protocol/go"), Value::Null, "M_NOT_FOUND").await;
        let place = server.get(&alice, &path("location/chess?board=1&access_token=secret")).await;
        assert_eq!(place[0]["fields"], json!({ "board": "1" }), "the caller's token stays here");
        assert_eq!(server.get(&alice, &path("user/chess?name=M%26M")).await[0]["fields"], json!({ "name": "M&M" }));
        assert_eq!(server.get(&alice, &path("location/go?board=1")).await, json!([]));
        let place = server.get(&alice, &path("location?alias=%23games_board:parta.test")).await;
        assert_eq!(place[0]["alias"], "#games_board:parta.test");
        let player = server.get(&alice, &path("user?userid=@bot_master:parta.test")).await;
        assert_eq!(player[0]["userid"], "@bot_master:parta.test");
        assert_eq!(server.get(&alice, &path("user?userid=@alice:parta.test")).await, json!([]), "not its own");
    }

    async fn a_network_has_a_directory(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("protocols: [chess]\n")).await;
        let alice = server.seed_user("alice").await;
        let (listed, public) = (server.seed_room(&[&alice]).await, server.seed_room(&[&alice]).await);
        let games = acting(&alice);
        let list = |room: &str| format!("/_matrix/client/v3/directory/list/{room}");
        let in_club = list(&format!("appservice/club/{listed}"));
        let visible = json!({ "visibility": "public" });
        server.refused(Method::PUT, &alice, &in_club, visible.clone(), "M_FORBIDDEN").await;
        let nowhere = list("appservice/club/!nowhere:parta.test");
        server.refused(Method::PUT, &games, &nowhere, visible.clone(), "M_NOT_FOUND").await;
        for _ in 0..2 {
            server.put(&games, &in_club, visible.clone()).await;
        }
        server.put(&alice, &list(&format!("room/{public}")), visible).await;

        let server = server.restarted().await;
        let (club, all) = (json!({ "third_party_instance_id": "games|club" }), json!({ "include_all_networks": true }));
        assert_eq!(rooms(&server, &games.token, &club).await, [listed.to_string()]);
        assert_eq!(rooms(&server, &games.token, &json!({})).await, [public.to_string()]);
        assert_eq!(rooms(&server, &games.token, &json!({ "third_party_instance_id": "games|other" })).await, [""; 0]);
        let mut both = [listed.to_string(), public.to_string()];
        both.sort();
        assert_eq!(rooms(&server, &games.token, &all).await, both);
        server.put(&games, &in_club, json!({ "visibility": "private" })).await;
        assert_eq!(rooms(&server, &games.token, &club).await, [""; 0]);
    }
}

/// The rooms of a directory, sorted.
async fn rooms(server: &Server, token: &str, network: &Value) -> Vec<String> {
    let (status, answer) = server.json(Method::POST, "/_matrix/client/v3/publicRooms", Some(token), network).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let chunk = answer["chunk"].as_array().cloned().unwrap_or_default();
    let mut rooms: Vec<_> = chunk.iter().filter_map(|room| room["room_id"].as_str().map(str::to_owned)).collect();
    rooms.sort();
    rooms
}
