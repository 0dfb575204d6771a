//! The window on the accessible tree, without a display: what a screen reader finds is what a person can press.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod accounts;
mod composer;
mod crypto;
mod discovery;
mod emoji;
mod feedback;
mod files;
mod games;
mod help;
mod jump;
mod people;
mod polls;
mod preset;
mod shared;
mod verify;
mod voice;

use std::{cell::RefCell, rc::Rc};

use clap::Parser;
use eyeball_im::VectorDiff;
use i_slint_backend_testing::{AccessibleRole, ElementHandle};
use parta_client::{
    model::{
        command::Command,
        game,
        item::{Body, Item, ItemKind, Media, Message, Preview, Quote},
        jump::News as Jumped,
        rooms::RoomSummary,
        update::{Account, Connection, Failure, Paging, RoomDetails, Update},
    },
    options::Options,
    settings::Settings,
    view::{View, ui, wire},
};
use slint::{ComponentHandle, Model};

mod rooms;
mod search;
mod settings;

mod messages;

struct Window {
    view: Rc<View>,
    russian: bool,
    commands: Rc<RefCell<Vec<Command>>>,
    folder: tempfile::TempDir,
}

fn open(language: &str) -> Window {
    open_with(language, Settings::default())
}

fn open_with(language: &str, settings: Settings) -> Window {
    i_slint_backend_testing::init_no_event_loop();
    let folder = tempfile::tempdir().unwrap();
    let options = Options::parse_from(["parta", "--lang", language, "--theme", "light"]);
    let commands: Rc<RefCell<Vec<Command>>> = Rc::default();
    let sent = Rc::clone(&commands);
    let view = View::new(
        Box::new(move |command| sent.borrow_mut().push(command)),
        settings,
        folder.path().to_path_buf(),
        &options,
    )
    .unwrap();
    wire(&view);
    Window { view, russian: language == "ru", commands, folder }
}

/// Runs in both languages, each with a window, and so a thread, of its own.
fn in_both_languages(test: fn(&Window)) {
    for language in ["ru", "en"] {
        std::thread::spawn(move || test(&open(language))).join().unwrap();
    }
}

/// Lets the event loop turn once: what watches a property sees its change only then.
fn turn() {
    i_slint_backend_testing::mock_elapsed_time(std::time::Duration::from_millis(20));
}

impl Window {
    fn find(&self, label: &str) -> Option<ElementHandle> {
        ElementHandle::find_by_accessible_label(self.view.window(), label).next()
    }

    /// Presses what is called so; a form has the name of its button, and cannot be pressed.
    fn press(&self, label: &str) {
        ElementHandle::find_by_accessible_label(self.view.window(), label)
            .find(|element| element.accessible_role() != Some(AccessibleRole::Form))
            .unwrap_or_else(|| panic!("{label:?} is not there"))
            .invoke_accessible_default_action();
    }

    /// Presses one after the other, by the words of the window's language.
    fn go(&self, names: &[(&str, &str)]) {
        for name in names {
            self.press(self.either(*name));
        }
    }

    fn write(&self, label: &str, text: &str) {
        self.find(label).unwrap_or_else(|| panic!("{label:?} is not there")).set_accessible_value(text);
    }

    /// The words of the window's language.
    fn either<'a>(&self, (russian, english): (&'a str, &'a str)) -> &'a str {
        if self.russian { russian } else { english }
    }

    fn asked(&self, wish: impl Fn(&Command) -> bool) -> bool {
        self.commands.borrow().iter().any(wish)
    }

    fn sign_in(&self) {
        self.view.apply(Update::SignedIn(Account {
            user_id: "@anna:academy".into(),
            name: "Анна".into(),
            server: "https://a/".into(),
        }));
        self.view.apply(Update::Rooms(vec![room("!class", "7 «Б» класс", false), room("!theatre", "Театр", true)]));
        self.view.apply(Update::RoomsLoaded);
        self.view.apply(Update::Connection(Connection::Online));
    }

    fn enter_class(&self) {
        self.press("7 «Б» класс");
        self.view.apply(Update::Details {
            room: "!class".into(),
            details: RoomDetails { can_write: true, members: 21, ..RoomDetails::default() },
        });
        self.says(Message::words("$1", "@ivan:academy", "Иван", "Контрольная в пятницу"));
    }

