//! Verification of the account's devices and of people, and how the keys of people stand.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt, stream, stream::BoxStream};
use matrix_sdk::{
    Room,
    encryption::{
        identities::RequestVerificationError,
        verification::{
            CancelInfo, QrVerification, QrVerificationState, SasState, SasVerification, Verification,
            VerificationRequest, VerificationRequestState,
        },
    },
    ruma::{
        OwnedDeviceId, OwnedUserId, RoomId, UserId,
        events::{
            key::verification::{cancel::CancelCode, request::ToDeviceKeyVerificationRequestEvent},
            room::message::{MessageType, OriginalSyncRoomMessageEvent},
        },
    },
};
use tokio::{sync::mpsc::unbounded_channel, task::AbortHandle};

use crate::{
    matrix::{devices, failure, live::Live, timelines::person_name},
    model::{
        person,
        update::{Failure, Update},
        verify::{Changed, Code, End, News, Partner, Stage, Trust, Wish},
    },
};

/// The verification that runs, and whose keys are watched.
#[derive(Default)]
pub(super) struct Verifying(Mutex<State>);

#[derive(Default)]
struct State {
    running: Option<VerificationRequest>,
    watching: Option<AbortHandle>,
}

impl Verifying {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn running(&self) -> Option<VerificationRequest> {
        self.with(|state| state.running.clone())
    }

    /// Whose keys changed in the room on screen is no longer asked.
    pub(super) fn unwatch(&self) {
        if let Some(task) = self.with(|state| state.watching.take()) {
            task.abort();
        }
    }
}

/// Waits for those who ask, until the session ends.
pub(super) async fn listen(live: Arc<Live>) {
    let client = &live.client;
    let (asking, mut asked) = unbounded_channel::<(OwnedUserId, String)>();
    let of_device = asking.clone();
    let devices = client.add_event_handler(move |event: ToDeviceKeyVerificationRequestEvent| {
        let told = of_device.send((event.sender, event.content.transaction_id.to_string()));
        async move { drop(told) }
    });
    let own = client.user_id().map(ToOwned::to_owned);
    let people = client.add_event_handler(move |event: OriginalSyncRoomMessageEvent, room: Room| {
        // Who shares no more than a large room with somebody does not put a dialog on their screen. The bot of a game may
        // be in a personal chat too.
        let personal = room.direct_targets_length() > 0 || room.joined_members_count() <= 2;
        if let MessageType::VerificationRequest(content) = &event.content.msgtype
            && personal
            && Some(&content.to) == own.as_ref()
        {
            drop(asking.send((event.sender, event.event_id.to_string())));
        }
        async {}
    });
    let _guards = (client.event_handler_drop_guard(devices), client.event_handler_drop_guard(people));
    while let Some((person, flow)) = asked.recv().await {
        if live.verifying.running().is_some_and(|running| !running.is_done() && !running.is_cancelled()) {
            continue;
        }
        if let Some(request) = client.encryption().get_verification_request(&person, &flow).await
            && !request.we_started()
            && !request.is_done()
            && !request.is_cancelled()
        {
            begin(&live, request).await;
        }
    }
}

/// Does what the pages ask for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Own => ask(live, own_devices(live).await, "").await,
        Wish::Device(id) => ask(live, device(live, &id).await, "").await,
        Wish::Person(id) => ask(live, another(live, &id).await, &id).await,
        Wish::Look(id) => look(live, &id).await,
        Wish::Take(id) => take_as_they_are(live, &id).await,
        Wish::Accept | Wish::Compare | Wish::Same | Wish::Different | Wish::Stop => {
            let Some(request) = live.verifying.running() else { return };
            if let Err(error) = Box::pin(answer(&request, &wish)).await {
                tracing::info!(%error, "a step of the verification was not told");
                if wish != Wish::Stop {
                    let end = Stage::Ended(End::Failed(failure::of(&error)));
                    tell(live, partner(live, &request).await, end);
                }
            }
        }
    }
}

async fn answer(request: &VerificationRequest, wish: &Wish) -> matrix_sdk::Result<()> {
    let verification = match request.state() {
        VerificationRequestState::Transitioned { verification } => Some(verification),
        _ => None,
    };
    match (wish, verification) {
        (Wish::Accept, _) => request.accept().await,
        (Wish::Compare, _) => request.start_sas().await.map(|_| ()),
        (Wish::Same, Some(Verification::SasV1(sas))) => sas.confirm().await,
        (Wish::Same, Some(Verification::QrV1(code))) => code.confirm().await,
        (Wish::Different, Some(Verification::SasV1(sas))) => sas.mismatch().await,
        (_, Some(Verification::SasV1(sas))) => sas.cancel().await,
        (_, Some(Verification::QrV1(code))) => code.cancel().await,
        _ => request.cancel().await,
    }
}

/// Follows a request of one's own, or tells why there is none.
async fn ask(live: &Arc<Live>, made: Result<VerificationRequest, End>, id: &str) {
    if let Some(before) = live.verifying.running() {
        let _ = answer(&before, &Wish::Stop).await;
    }
    match made {
        Ok(request) => begin(live, request).await,
        Err(end) => {
            let partner = Partner { person: id.to_owned(), name: person::localpart(id).to_owned(), own: id.is_empty() };
            tell(live, partner, Stage::Ended(end));
        }
    }
}

