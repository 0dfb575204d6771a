//! Values of the model as Slint's types.

use jiff::tz::TimeZone;
use slint::{Image, ModelRc, SharedString, StyledText, VecModel};

use super::{
    emoji,
    images::{self, Images, Thumbnail},
    media, polls, room_menu, ui, voice,
};
use crate::{
    model::{
        app::AppModel,
        formatted::{Formatted, Kind},
        game,
        item::{Body, ItemKind, Media, Message, Missing, Notice, NoticeKind, Preview, SendState, Shield},
        media::Loads,
        person, rich,
        rooms::RoomSummary,
        spaces::Entry,
        stamp::{self, Stamp, StampKind},
        timeline::{Keep, Row},
        update::{Connection, Failure, Member},
    },
    settings,
};

/// Side of the emoji of reactions as they are kept: they are shown at a third and at half of it.
pub(super) const REACTION: u32 = 48;
/// Box that a picture in a message fits into, in logical pixels.
pub(super) const PICTURE_BOX: (f32, f32) = (360.0, 300.0);
/// The same in the panel of a thread, whose bubbles are narrow.
const THREAD_BOX: (f32, f32) = (216.0, 240.0);
/// Width of the words in the widest bubble of that panel, in logical pixels.
pub(super) const THREAD_WIDTH: f32 = 223.0;

/// What the conversion of a row needs besides the row.
pub(super) struct Context<'a> {
    pub(super) zone: &'a TimeZone,
    /// The account signed in.
    pub(super) own: &'a str,
    pub(super) now_ms: i64,
    pub(super) images: &'a mut Images,
    /// Thumbnails that have to be asked for.
    pub(super) wanted: Vec<Media>,
    /// The members of the room, if those who have read a message are shown under it.
    pub(super) readers: Option<&'a [Member]>,
    /// Which files are on this computer.
    pub(super) loads: &'a Loads,
    /// Rows shown in full.
    pub(super) shown_whole: &'a std::collections::HashSet<String>,
    pub(super) comma: bool,
    /// Width of the words in the widest bubble, in logical pixels.
    pub(super) text_width: f32,
    /// Pixels in a logical pixel.
    pub(super) scale: f32,
    /// Size of letters as the person chose it, 1 as designed.
    pub(super) letters: f32,
    /// The rows stand in the panel of a thread.
    pub(super) threaded: bool,
    /// What else is known of the open room.
    pub(super) app: &'a AppModel,
}

impl Context<'_> {
    /// What there is to see of a picture or, if its sender made a picture of it, of a film; it is asked for if it was not.
    pub(super) fn thumbnail(&mut self, body: &Body) -> Option<Thumbnail> {
        let media = match body {
            Body::Image(media) => media.clone(),
            Body::Video(media) => Media { source: media.thumbnail.clone()?, thumbnail: None, ..media.clone() },
            _ => return None,
        };
        let found = self.images.get(&media.source);
        if found.is_none() {
            self.wanted.push(media);
        }
        Some(found.unwrap_or(Thumbnail::Loading))
    }
}

pub(super) fn failure(failure: Failure) -> ui::Failure {
    match failure {
        Failure::ServerAway => ui::Failure::ServerAway,
        Failure::NotAServer => ui::Failure::NotAServer,
        Failure::NotTrusted => ui::Failure::NotTrusted,
        Failure::OtherCertificate => ui::Failure::OtherCertificate,
        Failure::CertificateDate => ui::Failure::CertificateDate,
        Failure::WrongPassword => ui::Failure::WrongPassword,
        Failure::NameTaken => ui::Failure::NameTaken,
        Failure::NameInvalid => ui::Failure::NameInvalid,
        Failure::PasswordWeak => ui::Failure::PasswordWeak,
        Failure::TokenWrong => ui::Failure::TokenWrong,
        Failure::TokenNeeded => ui::Failure::TokenNeeded,
        Failure::RegistrationClosed => ui::Failure::RegistrationClosed,
        Failure::AccountClosed => ui::Failure::AccountClosed,
        Failure::SessionEnded => ui::Failure::SessionEnded,
        Failure::TooMany => ui::Failure::TooMany,
        Failure::Forbidden => ui::Failure::Forbidden,
        Failure::NotFound => ui::Failure::NotFound,
        Failure::QuoteGone => ui::Failure::QuoteGone,
        Failure::AddressInvalid => ui::Failure::AddressInvalid,
        Failure::NoGames => ui::Failure::NoGames,
        Failure::Program => ui::Failure::Program,
        Failure::CannotOpen => ui::Failure::CannotOpen,
        Failure::CannotRead => ui::Failure::CannotRead,
        Failure::CannotSave => ui::Failure::CannotSave,
        Failure::TooLarge => ui::Failure::TooLarge,
        Failure::Store => ui::Failure::Store,
        Failure::Other => ui::Failure::Other,
    }
}