    fn says(&self, message: Message) {
        self.comes(VectorDiff::PushBack { value: Item::from(message) });
    }

    fn comes(&self, diff: VectorDiff<Item>) {
        self.view.apply(Update::Timeline { room: "!class".into(), diffs: vec![diff] });
    }

    /// High enough for a board and what stands around it: what is scrolled away is not found.
    fn tall(self) -> Self {
        self.grow();
        self
    }

    fn grow(&self) {
        self.view.window().window().set_size(slint::LogicalSize::new(1200.0, 1600.0));
    }

    fn signed_in(self) -> Self {
        self.sign_in();
        self
    }

    fn in_class(self) -> Self {
        self.enter_class();
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
        at_ms: Some(1),
        unread: 2,
        ..RoomSummary::default()
    }
}

/// A game of tic-tac-toe in which it is Anna's turn.
fn board() -> Message {
    let content = serde_json::json!({"org.parta.game": {
        "version": 1, "game_id": "g", "kind": "tictactoe", "revision": 1, "status": "playing", "creator": "@anna:academy",
        "players": [{"seat": "x", "user_id": "@anna:academy"}, {"seat": "o", "user_id": "@ivan:academy"}],
        "turn": "x", "ply": 0, "state": {"cells": "........."}, "legal_moves": ["1", "2", "3"],
    }});
    let board = Box::new(game::parse(&content).unwrap());
    let body = Body::Game { board, text: String::new() };
    Message { body, ..Message::words("$game", "@games:academy", "Игры", "") }
}

fn picture() -> Message {
    let media = Media {
        source: "mxc://academy/1".into(),
        name: "доска.png".into(),
        mime: "image/png".into(),
        ..Media::default()
    };
    Message { body: Body::Image(media), ..Message::words("$picture", "@ivan:academy", "Иван", "") }
}

