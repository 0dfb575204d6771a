//! Settings of a room, those in it, spaces, and making rooms: what is found and what pressing does.

use parta_client::model::{
    manage::{self, Change, Joining, May, Part, Right, RoomSettings},
    members::{self, Act, List, Member, Standing},
    rooms::SpaceSummary,
    spaces::{self, Child, Contents, Entry, NewRoom},
    update::PublicRoom,
};

use super::*;

fn settings() -> RoomSettings {
    RoomSettings {
        room: "!class".into(),
        name: "7 «Б» класс".into(),
        topic: "Уроки".into(),
        address: "#class:academy".into(),
        addresses: vec!["#class:academy".into(), "#7b:academy".into()],
        listed: Some(false),
        spaces: vec![("!school".into(), "Школа".into())],
        levels: [0, 0, 50, 50, 50, 50],
        own_level: 100,
        may: May {
            name: true,
            topic: true,
            picture: true,
            address: true,
            joining: true,
            history: true,
            encryption: true,
            guests: true,
            rights: true,
        },
        ..RoomSettings::default()
    }
}

fn member(name: &str, level: i64, standing: Standing) -> Member {
    let may = members::May { remove: true, ban: true, unban: standing == Standing::Banned, level: true };
    Member { id: format!("@{name}:academy"), name: name.into(), level, standing, may, ..Member::default() }
}

impl Window {
    fn in_settings(self, settings: RoomSettings) -> Self {
        self.go(&[("О комнате", "About the room"), ("Настройки комнаты", "Settings of the room")]);
        self.view.apply(Update::Manage(manage::News::Settings(Box::new(settings))));
        self
    }

    fn finds(&self, words: &[(&str, &str)]) {
        for words in words {
            let words = self.either(*words);
            assert!(self.find(words).is_some(), "{words:?} is not there");
        }
    }

    fn changed(&self, change: &Change) -> bool {
        self.asked(|command| {
            matches!(command, Command::Manage(manage::Wish::Change { room, change: asked })
                if room == "!class" && asked == change)
        })
    }

    fn among(self, members: Vec<Member>) -> Self {
        let list = List { room: "!class".into(), members, own_level: 100, may_invite: true };
        self.view.apply(Update::Crowd(members::News::List(list)));
        self.go(&[("О комнате", "About the room")]);
        self
    }

    fn in_school(self) -> Self {
        let space = |id: &str, name: &str, child: &str| SpaceSummary {
            id: id.into(),
            name: name.into(),
            children: [child.to_owned()].into(),
            may_change: true,
            ..SpaceSummary::default()
        };
        self.view
            .apply(Update::Spaces(vec![space("!school", "Школа", "!lessons"), space("!lessons", "Уроки", "!class")]));
        self.press("Школа");
        self
    }
}

fn settings_speak(language: &str) {
    let window = open(language).tall().signed_in().in_class().in_settings(settings());
    assert!(window.asked(|command| matches!(command, Command::Manage(manage::Wish::Load(room)) if room == "!class")));
    window.finds(&[
        ("Название", "Name"),
        ("Выбрать изображение", "Choose a picture"),
        ("#7b:academy", "#7b:academy"),
        ("Сделать главным", "Make it the main one"),
        ("Показывать в списке открытых комнат", "Show in the list of open rooms"),
        ("Скопировать ссылку", "Copy the link"),
    ]);
    window.go(&[("Доступ", "Access")]);
    window.finds(&[
        ("Те, кого пригласили", "Those who are invited"),
        ("Люди пространства «Школа»", "People of “Школа”"),
        ("Участники: всё", "Members: all of it"),
        ("Пускать гостей", "Let guests in"),
        ("Включить шифрование", "Switch encryption on"),
    ]);
    window.go(&[("Права", "Rights")]);
    window.finds(&[("Писать сообщения", "Write messages"), ("Звать всех через @room", "Call everyone by @room")]);
}

#[test]
fn the_settings_of_a_room_in_russian() {
    settings_speak("ru");
}

#[test]
fn the_settings_of_a_room_in_english() {
    settings_speak("en");
}

#[test]
fn a_name_is_saved_and_comes_back_when_it_is_refused() {
    let window = open("ru").tall().signed_in().in_class().in_settings(settings());
    window.write("Название", "8 «Б» класс");
    window.press("Сохранить");
    assert!(window.changed(&Change::Name("8 «Б» класс".into())));
    window.finds(&[("Сохраняется…", "")]);
    let failure = Failure::Forbidden;
    window.view.apply(Update::Manage(manage::News::Refused { room: "!class".into(), part: Part::Name, failure }));
    assert_eq!(window.view.window().global::<ui::Manage>().get_room().name, "7 «Б» класс");
    assert!(window.find("Сохраняется…").is_none());
    window.finds(&[("Здесь вам это не разрешено. Обратитесь к тому, кто ведёт комнату.", "")]);
}

