//! People and rooms as they are seen: pictures, presence, who has read, the menu of a room, the card of a person.

use std::time::Duration;

use parta_client::model::{
    avatars::{Face, News as FaceNews},
    presence::{Kind, Presence, Wish as PresenceWish},
    profile::{News, Wish},
    room_menu::{Act, Notify, Wish as RoomWish},
    update::{Member, Pixels},
};
use slint::platform::{Key, WindowEvent};

use super::*;

const IVAN: &str = "@ivan:academy";

fn chat() -> RoomSummary {
    RoomSummary {
        direct: true, peer: IVAN.into(), avatar: "mxc://academy/ivan".into(), ..room("!dm", "Иван", false)
    }
}

fn member(id: &str, name: &str) -> Member {
    Member { id: id.into(), name: name.into(), level: 0, invited: false, avatar: String::new() }
}

impl Window {
    fn told(&self, kind: Kind, active_ms: Option<i64>) {
        self.view.apply(Update::Presence(vec![(IVAN.into(), Presence { kind, active_ms })]));
    }

    fn described(&self, label: &str) -> String {
        self.find(label).unwrap().accessible_description().unwrap_or_default().into()
    }

    fn menu_of(&self, label: &str) {
        self.find(label).unwrap_or_else(|| panic!("{label:?} is not there")).invoke_accessible_expand_action();
    }

    fn faces(&self) -> Vec<Face> {
        let commands = self.commands.borrow();
        commands
            .iter()
            .filter_map(|command| match command {
                Command::Avatar(face) => Some(face.clone()),
                _ => None,
            })
            .collect()
    }

    fn wished(&self, act: Act) -> bool {
        self.asked(|command| matches!(command, Command::RoomMenu(RoomWish { room, act: wished }) if room == "!class" && *wished == act))
    }
}

#[test]
fn a_picture_is_asked_for_once_and_by_what_is_on_screen() {
    let window = open("ru").signed_in();
    window.view.apply(Update::Rooms(vec![chat()]));
    assert!(window.find("Иван").is_some());
    let asked = window.faces();
    assert_eq!(asked, [Face { mxc: "mxc://academy/ivan".into(), side: asked[0].side, square: false }]);
    let side = asked[0].side;
    let pixels = Some(Pixels { width: side, height: side, rgba: vec![200; (side * side * 4) as usize] });
    window.view.apply(Update::Avatar(FaceNews { face: asked[0].clone(), pixels }));
    let _ = window.find("Иван");
    assert_eq!(window.faces().len(), 1, "it is there now");
    let picture = window.view.window().global::<ui::Avatars>();
    assert_eq!(picture.invoke_picture("mxc://academy/ivan".into(), side as f32, false, 0).size().width, side);
    assert_eq!(picture.invoke_picture("".into(), 44.0, false, 0).size().width, 0);
}

#[test]
fn a_picture_that_failed_is_asked_for_again_when_the_server_is_back() {
    let window = open("en").signed_in();
    window.view.apply(Update::Rooms(vec![chat()]));
    let _ = window.find("Иван");
    let face = window.faces()[0].clone();
    window.view.apply(Update::Avatar(FaceNews { face, pixels: None }));
    let _ = window.find("Иван");
    assert_eq!(window.faces().len(), 1);
    window.view.apply(Update::Connection(Connection::Away));
    window.view.apply(Update::Connection(Connection::Online));
    let _ = window.find("Иван");
    assert_eq!(window.faces().len(), 2);
}

fn who_is_here_is_said_in_words(language: &str) {
    let window = open(language).signed_in();
    let (online, gone) = (window.either(("в сети", "online")), window.either(("не в сети с ", "offline since ")));
    window.view.apply(Update::Rooms(vec![chat()]));
    window.told(Kind::Online, None);
    assert!(window.described("Иван").starts_with(online), "{}", window.described("Иван"));
    window.press("Иван");
    assert!(window.asked(|command| *command == Command::Presence(PresenceWish::Ask(IVAN.into()))));
    assert!(window.find(online).is_some(), "in the header");
    window.told(Kind::Offline, Some(1_000_000_000_000));
    assert!(window.find(online).is_none());
    let presence = window.view.window().global::<ui::Presence>();
    let words = presence.invoke_words(presence.invoke_look(IVAN.into(), 0));
    assert!(words.starts_with(gone) && words.len() > gone.len(), "{words}");
    window.view.apply(Update::Connection(Connection::Away));
    assert_eq!(presence.invoke_look(IVAN.into(), 0).kind, ui::PresenceKind::Unknown, "nobody can know now");
}

