use eyeball_im::VectorDiff;

use super::*;
use crate::model::{
    composer::{About, Draft, Wish},
    formatted::{Block, Formatted, Mention, Run},
    item::{Item, ItemKind, Message},
    rooms::RoomSummary,
};

fn message(key: &str, own: bool, text: &str) -> Item {
    Item::from(Message { own, editable: own, ..Message::words(key, "@a:x", "Анна", text) })
}

fn says(app: &mut AppModel, items: impl IntoIterator<Item = Item>) -> Changed {
    let diffs = vec![VectorDiff::Append { values: items.into_iter().collect() }];
    app.apply(Update::Timeline { room: "!r".into(), diffs })
}

fn pages(app: &mut AppModel, paging: Paging) -> Changed {
    app.apply(Update::Paging { room: "!r".into(), paging })
}

fn opened() -> AppModel {
    let mut app = AppModel::default();
    app.apply(Update::SignedIn(Account { user_id: "@me:x".into(), name: "Я".into(), server: "x".into() }));
    app.open("!r", "");
    says(&mut app, [message("$1", false, "привет"), message("$2", true, "ответ")]);
    app
}

#[test]
fn an_answer_names_the_message_and_the_chip_goes() {
    let mut app = opened();
    assert!(app.reply("$1").chip);
    let (changed, commands) = app.send("и вам");
    assert!(changed.draft && changed.to_bottom);
    assert!(
        matches!(&commands[..], [Command::Send { text, reply_to: Some(key), .. }] if text == "и вам" && key == "$1")
    );
    assert_eq!(app.chip, None);
}

#[test]
fn the_newest_own_message_is_changed() {
    let mut app = opened();
    assert!(app.edit_last().draft);
    assert_eq!(app.draft(), "ответ");
    let (_, commands) = app.send("ответ!");
    assert!(matches!(&commands[..], [Command::Edit { key, text, .. }] if key == "$2" && text == "ответ!"));
    assert_eq!(app.draft(), "");
}

#[test]
fn others_messages_cannot_be_changed_and_blank_ones_not_sent() {
    let mut app = opened();
    assert_eq!(app.edit("$1"), Changed::default());
    assert!(app.send("  \n").1.is_empty());
}

#[test]
fn a_room_is_followed_once_its_invitation_is_accepted() {
    let mut app = AppModel::default();
    let asks =
        |commands: Vec<Command>| commands.iter().any(|command| matches!(command, Command::Open(room) if room == "!r"));
    assert!(asks(app.open("!r", "").1), "the invitation is shown");
    assert!(asks(app.open("!r", "").1), "and now the room");
    assert!(!asks(opened().open("!r", "").1), "which is followed already");
}

#[test]
fn a_draft_waits_in_its_room() {
    let mut app = opened();
    app.open("!other", "недописано");
    assert_eq!(app.draft(), "");
    app.open("!r", "");
    assert_eq!(app.draft(), "недописано");
}

#[test]
fn typing_is_told_once_and_taken_back() {
    let mut app = opened();
    assert!(matches!(app.typed("п"), Some(Command::Typing { typing: true, .. })));
    assert!(app.typed("пр").is_none());
    assert!(matches!(app.typed(""), Some(Command::Typing { typing: false, .. })));
    app.typed("п");
    let (_, commands) = app.send("п");
    assert!(matches!(commands.last(), Some(Command::Typing { typing: false, .. })));
}

#[test]
fn signing_out_forgets_everything() {
    let mut app = opened();
    app.apply(Update::SignedOut(Some(Failure::SessionEnded)));
    assert_eq!(app.page, Page::SignIn);
    assert!(app.open.is_none() && app.timeline().is_none() && app.rooms.is_empty());
}

#[test]
fn a_room_that_is_gone_closes() {
    let mut app = opened();
    assert!(app.apply(Update::RoomGone("!r".into())).header);
    assert_eq!(app.open, None);
}

