//! Threads and spaces through matrix-sdk.

use matrix_sdk::room::{ListThreadsOptions, RelationsOptions};
use matrix_sdk::ruma::api::client::room::create_room::v3::{CreationContent, Request as CreateRoom};
use matrix_sdk::ruma::api::client::space::get_hierarchy::v1::Request as GetHierarchy;
use matrix_sdk::ruma::events::relation::Thread;
use matrix_sdk::ruma::events::room::message::{Relation, RoomMessageEventContent};
use matrix_sdk::ruma::events::space::child::SpaceChildEventContent;
use matrix_sdk::ruma::room::RoomType;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::ruma::{OwnedEventId, OwnedRoomId, uint};
use matrix_sdk::{Client, Room};

use crate::api::Homeserver;
use crate::sdk::{join, person, until};

on_both_engines![a_thread, a_space];

async fn say(room: &Room, words: &str, root: Option<&OwnedEventId>) -> OwnedEventId {
    let mut content = RoomMessageEventContent::text_plain(words);
    content.relates_to = root.map(|root| Relation::Thread(Thread::plain(root.clone(), root.clone())));
    room.send(content).await.expect("sent").response.event_id
}

async fn a_thread(hs: Homeserver) {
    let (anna, boris) = (person(&hs, "anna").await, person(&hs, "boris").await);
    let mut request = CreateRoom::new();
    request.invite = vec![boris.user_id().unwrap().to_owned()];
    let at_anna = anna.create_room(request).await.expect("a room");
    let at_boris = join(&boris, at_anna.room_id()).await;

    let root = say(&at_anna, "Кто идёт на олимпиаду?", None).await;
    let other = say(&at_anna, "Завтра без второго урока", None).await;
    let first = say(&at_boris, "Я", Some(&root)).await;
    let last = say(&at_anna, "И я", Some(&root)).await;

    let threads = at_boris.list_threads(ListThreadsOptions::default()).await.expect("the threads of the room");
    let [thread] = &threads.chunk[..] else { panic!("not one thread: {threads:?}") };
    assert_eq!(thread.event_id(), Some(root.clone()));
    let summary = thread.thread_summary.summary().expect("a summary is bundled");
    assert_eq!((summary.num_replies, summary.latest_reply.as_ref()), (2, Some(&last)));

    let mut options = RelationsOptions { limit: Some(uint!(1)), ..RelationsOptions::default() };
    let mut replies = Vec::new();
    loop {
        let page = at_boris.relations(root.clone(), options.clone()).await.expect("a page of the thread");
        replies.extend(page.chunk.iter().filter_map(|event| event.event_id()));
        options.from = page.next_batch_token;
        if options.from.is_none() {
            break;
        }
    }
    assert_eq!(replies, [last, first], "newest first, one a page");
    assert!(!replies.contains(&other));
}

async fn room(client: &Client, name: &str, kind: Option<RoomType>) -> Room {
    let mut content = CreationContent::new();
    content.room_type = kind;
    let mut request = CreateRoom::new();
    request.name = Some(name.to_owned());
    request.creation_content = Some(Raw::new(&content).expect("JSON"));
    client.create_room(request).await.expect("a room")
}

async fn hierarchy(client: &Client, space: &Room) -> Vec<OwnedRoomId> {
    let answer = client.send(GetHierarchy::new(space.room_id().to_owned())).await.expect("the hierarchy");
    answer.rooms.into_iter().map(|room| room.summary.room_id).collect()
}

async fn a_space(hs: Homeserver) {
    let anna = person(&hs, "anna").await;
    let school = room(&anna, "Школа", Some(RoomType::Space)).await;
    let class = room(&anna, "7 «А»", Some(RoomType::Space)).await;
    let lesson = room(&anna, "Геометрия", None).await;
    let via = anna.user_id().unwrap().server_name();
    for (parent, child) in [(&school, &class), (&class, &lesson)] {
        let content = SpaceChildEventContent::new(vec![via.to_owned()]);
        parent.send_state_event_for_key(child.room_id(), content).await.expect("the room is put into the space");
    }
    until(&anna, "the type of the room", async || school.is_space().then_some(())).await;
    let all = [&school, &class, &lesson].map(|room| room.room_id().to_owned());
    assert_eq!(hierarchy(&anna, &school).await, all, "from the top down");

    let boris = person(&hs, "boris").await;
    let refused = boris.send(GetHierarchy::new(school.room_id().to_owned())).await.expect_err("a private space");
    assert_eq!(refused.as_client_api_error().map(|error| error.status_code.as_u16()), Some(403));
}
