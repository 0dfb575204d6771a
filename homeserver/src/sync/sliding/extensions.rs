//! What a client asks for besides rooms: messages to its device, keys, account data, receipts, typing, thread
//! subscriptions.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ruma::{
    OwnedRoomId, UserId,
    api::client::sync::sync_events::v5::{
        Request, Response,
        request::ExtensionRoomConfig,
        response::{Room, ToDevice},
    },
    events::receipt::{ReceiptEventContent, SyncReceiptEvent},
    serde::Raw,
};
use serde_json::json;

use super::{
    Asked,
    connections::{Seen, Told},
    lists::Wanted,
};
use crate::{
    app::App,
    domain::{event::Position, sessions::Requester},
    error::Result,
    storage,
    sync::{streams, token::Token},
};

/// Messages to a device in one answer at most.
const MAX_MESSAGES: usize = 100;

fn on(enabled: Option<bool>) -> bool {
    enabled == Some(true)
}

/// Takes note that a device has come back: the messages that it was handed before have arrived.
pub(super) async fn acknowledge(app: &App, requester: &Requester, request: &Request) -> Result<()> {
    let to_device = &request.extensions.to_device;
    if let (true, Some(since), Some(device_id)) = (on(to_device.enabled), &to_device.since, &requester.device_id) {
        let since: Token = since.parse()?;
        app.encryption.acknowledge(&requester.user_id, device_id, since.position).await?;
    }
    Ok(())
}

/// Adds what the extensions have to tell, and notes in `now` what has been told.
pub(super) async fn add(
    asked: &Asked<'_>,
    request: &Request,
    wanted: &[Wanted<'_>],
    now: &mut Seen,
    response: &mut Response,
) -> Result<()> {
    to_device(asked, request, response).await?;
    e2ee(asked, request, response).await?;
    account_data(asked, request, wanted, now, response).await?;
    receipts(asked, request, wanted, now, response).await?;
    typing(asked, request, wanted, now, response);
    thread_subscriptions(asked, request, response).await
}

async fn to_device(asked: &Asked<'_>, request: &Request, response: &mut Response) -> Result<()> {
    let wanted = &request.extensions.to_device;
    let (true, Some(device_id)) = (on(wanted.enabled), &asked.requester.device_id) else { return Ok(()) };
    let since = wanted.since.as_deref().map(str::parse::<Token>).transpose()?.unwrap_or_default();
    let limit = wanted.limit.map_or(MAX_MESSAGES, |limit| u64::from(limit).clamp(1, MAX_MESSAGES as u64) as usize);
    let encryption = &asked.app.encryption;
    let delivery = encryption.to_device(asked.user_id(), device_id, since.position, asked.up_to, limit).await?;
    let mut to_device = ToDevice::default();
    to_device.next_batch = Token::at(delivery.up_to.max(since.position)).to_string();
    to_device.events = delivery.events;
    response.extensions.to_device = Some(to_device);
    Ok(())
}

async fn e2ee(asked: &Asked<'_>, request: &Request, response: &mut Response) -> Result<()> {
    let (true, Some(device_id)) = (on(request.extensions.e2ee.enabled), &asked.requester.device_id) else {
        return Ok(());
    };
    let e2ee = &mut response.extensions.e2ee;
    if let Some(since) = asked.since {
        let lists = asked.app.encryption.device_lists(asked.user_id(), since.position, asked.up_to).await?;
        e2ee.device_lists.changed = lists.changed.into_iter().collect();
        e2ee.device_lists.left = lists.left.into_iter().collect();
    }
    let counts = asked.app.encryption.key_counts(asked.user_id(), device_id).await?;
    e2ee.device_one_time_keys_count.clone_from(&counts.one_time_keys);
    e2ee.device_unused_fallback_key_types = Some(counts.unused_fallback_keys.clone());
    Ok(())
}

/// The rooms that an extension is to tell of: by default all that are asked for.
fn rooms<'w>(
    wanted: &'w [Wanted<'_>],
    lists: Option<&'w Vec<String>>,
    rooms: Option<&'w Vec<ExtensionRoomConfig>>,
) -> impl Iterator<Item = &'w OwnedRoomId> {
    let listed = move |room: &Wanted<'_>| match lists {
        None => !room.lists.is_empty(),
        Some(lists) => room.lists.iter().any(|name| lists.iter().any(|wanted| wanted == name)),
    };
    let subscribed = move |room: &Wanted<'_>| match rooms {
        None => room.subscribed,
        Some(rooms) => rooms.iter().any(|wanted| match wanted {
            ExtensionRoomConfig::AllSubscribed => room.subscribed,
            ExtensionRoomConfig::Room(room_id) => *room_id == room.place.room.room_id,
            _ => false,
        }),
    };
    wanted
        .iter()
        .filter(|room| room.place.is_joined())
        .filter(move |room| listed(room) || subscribed(room))
        .map(|room| &room.place.room.room_id)
}

