//! Two people through matrix-sdk, as clients of today drive a server: register, a direct chat, an encrypted message and
//! an encrypted picture.

use std::future::Future;
use std::io::Cursor;
use std::time::{Duration, Instant};

use matrix_sdk::attachment::AttachmentConfig;
use matrix_sdk::config::SyncSettings;
use matrix_sdk::deserialized_responses::TimelineEvent;
use matrix_sdk::ruma::api::client::account::register::v3::Request as RegisterRequest;
use matrix_sdk::ruma::api::client::uiaa::{AuthData, Dummy};
use matrix_sdk::ruma::events::StateEventType;
use matrix_sdk::ruma::events::room::message::{
    ImageMessageEventContent, MessageType, OriginalSyncRoomMessageEvent, RoomMessageEventContent,
};
use matrix_sdk::ruma::{EventId, RoomId};
use matrix_sdk::{Client, Room, RoomState, SlidingSync, SlidingSyncList, SlidingSyncMode};

use crate::api::{Homeserver, PASSWORD, PATIENCE, unique};

on_both_engines![a_direct_chat_with_a_picture, a_direct_chat_by_sliding_sync, signing_in_again_reads_history];

/// How a client learns what is new.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    Classic(&'a Client),
    Sliding(&'a SlidingSync),
}

impl<'a> From<&'a Client> for Way<'a> {
    fn from(client: &'a Client) -> Self {
        Self::Classic(client)
    }
}

impl<'a> From<&'a SlidingSync> for Way<'a> {
    fn from(sliding: &'a SlidingSync) -> Self {
        Self::Sliding(sliding)
    }
}

impl Way<'_> {
    pub(crate) async fn sync(self) {
        match self {
            Self::Classic(client) => {
                drop(client.sync_once(SyncSettings::default().timeout(POLL)).await.expect("a sync"));
            }
            Self::Sliding(sliding) => drop(sliding.sync_once().await.expect("a sliding sync")),
        }
    }
}

/// How long a sync waits.
const POLL: Duration = Duration::from_secs(1);

/// A client of nobody as yet.
pub(crate) async fn client(hs: &Homeserver) -> Client {
    Client::builder().homeserver_url(&hs.base).build().await.expect("the SDK finds the server")
}

/// A new account, signed in and synced once, as a client does before it shows anything.
pub(crate) async fn person(hs: &Homeserver, name: &str) -> Client {
    let client = client(hs).await;
    let mut request = RegisterRequest::new();
    request.username = Some(unique(name));
    request.password = Some(PASSWORD.to_owned());
    request.auth = Some(AuthData::Dummy(Dummy::new()));
    if let Err(error) = client.matrix_auth().register(request.clone()).await {
        // A server that takes no answer before it has asked.
        let info = error.as_uiaa_response().unwrap_or_else(|| panic!("registering {name}: {error}"));
        let mut dummy = Dummy::new();
        dummy.session.clone_from(&info.session);
        request.auth = Some(AuthData::Dummy(dummy));
        client.matrix_auth().register(request).await.expect("the account is made");
    }
    Way::Classic(&client).sync().await;
    client
}

/// A sliding sync as phones set it up: one list of all rooms that grows, and every extension.
async fn sliding(client: &Client) -> SlidingSync {
    let state = [
        (StateEventType::RoomCreate, ""),
        (StateEventType::RoomName, ""),
        (StateEventType::RoomEncryption, ""),
        (StateEventType::RoomMember, "$LAZY"),
        (StateEventType::RoomMember, "$ME"),
    ];
    let list = SlidingSyncList::builder("all_rooms")
        .sync_mode(SlidingSyncMode::new_growing(20))
        .timeline_limit(10)
        .required_state(state.map(|(kind, key)| (kind, key.to_owned())).into());
    let builder = client.sliding_sync("room-list").expect("a name that is short enough");
    let builder = builder.with_all_extensions().poll_timeout(POLL).network_timeout(PATIENCE).add_list(list);
    builder.build().await.expect("a sliding sync")
}

/// Syncs until `check` finds what it looks for.
pub(crate) async fn until<'a, T, F: Future<Output = Option<T>>>(
    way: impl Into<Way<'a>>,
    what: &str,
    check: impl Fn() -> F,
) -> T {
    let way = way.into();
    let begun = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come in {PATIENCE:?}");
        way.sync().await;
    }
}

/// The room, once this person is in it.
pub(crate) async fn join(client: &Client, room_id: &RoomId) -> Room {
    let invited = until(client, "the invitation", async || client.get_room(room_id)).await;
    invited.join().await.expect("the invitation is accepted");
    until(client, "the room", async || client.get_room(room_id).filter(|room| room.state() == RoomState::Joined)).await
}

/// The message, once its keys are here too.
pub(crate) async fn decrypted(
    way: impl Into<Way<'_>>,
    room: &Room,
    event_id: &EventId,
) -> OriginalSyncRoomMessageEvent {
    let event: TimelineEvent = until(way, "the readable message", async || {
        room.event(event_id, None).await.ok().filter(|event| event.encryption_info().is_some())
    })
    .await;
    event.raw().deserialize_as_unchecked().expect("a message")
}

/// What a message says.
pub(crate) fn body(event: &OriginalSyncRoomMessageEvent) -> &str {
    event.content.body()
}