pub(super) fn entry(entry: Entry) -> ui::EntryKind {
    match entry {
        Entry::Joined => ui::EntryKind::Joined,
        Entry::Invited => ui::EntryKind::Invited,
        Entry::Open => ui::EntryKind::Open,
        Entry::Knock => ui::EntryKind::Knock,
        Entry::Asked => ui::EntryKind::Asked,
        Entry::Closed => ui::EntryKind::Closed,
    }
}

pub(super) fn connection(connection: Connection) -> ui::Connection {
    match connection {
        Connection::Connecting => ui::Connection::Connecting,
        Connection::Online => ui::Connection::Online,
        Connection::Away => ui::Connection::Away,
    }
}

pub(super) fn keep(keep: Keep) -> ui::Keep {
    match keep {
        Keep::Follow => ui::Keep::Follow,
        Keep::End => ui::Keep::End,
        Keep::Place => ui::Keep::Place,
    }
}

pub(super) fn theme(choice: settings::ThemeChoice) -> ui::ThemeChoice {
    match choice {
        settings::ThemeChoice::System => ui::ThemeChoice::System,
        settings::ThemeChoice::Light => ui::ThemeChoice::Light,
        settings::ThemeChoice::Dark => ui::ThemeChoice::Dark,
    }
}

/// A preview's kind and the words that go with it.
pub(super) fn preview(preview: &Preview) -> (ui::Preview, &str) {
    match preview {
        Preview::Nothing => (ui::Preview::Nothing, ""),
        Preview::Text(text) => (ui::Preview::Text, text),
        Preview::Image => (ui::Preview::Image, ""),
        Preview::Video => (ui::Preview::Video, ""),
        Preview::Audio => (ui::Preview::Audio, ""),
        Preview::Voice => (ui::Preview::Voice, ""),
        Preview::File(name) => (ui::Preview::File, name),
        Preview::Poll => (ui::Preview::Poll, ""),
        Preview::Game => (ui::Preview::Game, ""),
        Preview::Redacted => (ui::Preview::Redacted, ""),
        Preview::Unreadable => (ui::Preview::Unreadable, ""),
        Preview::Joined => (ui::Preview::Joined, ""),
        Preview::Other => (ui::Preview::Other, ""),
        Preview::Draft(text) => (ui::Preview::Draft, text),
    }
}

pub(super) fn stamp(stamp: Option<Stamp>) -> ui::Stamp {
    let Some(stamp) = stamp else { return ui::Stamp::default() };
    ui::Stamp {
        kind: match stamp.kind {
            StampKind::Time => ui::StampKind::Time,
            StampKind::Yesterday => ui::StampKind::Yesterday,
            StampKind::Near => ui::StampKind::Weekday,
            StampKind::Date => ui::StampKind::Date,
        },
        clock: stamp.clock.into(),
        weekday: stamp.weekday.into(),
        day: stamp.day.into(),
        month: stamp.month.into(),
        year: stamp.year.into(),
    }
}