#[test]
fn those_who_have_read_are_shown_in_rooms_and_not_in_chats() {
    let window = open("ru").signed_in().in_class();
    let readers: Vec<String> = ["@a:x", "@b:x", "@c:x", "@d:x", "@e:x"].map(String::from).into();
    let read = Message { readers, ..Message::words("$2", IVAN, "Иван", "Все здесь?") };
    window.says(read.clone());
    assert!(window.find("Прочитано: a, b, c, d, e").is_some());
    let members = vec![member("@a:x", "Анна Петрова"), member("@b:x", "Борис")];
    window.view.apply(Update::Members { room: "!class".into(), members });
    assert!(window.find("Прочитано: Анна Петрова, Борис, c, d, e").is_some(), "by name once names are known");
    assert!(window.find("+2").is_none(), "a screen reader has the names");

    window.view.apply(Update::Rooms(vec![chat()]));
    window.press("Иван");
    let diffs = vec![VectorDiff::PushBack { value: Item::from(read) }];
    window.view.apply(Update::Timeline { room: "!dm".into(), diffs });
    assert!(window.find("Прочитано: a, b, c, d, e").is_none());
}

fn the_menu_of_a_room_does_what_it_says(language: &str) {
    let window = open(language).signed_in();
    let entries = [
        (("Добавить в избранное", "Add to favourites"), Act::Favourite(true)),
        (("Отметить как прочитанное", "Mark as read"), Act::Mark(false)),
        (("Уведомлять обо всём", "Notify of all messages"), Act::Notify(Notify::All)),
        (("Только об упоминаниях", "Notify of mentions only"), Act::Notify(Notify::Mentions)),
        (("Не уведомлять", "Mute"), Act::Notify(Notify::Mute)),
        (("Переместить в конец списка", "To the end of the list"), Act::Low(true)),
    ];
    for (label, act) in entries {
        window.menu_of("7 «Б» класс");
        window.press(window.either(label));
        assert!(window.wished(act), "{act:?}");
        assert!(window.find(window.either(label)).is_none(), "the menu is gone");
    }
    window.menu_of("7 «Б» класс");
    window.press(window.either(("Покинуть", "Leave")));
    assert!(window.find(window.either(("Покинуть комнату?", "Leave the room?"))).is_some());
}

#[test]
fn the_menu_says_what_is_so_and_offers_the_way_back() {
    let window = open("ru").signed_in();
    let changed =
        RoomSummary {
            unread: 0, favourite: true, low: true, notify: Notify::Mute, ..room("!class", "Класс", false)
        };
    window.view.apply(Update::Rooms(vec![changed]));
    window.menu_of("Класс");
    assert_eq!(window.find("Не уведомлять").unwrap().accessible_checked(), Some(true));
    assert_eq!(window.find("Уведомлять обо всём").unwrap().accessible_checked(), Some(false));
    window.press("Убрать из избранного");
    assert!(window.wished(Act::Favourite(false)));
    window.menu_of("Класс");
    window.press("Вернуть из конца списка");
    assert!(window.wished(Act::Low(false)));
    window.menu_of("Класс");
    window.press("Отметить как непрочитанное");
    assert!(window.wished(Act::Mark(true)));
    window.menu_of("Театр");
    assert!(window.find("Не уведомлять").is_none(), "an invitation has no menu");
}

fn chips_choose_what_is_listed(language: &str) {
    let window = open(language).signed_in();
    window.view.apply(Update::Rooms(vec![chat(), RoomSummary { unread: 0, ..room("!art", "Рисование", false) }]));
    let listed = |label: &str| window.find(label).is_some();
    window.press(window.either(("Новые", "Unread")));
    assert!(listed("Иван") && listed("7 «Б» класс") && !listed("Рисование"));
    window.press(window.either(("Люди", "People")));
    assert!(listed("Иван") && !listed("7 «Б» класс"));
    window.press(window.either(("Все", "All")));
    assert!(listed("Рисование"));
    window.view.window().global::<ui::RoomMenu>().invoke_choose(ui::RoomFilter::Rooms);
    assert!(!listed("Иван") && listed("Рисование"));
}

#[test]
fn nothing_unread_is_said_and_shows_the_way_back() {
    let window = open("ru").signed_in();
    window.view.apply(Update::RoomGone("!theatre".into()));
    window.view.apply(Update::Rooms(vec![RoomSummary { unread: 0, ..room("!class", "Класс", false) }]));
    window.press("Новые");
    assert!(window.find("Всё прочитано").is_some());
    window.press("Показать все комнаты");
    assert!(window.find("Класс").is_some());
}