#[test]
fn encryption_is_asked_about_first() {
    let window = open("en").tall().signed_in().in_class().in_settings(settings());
    window.press("Access");
    window.press("Switch encryption on");
    assert!(!window.changed(&Change::Encrypt));
    window.press("Switch on for good");
    assert!(window.changed(&Change::Encrypt));
}

#[test]
fn rights_are_given_by_role() {
    let window = open("en").tall().signed_in().in_class().in_settings(settings());
    window.press("Rights");
    // The first row is about writing.
    window.press("Administrators");
    assert!(window.changed(&Change::Right(Right::Write, 100)));
}

#[test]
fn joining_by_a_space_names_it() {
    let window = open("en").tall().signed_in().in_class().in_settings(settings());
    window.press("Access");
    window.press("People of “Школа”");
    assert!(window.changed(&Change::Joining(Joining::Space, Some("!school".into()))));
}

#[test]
fn what_is_not_allowed_is_shown_and_does_nothing() {
    let closed = RoomSettings { may: May::default(), own_level: 0, ..settings() };
    let window = open("en").tall().signed_in().in_class().in_settings(closed);
    window.finds(&[("", "What is grey can be changed only by those who look after this place.")]);
    window.press("Show in the list of open rooms");
    window.press("Access");
    window.press("Everyone");
    window.press("Rights");
    window.press("Administrators");
    assert!(!window.asked(|command| matches!(command, Command::Manage(manage::Wish::Change { .. }))));
}

fn members_speak(language: &str) {
    let window = open(language).tall().signed_in().in_class().among(vec![
        member("director", 100, Standing::Joined),
        member("oleg", 0, Standing::Joined),
        member("guest", 0, Standing::Knocking),
        member("bully", 0, Standing::Banned),
    ]);
    window.finds(&[
        ("Просят впустить · 1", "Ask to be let in · 1"),
        ("Администраторы · 1", "Administrators · 1"),
        ("Участники · 1", "Members · 1"),
        ("Заблокированные · 1", "Banned people · 1"),
    ]);
    window.go(&[("Впустить: guest", "Let guest in")]);
    assert!(
        window.asked(|command| matches!(command, Command::Members(members::Wish::Act { user, act: Act::Admit, .. })
            if user == "@guest:academy"))
    );
}

#[test]
fn members_stand_in_groups_and_who_asks_is_let_in_in_russian() {
    members_speak("ru");
}

#[test]
fn members_stand_in_groups_and_who_asks_is_let_in_in_english() {
    members_speak("en");
}

#[test]
fn a_member_is_removed_with_a_reason() {
    let window = open("ru").tall().signed_in().in_class().among(vec![member("oleg", 0, Standing::Joined)]);
    window.press("oleg");
    window.finds(&[
        ("@oleg:academy", ""),
        ("Написать", ""),
        ("Сделать модератором", ""),
        ("Не показывать сообщения", ""),
        ("Заблокировать", ""),
    ]);
    window.press("Удалить из комнаты");
    window.write("Причина", "спам");
    window.press("Удалить");
    assert!(window.asked(
        |command| matches!(command, Command::Members(members::Wish::Act { user, act: Act::Remove(reason), .. })
        if user == "@oleg:academy" && reason == "спам")
    ));
    window.view.apply(Update::Crowd(members::News::Done { user: "@oleg:academy".into() }));
    assert!(window.find("@oleg:academy").is_none(), "the card is closed");
}

#[test]
fn an_equal_is_made_only_after_a_word_of_warning() {
    let window = open("en").tall().signed_in().in_class().among(vec![member("oleg", 0, Standing::Joined)]);
    let made = |level: i64| {
        window.asked(|command| matches!(command, Command::Members(members::Wish::Act { act: Act::Level(given), .. }) if *given == level))
    };
    window.press("oleg");
    window.press("Make an administrator");
    assert!(!made(100));
    window.press("Give the rights");
    assert!(made(100));
}

#[test]
fn a_person_is_not_heard_any_more() {
    let window = open("en").tall().signed_in().in_class().among(vec![member("oleg", 0, Standing::Joined)]);
    window.press("oleg");
    window.press("Do not show their messages");
    assert!(window.asked(|command| matches!(command, Command::Members(members::Wish::Ignore { user, ignore: true })
        if user == "@oleg:academy")));
    let ignored = vec![("@oleg:academy".to_owned(), "oleg".to_owned())];
    window.view.apply(Update::Crowd(members::News::Ignored(ignored)));
    window.finds(&[("", "Show their messages again")]);
}