pub(super) fn count(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) fn room(
    room: &RoomSummary,
    unnamed: &str,
    open: Option<&str>,
    now_ms: i64,
    zone: &TimeZone,
) -> ui::RoomEntry {
    let name = if room.name.is_empty() { unnamed } else { &room.name };
    let (kind, text) = preview(&room.preview);
    ui::RoomEntry {
        id: room.id.as_str().into(),
        name: name.into(),
        initials: person::initials(name).into(),
        tint: person::tint(room.face()),
        avatar: room.avatar.as_str().into(),
        peer: room.peer.as_str().into(),
        direct: room.direct,
        invited: room.invited,
        preview: kind,
        preview_who: room.preview_who.as_str().into(),
        preview_own: room.preview_own,
        preview_text: text.into(),
        stamp: stamp(room.at_ms.and_then(|at| stamp::for_list(at, now_ms, zone))),
        unread: count(room.unread),
        mentions: count(room.mentions),
        marked: room.marked,
        favourite: room.favourite,
        low: room.low,
        notify: room_menu::notify(room.notify),
        selected: open == Some(&room.id),
        heading: false,
    }
}

fn notice_kind(kind: NoticeKind) -> ui::NoticeKind {
    match kind {
        NoticeKind::Created => ui::NoticeKind::Created,
        NoticeKind::Encrypted => ui::NoticeKind::Encrypted,
        NoticeKind::Joined => ui::NoticeKind::Joined,
        NoticeKind::Left => ui::NoticeKind::Left,
        NoticeKind::Invited => ui::NoticeKind::Invited,
        NoticeKind::Declined => ui::NoticeKind::Declined,
        NoticeKind::Kicked => ui::NoticeKind::Kicked,
        NoticeKind::Banned => ui::NoticeKind::Banned,
        NoticeKind::Unbanned => ui::NoticeKind::Unbanned,
        NoticeKind::RenamedPerson => ui::NoticeKind::RenamedPerson,
        NoticeKind::NamedRoom => ui::NoticeKind::NamedRoom,
        NoticeKind::UnnamedRoom => ui::NoticeKind::UnnamedRoom,
        NoticeKind::Topic => ui::NoticeKind::Topic,
        NoticeKind::Picture => ui::NoticeKind::Picture,
    }
}

fn missing_kind(missing: Missing) -> ui::Missing {
    match missing {
        Missing::Key => ui::Missing::Key,
        Missing::Joining => ui::Missing::Joining,
        Missing::Changed => ui::Missing::Changed,
        Missing::Sender => ui::Missing::Sender,
        Missing::Backup => ui::Missing::Backup,
        Missing::Withheld => ui::Missing::Withheld,
        Missing::Here => ui::Missing::Here,
    }
}

fn shield(shield: Shield) -> ui::Shield {
    match shield {
        Shield::None => ui::Shield::None,
        Shield::Plain => ui::Shield::Plain,
        Shield::Device => ui::Shield::Device,
        Shield::Changed => ui::Shield::Changed,
        Shield::Sender => ui::Shield::Sender,
    }
}

/// A row of the timeline.
pub(super) fn row(row: &Row, context: &mut Context<'_>) -> ui::MessageRow {
    let mut out = ui::MessageRow {
        id: row.item.id.as_str().into(),
        picture: images::or_clear(None),
        ..ui::MessageRow::default()
    };
    match &row.item.kind {
        ItemKind::Day(at) => {
            out.kind = ui::RowKind::Day;
            out.stamp = stamp(stamp::for_day(*at, context.now_ms, context.zone));
        }
        ItemKind::NewMessages => out.kind = ui::RowKind::NewMessages,
        // Hidden items never become rows.
        ItemKind::Start | ItemKind::Hidden => out.kind = ui::RowKind::Start,
        ItemKind::Notice(Notice { kind, who, whom, what }) => {
            out.kind = ui::RowKind::Notice;
            out.notice = notice_kind(*kind);
            out.who = who.as_str().into();
            out.whom = whom.as_str().into();
            out.what = what.as_str().into();
        }
        ItemKind::Message(message) => {
            out.kind = ui::RowKind::Message;
            out.first = row.first;
            out.last = row.last;
            fill(&mut out, message, context);
        }
    }
    out
}