#[test]
fn whatever_comes_into_the_watched_room_is_told_as_read_once() {
    let tells = |app: &mut AppModel| matches!(app.see(), Some(Command::MarkRead(room)) if room == "!r");
    let mut app = opened();
    assert!(tells(&mut app) && !tells(&mut app));
    // A move in a game is not shown, and is read all the same.
    says(&mut app, [Item { id: "move".into(), kind: ItemKind::Hidden }]);
    assert!(tells(&mut app) && !tells(&mut app));
    // An edit changes what is there.
    let edited = VectorDiff::Set { index: 0, value: message("$1", false, "привет!") };
    app.apply(Update::Timeline { room: "!r".into(), diffs: vec![edited] });
    assert!(tells(&mut app));
    // Other things may count without being a part of the timeline at all.
    app.apply(Update::Rooms(vec![RoomSummary { unread: 1, ..RoomSummary::default() }]));
    assert!(!tells(&mut app), "another room");
    app.apply(Update::Rooms(vec![RoomSummary { id: "!r".into(), unread: 1, ..RoomSummary::default() }]));
    assert!(tells(&mut app));
    // Nobody sees what comes while the window is away.
    app.focus(false);
    says(&mut app, [message("$3", false, "ау")]);
    assert!(!tells(&mut app));
    assert_eq!(app.watched(), None);
    app.focus(true);
    assert!(tells(&mut app));
}

#[test]
fn a_quoted_message_is_found_where_it_is() {
    let mut app = opened();
    pages(&mut app, Paging::Start);
    let (changed, command) = app.jump("$1");
    assert!(changed.to_row && command.is_none() && !app.searches());
    assert_eq!(app.row, "$1");
}

#[test]
fn a_quoted_message_is_found_further_back() {
    let mut app = opened();
    assert!(matches!(app.jump("$0"), (_, Some(Command::PageBack(room))) if room == "!r"));
    assert!(app.more().1.is_none(), "a page at a time");
    pages(&mut app, Paging::More);
    assert!(matches!(app.more(), (_, Some(Command::PageBack(_)))));
    let older = VectorDiff::PushFront { value: message("$0", false, "начало") };
    app.apply(Update::Timeline { room: "!r".into(), diffs: vec![older] });
    assert!(app.more().0.to_row && !app.searches());
    assert_eq!(app.row, "$0");
}

#[test]
fn a_quoted_message_that_is_not_found_is_said() {
    type End = fn(&mut AppModel) -> Changed;
    let cases: [(End, Failure); 3] = [
        // Everything is here, and the message is not.
        (
            |app| {
                pages(app, Paging::Start);
                let start = VectorDiff::PushFront { value: Item { id: "start".into(), kind: ItemKind::Start } };
                app.apply(Update::Timeline { room: "!r".into(), diffs: vec![start] });
                app.more().0
            },
            Failure::QuoteGone,
        ),
        // The server is away.
        (|app| pages(app, Paging::Failed(Failure::ServerAway)), Failure::ServerAway),
        // It is too far back.
        (
            |app| {
                let ended = |(changed, command): (Changed, Option<Command>)| command.is_none().then_some(changed);
                let turn = |_| {
                    pages(app, Paging::More);
                    ended(app.more())
                };
                (0..100).find_map(turn).unwrap_or_default()
            },
            Failure::QuoteGone,
        ),
    ];
    for (end, failure) in cases {
        let mut app = opened();
        assert!(app.jump("$gone").1.is_some());
        assert_eq!(end(&mut app).failed, Some(failure));
        assert!(!app.searches());
    }
}

#[test]
fn a_short_room_is_filled_until_loading_fails_and_again_when_the_server_is_back() {
    let mut app = opened();
    assert!(matches!(app.more(), (_, Some(Command::PageBack(_)))));
    pages(&mut app, Paging::Failed(Failure::ServerAway));
    assert!(app.more().1.is_none() && app.older().1.is_none());
    app.apply(Update::Connection(Connection::Online));
    assert!(app.more().1.is_some());
    pages(&mut app, Paging::Failed(Failure::TooMany));
    assert!(app.try_older().1.is_some(), "the person asks again");
}

#[test]
fn one_who_is_in_no_room_is_told_so_once_the_server_has_answered() {
    let mut app = AppModel::default();
    app.apply(Update::RoomsLoaded);
    assert!(!app.knows_rooms(), "the store is empty, the server may know of rooms");
    let changed = app.apply(Update::Connection(Connection::Online));
    assert!(changed.rooms && app.knows_rooms());
}

#[test]
fn the_list_of_rooms_is_gone_back_to() {
    let mut app = opened();
    let (changed, commands) = app.leave_open("недописано");
    assert!(changed.header && matches!(&commands[..], [Command::Composer(_), Command::Close]));
    assert_eq!(app.open, None);
    app.open("!r", "");
    assert_eq!(app.draft(), "недописано");
}

