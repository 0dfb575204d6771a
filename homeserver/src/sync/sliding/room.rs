//! What a client is told of one room.

use std::{collections::BTreeSet, sync::Arc};

use ruma::{
    JsOption, OwnedUserId, UInt,
    api::client::{
        filter::RoomEventFilter,
        sync::sync_events::{
            UnreadNotificationsCount,
            v5::response::{Hero, Room},
        },
    },
    events::{StateEventType, room::member::MembershipState},
};

use super::{
    Asked,
    connections::Told,
    lists::{Place, Wanted},
};
use crate::{
    domain::{
        event::{Event, Position},
        rooms::state::RoomState,
        unread::Counts,
    },
    error::Result,
    storage,
    sync::{
        streams::{
            outside::stripped,
            room::{heroes, newly_joined},
            timeline::{self, Span, Timeline},
        },
        token::Token,
    },
};

/// What moves a room up in a list: something was said or shown.
const BUMPING: [&str; 7] = [
    "m.room.create",
    "m.room.message",
    "m.room.encrypted",
    "m.sticker",
    "m.call.invite",
    "m.poll.start",
    "m.beacon_info",
];

/// What there is to tell of a room.
#[derive(Debug)]
pub(super) struct News {
    /// What is told.
    pub room: Room,
    /// What has been told with it.
    pub told: Told,
    /// Whether the timeline goes further back than what was told before.
    pub expanded: bool,
}

/// What moved in a room since a client was told of it; all that it asks for where it was not.
pub(super) async fn news(
    asked: &Asked<'_>,
    wanted: &Wanted<'_>,
    told: Option<&Told>,
    direct: bool,
) -> Result<Option<News>> {
    let news = match wanted.place.membership {
        MembershipState::Join => joined(asked, wanted, told, direct).await?,
        MembershipState::Invite | MembershipState::Knock => outside(asked, wanted, told, direct)?,
        _ => left(asked, wanted, told).await?,
    };
    Ok(news.map(|mut news| {
        // Whether it is direct is told where it is so, and where that has changed.
        let before = told.is_some_and(|told| told.direct);
        news.room.is_dm = (direct || before).then_some(direct);
        news.told.direct = direct;
        news
    }))
}

/// What is remembered of a room that is told of now.
fn remembered(wanted: &Wanted<'_>, told: Option<&Told>, up_to: Position) -> Told {
    let before = told.cloned();
    let config = wanted.config.clone();
    let membership = wanted.place.membership.clone();
    match before {
        Some(before) => Told { up_to, membership, config, ..before },
        None => Told {
            up_to,
            membership,
            config,
            members: imbl::HashMap::new(),
            direct: false,
            unread: (Counts::default(), 0),
            account_data: None,
            receipts: None,
            typing: None,
        },
    }
}

async fn joined(asked: &Asked<'_>, wanted: &Wanted<'_>, told: Option<&Told>, direct: bool) -> Result<Option<News>> {
    let Place { room, own, .. } = &wanted.place;
    let app = asked.app;
    // One who comes into a room, or back into it, is told of all of it.
    let mut known = told.filter(|told| told.membership == MembershipState::Join);
    if let Some(told) = known
        && newly_joined(&app.db, room, asked.user_id(), own.position, told.up_to).await?
    {
        known = None;
    }
    let config = &wanted.config;
    let expanded = known.is_some_and(|told| told.config.timeline_limit < config.timeline_limit);
    let widened = known.filter(|told| config.goes_beyond(&told.config));
    let moved = known.is_none_or(|told| room.position > told.up_to);
    let unread = unread(asked, room, known).await?;
    if let Some(told) = known
        && !(moved || expanded || told.direct != direct || told.unread.0 != unread.0)
        && widened.is_none_or(|told| config.of(room).all(|event| told.config.wants(event)))
    {
        return Ok(None);
    }

    let since = known.map(|told| told.up_to);
    let mut filter = RoomEventFilter::default();
    filter.limit = UInt::try_from(config.timeline_limit).ok();
    let span = Span { since: since.filter(|_| !expanded), up_to: room.position };
    let sight = app.room_actions.sight(room, asked.user_id()).await?;
    let timeline = timeline::timeline(&app.db, room, asked.user_id(), &sight, &filter, span).await?;

    let mut told = remembered(wanted, known, room.position);
    // As long as nothing is left out, the client has what it was told when it asked for more.
    if let Some(known) = known.filter(|_| !timeline.limited) {
        told.config.timeline_limit = told.config.timeline_limit.max(known.config.timeline_limit);
    }
    told.unread = unread;
    let changed = match since {
        Some(since) => changed(asked, room, since).await?,
        None => Vec::new(),
    };
    let mut state: Vec<Arc<Event>> = match known {
        None => config.of(room).cloned().collect(),
        Some(told) => {
            let wider = widened.into_iter().flat_map(|_| config.of(room)).filter(|event| !told.config.wants(event));
            changed.iter().filter(|event| config.wants(event)).chain(wider).cloned().collect()
        }
    };
    if config.lazy {
        let members = state.iter().filter(|event| is_member(event));
        let members = members.filter_map(|event| Some((event.state_key.clone()?, event.event_id.clone())));
        told.members.extend(members);
        state.extend(lazy_members(room, &timeline, &changed, &mut told));
    }
    state.sort_unstable_by_key(|event| event.position);
    state.dedup_by_key(|event| event.position);

    let mut shown = Room::new();
    shown.initial = known.is_none().then_some(true);
    shown.timeline = asked.viewer.show_in(&app.db, room, &sight, &timeline.events).await?;
    shown.required_state = asked.viewer.show(&app.db, &state).await?;
    shown.limited = timeline.limited;
    if known.is_none() || timeline.limited || !timeline.events.is_empty() {
        shown.prev_batch = Some(Token::at(timeline.start).to_string());
    }
    // What came since the client last asked has just happened; on its first request nothing has.
    let live = |since: Token| timeline.events.iter().filter(|event| event.position > since.position).count();
    shown.num_live = UInt::try_from(asked.since.map_or(0, live)).ok();
    shown.bump_stamp = bump_stamp(asked, room, since).await?;
    shown.unread_notifications = counts(told.unread.0);
    let touches = |kind: StateEventType| known.is_none() || changed.iter().any(|event| event.state_type() == kind);
    describe(asked, room, &touches, &mut shown);
    Ok(Some(News { room: shown, told, expanded }))
}