fn fill(out: &mut ui::MessageRow, message: &Message, context: &mut Context<'_>) {
    out.key = message.key.as_str().into();
    out.who = message.sender_name.as_str().into();
    out.initials = person::initials(&message.sender_name).into();
    out.tint = person::tint(&message.sender);
    out.sender = message.sender.as_str().into();
    out.avatar = message.sender_avatar.as_str().into();
    readers(out, message, context);
    out.own = message.own;
    out.clock = stamp::clock(message.at_ms, context.zone).into();
    out.edited = message.edited && !matches!(message.body, Body::Game { .. });
    out.mentioned = message.mentioned;
    out.shield = shield(message.shield);
    out.replyable = message.replyable;
    out.threaded = context.threaded;
    out.pinned = context.app.pins.get(&message.key).is_some();
    if let Some(thread) = message.thread.as_ref().filter(|_| !context.threaded) {
        let (kind, text) = preview(&thread.preview);
        out.replies = count(thread.replies.into());
        out.thread_who = thread.who.as_str().into();
        out.thread_kind = kind;
        out.thread_text = text.into();
        out.thread_unread = context.app.threads.unread(message);
    }
    (out.state, out.progress) = match message.state {
        SendState::Sent => (ui::SendState::Sent, 0.0),
        SendState::Sending(progress) => (ui::SendState::Sending, progress.unwrap_or(0.0)),
        SendState::Failed => (ui::SendState::Failed, 0.0),
        SendState::Seen => (ui::SendState::Seen, 0.0),
    };
    if let Some(quote) = &message.reply {
        let (kind, text) = preview(&quote.preview);
        out.quoted = true;
        out.quote_key = quote.key.as_str().into();
        out.quote_who = quote.who.as_str().into();
        out.quote_kind = kind;
        out.quote_text = text.into();
    }
    // The reactions under a board are the buttons of clients without one.
    let is_board = matches!(message.body, Body::Game { .. });
    let reactions: Vec<ui::ReactionEntry> = message
        .reactions
        .iter()
        .filter(|_| !is_board)
        .map(|reaction| {
            let picture = context.images.emoji(&reaction.key, REACTION);
            ui::ReactionEntry {
                key: reaction.key.as_str().into(),
                pictured: picture.is_some(),
                picture: images::or_clear(picture),
                count: count(reaction.who.len() as u64),
                mine: reaction.mine,
                who: reaction.who.join(", ").into(),
            }
        })
        .collect();
    out.reactions = ModelRc::new(VecModel::from(reactions));
    body(out, message, context);
}

/// Faces shown under a message; the rest is a number.
const FACES: usize = 3;

/// Who has read up to a message.
fn readers(out: &mut ui::MessageRow, message: &Message, context: &Context<'_>) {
    let Some(members) = context.readers.filter(|_| !message.readers.is_empty()) else { return };
    let readers: Vec<(&str, &str, &str)> = message
        .readers
        .iter()
        .map(|id| {
            members
                .iter()
                .find(|member| member.id == *id)
                .map_or((id.as_str(), person::localpart(id), ""), |member| (id.as_str(), &member.name, &member.avatar))
        })
        .collect();
    out.read_by = readers.iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join(", ").into();
    out.more_readers = count(readers.len().saturating_sub(FACES) as u64);
    let faces: Vec<ui::ReaderEntry> = readers
        .iter()
        .take(FACES)
        .map(|(id, name, avatar)| ui::ReaderEntry {
            name: (*name).into(),
            // One letter is what so small a face has place for.
            initials: person::initials(name).chars().take(1).collect::<String>().into(),
            tint: person::tint(id),
            avatar: (*avatar).into(),
        })
        .collect();
    out.readers = ModelRc::new(VecModel::from(faces));
}