/// Whether a draft is asked to be kept, or forgotten.
fn keeps(command: &Command, room: &str, words: Option<&str>) -> bool {
    let Command::Composer(Wish::Keep { room: whose, draft }) = command else { return false };
    whose == room && draft.as_ref().map(|draft| draft.text.as_str()) == words
}

#[test]
fn a_draft_is_kept_and_forgotten_once_it_is_sent() {
    let mut app = opened();
    assert!(app.keep_draft("недо").is_some_and(|command| keeps(&command, "!r", Some("недо"))));
    assert!(app.keep_draft("недо").is_none(), "it is kept already");
    assert_eq!(app.waits("!r"), None, "the open room's is in the composer");
    let (_, commands) = app.send("недописано");
    assert!(commands.iter().any(|command| keeps(command, "!r", None)));
    let (_, commands) = app.open("!other", "");
    assert!(!commands.iter().any(|command| matches!(command, Command::Composer(_))), "there is nothing to forget");
}

#[test]
fn a_draft_from_before_comes_back_with_what_it_answers() {
    let mut app = AppModel::default();
    let draft = Draft { text: "да".into(), about: About::Reply("$1".into()), ..Draft::default() };
    assert!(app.apply(Update::Composer(News::Drafts(vec![("!r".into(), draft)]))).rooms);
    assert_eq!(app.waits("!r"), Some("да"));
    app.open("!r", "");
    assert_eq!(app.draft(), "да");
    assert!(app.chip.as_ref().is_some_and(|chip| chip.key == "$1" && chip.who.is_empty()));
    assert!(says(&mut app, [message("$1", false, "придёте?")]).chip, "its message has come");
    assert!(app.chip.as_ref().is_some_and(|chip| chip.who == "Анна"));
    assert!(matches!(&app.send("да!").1[..], [Command::Send { reply_to: Some(key), .. }, ..] if key == "$1"));
}

#[test]
fn who_was_chosen_is_named_and_stays_so_when_the_message_is_changed() {
    let mut app = opened();
    let member = |id: &str, name: &str| Member {
        id: id.into(),
        name: name.into(),
        level: 0,
        invited: false,
        avatar: String::new(),
    };
    app.apply(Update::Members { room: "!r".into(), members: vec![member("@p:x", "Пётр")] });
    assert!(app.moved("@пе", "@пе".len(), true).suggestions);
    let written = app.take_suggestion(0, "@пе", "@пе".len()).unwrap();
    assert_eq!(written.text, "@Пётр ");
    let (_, commands) = app.send(&written.text);
    let named = [Mention { id: "@p:x".into(), written: "@Пётр".into() }];
    assert!(matches!(&commands[..], [Command::Send { mentions, .. }] if mentions[..] == named));
    assert!(app.composer.mentions.is_empty(), "the next message is another one");

    let run = Run { text: "@Пётр".into(), link: Some("https://matrix.to/#/@p:x".into()), ..Run::default() };
    let html = Formatted { blocks: vec![Block { runs: vec![run], ..Block::default() }] };
    let body = Body::Text { text: "@Пётр".into(), html: Some(html), emote: false, emoji: false };
    let own = Message { body, own: true, editable: true, ..Message::words("$3", "@me:x", "Я", "") };
    says(&mut app, [Item::from(own.clone())]);
    app.edit("$3");
    let (_, commands) = app.send("@Пётр, завтра");
    assert!(matches!(&commands[..], [Command::Edit { mentions, .. }, ..] if mentions[..] == named));

    app.open_thread("$1");
    app.threads.timeline.apply(vec![VectorDiff::PushBack { value: Item::from(own) }]);
    assert!(app.edit_in_thread("$3").is_some());
    let command = app.send_in_thread("@Пётр, завтра");
    assert!(matches!(command, Some(Command::Edit { mentions, .. }) if mentions == named), "as in the room");
}

#[test]
fn only_those_who_may_notify_all_call_everyone() {
    let mut app = opened();
    let everyone = |commands: Vec<Command>| {
        commands.iter().any(|command| matches!(command, Command::Send { mentions, .. } if !mentions.is_empty()))
    };
    assert!(!everyone(app.send("@комната, сбор").1));
    let details = RoomDetails { can_notify_all: true, ..RoomDetails::default() };
    app.apply(Update::Details { room: "!r".into(), details });
    assert!(everyone(app.send("@комната, сбор").1));
    assert!(!everyone(app.send("сбор").1));
}