/// Name, picture and people of a room as far as they are touched.
fn describe(asked: &Asked<'_>, room: &RoomState, touches: &dyn Fn(StateEventType) -> bool, shown: &mut Room) {
    let renamed = touches(StateEventType::RoomName);
    let members = touches(StateEventType::RoomMember);
    let name = room.name();
    if (renamed || members) && name.is_none() {
        shown.heroes = Some(heroes(room, asked.user_id()).into_iter().map(|user_id| hero(room, user_id)).collect());
    }
    if renamed {
        shown.name = name;
    }
    if touches(StateEventType::RoomAvatar) {
        // A room that has none needs not be told so at first.
        let none = if shown.initial == Some(true) { JsOption::Undefined } else { JsOption::Null };
        shown.avatar = room.avatar_url().map_or(none, JsOption::Some);
    }
    if members {
        shown.joined_count = UInt::try_from(room.joined_count).ok();
        shown.invited_count = UInt::try_from(room.invited_count).ok();
    }
}

fn hero(room: &RoomState, user_id: OwnedUserId) -> Hero {
    let member = room.get(&StateEventType::RoomMember, user_id.as_str());
    let text = |field| member.and_then(|event| event.content_str(field)).filter(|text| !text.is_empty());
    let mut hero = Hero::new(user_id.clone());
    hero.name = text("displayname");
    hero.avatar = text("avatar_url").map(Into::into);
    hero
}

/// What is unread, counted anew only where somebody has read, something has happened or the user may ignore others since
/// it was counted. What the client was told may be ahead of that: a commit publishes its rooms before the counts follow.
async fn unread(asked: &Asked<'_>, room: &RoomState, known: Option<&Told>) -> Result<(Counts, Position)> {
    let notifier = &asked.app.notifier;
    match known {
        Some(Told { unread, .. })
            if room.position <= unread.1
                && !notifier.receipts_moved(&room.room_id, unread.1)
                && !notifier.account_data_moved(asked.user_id(), unread.1) =>
        {
            Ok(*unread)
        }
        _ => Ok((asked.app.unread.of(room, asked.user_id()).await?.main, asked.up_to)),
    }
}

fn counts(counts: Counts) -> UnreadNotificationsCount {
    let mut count = UnreadNotificationsCount::new();
    count.notification_count = UInt::try_from(counts.notifications).ok();
    count.highlight_count = UInt::try_from(counts.highlights).ok();
    count
}

/// The state that changed since a place, as it is now: from memory where that goes back so far.
async fn changed(asked: &Asked<'_>, room: &RoomState, since: Position) -> Result<Vec<Arc<Event>>> {
    if room.recent_since > since {
        return Ok(storage::events::state_between(&asked.app.db, &room.room_id, since, room.position).await?);
    }
    let newer = room.recent.iter().rev().take_while(|event| event.position > since);
    let current = |event: &&Arc<Event>| {
        let key = event.state_key.as_deref();
        let now = key.and_then(|key| room.get(&event.state_type(), key));
        now.is_some_and(|now| now.event_id == event.event_id)
    };
    Ok(newer.filter(current).cloned().collect())
}