fn body(out: &mut ui::MessageRow, message: &Message, context: &mut Context<'_>) {
    out.body = match &message.body {
        Body::Text { emote: true, .. } => ui::BodyKind::Emote,
        Body::Text { .. } => ui::BodyKind::Text,
        Body::Image(_) => ui::BodyKind::Image,
        Body::Video(_) => ui::BodyKind::Video,
        Body::Audio(_) => ui::BodyKind::Audio,
        Body::File(_) => ui::BodyKind::File,
        Body::Poll(_) => ui::BodyKind::Poll,
        Body::Game { .. } => ui::BodyKind::Game,
        Body::Redacted => ui::BodyKind::Redacted,
        Body::Unreadable(missing) => {
            out.missing = missing_kind(*missing);
            ui::BodyKind::Unreadable
        }
        Body::Unsupported => ui::BodyKind::Unsupported,
    };
    let (words, cut) = rich::cut(message.body.words(), context.shown_whole.contains(out.id.as_str()));
    out.cut = cut;
    let markdown = match &message.body {
        Body::Text { html: None, .. } | Body::Image(_) | Body::File(_) => rich::linked(&words),
        _ => None,
    };
    // What Markdown's reader does not take is shown as it was written.
    if let Some(styled) = markdown.and_then(|markdown| StyledText::from_markdown(&markdown).ok()) {
        out.is_rich = true;
        out.rich = styled;
    }
    if let Body::Text { html: Some(formatted), .. } = &message.body {
        blocks(out, formatted, context);
    }
    if let Body::Poll(poll) = &message.body {
        out.poll = polls::entry(poll, message.remote);
    }
    if let Body::Text { emoji, .. } = &message.body
        && !out.is_rich
    {
        out.emoji_size = if *emoji { emoji::BIG } else { emoji::SMALL };
        let pixels = (out.emoji_size * context.letters * context.scale).round() as u32;
        let picture = |key: &str| context.images.emoji(key, pixels);
        if let Some(lines) = emoji::lines(&words, context.text_width / context.letters, out.emoji_size, picture) {
            out.pictured = true;
            out.lines = ModelRc::new(VecModel::from(lines.into_iter().map(line).collect::<Vec<_>>()));
        }
        out.emoji_size *= context.letters;
    }
    out.text = words.into();
    if let Body::Game { board, .. } = &message.body {
        out.game_id = board.game_id.as_str().into();
        out.game_kind = game_kind(board.kind);
        out.game_status = game_status(board.status);
        // The board says it all: a board of characters is for clients without one, and nothing to read aloud.
        if board.kind.rules().is_some() {
            out.text = SharedString::default();
            out.cut = false;
        }
    }
    if let Body::Text { emoji: true, .. } = &message.body {
        out.big = true;
    }
    if let Some(media) = message.body.media() {
        out.media = media.source.as_str().into();
        out.file_name = media.name.as_str().into();
        out.file_size = media.size.map(|size| bytes(size, context.comma)).unwrap_or_default().into();
        out.attached = media::entry(message, media, context.loads, context.comma);
    }
    if let Body::Audio(media) = &message.body {
        out.sound = voice::entry(media, context.app, context.threaded);
    }
    if let Body::Image(media) | Body::Video(media) = &message.body {
        let fit = if context.threaded { THREAD_BOX } else { PICTURE_BOX };
        let (width, height) = picture_size(media, fit);
        out.picture_width = width;
        out.picture_height = height;
        if let Body::Image(_) = &message.body {
            // A picture that is being sent gets another address on the way, and is the same picture.
            let under_way = matches!(message.state, SendState::Sending(_) | SendState::Failed);
            context.images.follow(&out.id, &media.source, under_way);
        } else {
            out.poster = media.thumbnail.clone().unwrap_or_default().into();
        }
        out.picture_state = match context.thumbnail(&message.body) {
            None => ui::PictureState::None,
            Some(Thumbnail::Loading) => ui::PictureState::Loading,
            Some(Thumbnail::Failed) => ui::PictureState::Failed,
            Some(Thumbnail::Ready(image)) => {
                out.picture = image;
                ui::PictureState::Ready
            }
        };
    }
}

/// Formatted words as blocks; words alone where a block cannot be drawn.
fn blocks(out: &mut ui::MessageRow, formatted: &Formatted, context: &Context<'_>) {
    let (formatted, cut) = if context.shown_whole.contains(out.id.as_str()) {
        (formatted.clone(), false)
    } else {
        formatted.cut(rich::LONG)
    };
    let blocks = formatted.blocks.iter().map(|block| ui::TextBlock {
        kind: match block.kind {
            Kind::Words => ui::BlockKind::Words,
            Kind::Heading => ui::BlockKind::Heading,
            Kind::Code => ui::BlockKind::Code,
            Kind::Rule => ui::BlockKind::Rule,
        },
        quotes: block.quotes.into(),
        indent: block.indent.into(),
        marker: block.marker.as_str().into(),
        code: if block.kind == Kind::Code {
            block.text().replace('\t', "    ").into()
        } else {
            SharedString::default()
        },
        rich: if block.kind == Kind::Code {
            StyledText::default()
        } else {
            StyledText::from_markdown(&block.markdown(context.own))
                .unwrap_or_else(|_| StyledText::from_plain_text(&block.text()))
        },
    });
    out.blocks = ModelRc::new(VecModel::from(blocks.collect::<Vec<_>>()));
    out.is_rich = true;
    out.cut = cut;
}