#[test]
fn a_room_is_made_in_the_space_that_is_looked_at() {
    let window = open("ru").tall().signed_in().in_school();
    window.press("Новая комната");
    window.finds(&[
        ("В каком пространстве", ""),
        ("Ни в каком", ""),
        ("Кто может войти", ""),
        ("Пригласить сразу", ""),
        ("Шифровать сообщения", ""),
    ]);
    window.write("Название", "Хор");
    window.press("Создать комнату");
    let wanted =
        NewRoom {
            name: "Хор".into(), within: Some("!school".into()), joining: Joining::Space, ..NewRoom::default()
        };
    assert!(window.asked(|command| matches!(command, Command::Spaces(spaces::Wish::Create(new)) if *new == wanted)));
}

#[test]
fn a_space_is_made_like_a_room() {
    let window = open("en").tall().signed_in();
    window.press("New space");
    window.write("Name", "Theatre");
    window.press("Create the space");
    assert!(window.asked(
        |command| matches!(command, Command::Spaces(spaces::Wish::Create(new)) if new.space && new.name == "Theatre")
    ));
}

#[test]
fn the_page_of_a_space_lets_in_and_takes_out() {
    let window = open("ru").tall().signed_in().in_school();
    window.press("Комнаты пространства");
    assert!(
        window.asked(|command| matches!(command, Command::Spaces(spaces::Wish::Load(space)) if space == "!school"))
    );
    let child = |id: &str, name: &str, entry| Child { id: id.into(), name: name.into(), entry, ..Child::default() };
    window.view.apply(Update::SpaceNews(spaces::News::Contents(Contents {
        space: "!school".into(),
        name: "Школа".into(),
        children: vec![child("!choir", "Хор", Entry::Knock), child("!hall", "Зал", Entry::Open)],
        may_change: true,
        joined: true,
    })));
    window.press("Попроситься: Хор");
    assert!(window.asked(|command| matches!(command, Command::Spaces(spaces::Wish::Ask(room)) if room == "!choir")));
    window.view.apply(Update::SpaceNews(spaces::News::Asked("!choir".into())));
    window.finds(&[("Просьба отправлена: Хор", "")]);
    window.press("Убрать из пространства: Зал");
    assert!(
        window
            .asked(|command| matches!(command, Command::Spaces(spaces::Wish::Remove { room, .. }) if room == "!hall"))
    );
    let refused = spaces::News::Refused { space: "!school".into(), failure: Failure::Forbidden };
    window.view.apply(Update::SpaceNews(refused));
    window.press("Добавить комнату");
    window.press("Добавить: 7 «Б» класс");
    assert!(
        window.asked(|command| matches!(command, Command::Spaces(spaces::Wish::Add { room, .. }) if room == "!class"))
    );
}

#[test]
fn rooms_of_a_space_within_stand_under_its_name() {
    let window = open("ru").tall().signed_in().in_school();
    let top =
        |label: &str| window.find(label).unwrap_or_else(|| panic!("{label:?} is not there")).absolute_position().y;
    assert!(top("Уроки") < top("7 «Б» класс"));
    assert!(window.find("Театр").is_none(), "a room of no space");
    window.press("Уроки");
    assert_eq!(window.view.window().global::<ui::Rooms>().get_scope_space(), "!lessons");
}

#[test]
fn a_room_of_the_directory_is_asked() {
    let window = open("en").tall().signed_in();
    window.press("Find a room");
    let found = PublicRoom {
        id: "!choir".into(),
        address: String::new(),
        name: "Choir".into(),
        topic: String::new(),
        members: 3,
        entry: Entry::Knock,
        avatar: String::new(),
    };
    window.view.apply(Update::PublicRooms { term: String::new(), found: vec![found] });
    window.press("Ask to join Choir");
    assert!(window.asked(|command| matches!(command, Command::Spaces(spaces::Wish::Ask(room)) if room == "!choir")));
    window.view.apply(Update::SpaceNews(spaces::News::Asked("!choir".into())));
    window.finds(&[("", "Choir: asked")]);
}

#[test]
fn a_space_of_ones_own_is_opened_from_the_directory() {
    let window = open("en").tall().signed_in().in_school();
    window.press("All rooms");
    window.press("Find a room");
    let found = PublicRoom {
        id: "!school".into(),
        address: String::new(),
        name: "Школа".into(),
        topic: String::new(),
        members: 3,
        entry: Entry::Open,
        avatar: String::new(),
    };
    window.view.apply(Update::PublicRooms { term: String::new(), found: vec![found] });
    window.press("Open Школа");
    assert_eq!(window.view.window().global::<ui::Rooms>().get_scope_space(), "!school");
    assert!(!window.asked(|command| matches!(command, Command::Join(_))), "one is in it");
}

#[test]
fn an_invitation_says_what_the_room_is_for() {
    let window = open("en").tall().signed_in();
    window.press("Театр");
    let details = RoomDetails { topic: "Спектакль в мае".into(), members: 12, ..RoomDetails::default() };
    window.view.apply(Update::Details { room: "!theatre".into(), details });
    window.finds(&[("", "Мария invites you here.\nСпектакль в мае\n12 members")]);
}
