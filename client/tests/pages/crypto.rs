//! The recovery key: it is offered, made, seen and put away; a new device asks for it.

use parta_client::model::crypto::{News, Secret, Standing, Trouble, Wish};

use super::*;

const SET_UP: (&str, &str) = ("Настроить", "Set up");
const CONFIRM: (&str, &str) = ("Подтвердить", "Confirm");

impl Window {
    fn stands(&self, standing: Standing, reminds: bool) {
        self.view.apply(Update::Crypto(News::Stands(standing, reminds)));
    }
}

#[test]
fn a_key_is_offered_made_and_put_away() {
    in_both_languages(|window| {
        window.sign_in();
        let bar = window.either(("Сохраните ключ восстановления", "Save the recovery key"));
        assert!(window.find(bar).is_none());
        window.stands(Standing::Missing, true);
        assert!(window.find(bar).is_some());
        window.go(&[SET_UP, ("Создать ключ", "Make the key")]);
        assert!(window.asked(|command| *command == Command::Crypto(Wish::Make(Secret(String::new())))));
        window.view.apply(Update::Crypto(News::Made(Secret("EsTa bcde".into()))));
        assert!(window.find("EsTa bcde").is_some());
        assert!(!window.asked(|command| *command == Command::Crypto(Wish::Kept)));
        window.press(window.either(("Ключ сохранён", "The key is saved")));
        assert!(window.asked(|command| *command == Command::Crypto(Wish::Kept)));
        assert!(window.find("EsTa bcde").is_none());
        window.stands(Standing::Ready, false);
        assert!(window.find(bar).is_none());
    });
}

#[test]
fn the_reminder_is_put_off() {
    in_both_languages(|window| {
        window.sign_in();
        window.stands(Standing::Missing, true);
        window.press(window.either(("Позже", "Later")));
        assert!(window.asked(|command| *command == Command::Crypto(Wish::Later)));
    });
}

#[test]
fn a_new_device_asks_for_the_key_and_says_when_it_does_not_fit() {
    in_both_languages(|window| {
        window.sign_in();
        window.stands(Standing::Locked, true);
        window.press(window.either(CONFIRM));
        let field = window.either(("Ключ восстановления", "Recovery key"));
        window.write(field, "EsTa");
        // The one in the bar is behind the dialog; the last one found is that of the dialog.
        ElementHandle::find_by_accessible_label(window.view.window(), window.either(CONFIRM))
            .last()
            .unwrap()
            .invoke_accessible_default_action();
        assert!(window.asked(|command| *command == Command::Crypto(Wish::Unlock(Secret("EsTa".into())))));
        window.view.apply(Update::Crypto(News::Trouble(Trouble::WrongKey)));
        let wrong =
            ("Ключ не подходит. Проверьте его и попробуйте ещё раз.", "The key does not fit. Check it and try again.");
        assert!(window.find(window.either(wrong)).is_some());
        window.view.apply(Update::Crypto(News::Unlocked));
        assert!(window.find(field).is_none());
    });
}

#[test]
fn beginning_anew_warns_and_asks_for_the_password() {
    in_both_languages(|window| {
        window.sign_in();
        window.stands(Standing::Locked, true);
        window.go(&[CONFIRM, ("Ключ потерян", "The key is lost")]);
        let again = window.either(("Начать заново", "Begin anew"));
        window.press(again);
        assert!(!window.asked(|command| matches!(command, Command::Crypto(Wish::Reset(_)))), "without a password");
        window.write(window.either(("Пароль", "Password")), "secret");
        window.press(again);
        assert!(window.asked(|command| *command == Command::Crypto(Wish::Reset(Secret("secret".into())))));
    });
}
