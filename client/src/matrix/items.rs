//! Timeline items of the SDK as plain items of the model.

use std::sync::Arc;

use matrix_sdk::ruma::{
    EventId, OwnedTransactionId, UserId,
    events::{
        StateEventContentChange,
        room::{
            MediaSource,
            message::{MessageType, UnstableAmplitude},
        },
    },
};
use matrix_sdk_ui::timeline::{
    AnyOtherStateEventContentChange, EncryptedMessage, EventSendState, EventTimelineItem, MembershipChange,
    MsgLikeContent, MsgLikeKind, Profile, ThreadSummary, TimelineDetails, TimelineEventItemId,
    TimelineEventShieldState, TimelineEventShieldStateCode, TimelineItem, TimelineItemContent, TimelineItemKind,
    VirtualTimelineItem,
};

use crate::{
    matrix::{html, polls},
    model::{
        game,
        item::{
            Body, Item, ItemKind, Media, Message, Missing, Notice, NoticeKind, Preview, Quote, Reaction, SendState,
            Shield,
        },
        person,
        threads::Summary,
    },
};

/// The SDK's name of an item: event ids begin with `$`.
pub(super) fn id(key: &str) -> TimelineEventItemId {
    match EventId::parse(key) {
        Ok(id) => TimelineEventItemId::EventId(id),
        Err(_) => TimelineEventItemId::TransactionId(OwnedTransactionId::from(key)),
    }
}

/// What an event shows.
pub(super) enum Content {
    /// A message
    Body(Body),
    /// Something that happened to the room
    Notice(Notice),
}

/// The item for the model.
pub(super) fn item(item: &Arc<TimelineItem>, own: &UserId) -> Item {
    let id = item.unique_id().0.clone();
    let kind = match item.kind() {
        TimelineItemKind::Virtual(VirtualTimelineItem::DateDivider(at)) => ItemKind::Day(at.get().into()),
        TimelineItemKind::Virtual(VirtualTimelineItem::ReadMarker) => ItemKind::NewMessages,
        TimelineItemKind::Virtual(VirtualTimelineItem::TimelineStart) => ItemKind::Start,
        TimelineItemKind::Event(event) => self::event(event, own),
    };
    Item { id, kind }
}

/// Events of games: what people send is not for the eye, the bot's boards are messages.
const GAME_EVENTS: &str = "org.parta.game.";

fn event(event: &EventTimelineItem, own: &UserId) -> ItemKind {
    let sender_name = name(event.sender_profile(), event.sender().as_str());
    if let Some(MsgLikeKind::Other(other)) = event.content().as_msglike().map(|like| &like.kind)
        && other.event_type().to_string().starts_with(GAME_EVENTS)
    {
        return ItemKind::Hidden;
    }
    // Devices speak so to each other; who is asked has a dialog for it.
    if event
        .content()
        .as_message()
        .is_some_and(|message| matches!(message.msgtype(), MessageType::VerificationRequest(_)))
    {
        return ItemKind::Hidden;
    }
    match content(event.content(), Some(&sender_name), Some((event, own))) {
        Some(Content::Notice(notice)) => ItemKind::Notice(notice),
        Some(Content::Body(body)) => ItemKind::Message(Box::new(message(event, body, sender_name, own))),
        // Settings that people do not read about, such as who may do what.
        None => ItemKind::Hidden,
    }
}

