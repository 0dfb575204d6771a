//! Accounts and rooms straight through the journal: for tests of what happens around rooms, not in them.

use homeserver::{
    domain::{
        event::{Draft, Event, canonical_content},
        sessions,
    },
    storage::db::sql,
};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, events::StateEventType};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::server::{Server, User};

impl Server {
    /// An account with a device, signed in.
    pub(crate) async fn seed_user(&self, name: &str) -> User {
        let user =
            User { id: format!("@{name}:parta.test"), token: format!("token of {name}"), device: "DEVICE".into() };
        let (id, hash) = (user.id.clone(), sessions::hash(&user.token));
        self.app
            .journal
            .write(move |w| {
                Box::pin(async move {
                    let now = w.now;
                    sql("INSERT INTO users (user_id, created_at) VALUES ($1, $2)")
                        .bind(&id)
                        .bind(now)
                        .run(&mut w.tx)
                        .await?;
                    sql("INSERT INTO devices (user_id, device_id, created_at) VALUES ($1, 'DEVICE', $2)")
                        .bind(&id)
                        .bind(now)
                        .run(&mut w.tx)
                        .await?;
                    sql("INSERT INTO access_tokens (token_hash, user_id, device_id, created_at) \
                         VALUES ($1, $2, 'DEVICE', $3)")
                    .bind(&hash[..])
                    .bind(&id)
                    .bind(now)
                    .run(&mut w.tx)
                    .await?;
                    Ok(())
                })
            })
            .await
            .expect("an account");
        user
    }

    /// A room that everybody may join, made by the first of the members.
    pub(crate) async fn seed_room(&self, members: &[&User]) -> OwnedRoomId {
        let ids: Vec<OwnedUserId> = members.iter().map(|user| user.user_id()).collect();
        let creator = ids[0].clone();
        let create = Draft::state(&creator, StateEventType::RoomCreate, "", content(&json!({ "room_version": "11" })));
        let room_id = RoomId::new_v1(creator.server_name());
        self.app
            .journal
            .decide(&[], move |batch| {
                batch.create_room(&RoomVersionId::V11, room_id.clone(), create, false)?;
                let rule = json!({ "join_rule": "public" });
                batch.append(&room_id, membership(&creator, "join"))?;
                batch.append(&room_id, Draft::state(&creator, StateEventType::RoomJoinRules, "", content(&rule)))?;
                for user_id in &ids[1..] {
                    batch.append(&room_id, membership(user_id, "join"))?;
                }
                Ok(room_id)
            })
            .await
            .expect("a room")
    }

    /// Changes a user's own membership.
    pub(crate) async fn seed_membership(&self, user: &User, room_id: &RoomId, to: &str) -> Arc<Event> {
        self.append(room_id, membership(&user.user_id(), to)).await
    }

    /// Sends a message of any content.
    pub(crate) async fn seed_message(&self, user: &User, room_id: &RoomId, message: Value) -> Arc<Event> {
        self.append(room_id, Draft::message(&user.user_id(), "m.room.message".into(), content(&message))).await
    }

    /// Sends a text.
    pub(crate) async fn seed_text(&self, user: &User, room_id: &RoomId, body: &str) -> Arc<Event> {
        self.seed_message(user, room_id, json!({ "msgtype": "m.text", "body": body })).await
    }

    /// Adds any event to a room.
    pub(crate) async fn append(&self, room_id: &RoomId, draft: Draft) -> Arc<Event> {
        let room = room_id.to_owned();
        self.app.journal.decide(&[room_id], move |batch| batch.append(&room, draft)).await.expect("an event")
    }
}

impl User {
    /// The id.
    pub(crate) fn user_id(&self) -> OwnedUserId {
        self.id.as_str().try_into().expect("a user's id")
    }
}

fn content(value: &Value) -> ruma::CanonicalJsonObject {
    canonical_content(value).expect("canonical JSON")
}

fn membership(user_id: &OwnedUserId, to: &str) -> Draft {
    Draft::state(user_id, StateEventType::RoomMember, user_id.as_str(), content(&json!({ "membership": to })))
}
