//! The window on the accessible tree, without a display: what a screen reader finds is what a person can press.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::{cell::RefCell, rc::Rc};

use clap::Parser;
use eyeball_im::VectorDiff;
use i_slint_backend_testing::ElementHandle;
use parta_client::{
    model::{
        command::Command,
        item::{Body, Item, ItemKind, Message, Preview, SendState},
        rooms::RoomSummary,
        update::{Account, Connection, Failure, RoomDetails, Update},
    },
    options::Options,
    settings::Settings,
    view::{View, wire},
};

struct Window {
    view: Rc<View>,
    commands: Rc<RefCell<Vec<Command>>>,
    _folder: tempfile::TempDir,
}

fn open(language: &str) -> Window {
    i_slint_backend_testing::init_no_event_loop();
    let folder = tempfile::tempdir().unwrap();
    let options = Options::parse_from(["parta", "--lang", language, "--theme", "light"]);
    let commands: Rc<RefCell<Vec<Command>>> = Rc::default();
    let sent = Rc::clone(&commands);
    let view = View::new(
        Box::new(move |command| sent.borrow_mut().push(command)),
        Settings::default(),
        folder.path().to_path_buf(),
        &options,
    )
    .unwrap();
    wire(&view);
    Window { view, commands, _folder: folder }
}

impl Window {
    fn find(&self, label: &str) -> Option<ElementHandle> {
        ElementHandle::find_by_accessible_label(self.view.window(), label).next()
    }

    fn press(&self, label: &str) {
        self.find(label).unwrap_or_else(|| panic!("{label:?} is not there")).invoke_accessible_default_action();
    }

    fn write(&self, label: &str, text: &str) {
        self.find(label).unwrap_or_else(|| panic!("{label:?} is not there")).set_accessible_value(text);
    }

    fn signed_in(self) -> Self {
        self.view.apply(Update::SignedIn(Account {
            user_id: "@anna:academy".into(),
            name: "Анна".into(),
            server: "https://a/".into(),
        }));
        self.view.apply(Update::Rooms(vec![room("!class", "7 «Б» класс", false), room("!theatre", "Театр", true)]));
        self.view.apply(Update::RoomsLoaded);
        self.view.apply(Update::Connection(Connection::Online));
        self
    }

    fn in_class(self) -> Self {
        self.press("7 «Б» класс");
        self.view.apply(Update::Details {
            room: "!class".into(),
            details: RoomDetails { can_write: true, members: 21, ..RoomDetails::default() },
        });
        self.view.apply(Update::Timeline {
            room: "!class".into(),
            diffs: vec![VectorDiff::Append {
                values: [message("$1", false, "Контрольная в пятницу")].into_iter().collect(),
            }],
        });
        self
    }
}

fn room(id: &str, name: &str, invited: bool) -> RoomSummary {
    RoomSummary {
        id: id.into(),
        name: name.into(),
        direct: false,
        invited,
        inviter: if invited { "Мария".into() } else { String::new() },
        preview: Preview::Text("привет".into()),
        preview_who: "Олег".into(),
        preview_own: false,
        at_ms: Some(1),
        recency: 0,
        unread: 2,
        mentions: 0,
    }
}

fn message(key: &str, own: bool, text: &str) -> Item {
    Item {
        id: key.into(),
        kind: ItemKind::Message(Box::new(Message {
            key: key.into(),
            remote: true,
            sender: "@ivan:academy".into(),
            sender_name: "Иван".into(),
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

#[test]
fn signing_in_in_russian() {
    let window = open("ru");
    window.view.apply(Update::SignedOut(None));
    window.write("Сервер", "academy.lan");
    window.write("Имя пользователя", "anna");
    window.write("Пароль", "secret");
    window.press("Войти");
    let commands = window.commands.borrow();
    assert!(
        matches!(&commands[..], [Command::SignIn(who)] if who.server == "academy.lan" && who.user == "anna" && who.password == "secret")
    );
}

#[test]
fn a_failure_is_said_in_words() {
    let window = open("en");
    window.view.apply(Update::SignedOut(None));
    window.view.apply(Update::SignInFailed(Failure::WrongPassword));
    assert!(window.find("The name and the password do not match. Check both and try again.").is_some());
}

#[test]
fn rooms_are_listed_and_opened() {
    let window = open("ru").signed_in();
    assert!(window.find("Театр").is_some());
    let window = window.in_class();
    assert!(window.commands.borrow().iter().any(|command| matches!(command, Command::Open(room) if room == "!class")));
    assert!(window.find("Сообщение").is_some(), "the composer is there");
}

#[test]
fn an_invitation_is_accepted() {
    let window = open("ru").signed_in();
    window.press("Театр");
    window.press("Войти");
    assert!(
        window.commands.borrow().iter().any(|command| matches!(command, Command::Accept(room) if room == "!theatre"))
    );
}

#[test]
fn the_server_being_away_is_said_and_taken_back() {
    let window = open("ru").signed_in();
    let words = "Сервер недоступен. Сообщения сохранятся и уйдут, когда связь вернётся.";
    window.view.apply(Update::Connection(Connection::Away));
    assert!(window.find(words).is_some_and(|bar| bar.size().height > 0.0));
    window.view.apply(Update::Connection(Connection::Online));
    assert!(window.find(words).is_none());
}

#[test]
fn signing_out_goes_back_to_the_first_page() {
    let window = open("en").signed_in().in_class();
    window.view.apply(Update::SignedOut(Some(Failure::SessionEnded)));
    assert!(window.find("You were signed out by the server. Sign in again to go on.").is_some());
    assert!(window.find("7 «Б» класс").is_none());
}
