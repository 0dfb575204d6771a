//! Messages as they go out, and the drafts that are kept in the store of the account.

use matrix_sdk::{
    ComposerDraft, ComposerDraftType, Room, RoomState,
    ruma::{
        EventId, UserId,
        events::{Mentions, room::message::RoomMessageEventContentWithoutRelation as Content},
    },
};

use crate::{
    matrix::{html, live::Live},
    model::{
        composer::{self, About, Draft, News, Wish},
        formatted::Mention,
        update::Update,
    },
};

/// How a person says something of themselves.
const EMOTE: &str = "/me ";

/// A message of these words, of which some may name people.
pub(super) fn content(text: &str, mentions: &[Mention]) -> Content {
    let emote = text.strip_prefix(EMOTE);
    let words = emote.unwrap_or(text);
    let out = composer::outgoing(words, mentions);
    let content = match (emote.is_some(), out.html) {
        (false, Some(html)) => Content::text_html(words, html),
        (false, None) => Content::text_plain(words),
        (true, Some(html)) => Content::emote_html(words, html),
        (true, None) => Content::emote_plain(words),
    };
    let mut named = Mentions::with_user_ids(out.people.iter().filter_map(|id| UserId::parse(id).ok()));
    named.room = out.everyone;
    // Said even where nobody is named: then nobody's name among the words calls them (specification, "User and room
    // mentions").
    content.add_mentions(named)
}

/// Does what the composer wishes. Wishes are done in their order: what is forgotten last stays forgotten.
pub(super) async fn keep(live: &Live, wish: Wish) {
    let Wish::Keep { room, draft } = wish;
    let Some(room) = live.room(&room) else { return };
    let done = match draft.and_then(stored) {
        Some(draft) => room.save_composer_draft(draft, None).await,
        None => room.clear_composer_draft(None).await,
    };
    if let Err(error) = done {
        tracing::warn!(%error, "a draft was not kept");
    }
}

/// Tells the drafts of all rooms.
pub(super) async fn tell_drafts(live: &Live) {
    let mut drafts = Vec::new();
    for room in live.client.rooms().into_iter().filter(|room| room.state() == RoomState::Joined) {
        if let Some(draft) = kept(&room).await {
            drafts.push((room.room_id().to_string(), draft));
        }
    }
    if !drafts.is_empty() {
        live.updates.send(Update::Composer(News::Drafts(drafts)));
    }
}

async fn kept(room: &Room) -> Option<Draft> {
    let draft = match room.load_composer_draft(None).await {
        Ok(draft) => draft?,
        Err(error) => {
            tracing::warn!(%error, "a draft cannot be read");
            return None;
        }
    };
    Some(Draft {
        text: draft.plain_text,
        mentions: draft.html_text.and_then(|html| html::read(&html)).map(|html| html.people()).unwrap_or_default(),
        about: match draft.draft_type {
            ComposerDraftType::NewMessage => About::New,
            ComposerDraftType::Reply { event_id } => About::Reply(event_id.into()),
            ComposerDraftType::Edit { event_id } => About::Edit(event_id.into()),
        },
    })
}

/// A draft for the store; `None` for a change of a message that the server does not have, which nobody can go on with.
fn stored(draft: Draft) -> Option<ComposerDraft> {
    let html_text = composer::outgoing(&draft.text, &draft.mentions).html.filter(|_| !draft.mentions.is_empty());
    let draft_type = match &draft.about {
        About::New => ComposerDraftType::NewMessage,
        About::Reply(key) => match EventId::parse(key) {
            Ok(event_id) => ComposerDraftType::Reply { event_id },
            Err(_) => ComposerDraftType::NewMessage,
        },
        About::Edit(key) => ComposerDraftType::Edit { event_id: EventId::parse(key).ok()? },
    };
    Some(ComposerDraft { plain_text: draft.text, html_text, draft_type, attachments: Vec::new() })
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::events::room::message::MessageType;

    use super::*;

    fn mention(id: &str, written: &str) -> Mention {
        Mention { id: id.into(), written: written.into() }
    }

    #[test]
    fn plain_words_go_out_without_formatting_and_name_nobody() {
        let content = content("2 * 3 < 7", &[mention("@anna:a", "@Анна")]);
        let MessageType::Text(text) = content.msgtype else { panic!("words") };
        assert!(text.formatted.is_none() && text.body == "2 * 3 < 7");
        assert!(content.mentions.is_some_and(|mentions| mentions.user_ids.is_empty() && !mentions.room));
    }

    #[test]
    fn those_who_are_named_are_called() {
        let content =
            content("/me зовёт @Анна и @комната", &[mention("@anna:a", "@Анна"), mention("@room", "@комната")]);
        let mentions = content.mentions.unwrap();
        assert!(mentions.room && mentions.user_ids.iter().any(|user| user == "@anna:a"));
        let MessageType::Emote(emote) = content.msgtype else { panic!("said of oneself") };
        assert_eq!(emote.body, "зовёт @Анна и @комната");
        assert!(emote.formatted.is_some_and(|html| html.body.contains("matrix.to/#/@anna:a")));
    }

    #[test]
    fn drafts_keep_what_they_answer() {
        let draft = |about| Draft { text: "да".into(), mentions: Vec::new(), about };
        let kind = |about| stored(draft(about)).map(|draft| draft.draft_type);
        assert_eq!(kind(About::New), Some(ComposerDraftType::NewMessage));
        assert!(
            matches!(kind(About::Reply("$1".into())), Some(ComposerDraftType::Reply { event_id }) if event_id == "$1")
        );
        assert!(matches!(kind(About::Edit("$1".into())), Some(ComposerDraftType::Edit { .. })));
        assert_eq!(kind(About::Edit("transaction".into())), None);
    }
}
