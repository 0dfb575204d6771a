//! The settings: every section in both languages, and that a choice holds at once and is kept.

use std::time::Duration;

use parta_client::{
    model::{
        desktop, notify,
        settings::{News, Rules, Tells, Wish},
        shortcuts::Action,
        update::PublicRoom,
    },
    settings::{Density, ProxyChoice},
};
use slint::{LogicalPosition, platform::WindowEvent};

use super::*;

type Words = &'static [(&'static str, &'static str)];

/// The name of a section, and what a person finds in it.
const SECTIONS: [(&str, &str, Words); 7] = [
    (
        "Общие",
        "General",
        &[
            ("Язык", "Language"),
            ("Отправлять по Enter", "Enter sends"),
            ("Запускать вместе с компьютером", "Start with the computer"),
            ("Оставаться в трее, когда окно закрыто", "Stay in the tray when the window is closed"),
        ],
    ),
    (
        "Оформление",
        "Appearance",
        &[("Тёмное", "Dark"), ("120%", "120%"), ("Просторно", "Comfortable"), ("Плотно", "Compact")],
    ),
    (
        "Уведомления",
        "Notifications",
        &[
            ("Уведомлять о новых сообщениях", "Notify of new messages"),
            ("Со звуком", "With a sound"),
            ("Показывать текст сообщения", "Show what was written"),
            ("До утра", "Until the morning"),
            ("Тихие часы", "Quiet hours"),
            ("Ключевые слова", "Key words"),
            ("Удалить: Петрова", "Remove: Петрова"),
        ],
    ),
    (
        "Учётная запись",
        "Account",
        &[
            ("Сервер: https://a", "Server: https://a"),
            ("Нынешний пароль", "Present password"),
            ("Изменить пароль", "Change the password"),
            ("Снять: @oleg:academy", "Stop ignoring: @oleg:academy"),
        ],
    ),
    (
        "Хранилище",
        "Storage",
        &[
            ("Сообщения, ключи и вложения: 3,0 МБ", "Messages, keys and attachments: 3.0 MB"),
            ("Из них вложения: 1,0 МБ", "Of these, attachments: 1.0 MB"),
            ("Очистить кэш вложений", "Clear the kept attachments"),
            ("Загрузить сообщения заново", "Load the messages anew"),
        ],
    ),
    ("Сеть", "Network", &[("Прокси", "Proxy"), ("Без прокси", "No proxy"), ("Выбрать файл…", "Choose a file…")]),
    ("О программе", "About the program", &[("Сделано с помощью", "Made with"), ("Slint", "Slint")]),
];

fn in_settings(language: &str) -> Window {
    let window = open(language).signed_in();
    window.go(&[("Настройки", "Settings")]);
    window.view.apply(Update::Settings(News::Ignored(vec!["@oleg:academy".into()])));
    window
        .view
        .apply(Update::Settings(News::Rules(Rules { keywords: vec!["Петрова".into()], ..Rules::default() })));
    window.view.apply(Update::Settings(News::Sizes { store: 3_000_000, media: 1_000_000 }));
    window
}

/// Scrolls to what is called so, from the top of the section.
fn reach(window: &Window, label: &str) {
    let surface = window.view.window().window();
    let size = surface.size().to_logical(surface.scale_factor());
    let wheel = |delta_y: f32| {
        let position = LogicalPosition::new(size.width * 0.6, size.height * 0.5);
        surface.dispatch_event(WindowEvent::PointerScrolled { position, delta_x: 0.0, delta_y });
        // A turn of the wheel is not taken for a part of the one before.
        i_slint_backend_testing::mock_elapsed_time(Duration::from_secs(1));
    };
    wheel(10_000.0);
    for _ in 0..20 {
        if window.find(label).is_some() {
            return;
        }
        wheel(-150.0);
    }
    panic!("{label:?} is not there");
}

fn kept(window: &Window) -> Settings {
    Settings::load(window.folder.path())
}