/// A small picture, not the same twice.
fn picture() -> Vec<u8> {
    let shade = rand::random();
    let pixels = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, shade]));
    let mut png = Cursor::new(Vec::new());
    pixels.write_to(&mut png, image::ImageFormat::Png).expect("a PNG");
    png.into_inner()
}

async fn a_direct_chat_with_a_picture(hs: Homeserver) {
    let (anna, boris) = (person(&hs, "anna").await, person(&hs, "boris").await);
    let chat = anna.create_dm(boris.user_id().unwrap()).await.expect("a direct chat");
    let at_boris = join(&boris, chat.room_id()).await;
    let joined = async || {
        chat.get_member_no_sync(boris.user_id().unwrap())
            .await
            .ok()
            .flatten()
            .filter(|m| *m.membership() == matrix_sdk::ruma::events::room::member::MembershipState::Join)
    };
    until(&anna, "Boris", joined).await;
    assert!(chat.latest_encryption_state().await.unwrap().is_encrypted(), "direct chats are encrypted");
    // The SDK writes so into account data when it joins, and hears of it by sync.
    until(&boris, "the mark of a direct chat", async || at_boris.is_direct().await.ok().filter(|direct| *direct)).await;

    let sent = chat.send(RoomMessageEventContent::text_plain("Домашнее задание сделал?")).await.expect("sent");
    assert!(sent.encryption_info.is_some(), "sent in the clear");
    let read = decrypted(&boris, &at_boris, &sent.response.event_id).await;
    assert_eq!(body(&read), "Домашнее задание сделал?");
    let in_the_clear = hs
        .login(anna.user_id().unwrap().as_str())
        .await
        .get(path!("v3/rooms/{}/event/{}", chat.room_id(), sent.response.event_id))
        .await
        .ok();
    assert_eq!(in_the_clear["type"], "m.room.encrypted", "what the server has is not readable");

    let answer = at_boris.send(RoomMessageEventContent::text_plain("Да!")).await.expect("answered");
    assert_eq!(body(&decrypted(&anna, &chat, &answer.response.event_id).await), "Да!");

    let bytes = picture();
    let sent = chat
        .send_attachment("Доска.png", &mime::IMAGE_PNG, bytes.clone(), AttachmentConfig::new())
        .await
        .expect("the picture is sent");
    let read = decrypted(&boris, &at_boris, &sent.event_id).await;
    let MessageType::Image(image) = read.content.msgtype else { panic!("not a picture: {read:?}") };
    assert_eq!(downloaded(&boris, &image).await, bytes);
}

async fn a_direct_chat_by_sliding_sync(hs: Homeserver) {
    let (anna, boris) = (person(&hs, "anna").await, person(&hs, "boris").await);
    let (at_anna, at_boris) = (sliding(&anna).await, sliding(&boris).await);
    let chat = anna.create_dm(boris.user_id().unwrap()).await.expect("a direct chat");
    let id = chat.room_id();
    let invited = until(&at_boris, "the invitation", async || boris.get_room(id)).await;
    assert_eq!(invited.state(), RoomState::Invited);
    invited.join().await.expect("the invitation is accepted");
    let joined = async || boris.get_room(id).filter(|room| room.state() == RoomState::Joined);
    let room = until(&at_boris, "the room", joined).await;
    let both = async || (chat.joined_members_count() == 2).then_some(());
    until(&at_anna, "Boris", both).await;

    let sent = chat.send(RoomMessageEventContent::text_plain("Ты с телефона?")).await.expect("sent");
    assert!(sent.encryption_info.is_some(), "sent in the clear");
    assert_eq!(body(&decrypted(&at_boris, &room, &sent.response.event_id).await), "Ты с телефона?");
    let answer = room.send(RoomMessageEventContent::text_plain("Да!")).await.expect("answered");
    assert_eq!(body(&decrypted(&at_anna, &chat, &answer.response.event_id).await), "Да!");

    room.leave().await.expect("left");
    until(&at_boris, "the end", async || (room.state() == RoomState::Left).then_some(())).await;
}

async fn downloaded(client: &Client, image: &ImageMessageEventContent) -> Vec<u8> {
    client.media().get_file(image, false).await.expect("the picture is read").expect("there is one")
}

async fn signing_in_again_reads_history(hs: Homeserver) {
    let anna = person(&hs, "anna").await;
    let request = matrix_sdk::ruma::api::client::room::create_room::v3::Request::new();
    let room = anna.create_room(request).await.expect("a room");
    let mut sent = Vec::new();
    for lesson in 1..=30 {
        let content = RoomMessageEventContent::text_plain(format!("Урок {lesson}"));
        sent.push(room.send(content).await.expect("sent").response.event_id);
    }
    let again = client(&hs).await;
    let login = again.matrix_auth().login_username(anna.user_id().unwrap().as_str(), PASSWORD);
    login.initial_device_display_name("Кабинет 12").send().await.expect("signed in");
    let room = until(&again, "the room", async || again.get_room(room.room_id())).await;
    let mut found = Vec::new();
    let mut from = None;
    loop {
        let mut options = matrix_sdk::room::MessagesOptions::backward();
        options.from.clone_from(&from);
        let page = room.messages(options).await.expect("a page of history");
        found.extend(page.chunk.iter().filter_map(TimelineEvent::event_id).filter(|id| sent.contains(id)));
        from = page.end;
        if from.is_none() {
            break;
        }
    }
    found.reverse();
    assert_eq!(found, sent, "every message once, in order");
}
