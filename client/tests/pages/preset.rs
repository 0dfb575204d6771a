//! What an administrator decided for the computer.

use parta_client::{
    model::accounts::News,
    preset::{Preset, Proxy},
};

use super::*;

fn decided(language: &str) -> Window {
    let preset = Preset {
        server: Some("chat.school".into()),
        title: Some("Школа № 5".into()),
        shared_computer: Some(true),
        room: Some("#news:school".into()),
        proxy: Some(Proxy::Address("http://anna:secret@proxy:3128".into())),
        ..Preset::default()
    };
    let window = open_with(language, Settings { preset, ..Settings::default() });
    window.view.apply(Update::SignedOut(None));
    window
}

#[test]
fn the_server_is_known_and_its_field_comes_when_it_is_asked_for() {
    for language in ["ru", "en"] {
        std::thread::spawn(move || {
            let window = decided(language);
            assert!(window.find(window.either(("Сервер", "Server"))).is_none());
            assert!(window.find(window.either(("Сервер: chat.school", "Server: chat.school"))).is_some());
            window.write(window.either(("Имя пользователя", "User name")), "anna");
            window.write(window.either(("Пароль", "Password")), "secret");
            window.go(&[("Войти", "Sign in")]);
            assert!(window.asked(|command| matches!(command, Command::SignIn(who) if who.server == "chat.school")));
            window.view.apply(Update::SignInFailed(Failure::ServerAway));
            window.go(&[("Сменить сервер", "Change the server")]);
            window.write(window.either(("Сервер", "Server")), "other.school");
            window.view.apply(Update::SignedOut(None));
            assert!(window.find(window.either(("Сервер", "Server"))).is_none(), "for the next it is as before");
            assert_eq!(window.view.window().global::<ui::SignIn>().get_server(), "chat.school");
        })
        .join()
        .unwrap();
    }
}

#[test]
fn the_name_of_the_school_stands_on_the_page_and_in_the_title() {
    let window = decided("ru");
    assert!(window.find("Школа № 5").is_some() && window.find("Parta").is_none());
}

#[test]
fn what_the_computer_is_is_not_for_its_users_to_change() {
    let window = decided("en");
    window.press("Shared computer");
    let shared = window.view.window().global::<ui::Shared>();
    assert!(shared.get_on());
    assert!(!Settings::load(window.folder.path()).shared_computer);
}

#[test]
fn a_new_account_begins_in_the_room_that_was_decided_on() {
    let window = decided("en");
    window.view.apply(Update::Accounts(News::Begun { folder: window.folder.path().join("passing"), kept: false }));
    window.sign_in();
    assert!(window.asked(|command| *command == Command::Join("#news:school".into())));
}

#[test]
fn an_account_that_was_here_goes_on_where_it_was() {
    let window = decided("en");
    let folder = window.folder.path().join("own");
    let own = parta_client::settings::Own { room: Some("!class".into()), ..parta_client::settings::Own::default() };
    own.save(&folder);
    window.view.apply(Update::Accounts(News::Begun { folder, kept: true }));
    window.sign_in();
    assert!(!window.asked(|command| matches!(command, Command::Join(_))), "who was here goes on where they were");
    assert!(window.asked(|command| matches!(command, Command::Open(room) if room == "!class")));
}

#[test]
fn the_settings_say_which_proxy_holds_but_no_password_of_it() {
    let window = decided("en");
    window.press("Settings");
    assert!(window.find("Your administrator chose the proxy http://proxy:3128.").is_some());
    window.press("No proxy");
    assert!(window.find("Your administrator chose the proxy http://proxy:3128.").is_none());
}