fn every_section(language: &str) {
    let window = in_settings(language);
    for (russian, english, words) in SECTIONS {
        window.go(&[(russian, english)]);
        for words in words {
            reach(&window, window.either(*words));
        }
    }
}

#[test]
fn every_section_speaks_russian() {
    every_section("ru");
}

#[test]
fn every_section_speaks_english() {
    every_section("en");
}

#[test]
fn letters_and_density_change_at_once_and_are_kept() {
    let window = in_settings("en");
    window.go(&[("Оформление", "Appearance")]);
    window.press("150%");
    window.press("Compact");
    let theme = window.view.window().global::<ui::Theme>();
    assert!((theme.get_scale() - 1.5).abs() < 0.01 && theme.get_compact());
    assert_eq!((kept(&window).text_size, kept(&window).density), (150, Density::Compact));
    // The same by keys.
    assert!(window.view.act(Action::Smaller));
    assert_eq!(kept(&window).text_size, 140);
    assert!(window.view.act(Action::Plain));
    assert!((theme.get_scale() - 1.0).abs() < 0.01);
}

#[test]
fn switches_are_kept() {
    let window = in_settings("ru");
    window.press("Отправлять по Ctrl+Enter");
    window.press("Оставаться в трее, когда окно закрыто");
    window.press("Уведомления");
    window.press("Показывать текст сообщения");
    window.press("Тихие часы");
    window.press("С: позже");
    window.press("пн");
    let settings = kept(&window);
    assert!(!settings.enter_sends && !settings.close_to_tray && !settings.notifications.previews);
    let hours = settings.notifications.hours;
    assert_eq!((hours.on, hours.from, hours.days[0], hours.days[1]), (true, 21 * 60 + 30, false, true));
    window.press("Один час");
    assert!(kept(&window).notifications.until_ms.is_some());
    window.press("Снова уведомлять");
    assert!(kept(&window).notifications.until_ms.is_none());
}

#[test]
fn rules_of_notification_are_asked_of_the_account() {
    let window = in_settings("en");
    window.press("Notifications");
    assert!(window.asked(|command| *command == Command::Settings(Wish::Describe)));
    reach(&window, "Mentions and key words");
    window.press("Mentions and key words");
    assert!(window.asked(|command| *command == Command::Settings(Wish::Rooms(Tells::Mentions))));
    reach(&window, "New key word");
    window.write("New key word", " 7b ");
    window.press("Add");
    assert!(window.asked(|command| *command == Command::Settings(Wish::AddKeyword("7b".into()))));
    reach(&window, "Remove: Петрова");
    window.press("Remove: Петрова");
    assert!(window.asked(|command| *command == Command::Settings(Wish::RemoveKeyword("Петрова".into()))));
}

#[test]
fn the_password_is_changed_once_both_new_ones_agree() {
    let window = in_settings("en");
    window.press("Account");
    let change = |command: &Command| matches!(command, Command::Settings(Wish::ChangePassword { .. }));
    window.write("Present password", "old");
    window.write("New password", "new");
    window.write("New password once more", "now");
    window.press("Change the password");
    assert!(!window.asked(change), "the new ones differ");
    window.write("New password once more", "new");
    window.press("Change the password");
    let wish = Wish::ChangePassword { old: "old".into(), new: "new".into() };
    assert!(window.asked(|command| *command == Command::Settings(wish.clone())));
    window.view.apply(Update::Settings(News::PasswordFailed(Failure::WrongPassword)));
    assert!(window.find("The present password is not right. Check it and try again.").is_some());
    window.view.apply(Update::Settings(News::PasswordChanged));
    assert!(window.find("The password is changed.").is_some());
}

#[test]
fn storage_and_ignored_people_are_looked_after() {
    let window = in_settings("en");
    window.press("Storage");
    assert!(window.asked(|command| *command == Command::Settings(Wish::Measure)));
    window.press("Clear the kept attachments");
    assert!(window.asked(|command| *command == Command::Settings(Wish::ClearMedia)));
    window.view.apply(Update::Settings(News::Done));
    window.press("Account");
    reach(&window, "Stop ignoring: @oleg:academy");
    window.press("Stop ignoring: @oleg:academy");
    assert!(window.asked(|command| *command == Command::Settings(Wish::Unignore("@oleg:academy".into()))));
}