fn line(runs: Vec<emoji::Run<Image>>) -> ModelRc<ui::TextRun> {
    let runs = runs.into_iter().map(|run| ui::TextRun {
        text: run.text.into(),
        pictured: run.picture.is_some(),
        picture: images::or_clear(run.picture),
        gap: run.gap,
    });
    ModelRc::new(VecModel::from(runs.collect::<Vec<_>>()))
}

pub(super) fn game_kind(kind: game::Kind) -> ui::GameKind {
    match kind {
        game::Kind::Chess => ui::GameKind::Chess,
        game::Kind::Draughts => ui::GameKind::Draughts,
        game::Kind::TicTacToe => ui::GameKind::TicTacToe,
        game::Kind::ConnectFour => ui::GameKind::ConnectFour,
        game::Kind::Reversi => ui::GameKind::Reversi,
        game::Kind::Gomoku => ui::GameKind::Gomoku,
        game::Kind::Battleship => ui::GameKind::Battleship,
        game::Kind::Hangman => ui::GameKind::Hangman,
        game::Kind::Other => ui::GameKind::Other,
    }
}

pub(super) fn game_status(status: game::Status) -> ui::GameStatus {
    match status {
        game::Status::Waiting => ui::GameStatus::Waiting,
        game::Status::Playing => ui::GameStatus::Playing,
        game::Status::Finished => ui::GameStatus::Finished,
        game::Status::Cancelled => ui::GameStatus::Cancelled,
    }
}

/// The place a picture takes, known before it is loaded so that nothing jumps.
fn picture_size(media: &Media, fit: (f32, f32)) -> (f32, f32) {
    let (Some(width), Some(height)) =
        (media.width.filter(|width| *width > 0), media.height.filter(|height| *height > 0))
    else {
        return (240.0_f32.min(fit.0), 180.0);
    };
    let (width, height) = (width as f32, height as f32);
    let scale = (fit.0 / width).min(fit.1 / height).min(1.0);
    ((width * scale).round().max(24.0), (height * scale).round().max(24.0))
}

/// A size with one digit after the point where it helps, in the signs that both languages share.
pub(super) fn bytes(size: u64, comma: bool) -> String {
    const UNITS: [(&str, &str); 4] = [("B", "Б"), ("KB", "КБ"), ("MB", "МБ"), ("GB", "ГБ")];
    let mut value = size as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let number = if unit == 0 || value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") };
    if comma {
        format!("{} {}", number.replace('.', ","), UNITS[unit].1)
    } else {
        format!("{number} {}", UNITS[unit].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_both_languages() {
        assert_eq!(bytes(512, true), "512 Б");
        assert_eq!(bytes(1_234_567, true), "1,2 МБ");
        assert_eq!(bytes(1_234_567, false), "1.2 MB");
        assert_eq!(bytes(345_678, false), "346 KB");
    }

    #[test]
    fn pictures_fit_their_box_and_keep_their_shape() {
        let media = |width, height| Media { width, height, ..Media::default() };
        assert_eq!(picture_size(&media(Some(3600), Some(1800)), PICTURE_BOX), (360.0, 180.0));
        assert_eq!(picture_size(&media(Some(100), Some(50)), PICTURE_BOX), (100.0, 50.0));
        assert_eq!(picture_size(&media(None, Some(50)), PICTURE_BOX), (240.0, 180.0));
        assert_eq!(picture_size(&media(Some(3600), Some(1800)), THREAD_BOX), (216.0, 108.0));
    }
}