#[test]
fn from_room_to_room() {
    let window = open("en").signed_in();
    window.view.apply(Update::Rooms(vec![RoomSummary { at_ms: Some(5), ..chat() }]));
    window.press("Иван");
    let menu = window.view.window().global::<ui::RoomMenu>();
    menu.invoke_step(1);
    assert!(window.asked(|command| matches!(command, Command::Open(room) if room == "!class")));
    menu.invoke_step(-1);
    menu.invoke_step(-1);
    assert_eq!(window.view.window().global::<ui::Talk>().get_room().name, "Театр");
}

#[test]
fn the_search_walks_the_rooms_by_keys() {
    let window = open("en").signed_in();
    let page = window.view.window();
    page.window().dispatch_event(WindowEvent::WindowActiveChanged(true));
    page.global::<ui::RoomMenu>().set_seek(true);
    i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(1));
    assert!(!page.global::<ui::RoomMenu>().get_seek(), "the search has the focus");
    for key in [Key::DownArrow, Key::DownArrow, Key::UpArrow, Key::DownArrow, Key::DownArrow, Key::Return] {
        page.window().dispatch_event(WindowEvent::KeyPressed { text: key.into() });
        page.window().dispatch_event(WindowEvent::KeyReleased { text: key.into() });
    }
    assert!(window.asked(|command| matches!(command, Command::Open(room) if room == "!class")), "the second of two");
}

fn the_card_of_a_person(language: &str) {
    let window = open(language).signed_in().in_class();
    window.view.apply(Update::Members { room: "!class".into(), members: vec![member(IVAN, "Иван Сомов")] });
    window.press(window.either(("Профиль: Иван", "Profile of Иван")));
    assert!(window.asked(|command| *command == Command::Profile(Wish::Look(IVAN.into()))));
    for words in [("О человеке", "About the person"), (IVAN, IVAN), ("Иван Сомов", "Иван Сомов")]
    {
        assert!(window.find(window.either(words)).is_some(), "{words:?}");
    }
    window.view.apply(Update::Profile(News::Common { id: IVAN.into(), rooms: vec!["!class".into(), "!no".into()] }));
    assert!(window.find(window.either(("Общие комнаты", "Rooms in common"))).is_some());
    window.press(window.either(("Упомянуть", "Mention")));
    assert_eq!(window.view.window().global::<ui::Talk>().get_draft(), "Иван Сомов, ");
    window.press(window.either(("Профиль: Иван", "Profile of Иван")));
    window.press(window.either(("Написать", "Write")));
    assert!(window.asked(|command| *command == Command::StartChat(IVAN.into())));
}

fn the_own_name_and_picture_are_changed_on_the_own_card(language: &str) {
    let window = open(language).signed_in();
    window.go(&[("Профиль и учётные записи", "Profile and accounts"), ("Ваш профиль", "Your profile")]);
    let save = window.either(("Сохранить имя", "Save the name"));
    assert_eq!(window.find(save).unwrap().accessible_enabled(), Some(false), "nothing is changed yet");
    window.write(window.either(("Имя, которое видят другие", "Name that others see")), "Анна Петрова");
    window.press(save);
    assert!(window.asked(|command| *command == Command::Profile(Wish::Rename("Анна Петрова".into()))));
    window.view.apply(Update::Profile(News::Failed(Failure::Forbidden)));
    let refused = (
        "Здесь вам это не разрешено. Обратитесь к тому, кто ведёт комнату.",
        "You are not allowed to do this here. Ask the person who looks after the room.",
    );
    assert!(window.find(window.either(refused)).is_some());
    window
        .view
        .apply(Update::Profile(News::Own { name: "Анна Петрова".into(), avatar: "mxc://academy/a".into() }));
    assert_eq!(window.view.window().global::<ui::App>().get_own_name(), "Анна Петрова");
    window.press(window.either(("Убрать фото", "Remove the photo")));
    assert!(window.asked(|command| *command == Command::Profile(Wish::RemovePicture)));
}

/// A window belongs to the test that opened it, so each language is a test of its own.
macro_rules! in_both_languages {
    ($($check:ident),* $(,)?) => {
        mod russian {
            $(#[test] fn $check() { super::$check("ru"); })*
        }
        mod english {
            $(#[test] fn $check() { super::$check("en"); })*
        }
    };
}

in_both_languages! {
    the_menu_of_a_room_does_what_it_says,
    chips_choose_what_is_listed,
    the_card_of_a_person,
    the_own_name_and_picture_are_changed_on_the_own_card,
    who_is_here_is_said_in_words,
}
