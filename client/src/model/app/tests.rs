use eyeball_im::VectorDiff;

use super::*;
use crate::model::{
    composer::{About, Draft, Wish},
    formatted::{Block, Formatted, Mention, Run},
    item::{Item, ItemKind, Message},
    jump,
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
                assert!(matches!(app.more().1, Some(Command::Jump(jump::Wish::Open { .. }))), "it may be in a thread");
                gone(app)
            },
            Failure::QuoteGone,
        ),
        // The server is away.
        (|app| pages(app, Paging::Failed(Failure::ServerAway)), Failure::ServerAway),
        // The server has nothing around it.
        (
            |app| {
                asks_past(app);
                gone(app)
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
    assert!(app.more().1.is_none() && app.older(20).1.is_none());
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

/// The server does not have it.
fn gone(app: &mut AppModel) -> Changed {
    let failure = Failure::NotFound;
    app.apply(Update::Jump(jump::News::Failed { room: "!r".into(), key: "$gone".into(), failure }))
}

/// Lets page after page come until the past is asked for, and counts them.
fn asks_past(app: &mut AppModel) -> usize {
    (0..20)
        .find(|_| {
            pages(app, Paging::More);
            matches!(app.more().1, Some(Command::Jump(jump::Wish::Open { .. })))
        })
        .expect("it is asked for in the end")
}

fn past(app: &mut AppModel, key: &str, diff: VectorDiff<Item>) -> Changed {
    app.apply(Update::Jump(jump::News::Timeline { room: "!r".into(), key: key.into(), diffs: vec![diff] }))
}

fn reset(keys: &[&str]) -> VectorDiff<Item> {
    VectorDiff::Reset { values: keys.iter().map(|key| message(key, false, key)).collect() }
}

fn in_past() -> AppModel {
    let mut app = opened();
    app.jump("$far");
    asks_past(&mut app);
    assert!(past(&mut app, "$far", reset(&["$before", "$far", "$after"])).to_row);
    app
}

#[test]
fn what_lies_far_back_is_shown_by_itself_and_left_again() {
    let mut app = opened();
    assert!(app.jump("$far").1.is_some());
    assert_eq!(asks_past(&mut app), 2, "three pages were loaded");
    assert!(app.searches() && !app.in_past(), "the newest are shown until it comes");
    assert!(past(&mut app, "$other", reset(&["$x"])).rows.is_none(), "one let go");
    let changed = past(&mut app, "$far", reset(&["$before", "$far", "$after"]));
    assert!(changed.to_row && changed.header && app.in_past() && !app.searches());
    assert_eq!(app.row, "$far");
    assert!(app.message("$after").is_some() && app.see().is_none(), "the newest is not on screen");
    assert!(says(&mut app, [message("$3", false, "новое")]).rows.is_none());
    let changed = app.jump_to_end();
    assert!(changed.to_bottom && !app.in_past() && app.message("$3").is_some());
}

#[test]
fn the_past_is_paged_both_ways_and_its_end_is_the_present() {
    let mut app = in_past();
    let asks = |command: Option<Command>, newer| matches!(command, Some(Command::Jump(jump::Wish::Page { key, newer: way, .. })) if key == "$far" && way == newer);
    assert!(asks(app.older(20).1, false) && app.older(20).1.is_none(), "a page at a time");
    assert!(asks(app.newer().1, true) && app.newer().1.is_none());
    let paged = |app: &mut AppModel, paging| {
        app.apply(Update::Jump(jump::News::Paging { room: "!r".into(), key: "$far".into(), newer: true, paging }));
    };
    paged(&mut app, Paging::Failed(Failure::ServerAway));
    assert!(app.newer().1.is_none(), "not by itself");
    app.apply(Update::Connection(Connection::Online));
    assert!(app.newer().1.is_some());
    let append = VectorDiff::PushBack { value: message("$later", false, "позже") };
    assert_eq!(past(&mut app, "$far", append).rows, Some(Keep::Place), "the view stays");
    paged(&mut app, Paging::Start);
    assert!(app.newer().0.to_bottom && !app.in_past());
}

#[test]
fn from_one_place_of_the_past_to_another() {
    let mut app = in_past();
    assert!(app.jump("$before").0.to_row && app.in_past(), "it is on screen");
    let (_, command) = app.jump("$further");
    assert!(matches!(command, Some(Command::Jump(jump::Wish::Open { key, .. })) if key == "$further"));
    assert!(app.message("$far").is_some(), "what is shown stays until the other comes");
    past(&mut app, "$further", reset(&["$further"]));
    assert!(app.message("$far").is_none() && app.row == "$further");
    assert!(app.jump("$1").0.to_row && !app.in_past(), "it is among the newest");
}

#[test]
fn a_place_without_its_message_is_shown_all_the_same() {
    let mut app = opened();
    app.jump("$edit");
    asks_past(&mut app);
    assert!(past(&mut app, "$edit", reset(&["$before", "$about", "$after"])).to_row);
    assert_eq!(app.row, "$about");
}

#[test]
fn messages_of_the_past_are_answered_and_changed() {
    let mut app = in_past();
    assert!(app.reply("$far").chip);
    let (changed, commands) = app.send("да");
    assert!(matches!(&commands[..], [Command::Send { reply_to: Some(key), .. }] if key == "$far"));
    assert!(changed.to_bottom && !app.in_past(), "the answer is the newest message");
    let mut app = in_past();
    past(&mut app, "$far", VectorDiff::Set { index: 1, value: message("$far", true, "моё") });
    app.edit("$far");
    let (changed, _) = app.send("моё!");
    assert!(!changed.to_bottom && app.in_past());
}

#[test]
fn many_new_messages_are_gone_to_where_they_begin() {
    let unread = |unread| {
        let mut app = AppModel::default();
        app.apply(Update::Rooms(vec![RoomSummary { id: "!r".into(), unread, ..RoomSummary::default() }]));
        app.open("!r", "");
        app
    };
    assert_eq!(unread(3).fresh(), 0, "a screen shows them");
    let mut app = unread(400);
    assert_eq!(app.fresh(), 400);
    assert!(matches!(app.to_fresh().1, Some(Command::Jump(jump::Wish::Unread { room, count: 400 })) if room == "!r"));
    assert_eq!(app.fresh(), 0);
    let mut app = unread(40);
    says(&mut app, [message("$1", false, "а"), Item { id: "line".into(), kind: ItemKind::NewMessages }]);
    assert!(app.to_fresh().0.to_row && app.row == "line");
    let mut app = unread(40);
    assert!(matches!(app.leave_fresh().1, Some(Command::MarkRead(_))) && app.fresh() == 0);
}

#[test]
fn what_stands_in_a_thread_is_no_longer_looked_for_in_the_room() {
    let mut app = opened();
    app.jump("$answer");
    asks_past(&mut app);
    assert!(!app.found_in_thread("!other") && app.searches());
    assert!(app.found_in_thread("!r") && !app.searches() && !app.in_past());
}
