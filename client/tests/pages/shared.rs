//! A shared computer: the switch, what is kept of an account, and who stopped using the program.

use std::path::PathBuf;

use parta_client::model::accounts::News;

use super::*;

/// Mocked seconds pass, each with its turn.
fn wait(seconds: u32) {
    for _ in 0..seconds {
        i_slint_backend_testing::mock_elapsed_time(std::time::Duration::from_secs(1));
    }
}

fn kept(window: &Window) -> Settings {
    Settings::load(window.folder.path())
}

/// Somebody signed in on a shared computer.
fn at_shared(window: &Window) {
    window.view.apply(Update::SignedOut(None));
    window.go(&[("Общий компьютер", "Shared computer")]);
    window.view.apply(Update::Accounts(News::Begun { folder: window.folder.path().join("passing"), kept: false }));
    window.sign_in();
}

#[test]
fn the_switch_is_remembered_and_says_what_it_means() {
    in_both_languages(|window| {
        window.view.apply(Update::SignedOut(None));
        let words = ("Для компьютера, за которым работают и другие.", "For a computer that others use too.");
        assert!(window.find(window.either(words)).is_some());
        window.go(&[("Общий компьютер", "Shared computer")]);
        let words = (
            "От вашей учётной записи здесь ничего не останется: когда вы выйдете или закроете программу, всё удалится.",
            "Nothing of your account stays here: when you sign out or close the program, all of it is deleted.",
        );
        assert!(window.find(window.either(words)).is_some());
        assert!(kept(window).shared_computer);
        window.go(&[("Общий компьютер", "Shared computer")]);
        assert!(!kept(window).shared_computer);
    });
}

#[test]
fn nothing_of_an_account_is_kept_on_a_shared_computer() {
    let window = open("en");
    at_shared(&window);
    window.enter_class();
    let file = std::fs::read_to_string(window.folder.path().join("settings.json")).unwrap();
    assert!(!file.contains("anna") && !file.contains("!class"), "{file}");
    assert!(!window.folder.path().join("passing").exists());
    assert_eq!(kept(&window).server.as_deref(), Some("https://a/"), "the server is the computer's");
}

#[test]
fn a_computer_of_ones_own_keeps_the_room_with_the_account() {
    let window = open("en");
    let folder: PathBuf = window.folder.path().join("own");
    window.view.apply(Update::Accounts(News::Begun { folder: folder.clone(), kept: true }));
    window.sign_in();
    window.enter_class();
    assert_eq!(parta_client::settings::Own::load(&folder).room.as_deref(), Some("!class"));
    assert_eq!(kept(&window).user.as_deref(), Some("anna"));
}

#[test]
fn who_stopped_using_the_program_is_asked_and_signed_out() {
    in_both_languages(|window| {
        at_shared(window);
        wait(14 * 60 - 1);
        assert!(window.find(window.either(("Вы ещё здесь?", "Are you still here?"))).is_none());
        wait(1);
        assert!(window.find(window.either(("Вы ещё здесь?", "Are you still here?"))).is_some());
        window.go(&[("Остаться", "Stay")]);
        assert!(window.find(window.either(("Вы ещё здесь?", "Are you still here?"))).is_none());
        wait(14 * 60 + 59);
        assert!(!window.asked(|command| *command == Command::SignOut));
        assert!(window.find("7 «Б» класс").is_some());
        wait(1);
        assert!(window.asked(|command| *command == Command::SignOut));
        assert!(window.find("7 «Б» класс").is_none(), "at once, whatever the server says");
        window.view.apply(Update::SignedOut(None));
        let why = (
            "Вход завершён: программой долго никто не пользовался.",
            "You were signed out because nobody used the program for a while.",
        );
        assert!(window.find(window.either(why)).is_some());
    });
}

#[test]
fn a_computer_of_ones_own_waits() {
    let window = open("en").signed_in();
    wait(60 * 60);
    assert!(!window.asked(|command| *command == Command::SignOut));
}

#[test]
fn the_time_is_chosen_in_the_settings_of_a_shared_computer() {
    let window = open("en").tall();
    at_shared(&window);
    window.press("Settings");
    window.press("General");
    window.press("5");
    assert_eq!(kept(&window).idle_minutes, Some(5));
    wait(4 * 60);
    assert!(window.find("Are you still here?").is_some());
}

#[test]
fn a_computer_of_ones_own_has_no_such_time() {
    let window = open("en").tall().signed_in();
    window.press("Settings");
    assert!(window.find("Shared computer").is_none());
}