fn message(event: &EventTimelineItem, body: Body, sender_name: String, own: &UserId) -> Message {
    let like = event.content().as_msglike();
    let removed = matches!(body, Body::Redacted);
    let key = event
        .event_id()
        .map(ToString::to_string)
        .or_else(|| event.transaction_id().map(ToString::to_string))
        .unwrap_or_default();
    let state = match event.send_state() {
        Some(EventSendState::NotSentYet { progress }) => SendState::Sending(progress.as_ref().map(|told| {
            if told.progress.total == 0 { 0.0 } else { told.progress.current as f32 / told.progress.total as f32 }
        })),
        // A passing error is tried again by itself: to the person it is still on its way.
        Some(EventSendState::SendingFailed { is_recoverable: true, .. }) => SendState::Sending(None),
        Some(EventSendState::SendingFailed { is_recoverable: false, .. }) => SendState::Failed,
        _ if event.is_own() && event.read_receipts().keys().any(|reader| reader != event.sender()) => SendState::Seen,
        _ => SendState::Sent,
    };
    let sender_avatar = match event.sender_profile() {
        TimelineDetails::Ready(Profile { avatar_url: Some(avatar), .. }) => avatar.to_string(),
        _ => String::new(),
    };
    let readers = event.read_receipts().keys().filter(|reader| *reader != own && *reader != event.sender());
    Message {
        key,
        sender_avatar,
        readers: readers.map(ToString::to_string).collect(),
        remote: event.event_id().is_some(),
        sender: event.sender().to_string(),
        sender_name,
        own: event.is_own(),
        at_ms: event.timestamp().get().into(),
        edited: event.content().as_message().is_some_and(matrix_sdk_ui::timeline::Message::is_edited),
        reply: like.and_then(quote),
        reactions: like.map(|like| reactions(like, own)).unwrap_or_default(),
        state,
        editable: event.is_editable() && matches!(body, Body::Text { .. }),
        mentioned: event
            .content()
            .as_message()
            .and_then(matrix_sdk_ui::timeline::Message::mentions)
            .is_some_and(|mentions| event.sender() != own && (mentions.room || mentions.user_ids.contains(own))),
        shield: shield(event, &body),
        replyable: !removed && event.can_be_replied_to(),
        refusal: game_content(event).and_then(|content| {
            let refused = content.get("org.parta.game.error")?;
            Some(refused.get("game_id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned())
        }),
        thread: like
            .and_then(|like| like.thread_summary.as_ref())
            .and_then(|thread| summary(thread, own))
            .map(Box::new),
        body,
    }
}

/// What is known of the thread that a message began, once it has answers.
fn summary(thread: &ThreadSummary, own: &UserId) -> Option<Summary> {
    let mut summary = Summary {
        replies: thread.num_replies,
        who: String::new(),
        preview: Preview::Nothing,
        latest: String::new(),
        unread: false,
    };
    if let TimelineDetails::Ready(latest) = &thread.latest_event {
        summary.who = name(&latest.sender_profile, latest.sender.as_str());
        if let Some(Content::Body(body)) = content(&latest.content, None, None) {
            summary.preview = body.preview();
        }
        if let TimelineEventItemId::EventId(id) = &latest.identifier {
            let read = [&thread.public_read_receipt_event_id, &thread.private_read_receipt_event_id];
            summary.unread = latest.sender != *own && !read.contains(&&Some(id.clone()));
            summary.latest = id.to_string();
        }
    }
    (thread.num_replies > 0).then_some(summary)
}

fn quote(like: &MsgLikeContent) -> Option<Quote> {
    let reply = like.in_reply_to.as_ref()?;
    let (who, preview) = match &reply.event {
        TimelineDetails::Ready(event) => (
            name(&event.sender_profile, event.sender.as_str()),
            match content(&event.content, None, None) {
                Some(Content::Body(body)) => body.preview(),
                _ => crate::model::item::Preview::Other,
            },
        ),
        _ => (String::new(), crate::model::item::Preview::Nothing),
    };
    Some(Quote { key: reply.event_id.to_string(), who, preview })
}

fn reactions(like: &MsgLikeContent, own: &UserId) -> Vec<Reaction> {
    like.reactions
        .iter()
        .map(|(key, senders)| Reaction {
            key: key.clone(),
            who: senders.keys().map(|sender| sender.localpart().to_owned()).collect(),
            mine: senders.contains_key(own),
        })
        .collect()
}

/// A name, or the local part of the id while the profile is unknown.
pub(super) fn name(profile: &TimelineDetails<Profile>, user_id: &str) -> String {
    match profile {
        TimelineDetails::Ready(Profile { display_name: Some(name), .. }) if !name.trim().is_empty() => name.clone(),
        _ => person::localpart(user_id).to_owned(),
    }
}

/// What a piece of content shows; `None` for what has no words of its own. An event of a timeline comes with the account
/// that sees it.
pub(super) fn content(
    content: &TimelineItemContent,
    who: Option<&str>,
    event: Option<(&EventTimelineItem, &UserId)>,
) -> Option<Content> {
    let who = who.unwrap_or_default().to_owned();
    let notice =
        |kind, whom: String, what: String| Some(Content::Notice(Notice { kind, who: who.clone(), whom, what }));
    match content {
        TimelineItemContent::MsgLike(like) => Some(Content::Body(body(like, event))),
        TimelineItemContent::MembershipChange(change) => {
            let whom = change
                .display_name()
                .filter(|name| !name.trim().is_empty())
                .unwrap_or_else(|| person::localpart(change.user_id().as_str()).to_owned());
            let kind = match change.change() {
                Some(
                    MembershipChange::Joined | MembershipChange::InvitationAccepted | MembershipChange::KnockAccepted,
                ) => NoticeKind::Joined,
                Some(MembershipChange::Left) => NoticeKind::Left,
                Some(MembershipChange::Invited) => NoticeKind::Invited,
                Some(MembershipChange::InvitationRejected) => NoticeKind::Declined,
                Some(MembershipChange::Kicked | MembershipChange::InvitationRevoked) => NoticeKind::Kicked,
                Some(MembershipChange::Banned | MembershipChange::KickedAndBanned) => NoticeKind::Banned,
                Some(MembershipChange::Unbanned) => NoticeKind::Unbanned,
                _ => return None,
            };
            notice(kind, whom, String::new())
        }
        TimelineItemContent::ProfileChange(change) => {
            let new = change.displayname_change().and_then(|change| change.new.clone())?;
            let old = change.displayname_change().and_then(|change| change.old.clone());
            Some(Content::Notice(Notice {
                kind: NoticeKind::RenamedPerson,
                who: old.unwrap_or_else(|| person::localpart(change.user_id().as_str()).to_owned()),
                whom: String::new(),
                what: new,
            }))
        }
        TimelineItemContent::OtherState(state) => match state.content() {
            AnyOtherStateEventContentChange::RoomCreate(_) => notice(NoticeKind::Created, String::new(), String::new()),
            AnyOtherStateEventContentChange::RoomEncryption(_) => {
                notice(NoticeKind::Encrypted, String::new(), String::new())
            }
            AnyOtherStateEventContentChange::RoomAvatar(_) => notice(NoticeKind::Picture, String::new(), String::new()),
            AnyOtherStateEventContentChange::RoomName(StateEventContentChange::Original { content, .. }) => {
                let kind = if content.name.is_empty() { NoticeKind::UnnamedRoom } else { NoticeKind::NamedRoom };
                notice(kind, String::new(), content.name.clone())
            }
            AnyOtherStateEventContentChange::RoomTopic(StateEventContentChange::Original { content, .. }) => {
                notice(NoticeKind::Topic, String::new(), content.topic.clone())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The content of an event that concerns a game, with what the SDK's types leave out.
fn game_content(event: &EventTimelineItem) -> Option<serde_json::Value> {
    let raw = event.latest_json()?;
    if !raw.json().get().contains("org.parta.game") {
        return None;
    }
    raw.get_field("content").ok().flatten()
}

fn body(like: &MsgLikeContent, event: Option<(&EventTimelineItem, &UserId)>) -> Body {
    let (event, own) = event.unzip();
    if let MsgLikeKind::Message(message) = &like.kind
        && let Some(board) = event.and_then(game_content).and_then(|content| game::parse(&content))
    {
        return Body::Game { board: Box::new(board), text: message.body().to_owned() };
    }
    match &like.kind {
        MsgLikeKind::Message(message) => match message.msgtype() {
            MessageType::Text(text) => Body::Text {
                text: text.body.clone(),
                html: text.formatted.as_ref().and_then(|formatted| html::read(&formatted.body)),
                emote: false,
                emoji: event.is_some_and(EventTimelineItem::contains_only_emojis),
            },
            MessageType::Notice(text) => Body::Text {
                text: text.body.clone(),
                html: text.formatted.as_ref().and_then(|formatted| html::read(&formatted.body)),
                emote: false,
                emoji: false,
            },
            MessageType::Emote(text) => Body::Text { text: text.body.clone(), html: None, emote: true, emoji: false },
            MessageType::ServerNotice(text) => {
                Body::Text { text: text.body.clone(), html: None, emote: false, emoji: false }
            }
            MessageType::Location(text) => {
                Body::Text { text: text.body.clone(), html: None, emote: false, emoji: false }
            }
            MessageType::Image(image) => {
                let info = image.info.as_deref();
                Body::Image(Media {
                    width: info.and_then(|info| info.width).and_then(|width| u32::try_from(width).ok()),
                    height: info.and_then(|info| info.height).and_then(|height| u32::try_from(height).ok()),
                    thumbnail: info.and_then(|info| info.thumbnail_source.as_ref()).and_then(source),
                    animated: info.is_some_and(|info| {
                        info.is_animated.unwrap_or_else(|| info.mimetype.as_deref() == Some("image/gif"))
                    }),
                    ..media(
                        &image.source,
                        image.filename(),
                        image.caption(),
                        info.and_then(|info| info.mimetype.clone()),
                        info.and_then(|info| info.size),
                    )
                })
            }
            MessageType::Video(video) => {
                let info = video.info.as_deref();
                Body::Video(Media {
                    width: info.and_then(|info| info.width).and_then(|width| u32::try_from(width).ok()),
                    height: info.and_then(|info| info.height).and_then(|height| u32::try_from(height).ok()),
                    thumbnail: info.and_then(|info| info.thumbnail_source.as_ref()).and_then(source),
                    duration_ms: info
                        .and_then(|info| info.duration)
                        .and_then(|duration| u64::try_from(duration.as_millis()).ok()),
                    ..media(
                        &video.source,
                        video.filename(),
                        video.caption(),
                        info.and_then(|info| info.mimetype.clone()),
                        info.and_then(|info| info.size),
                    )
                })
            }
            MessageType::Audio(audio) => {
                let info = audio.info.as_deref();
                let told = audio.audio.as_ref();
                let duration = info.and_then(|info| info.duration).or_else(|| told.map(|told| told.duration));
                Body::Audio(Media {
                    duration_ms: duration.and_then(|duration| u64::try_from(duration.as_millis()).ok()),
                    voice: audio.voice.is_some(),
                    waveform: told
                        .map(|told| told.waveform.iter().copied().map(amplitude).collect())
                        .unwrap_or_default(),
                    ..media(
                        &audio.source,
                        audio.filename(),
                        audio.caption(),
                        info.and_then(|info| info.mimetype.clone()),
                        info.and_then(|info| info.size),
                    )
                })
            }
            MessageType::File(file) => {
                let info = file.info.as_deref();
                Body::File(media(
                    &file.source,
                    file.filename(),
                    file.caption(),
                    info.and_then(|info| info.mimetype.clone()),
                    info.and_then(|info| info.size),
                ))
            }
            _ => Body::Unsupported,
        },
        MsgLikeKind::Sticker(sticker) => {
            let content = sticker.content();
            Body::Text { text: content.body.clone(), html: None, emote: false, emoji: false }
        }
        MsgLikeKind::Poll(poll) => Body::Poll(Box::new(polls::poll(poll.results(), own))),
        MsgLikeKind::Redacted => Body::Redacted,
        MsgLikeKind::UnableToDecrypt(missing) => Body::Unreadable(why(missing)),
        MsgLikeKind::Other(_) | MsgLikeKind::LiveLocation(_) => Body::Unsupported,
    }
}

/// The SDK does not name the type of the cause: its numbers are those of `UtdCause`.
fn why(missing: &EncryptedMessage) -> Missing {
    let EncryptedMessage::MegolmV1AesSha2 { cause, .. } = missing else { return Missing::Key };
    match *cause as u8 {
        1 => Missing::Joining,
        2 => Missing::Changed,
        3 | 4 => Missing::Sender,
        5 => Missing::Backup,
        6 | 8 => Missing::Here,
        7 => Missing::Withheld,
        _ => Missing::Key,
    }
}

/// What is wrong with a message of an encrypted room. That its key came out of the backup is not: there is no word of who
/// made it, but the backup is the account's own.
fn shield(event: &EventTimelineItem, body: &Body) -> Shield {
    // Of what was removed nothing is left that could be encrypted, and the moves of a game never are.
    if matches!(body, Body::Redacted | Body::Game { .. }) {
        return Shield::None;
    }
    match event.get_shield(false) {
        TimelineEventShieldState::Red { code } => match code {
            TimelineEventShieldStateCode::SentInClear => Shield::Plain,
            TimelineEventShieldStateCode::VerificationViolation => Shield::Changed,
            TimelineEventShieldStateCode::MismatchedSender => Shield::Sender,
            _ => Shield::Device,
        },
        _ => Shield::None,
    }
}

/// A value of a waveform; what others write beyond the scale is its end.
fn amplitude(value: UnstableAmplitude) -> u16 {
    u16::try_from(u64::from(value.get())).unwrap_or(UnstableAmplitude::MAX).min(UnstableAmplitude::MAX)
}

fn media(
    place: &MediaSource,
    name: &str,
    caption: Option<&str>,
    mime: Option<String>,
    size: Option<matrix_sdk::ruma::UInt>,
) -> Media {
    Media {
        source: source(place).unwrap_or_default(),
        name: name.to_owned(),
        caption: caption.unwrap_or_default().to_owned(),
        mime: mime.unwrap_or_default(),
        size: size.map(u64::from),
        ..Media::default()
    }
}

/// A file's place as an opaque word for the model.
fn source(source: &MediaSource) -> Option<String> {
    serde_json::to_string(source).ok()
}
