//! Notices from the server to single people.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    admin::administrator,
    rooms::{bodies, join, leave},
    server::{Server, User},
};

const SEND: &str = "/_synapse/admin/v1/send_server_notice";

fn notice(user: &User, text: &str) -> Value {
    json!({ "user_id": user.id, "content": { "msgtype": "m.text", "body": text } })
}

/// The rooms to which a user is invited.
pub(crate) async fn invitations(server: &Server, user: &User) -> Vec<String> {
    let sync = server.get(user, "/_matrix/client/v3/sync").await;
    sync["rooms"]["invite"].as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect()
}

on_both_engines! {
    async fn a_notice_comes_to_a_room_of_its_own(server: Server) {
        let (head, anna, boris) = (administrator(&server).await, server.register("anna").await, server.register("boris").await);
        let sent = server.post(&head, SEND, notice(&anna, "Завтра в 9:00 обновление.")).await;
        assert!(sent["event_id"].as_str().is_some_and(|id| id.starts_with('$')), "{sent}");
        let rooms = invitations(&server, &anna).await;
        let [room] = &rooms[..] else { panic!("{rooms:?}") };
        let tags = format!("/_matrix/client/v3/user/{}/rooms/{room}/tags", anna.id);
        assert!(server.get(&anna, &tags).await["tags"]["m.server_notice"].is_object());

        let leaving = format!("/_matrix/client/v3/rooms/{room}/leave");
        let errcode = "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM";
        server.refused(Method::POST, &anna, &leaving, json!({}), errcode).await;
        let member = format!("/_matrix/client/v3/rooms/{room}/state/m.room.member/{}", anna.id);
        server.refused(Method::PUT, &anna, &member, json!({ "membership": "leave" }), errcode).await;
        join(&server, &anna, room).await;
        let messages = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=100");
        assert_eq!(bodies(&server.get(&anna, &messages).await["chunk"]), ["Завтра в 9:00 обновление."]);
        let answer = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/1");
        server.refused(Method::PUT, &anna, &answer, json!({ "msgtype": "m.text", "body": "Спасибо" }), "M_FORBIDDEN").await;

        leave(&server, &anna, room).await;
        let once = format!("{SEND}/second");
        let first = server.put(&head, &once, notice(&anna, "Обновление прошло.")).await;
        assert_eq!(server.put(&head, &once, notice(&anna, "Обновление прошло.")).await, first);
        assert_eq!(invitations(&server, &anna).await, std::slice::from_ref(room), "the same room again");
        join(&server, &anna, room).await;
        let texts = server.get(&anna, &messages).await;
        assert_eq!(bodies(&texts["chunk"]), ["Обновление прошло.", "Завтра в 9:00 обновление."]);

        server.put(&head, &once, notice(&boris, "Тоже Вам.")).await;
        let of_boris = invitations(&server, &boris).await;
        assert!(of_boris.len() == 1 && of_boris != rooms, "everybody has a room of their own");
    }

    async fn notices_are_sent_by_administrators_to_those_who_are_here(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        server.refused(Method::POST, &anna, SEND, notice(&anna, "x"), "M_FORBIDDEN").await;
        let nobody = User { id: "@nobody:parta.test".into(), ..anna.clone() };
        server.refused(Method::POST, &head, SEND, notice(&nobody, "x"), "M_NOT_FOUND").await;
        let elsewhere = User { id: "@anna:elsewhere.test".into(), ..anna.clone() };
        server.refused(Method::POST, &head, SEND, notice(&elsewhere, "x"), "M_INVALID_PARAM").await;
        server.refused(Method::POST, &head, SEND, json!({ "user_id": anna.id }), "M_BAD_JSON").await;
    }

    async fn nobody_becomes_the_sender(server: Server) {
        let (head, anna) = (administrator(&server).await, server.register("anna").await);
        let person = server.register("notices").await;
        server.refused(Method::POST, &head, SEND, notice(&anna, "x"), "M_UNKNOWN").await;
        let server = server.adjusted(|config| config.server_notices.localpart = "office".into()).await;
        server.post(&head, SEND, notice(&person, "Здравствуйте!")).await;
        let body = json!({ "username": "office", "password": "wonderland", "auth": { "type": "m.login.dummy" } });
        let (status, answer) = server.json(Method::POST, "/_matrix/client/v3/register", None, &body).await;
        assert_eq!((status, &answer["errcode"]), (StatusCode::BAD_REQUEST, &json!("M_USER_IN_USE")));
    }
}