async fn own_devices(live: &Live) -> Result<VerificationRequest, End> {
    let encryption = live.client.encryption();
    let own = live.client.user_id().ok_or(End::Failed(Failure::SessionEnded))?;
    if !encryption.has_devices_to_verify_against().await.map_err(|error| End::Failed(failure::of(&error)))? {
        return Err(End::Nobody);
    }
    let identity = encryption.get_user_identity(own).await.ok().flatten().ok_or(End::Nobody)?;
    identity.request_verification().await.map_err(|error| refused(&error))
}

async fn device(live: &Live, id: &str) -> Result<VerificationRequest, End> {
    let own = live.client.user_id().ok_or(End::Failed(Failure::SessionEnded))?;
    let device = live.client.encryption().get_device(own, &OwnedDeviceId::from(id)).await.ok().flatten();
    device.ok_or(End::Nobody)?.request_verification().await.map_err(|error| End::Failed(failure::of(&error)))
}

async fn another(live: &Live, id: &str) -> Result<VerificationRequest, End> {
    let person = UserId::parse(id).map_err(|_| End::Nobody)?;
    // Asked of the server: what is compared is what others see now.
    let identity = live.client.encryption().request_user_identity(&person).await;
    let identity = identity.map_err(|error| End::Failed(failure::of(&error)))?.ok_or(End::Nobody)?;
    Box::pin(identity.request_verification()).await.map_err(|error| refused(&error))
}

fn refused(error: &RequestVerificationError) -> End {
    match error {
        RequestVerificationError::Sdk(error) => End::Failed(failure::of(error)),
        RequestVerificationError::RoomCreation(_) => End::Failed(Failure::Other),
    }
}

async fn begin(live: &Arc<Live>, request: VerificationRequest) {
    live.verifying.with(|state| state.running = Some(request.clone()));
    let partner = partner(live, &request).await;
    live.add(tokio::spawn(follow(Arc::clone(live), request, partner)));
}

/// With whom a request is.
async fn partner(live: &Live, request: &VerificationRequest) -> Partner {
    let own = request.is_self_verification();
    let other = request.other_user_id();
    let name = match request.room_id().and_then(|room| live.client.get_room(room)) {
        Some(room) => person_name(&room, other).await,
        None if own => String::new(),
        None => other.localpart().to_owned(),
    };
    Partner { person: other.to_string(), name, own }
}

fn tell(live: &Live, partner: Partner, stage: Stage) {
    live.updates.send(Update::Verify(News::Stage(partner, stage)));
}

/// Tells how far a verification is until it is over.
async fn follow(live: Arc<Live>, request: VerificationRequest, mut partner: Partner) {
    let mut requests = pin!(request.changes());
    let mut steps: BoxStream<'static, ()> = stream::pending().boxed();
    // The way whose steps are followed.
    let mut way = None;
    let mut told = None;
    loop {
        let stage = match request.state() {
            VerificationRequestState::Created { .. } => Stage::Waiting,
            VerificationRequestState::Requested { other_device_data, .. } => {
                if partner.own {
                    other_device_data.display_name().unwrap_or_default().clone_into(&mut partner.name);
                }
                Stage::Asked
            }
            VerificationRequestState::Ready { other_device_data, .. } => {
                if partner.own {
                    other_device_data.display_name().unwrap_or_default().clone_into(&mut partner.name);
                }
                ready(&request).await
            }
            VerificationRequestState::Transitioned { verification: Verification::SasV1(sas) } => {
                if way.replace("emoji") != Some("emoji") {
                    steps = sas.changes().map(drop).boxed();
                }
                by_emoji(&sas).await
            }
            VerificationRequestState::Transitioned { verification: Verification::QrV1(code) } => {
                if way.replace("code") != Some("code") {
                    steps = code.changes().map(drop).boxed();
                }
                by_code(&code)
            }
            VerificationRequestState::Transitioned { .. } => Stage::Ended(End::Failed(Failure::Other)),
            VerificationRequestState::Done => Stage::Done,
            VerificationRequestState::Cancelled(info) => Stage::Ended(ended(&info)),
        };
        let last = stage.is_last();
        if told.as_ref() != Some(&stage) {
            tell(&live, partner.clone(), stage.clone());
        }
        told = Some(stage);
        if last {
            break;
        }
        tokio::select! {
            Some(_) = requests.next() => {}
            Some(()) = steps.next() => {}
            else => break,
        }
    }
    live.verifying.with(|state| {
        if state.running.as_ref().is_some_and(|running| running.flow_id() == request.flow_id()) {
            state.running = None;
        }
    });
    if told == Some(Stage::Done) {
        if partner.own {
            devices::tell(&live).await;
        } else {
            look(&live, &partner.person).await;
        }
    }
}

