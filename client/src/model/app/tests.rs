use eyeball_im::VectorDiff;

use super::*;
use crate::model::{
    item::{Item, Message},
    update::Failure,
};

fn message(key: &str, own: bool, text: &str) -> Item {
    Item {
        id: key.into(),
        kind: ItemKind::Message(Box::new(Message {
            key: key.into(),
            remote: true,
            sender: "@a:x".into(),
            sender_name: "Анна".into(),
            own,
            at_ms: 0,
            body: Body::Text { text: text.into(), html: None, emote: false, emoji: false },
            edited: false,
            reply: None,
            reactions: Vec::new(),
            state: SendState::Sent,
            editable: own,
            replyable: true,
            refusal: None,
        })),
    }
}

fn opened() -> AppModel {
    let mut app = AppModel::default();
    app.apply(Update::SignedIn(Account { user_id: "@me:x".into(), name: "Я".into(), server: "x".into() }));
    app.open("!r", "");
    app.apply(Update::Timeline {
        room: "!r".into(),
        diffs: vec![VectorDiff::Append {
            values: [message("$1", false, "привет"), message("$2", true, "ответ")].into_iter().collect(),
        }],
    });
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