#[test]
fn a_proxy_is_taken_when_its_address_makes_sense() {
    let window = in_settings("en");
    window.press("Network");
    window.press("By address");
    window.write("Address of the proxy", "proxy");
    assert!(window.find("This is no address of a proxy. It looks like http://proxy:3128.").is_some());
    assert_eq!(kept(&window).network.address, "");
    window.write("Address of the proxy", "socks5://proxy:1080");
    let network = kept(&window).network;
    assert_eq!((network.proxy, network.address.as_str()), (ProxyChoice::Address, "socks5://proxy:1080"));
    assert!(window.find("Holds from the next sign-in or start of the program on.").is_some());
}

#[test]
fn who_is_not_signed_in_finds_the_network_and_nothing_of_an_account() {
    let window = open("en");
    window.view.apply(Update::SignedOut(None));
    window.press("Settings");
    assert!(window.find("No proxy").is_some());
    assert!(window.find("Notifications").is_none() && window.find("Storage").is_none());
}

#[test]
fn a_link_leads_to_its_room_or_offers_it() {
    let window = open("en").signed_in();
    let app = window.view.window().global::<ui::App>();
    app.invoke_open_link("https://matrix.to/#/!class/$7?via=academy".into());
    let wish = desktop::Wish::Find { address: "!class".into(), event: Some("$7".into()), via: vec!["academy".into()] };
    assert!(window.asked(|command| *command == Command::Desktop(wish.clone())));
    window.view.apply(Update::Desktop(desktop::News::Found { room: "!class".into(), event: None }));
    assert!(window.asked(|command| matches!(command, Command::Open(room) if room == "!class")));

    let chess = PublicRoom {
        id: "!chess".into(),
        address: "#chess:academy".into(),
        name: "Chess club".into(),
        topic: String::new(),
        members: 7,
        avatar: String::new(),
        entry: parta_client::model::spaces::Entry::Open,
    };
    let offer = desktop::News::Offer { address: "#chess:academy".into(), room: Some(chess) };
    window.view.apply(Update::Desktop(offer));
    window.press("Join Chess club");
    assert!(window.asked(|command| matches!(command, Command::Join(room) if room == "!chess")));

    window.view.apply(Update::Desktop(desktop::News::NoChat("@oleg:academy".into())));
    assert!(window.asked(|command| matches!(command, Command::FindPeople(who) if who == "@oleg:academy")));
}

#[test]
fn a_link_waits_for_the_rooms() {
    let window = open("en");
    window.view.wait_for("matrix:u/oleg:academy");
    let wish = |command: &Command| *command == Command::Desktop(desktop::Wish::Chat("@oleg:academy".into()));
    assert!(!window.asked(wish));
    let window = window.signed_in();
    assert!(window.asked(wish));
}

#[test]
fn unread_messages_are_counted_in_the_title() {
    let window = open("ru").signed_in();
    let unread = || window.view.window().global::<ui::Desktop>().get_unread();
    let before = unread();
    window.view.apply(Update::Rooms(vec![RoomSummary { unread: 7, ..room("!class", "7 «Б» класс", false) }]));
    assert_eq!(unread(), before + 5);
    // A notification without a desktop to show it on does nothing.
    window.view.apply(Update::Notify(notify::Came {
        room: "!class".into(),
        room_name: String::new(),
        direct: false,
        who: "Олег".into(),
        preview: Preview::Text("привет".into()),
        invited: false,
        mention: true,
        sound: true,
    }));
}

#[test]
fn keys_open_what_they_say() {
    let window = open("en").signed_in();
    assert!(window.view.act(Action::NewChat));
    assert!(window.find("Name or address of a person").is_some());
    assert!(window.view.act(Action::Back));
    assert!(window.find("Name or address of a person").is_none());
    assert!(window.view.act(Action::Settings));
    assert!(window.find("Sections of the settings").is_some());
}