/// Changes what is remembered of a room.
fn note(now: &mut Seen, room_id: &OwnedRoomId, change: impl FnOnce(&mut Told)) {
    if let Some(told) = now.rooms.get_mut(room_id) {
        change(Arc::make_mut(told));
    }
}

async fn account_data(
    asked: &Asked<'_>,
    request: &Request,
    wanted: &[Wanted<'_>],
    now: &mut Seen,
    response: &mut Response,
) -> Result<()> {
    let config = &request.extensions.account_data;
    if !on(config.enabled) {
        return Ok(());
    }
    let (app, user_id) = (asked.app, asked.user_id());
    let moved = |told: Option<Position>| told.is_none_or(|told| app.notifier.account_data_moved(user_id, told));
    // Up to where the client was told, of what belongs to no room and of each room of which there may be more.
    let told_of = |room_id: &OwnedRoomId| now.rooms.get(room_id).and_then(|told| told.account_data);
    let asked_for = rooms(wanted, config.lists.as_ref(), config.rooms.as_ref());
    let global = (None, asked.since.map(|since| since.position));
    let of_rooms = asked_for.map(|room_id| (Some(room_id.clone()), told_of(room_id)));
    let told: HashMap<Option<OwnedRoomId>, Option<Position>> =
        std::iter::once(global).chain(of_rooms).filter(|(_, told)| moved(*told)).collect();
    let Some(oldest) = told.values().map(|told| told.unwrap_or(-1)).min() else { return Ok(()) };
    let answer = &mut response.extensions.account_data;
    let mut push_rules = false;
    for row in storage::account_data::changes(&app.db, user_id, oldest, asked.up_to).await? {
        let Some(told) = told.get(&row.room_id) else { continue };
        // What was emptied is news only to one who knew it.
        if told.map_or(row.content == "{}", |told| row.position <= told) {
            continue;
        }
        push_rules |= row.kind == streams::account_data::PUSH_RULES;
        let room_id = row.room_id.clone();
        let (_, event) = streams::account_data::event(row)?;
        match room_id {
            None => answer.global.push(event.cast_unchecked()),
            Some(room_id) => answer.rooms.entry(room_id).or_default().push(event.cast_unchecked()),
        }
    }
    if asked.since.is_none() && !push_rules {
        answer.global.push(streams::account_data::default_push_rules(app, user_id).await?.1.cast_unchecked());
    }
    for room_id in told.keys().flatten() {
        note(now, room_id, |told| told.account_data = Some(asked.up_to));
    }
    Ok(())
}

async fn receipts(
    asked: &Asked<'_>,
    request: &Request,
    wanted: &[Wanted<'_>],
    now: &mut Seen,
    response: &mut Response,
) -> Result<()> {
    let config = &request.extensions.receipts;
    if !on(config.enabled) {
        return Ok(());
    }
    let app = asked.app;
    for room_id in rooms(wanted, config.lists.as_ref(), config.rooms.as_ref()) {
        let told = now.rooms.get(room_id).and_then(|told| told.receipts);
        if told.is_some_and(|told| !app.notifier.receipts_moved(room_id, told)) {
            continue;
        }
        let mut contents = app.receipts.since(room_id, told.unwrap_or(-1), asked.user_id()).await?;
        if told.is_none() {
            // Of a room that is new to the client: who has read what it sees of it, and how far the user has read.
            let shown = response.rooms.get(room_id).map(shown).unwrap_or_default();
            contents.iter_mut().for_each(|content| keep(content, &shown, asked.user_id()));
        }
        if let Some(event) = merged(contents)? {
            response.extensions.receipts.rooms.insert(room_id.clone(), event);
        }
        note(now, room_id, |told| told.receipts = Some(asked.up_to));
    }
    Ok(())
}

/// The ids of the events in a timeline.
fn shown(room: &Room) -> Vec<ruma::OwnedEventId> {
    room.timeline.iter().filter_map(|event| event.get_field("event_id").ok().flatten()).collect()
}

/// Leaves out the receipts of others for events that are not shown.
fn keep(content: &mut ReceiptEventContent, shown: &[ruma::OwnedEventId], user_id: &UserId) {
    for (event_id, receipts) in &mut content.0 {
        if !shown.contains(event_id) {
            receipts.values_mut().for_each(|users| users.retain(|user, _| user == user_id));
            receipts.retain(|_, users| !users.is_empty());
        }
    }
    content.0.retain(|_, receipts| !receipts.is_empty());
}

/// All receipts in one event, as the extension has it. Of a person's receipts of one kind for one event it can hold one:
/// that of the first thread.
fn merged(contents: Vec<ReceiptEventContent>) -> Result<Option<Raw<SyncReceiptEvent>>> {
    let mut all = ReceiptEventContent(BTreeMap::new());
    for (event_id, receipts) in contents.into_iter().flat_map(|content| content.0) {
        let of_event = all.0.entry(event_id).or_default();
        for (kind, users) in receipts {
            let of_kind = of_event.entry(kind).or_default();
            for (user_id, receipt) in users {
                of_kind.entry(user_id).or_insert(receipt);
            }
        }
    }
    if all.0.is_empty() {
        return Ok(None);
    }
    Ok(Some(Raw::from_json_string(json!({ "type": "m.receipt", "content": all }).to_string())?))
}

fn typing(asked: &Asked<'_>, request: &Request, wanted: &[Wanted<'_>], now: &mut Seen, response: &mut Response) {
    let config = &request.extensions.typing;
    if !on(config.enabled) {
        return;
    }
    let up_to = now.token.unwrap_or_default().ephemeral;
    for room_id in rooms(wanted, config.lists.as_ref(), config.rooms.as_ref()) {
        let told = now.rooms.get(room_id).and_then(|told| told.typing);
        if let Some(user_ids) = asked.app.typing.since(room_id, told.unwrap_or(0)) {
            let event = json!({ "type": "m.typing", "content": { "user_ids": user_ids } });
            let event = Raw::from_json_string(event.to_string()).expect("a list of people is JSON");
            response.extensions.typing.rooms.insert(room_id.clone(), event);
            note(now, room_id, |told| told.typing = Some(up_to));
        }
    }
}

/// The last that the user said of threads. The token that leads to what does not fit in is one of
/// `/thread_subscriptions`.
async fn thread_subscriptions(asked: &Asked<'_>, request: &Request, response: &mut Response) -> Result<()> {
    let (app, user_id, config) = (asked.app, asked.user_id(), &request.extensions.thread_subscriptions);
    let told = asked.since.map(|since| since.position);
    let moved = |told: Position| app.notifier.thread_subscriptions_moved(user_id, told);
    if !on(config.enabled) || !told.is_none_or(moved) {
        return Ok(());
    }
    let page = app.thread_subscriptions.page(user_id, told.unwrap_or(-1), asked.up_to, config.limit).await?;
    let answer = &mut response.extensions.thread_subscriptions;
    (answer.subscribed, answer.unsubscribed) = (page.subscribed, page.unsubscribed);
    answer.prev_batch = page.next.map(|next| Token::at(next).to_string());
    Ok(())
}