/// Both are there: a code for the other side's camera if it has one. Without, the one who asked begins with emoji.
async fn ready(request: &VerificationRequest) -> Stage {
    match request.generate_qr_code().await {
        Ok(Some(code)) => by_code(&code),
        Ok(None) if request.we_started() => match request.start_sas().await {
            Ok(_) => Stage::Preparing,
            Err(error) => Stage::Ended(End::Failed(failure::of(&error))),
        },
        Ok(None) => Stage::Ready(None),
        Err(error) => {
            tracing::info!(%error, "there is no code to show");
            Stage::Ready(None)
        }
    }
}

async fn by_emoji(sas: &SasVerification) -> Stage {
    match sas.state() {
        SasState::Started { .. } => match sas.accept().await {
            Ok(()) => Stage::Preparing,
            Err(error) => Stage::Ended(End::Failed(failure::of(&error))),
        },
        SasState::Created { .. } | SasState::Accepted { .. } => Stage::Preparing,
        SasState::KeysExchanged { emojis: Some(emoji), .. } => Stage::Emoji(emoji.indices),
        SasState::KeysExchanged { decimals: (first, second, third), .. } => Stage::Numbers([first, second, third]),
        SasState::Confirmed => Stage::Confirming,
        SasState::Done { .. } => Stage::Done,
        SasState::Cancelled(info) => Stage::Ended(ended(&info)),
    }
}

fn by_code(code: &QrVerification) -> Stage {
    match code.state() {
        QrVerificationState::Started => Stage::Ready(points(code)),
        QrVerificationState::Scanned => Stage::Scanned,
        QrVerificationState::Confirmed | QrVerificationState::Reciprocated => Stage::Confirming,
        QrVerificationState::Done { .. } => Stage::Done,
        QrVerificationState::Cancelled(info) => Stage::Ended(ended(&info)),
    }
}

fn points(code: &QrVerification) -> Option<Code> {
    let code = code.to_qr_code().inspect_err(|error| tracing::warn!(%error, "a code cannot be drawn")).ok()?;
    let dark = code.to_colors().into_iter().map(|point| point.select(true, false)).collect();
    Some(Code { side: code.width(), dark })
}

fn ended(info: &CancelInfo) -> End {
    match info.cancel_code() {
        CancelCode::Timeout => End::Late,
        CancelCode::Accepted => End::Elsewhere,
        CancelCode::MismatchedSas
        | CancelCode::MismatchedCommitment
        | CancelCode::KeyMismatch
        | CancelCode::UserMismatch => End::Mismatch,
        CancelCode::User => End::Declined,
        _ => End::Failed(Failure::Other),
    }
}

/// Tells how the keys of a person stand.
async fn look(live: &Live, id: &str) {
    let Ok(person) = UserId::parse(id) else { return };
    let trust = match live.client.encryption().get_user_identity(&person).await {
        Ok(Some(identity)) if identity.is_verified() => Trust::Verified,
        Ok(Some(identity)) if identity.has_verification_violation() => Trust::Changed,
        Ok(Some(_)) => Trust::Unverified,
        _ => Trust::Unknown,
    };
    live.updates.send(Update::Verify(News::Trust(id.to_owned(), trust)));
}

/// The keys of a person hold as they are now.
async fn take_as_they_are(live: &Live, id: &str) {
    let Ok(person) = UserId::parse(id) else { return };
    let Ok(Some(identity)) = live.client.encryption().get_user_identity(&person).await else { return };
    let taken = if identity.has_verification_violation() {
        identity.withdraw_verification().await
    } else {
        identity.pin().await
    };
    if let Err(error) = taken {
        tracing::warn!(%error, "the keys of a person cannot be taken");
        live.failed(Failure::Store);
    }
}

/// Tells whose keys changed, as long as the room is on screen.
pub(super) fn watch(live: &Arc<Live>, room: &Room) {
    let this = Arc::downgrade(live);
    let room = room.clone();
    let task = tokio::spawn(async move {
        if !room.latest_encryption_state().await.is_ok_and(|state| state.is_encrypted()) {
            return;
        }
        let Ok(changes) = room.subscribe_to_identity_status_changes().await else { return };
        let mut changes = pin!(changes);
        let mut people = BTreeMap::new();
        while let Some(batch) = changes.next().await {
            let Some(live) = this.upgrade() else { return };
            for change in batch {
                // The SDK does not name this type: changed since it was first seen is 2, since it was compared 3.
                match change.changed_to as u8 {
                    state @ (2 | 3) => {
                        let name = person_name(&room, &change.user_id).await;
                        let id = change.user_id.to_string();
                        people.insert(change.user_id, Changed { id, name, compared: state == 3 });
                    }
                    _ => {
                        people.remove(&change.user_id);
                    }
                }
            }
            tell_changed(&live, room.room_id(), people.values().cloned().collect());
        }
    });
    if let Some(before) = live.verifying.with(|state| state.watching.replace(task.abort_handle())) {
        before.abort();
    }
}

fn tell_changed(live: &Live, room: &RoomId, people: Vec<Changed>) {
    live.updates.send(Update::Verify(News::Changed { room: room.to_string(), people }));
}
