//! A person's further devices through matrix-sdk: one is verified by emoji, one restores the backup of the keys.

use std::time::Instant;

use matrix_sdk::encryption::VerificationState;
use matrix_sdk::encryption::verification::{SasVerification, Verification};
use matrix_sdk::ruma::api::client::room::create_room::v3::{Request as CreateRoom, RoomPreset};
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use matrix_sdk::{Client, Room};

use crate::api::{Homeserver, PASSWORD, PATIENCE};
use crate::sdk::{Way, body, client, decrypted, person, until};

on_both_engines![a_second_device_is_verified_by_emoji, another_device_restores_the_backup];

/// One more device of this person.
async fn device(hs: &Homeserver, of: &Client, name: &str) -> Client {
    let device = client(hs).await;
    let login = device.matrix_auth().login_username(of.user_id().unwrap(), PASSWORD);
    login.initial_device_display_name(name).send().await.expect("signed in");
    Way::Classic(&device).sync().await;
    device
}

/// Syncs both until `check` finds what it looks for.
async fn until_both<T>(pair: [&Client; 2], what: &str, check: impl AsyncFn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come in {PATIENCE:?}");
        let [first, second] = pair.map(|client| Way::Classic(client).sync());
        tokio::join!(first, second);
    }
}

/// What one device knows of the other: nothing until the list of devices has come.
async fn knows(one: &Client, other: &Client) -> Option<matrix_sdk::encryption::identities::Device> {
    let (user_id, device_id) = (other.user_id()?, other.device_id()?);
    one.encryption().get_device(user_id, device_id).await.expect("the store is read")
}

async fn sas(client: &Client, flow_id: &str) -> Option<SasVerification> {
    client.encryption().get_verification(client.user_id()?, flow_id).await.and_then(Verification::sas)
}

async fn a_second_device_is_verified_by_emoji(hs: Homeserver) {
    let phone = person(&hs, "anna").await;
    phone.encryption().bootstrap_cross_signing(None).await.expect("the first keys need no password");
    let laptop = device(&hs, &phone, "Ноутбук").await;
    let pair = [&phone, &laptop];
    until_both(pair, "the laptop on the phone", async || knows(&phone, &laptop).await).await;
    let seen = until_both(pair, "the phone on the laptop", async || knows(&laptop, &phone).await).await;

    let asked = seen.request_verification().await.expect("asked");
    let me = phone.user_id().unwrap();
    let request =
        until(&phone, "the request", async || phone.encryption().get_verification_request(me, asked.flow_id()).await)
            .await;
    request.accept().await.expect("accepted");
    until(&laptop, "the answer", async || asked.is_ready().then_some(())).await;
    let at_laptop = asked.start_sas().await.expect("begun").expect("both can compare emoji");
    let at_phone = until(&phone, "the beginning", async || sas(&phone, asked.flow_id()).await).await;
    at_phone.accept().await.expect("accepted");
    let shown = async || (at_laptop.can_be_presented() && at_phone.can_be_presented()).then_some(());
    until_both(pair, "the emoji", shown).await;
    let emoji = |sas: &SasVerification| sas.emoji().expect("both can show them").map(|emoji| emoji.symbol);
    assert_eq!(emoji(&at_laptop), emoji(&at_phone));
    at_laptop.confirm().await.expect("confirmed");
    at_phone.confirm().await.expect("confirmed");
    until_both(pair, "the end", async || (at_laptop.is_done() && at_phone.is_done()).then_some(())).await;

    let signed = async || knows(&phone, &laptop).await.filter(|device| device.is_verified_with_cross_signing());
    until_both(pair, "the signature", signed).await;
    let verified =
        async || (laptop.encryption().verification_state().get() == VerificationState::Verified).then_some(());
    until_both(pair, "the laptop's own trust", verified).await;
    let complete =
        async || laptop.encryption().cross_signing_status().await.filter(|status| status.is_complete()).map(drop);
    until_both(pair, "the secrets", complete).await;
}

/// An encrypted room of one.
async fn diary(of: &Client) -> Room {
    let mut request = CreateRoom::new();
    request.preset = Some(RoomPreset::PrivateChat);
    let room = of.create_room(request).await.expect("a room");
    room.enable_encryption().await.expect("encrypted");
    room
}

async fn another_device_restores_the_backup(hs: Homeserver) {
    let phone = person(&hs, "anna").await;
    phone.encryption().bootstrap_cross_signing(None).await.expect("the first keys need no password");
    let room = diary(&phone).await;
    let sent = room.send(RoomMessageEventContent::text_plain("Ответ: 42")).await.expect("sent");
    assert!(sent.encryption_info.is_some(), "sent in the clear");
    let recovery = phone.encryption().recovery();
    let recovery_key = recovery.enable().wait_for_backups_to_upload().await.expect("the keys are in the backup");
    phone.matrix_auth().logout().await.expect("the only device is gone");

    let tablet = device(&hs, &phone, "Планшет").await;
    let at_tablet = until(&tablet, "the room", async || tablet.get_room(room.room_id())).await;
    let unread = at_tablet.event(&sent.response.event_id, None).await.expect("the message");
    assert!(unread.encryption_info().is_none(), "readable without the keys");
    tablet.encryption().recovery().recover(&recovery_key).await.expect("the recovery key opens it");
    tablet.encryption().backups().download_room_keys_for_room(room.room_id()).await.expect("the keys come back");
    assert_eq!(body(&decrypted(&tablet, &at_tablet, &sent.response.event_id).await), "Ответ: 42");
    let status = tablet.encryption().cross_signing_status().await.expect("keys");
    assert!(status.is_complete(), "the identity came along: {status:?}");
}