fn is_member(event: &Event) -> bool {
    event.membership.is_some() && event.state_key.is_some()
}

/// The members that the client needs to show a timeline and has not been told; and where nothing of the timeline was left
/// out, all that changed among the members, for a client that holds a list of them.
fn lazy_members(room: &RoomState, timeline: &Timeline, changed: &[Arc<Event>], told: &mut Told) -> Vec<Arc<Event>> {
    let senders = timeline.events.iter().map(|event| event.sender.as_str());
    let targets = timeline.events.iter().filter(|event| is_member(event)).filter_map(|e| e.state_key.as_deref());
    let mut needed: BTreeSet<&str> = senders.chain(targets).collect();
    if !timeline.limited {
        needed.extend(changed.iter().filter(|event| is_member(event)).filter_map(|e| e.state_key.as_deref()));
    }
    let members = needed.into_iter().filter_map(|key| room.get(&StateEventType::RoomMember, key).map(|e| (key, e)));
    members
        .filter(|(key, event)| {
            told.members.insert((*key).to_owned(), event.event_id.clone()).as_ref() != Some(&event.event_id)
        })
        .map(|(_, event)| event.clone())
        .collect()
}

/// When something was last said in a room: since a place, and at all for one who is new to it.
async fn bump_stamp(asked: &Asked<'_>, room: &RoomState, since: Option<Position>) -> Result<Option<UInt>> {
    let bumps = |event: &&Arc<Event>| event.redacted_by.is_none() && BUMPING.contains(&event.kind.to_string().as_str());
    let recent = room.recent.iter().rev().take_while(|event| since.is_none_or(|since| event.position > since));
    let last = match (recent.clone().find(bumps).map(|event| event.position), since) {
        (None, None) if room.recent_since > 0 => {
            storage::events::last_of(&asked.app.db, &room.room_id, &BUMPING).await?
        }
        (last, _) => last,
    };
    Ok(last.and_then(|position| UInt::try_from(position).ok()))
}

/// A room that the user is invited to or has knocked on.
fn outside(asked: &Asked<'_>, wanted: &Wanted<'_>, told: Option<&Told>, direct: bool) -> Result<Option<News>> {
    let Place { room, own, .. } = &wanted.place;
    if told.is_some_and(|told| told.up_to >= own.position && told.direct == direct) {
        return Ok(None);
    }
    let mut shown = Room::new();
    shown.initial = Some(true);
    shown.invite_state = Some(stripped(room, asked.user_id())?);
    shown.bump_stamp = UInt::try_from(own.position).ok();
    Ok(Some(News { room: shown, told: remembered(wanted, told, own.position), expanded: false }))
}

/// A room that the user is no longer in: what happened in it until then.
async fn left(asked: &Asked<'_>, wanted: &Wanted<'_>, told: Option<&Told>) -> Result<Option<News>> {
    let Place { room, own, .. } = &wanted.place;
    let app = asked.app;
    if told.is_some_and(|told| told.up_to >= own.position) {
        return Ok(None);
    }
    let since = told.filter(|told| told.membership == MembershipState::Join).map(|told| told.up_to);
    let mut filter = RoomEventFilter::default();
    filter.limit = UInt::try_from(wanted.config.timeline_limit).ok();
    let sight = app.room_actions.sight(room, asked.user_id()).await?;
    let span = Span { since, up_to: own.position };
    let timeline = timeline::timeline(&app.db, room, asked.user_id(), &sight, &filter, span).await?;
    let was_in = since.is_some() || told.is_none();
    let mut state = match since {
        Some(since) => storage::events::state_between(&app.db, &room.room_id, since, own.position).await?,
        None if was_in => storage::events::state_at(&app.db, &room.room_id, own.position).await?,
        // An invitation that came to nothing: of the room itself the client was never told.
        None => Vec::new(),
    };
    state.retain(|event| event.position != own.position && wanted.config.wants(event));
    state.push(own.clone());
    let mut shown = Room::new();
    shown.initial = since.is_none().then_some(true);
    shown.timeline = asked.viewer.show_in(&app.db, room, &sight, &timeline.events).await?;
    shown.required_state = asked.viewer.show(&app.db, &state).await?;
    shown.limited = timeline.limited;
    shown.prev_batch = Some(Token::at(timeline.start).to_string());
    shown.bump_stamp = UInt::try_from(own.position).ok();
    Ok(Some(News { room: shown, told: remembered(wanted, told, own.position), expanded: false }))
}
