//! Several accounts on one computer.

use parta_client::model::accounts::{Account as Known, News, Wish};

use super::*;

fn known(id: &str, name: &str) -> Known {
    Known {
        id: id.into(),
        user_id: format!("@{id}:academy"),
        name: name.into(),
        avatar: String::new(),
        server: "https://a/".into(),
    }
}

/// Anna is signed in, and Oleg is here as well.
fn two(window: &Window) {
    let accounts = vec![known("anna", "Анна"), known("oleg", "Олег Иванов")];
    window.view.apply(Update::Accounts(News::Begun { folder: window.folder.path().join("anna"), kept: true }));
    window.sign_in();
    window.view.apply(Update::Accounts(News::Known { accounts, current: Some("anna".into()) }));
}

fn choice(id: &str) -> Command {
    Command::Accounts(Wish::Choose(id.into()))
}

#[test]
fn the_menu_names_the_accounts_and_what_can_be_done() {
    in_both_languages(|window| {
        two(window);
        window.go(&[("Профиль и учётные записи", "Profile and accounts")]);
        for words in [
            ("Анна, @anna:academy", "Анна, @anna:academy"),
            ("Олег Иванов, @oleg:academy", "Олег Иванов, @oleg:academy"),
            ("Ваш профиль", "Your profile"),
            ("Добавить учётную запись", "Add an account"),
            ("Выйти", "Sign out"),
        ] {
            assert!(window.find(window.either(words)).is_some(), "{words:?}");
        }
        window.go(&[("Выйти", "Sign out")]);
        assert!(window.find(window.either(("Выйти из учётной записи?", "Sign out?"))).is_some());
    });
}

#[test]
fn another_account_takes_over_with_its_own_room_and_the_draft_of_the_first_is_kept() {
    let window = open("en");
    two(&window);
    window.enter_class();
    window.view.window().global::<ui::Talk>().invoke_typed("half a sentence".into());
    window.press("Profile and accounts");
    window.press("Олег Иванов, @oleg:academy");
    let commands = window.commands.borrow().clone();
    let kept = commands.iter().position(|command| matches!(command, Command::Composer(_))).unwrap();
    let chosen = commands.iter().position(|command| *command == choice("oleg")).unwrap();
    assert!(kept < chosen, "the draft is kept first");
    assert!(window.find("7 «Б» класс").is_none(), "nothing can be done in the name of the first any more");

    window.view.apply(Update::Accounts(News::Left));
    let folder = window.folder.path().join("oleg");
    let own = parta_client::settings::Own { room: Some("!theatre".into()), ..parta_client::settings::Own::default() };
    own.save(&folder);
    window.view.apply(Update::Accounts(News::Begun { folder, kept: true }));
    window.sign_in();
    assert!(window.asked(|command| matches!(command, Command::Open(room) if room == "!theatre")));
    let anna = parta_client::settings::Own::load(&window.folder.path().join("anna"));
    assert_eq!(anna.room.as_deref(), Some("!class"));
}

#[test]
fn the_account_that_is_open_stays() {
    let window = open("ru");
    two(&window);
    window.press("Профиль и учётные записи");
    window.press("Анна, @anna:academy");
    assert!(!window.asked(|command| matches!(command, Command::Accounts(_))));
    assert!(window.find("7 «Б» класс").is_some() && window.find("Добавить учётную запись").is_none());
}

#[test]
fn one_more_account_is_added_and_the_others_can_be_gone_back_to() {
    in_both_languages(|window| {
        two(window);
        window
            .go(&[("Профиль и учётные записи", "Profile and accounts"), ("Добавить учётную запись", "Add an account")]);
        assert!(window.asked(|command| *command == Command::Accounts(Wish::Add)));
        let accounts = vec![known("anna", "Анна"), known("oleg", "Олег Иванов")];
        window.view.apply(Update::Accounts(News::Known { accounts, current: None }));
        window.view.apply(Update::SignedOut(None));
        let words = ("Учётные записи на этом компьютере", "Accounts on this computer");
        assert!(window.find(window.either(words)).is_some());
        assert_eq!(window.view.window().global::<ui::SignIn>().get_user(), "");
        window.press("Анна, @anna:academy");
        assert!(window.asked(|command| *command == choice("anna")));
    });
}

#[test]
fn a_shared_computer_knows_one_person_at_a_time() {
    let window = open("en");
    window.view.apply(Update::Accounts(News::Known { accounts: vec![known("oleg", "Олег")], current: None }));
    window.view.apply(Update::SignedOut(None));
    assert!(window.find("Олег, @oleg:academy").is_some());
    window.press("Shared computer");
    assert!(window.find("Олег, @oleg:academy").is_none());
    window.view.apply(Update::Accounts(News::Begun { folder: window.folder.path().join("passing"), kept: false }));
    window.sign_in();
    window.press("Profile and accounts");
    assert!(window.find("Your profile").is_some() && window.find("Add an account").is_none());
    assert!(window.find("Олег, @oleg:academy").is_none());
}