/// How a person comes to a page from the one before, and what they find there in Russian and in English.
type Page = (fn(&Window), &'static [(&'static str, &'static str)]);

const PAGES: [Page; 17] = [
    (
        |window| window.view.apply(Update::SignedOut(None)),
        &[
            ("Сервер", "Server"),
            ("Имя пользователя", "User name"),
            ("Пароль", "Password"),
            ("Показать пароль", "Show the password"),
            ("Войти", "Sign in"),
        ],
    ),
    (
        |window| window.go(&[("Создать новую учётную запись", "Create a new account")]),
        &[
            ("Код регистрации", "Registration code"),
            ("Создать учётную запись", "Create the account"),
            ("У меня уже есть учётная запись", "I already have an account"),
        ],
    ),
    (
        Window::sign_in,
        &[
            ("7 «Б» класс", "7 «Б» класс"),
            ("Комнаты", "Rooms"),
            ("Поиск комнат", "Search rooms"),
            ("Все комнаты", "All rooms"),
            ("Личные чаты", "Personal chats"),
            ("Выберите комнату слева", "Choose a room on the left"),
        ],
    ),
    (
        Window::enter_class,
        &[
            ("Сообщение", "Message"),
            ("Записать голосовое сообщение", "Record a voice message"),
            ("Прикрепить", "Attach"),
            ("21 участник", "21 members"),
        ],
    ),
    (
        |window| window.go(&[("Игры", "Games")]),
        &[
            ("Сыграйте с теми, кто в комнате", "Play with those in the room"),
            ("Шахматы", "Chess"),
            ("Крестики-нолики", "Tic-tac-toe"),
        ],
    ),
    (
        |window| {
            window.says(board());
            window.go(&[("Открыть рядом", "Open beside")]);
        },
        &[
            ("Ваш ход", "Your move"),
            ("Предложить ничью", "Offer a draw"),
            ("Сдаться", "Resign"),
            ("Новая игра", "New game"),
            ("5", "5"),
        ],
    ),
    (
        |window| window.go(&[("О комнате", "About the room")]),
        &[("По приглашению.", "By invitation."), ("Покинуть", "Leave"), ("Закрыть панель", "Close the panel")],
    ),
    (|window| window.go(&[("Покинуть", "Leave")]), &[("Покинуть комнату?", "Leave the room?"), ("Остаться", "Stay")]),
    (
        |window| {
            window.go(&[("Остаться", "Stay")]);
            window.says(picture());
            window.go(&[("Открыть изображение: доска.png", "Open the picture доска.png")]);
        },
        &[
            ("Загрузка…", "Loading…"),
            ("Открыть в другой программе", "Open in another program"),
            ("Сохранить", "Save"),
            ("Закрыть", "Close"),
        ],
    ),
    (
        |window| {
            window.go(&[("Закрыть", "Close"), ("Новый личный чат", "New personal chat")]);
        },
        &[("Имя или адрес человека", "Name or address of a person"), ("Кого вы ищете?", "Whom are you looking for?")],
    ),
    (
        |window| {
            window.go(&[("Закрыть", "Close"), ("Новая комната", "New room")]);
        },
        &[
            ("Название", "Name"),
            ("Для чего эта комната", "What the room is for"),
            ("Открыта для всей академии", "Open to the whole academy"),
            ("Шифровать сообщения", "Encrypt the messages"),
            ("Создать комнату", "Create the room"),
        ],
    ),
    (
        |window| {
            window.go(&[("Отменить", "Cancel"), ("Найти комнату", "Find a room")]);
        },
        &[("Название или адрес комнаты", "Name or address of a room"), ("Идёт поиск…", "Searching…")],
    ),
    (
        |window| window.view.apply(Update::PublicRooms { term: String::new(), found: Vec::new() }),
        &[("Открытых комнат не нашлось", "No open rooms found"), ("Создать новую комнату", "Make a new room")],
    ),
    (
        |window| {
            window.go(&[("Закрыть", "Close"), ("Настройки", "Settings")]);
        },
        &[("Язык", "Language"), ("Оформление", "Appearance"), ("О программе", "About the program")],
    ),
    (
        |window| window.go(&[("Учётная запись", "Account"), ("Выйти", "Sign out")]),
        &[("Выйти из учётной записи?", "Sign out?"), ("Остаться", "Stay")],
    ),
    (
        |window| {
            window.go(&[("Остаться", "Stay"), ("Театр", "Театр")]);
        },
        &[("Мария приглашает вас сюда.", "Мария invites you here."), ("Войти", "Join"), ("Отклонить", "Decline")],
    ),
    (
        |window| window.view.apply(Update::Connection(Connection::Away)),
        &[(
            "Сервер недоступен. Сообщения сохранятся и уйдут, когда связь вернётся.",
            "The server is away. Messages are kept and will go out when it is back.",
        )],
    ),
];

fn walk(language: &str) {
    let window = open(language).tall();
    for (come, words) in PAGES {
        come(&window);
        for words in words {
            let words = window.either(*words);
            assert!(window.find(words).is_some(), "{words:?} is not there");
        }
    }
}

#[test]
fn every_page_speaks_russian() {
    walk("ru");
}

#[test]
fn every_page_speaks_english() {
    walk("en");
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
fn rooms_begin_below_the_search() {
    let window = open("en").signed_in();
    let top = |label: &str| window.find(label).unwrap().absolute_position().y;
    let first = top("7 «Б» класс").min(top("Театр"));
    assert!(first - top("Search rooms") < 100.0, "the list hangs in mid-column");
}

#[test]
fn rooms_are_listed_and_opened() {
    let window = open("ru").signed_in();
    assert!(window.find("Театр").is_some());
    let window = window.in_class();
    assert!(window.asked(|command| matches!(command, Command::Open(room) if room == "!class")));
    assert!(window.find("Сообщение").is_some(), "the composer is there");
}

#[test]
fn an_invitation_is_accepted() {
    let window = open("ru").signed_in();
    window.press("Театр");
    window.press("Войти");
    assert!(window.asked(|command| matches!(command, Command::Accept(room) if room == "!theatre")));
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

#[test]
fn a_board_belongs_to_its_room() {
    let window = open("ru").signed_in().in_class();
    window.press("Игры");
    assert!(window.find("Крестики-нолики").is_some());
    window.press("Театр");
    assert!(window.find("Крестики-нолики").is_none(), "an invitation has no board beside it");
    window.press("7 «Б» класс");
    assert!(window.find("Крестики-нолики").is_none(), "nor comes it back by itself");
}

#[test]
fn beside_a_panel_in_a_small_window_a_room_keeps_its_name() {
    let window = open("ru").signed_in().in_class();
    window.view.window().window().set_size(slint::LogicalSize::new(1000.0, 700.0));
    assert!(window.find("Игры").is_some_and(|games| games.size().width > 0.0));
    window.press("О комнате");
    // What had its button stands in the menu.
    assert!(window.find("Игры").is_none() && window.find("Ветки").is_none());
    let more = window.find("Ещё").unwrap();
    let end = more.absolute_position().x + more.size().width;
    assert!(end <= window.find("Закрыть панель").unwrap().absolute_position().x, "{end}");
    window.press("Закрыть панель");
    assert!(window.find("Игры").is_some());
}

#[test]
fn the_room_on_screen_has_no_unread_badge() {
    let window = open("ru").signed_in();
    let unread = |unread| {
        window.view.apply(Update::Rooms(vec![RoomSummary { unread, ..room("!class", "7 «Б» класс", false) }]));
    };
    unread(31);
    assert!(window.find("31").is_some());
    window.enter_class();
    assert!(window.find("31").is_none(), "it is being read");
    unread(32);
    assert!(window.find("32").is_none(), "and what comes meanwhile as well");
    window.view.focus(false);
    assert!(window.find("32").is_some(), "but not behind the person's back");
}

#[test]
fn a_quote_leads_to_its_message_or_says_that_it_cannot() {
    let quoting = |key: &str, quoted: &str| Message {
        reply: Some(Quote { key: quoted.into(), who: "Иван".into(), preview: Preview::Nothing }),
        ..Message::words(key, "@oleg:academy", "Олег", "да")
    };
    let window = open("ru").signed_in().in_class();
    window.says(quoting("$2", "$1"));
    window.press("Перейти к исходному сообщению");
    assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$1");

    window.comes(VectorDiff::Set { index: 1, value: Item::from(quoting("$2", "$gone")) });
    window.press("Перейти к исходному сообщению");
    assert!(window.find("Идёт поиск сообщения…").is_some());
    assert!(window.asked(|command| matches!(command, Command::PageBack(room) if room == "!class")));
    window.view.apply(Update::Paging { room: "!class".into(), paging: Paging::Start });
    window.comes(VectorDiff::PushFront { value: Item { id: "start".into(), kind: ItemKind::Start } });
    let failed = Jumped::Failed { room: "!class".into(), key: "$gone".into(), failure: Failure::NotFound };
    window.view.apply(Update::Jump(failed));
    assert!(window.find("До исходного сообщения не добраться: оно слишком далеко или удалено.").is_some());
    assert!(window.find("Идёт поиск сообщения…").is_none());
}

#[test]
fn messages_that_were_not_loaded_are_asked_for_again() {
    let window = open("en").signed_in().in_class();
    let asked = || window.commands.borrow().iter().filter(|command| matches!(command, Command::PageBack(_))).count();
    let before = asked();
    window.view.apply(Update::Paging { room: "!class".into(), paging: Paging::Failed(Failure::ServerAway) });
    assert!(window.find("Earlier messages were not loaded.").is_some());
    assert_eq!(asked(), before, "nothing is tried again by itself");
    window.press("Try again");
    assert_eq!(asked(), before + 1);
}

#[test]
fn signing_out_is_asked_about() {
    let window = open("en").signed_in();
    window.press("Settings");
    window.press("Account");
    window.press("Sign out");
    assert!(!window.asked(|command| matches!(command, Command::SignOut)));
    let lost = "The messages kept on this computer are deleted. Those on the server stay, but encrypted ones can be read again only where you are still signed in.";
    assert!(window.find(lost).is_some());
    // With a recovery key they are not lost.
    window.view.window().global::<ui::Crypto>().set_standing(ui::RecoveryStanding::Ready);
    assert!(window.find(lost).is_none());
    window.press("Sign out");
    assert!(window.asked(|command| matches!(command, Command::SignOut)));
}
