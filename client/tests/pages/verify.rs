//! Verification by emoji and by code, the devices of the account, messages that cannot be read, and signing out with
//! something to lose.

use parta_client::model::{
    crypto::{self, Secret, Standing, Trouble},
    devices::{self, Device, Standing as Confirmed},
    item::{Body, Missing, Shield},
    verify::{Changed, Code, End, News, Partner, Stage, Trust, Wish},
};

use super::*;

const DIFFER: (&str, &str) = ("Не совпадают", "They differ");
const MATCH: (&str, &str) = ("Совпадают", "They match");

fn own() -> Partner {
    Partner { person: "@anna:academy".into(), name: "Parta на PC-12".into(), own: true }
}

fn oleg() -> Partner {
    Partner { person: "@oleg:academy".into(), name: "Олег".into(), own: false }
}

impl Window {
    fn verifies(&self, partner: Partner, stage: Stage) {
        self.view.apply(Update::Verify(News::Stage(partner, stage)));
    }

    /// Presses the last of those that are called so: the one in front.
    fn press_last(&self, label: &str) {
        let all = ElementHandle::find_by_accessible_label(self.view.window(), label);
        all.last().unwrap_or_else(|| panic!("{label:?} is not there")).invoke_accessible_default_action();
    }

    fn wants(&self, wish: &Wish) -> bool {
        self.asked(|command| *command == Command::Verify(wish.clone()))
    }
}

#[test]
fn another_device_asks_and_seven_emoji_are_compared() {
    in_both_languages(|window| {
        window.sign_in();
        window.verifies(own(), Stage::Asked);
        window.press(window.either(("Согласиться", "Agree")));
        assert!(window.wants(&Wish::Accept));
        window.verifies(own(), Stage::Preparing);
        window.verifies(own(), Stage::Emoji([0, 1, 2, 33, 34, 62, 63]));
        for name in [("Собака", "Dog"), ("Гаечный ключ", "Spanner"), ("Папка", "Folder"), ("Булавка", "Pin")]
        {
            assert!(window.find(window.either(name)).is_some(), "{name:?}");
        }
        assert!(!window.wants(&Wish::Same));
        window.press(window.either(MATCH));
        assert!(window.wants(&Wish::Same));
        window.verifies(own(), Stage::Done);
        window.press_last(window.either(("Закрыть", "Close")));
        assert!(window.find(window.either(MATCH)).is_none());
        assert!(!window.wants(&Wish::Stop), "it was over");
    });
}

#[test]
fn what_differs_is_said_and_stopped() {
    in_both_languages(|window| {
        window.sign_in();
        window.verifies(oleg(), Stage::Emoji([3; 7]));
        window.press(window.either(DIFFER));
        assert!(window.wants(&Wish::Different));
        window.verifies(oleg(), Stage::Ended(End::Mismatch));
        assert!(window.find(window.either(("Не совпало", "They do not match"))).is_some());
        window.press(window.either(("Попробовать ещё раз", "Try again")));
        assert!(window.wants(&Wish::Person("@oleg:academy".into())));
    });
}

#[test]
fn a_code_is_shown_and_its_reading_confirmed() {
    in_both_languages(|window| {
        window.sign_in();
        window.verifies(own(), Stage::Ready(None));
        let code = window.either(("QR-код для другого устройства", "QR code for the other device"));
        assert!(window.find(code).is_none());
        window.verifies(own(), Stage::Ready(Some(Code { side: 21, dark: vec![true; 441] })));
        assert!(window.find(code).is_some());
        window.press(window.either(("Сверить картинки", "Compare pictures")));
        assert!(window.wants(&Wish::Compare));
        window.verifies(own(), Stage::Scanned);
        window.press(window.either(("Да", "Yes")));
        assert!(window.wants(&Wish::Same));
    });
}

#[test]
fn closing_stops_it() {
    in_both_languages(|window| {
        window.sign_in();
        window.verifies(own(), Stage::Waiting);
        window.press(window.either(("Отменить", "Cancel")));
        assert!(window.wants(&Wish::Stop));
    });
}

#[test]
fn a_new_device_is_confirmed_by_another_one() {
    in_both_languages(|window| {
        window.sign_in();
        window.view.apply(Update::Crypto(crypto::News::Stands(Standing::Locked, true)));
        window.go(&[("Подтвердить", "Confirm"), ("Другим устройством", "By another device")]);
        assert!(window.wants(&Wish::Own));
        window.verifies(own(), Stage::Ended(End::Nobody));
        let nobody = (
            "Нет другого вашего устройства, которое могло бы ответить. Воспользуйтесь ключом восстановления.",
            "No other device of yours could answer. Use the recovery key.",
        );
        assert!(window.find(window.either(nobody)).is_some());
    });
}

#[test]
fn a_person_is_compared_from_the_card() {
    in_both_languages(|window| {
        window.sign_in();
        window.view.window().global::<ui::Profile>().invoke_open("@oleg:academy".into());
        assert!(window.wants(&Wish::Look("@oleg:academy".into())));
        let compare = window.either(("Сверить", "Compare"));
        assert!(window.find(compare).is_none(), "nothing is known of the keys yet");
        window.view.apply(Update::Verify(News::Trust("@ivan:academy".into(), Trust::Unverified)));
        assert!(window.find(compare).is_none(), "the answer is about somebody else");
        window.view.apply(Update::Verify(News::Trust("@oleg:academy".into(), Trust::Unverified)));
        window.press(compare);
        assert!(window.wants(&Wish::Person("@oleg:academy".into())));
    });
}

#[test]
fn changed_keys_are_told_over_the_conversation() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        let people = vec![Changed { id: "@oleg:academy".into(), name: "Олег".into(), compared: false }];
        let see = window.either(("Понятно", "I see"));
        window.view.apply(Update::Verify(News::Changed { room: "!other:academy".into(), people: people.clone() }));
        assert!(window.find(see).is_none(), "that is another room");
        let room = String::from("!class");
        window.view.apply(Update::Verify(News::Changed { room: room.clone(), people }));
        window.press(see);
        assert!(window.wants(&Wish::Take("@oleg:academy".into())));
        window.view.apply(Update::Verify(News::Changed { room, people: Vec::new() }));
        assert!(window.find(see).is_none());
    });
}

#[test]
fn devices_are_listed_renamed_and_signed_out() {
    in_both_languages(|window| {
        window.sign_in();
        window.grow();
        let device = |id: &str, here, standing| Device {
            id: id.into(),
            name: format!("Parta {id}"),
            seen_ms: Some(0),
            here,
            standing,
        };
        window.go(&[("Настройки", "Settings"), ("Устройства и ключи", "Devices and keys")]);
        assert!(window.asked(|command| *command == Command::Devices(devices::Wish::List)));
        window.view.apply(Update::Devices(devices::News::Known(vec![
            device("HERE", true, Confirmed::Confirmed),
            device("PHONE", false, Confirmed::Unconfirmed),
            device("OLD", false, Confirmed::NoKeys),
        ])));
        window.press(window.either(("Подтвердить: Parta PHONE", "Confirm: Parta PHONE")));
        assert!(window.wants(&Wish::Device("PHONE".into())));
        window.verifies(own(), Stage::Done);
        window.press_last(window.either(("Закрыть", "Close")));
        window.press(window.either(("Выйти: Parta OLD", "Sign out: Parta OLD")));
        window.write(window.either(("Пароль", "Password")), "secret");
        window.press(window.either(("Выйти на нём", "Sign out there")));
        let gone = devices::Wish::SignOut { ids: vec!["OLD".into()], password: Secret("secret".into()) };
        assert!(window.asked(|command| *command == Command::Devices(gone.clone())));
        window.view.apply(Update::Devices(devices::News::Refused(Trouble::WrongPassword)));
        let wrong = (
            "Пароль неверен. Проверьте его и попробуйте ещё раз.",
            "The password is not right. Check it and try again.",
        );
        assert!(window.find(window.either(wrong)).is_some());
        window.view.apply(Update::Devices(devices::News::SignedOut));
        window.press(window.either(("Выйти на всех остальных", "Sign out everywhere else")));
        window.press_last(window.either(("Выйти на всех остальных", "Sign out everywhere else")));
        assert!(window.asked(|command| matches!(
            command,
            Command::Devices(devices::Wish::SignOut { ids, .. }) if ids == &["PHONE", "OLD"]
        )));
    });
}

#[test]
fn a_message_that_cannot_be_read_says_why_and_what_helps() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        window.view.apply(Update::Crypto(crypto::News::Stands(Standing::Locked, false)));
        let unreadable = |key: &str, missing| Message {
            body: Body::Unreadable(missing),
            ..Message::words(key, "@oleg:academy", "Олег", "")
        };
        window.says(unreadable("$one", Missing::Joining));
        let again = window.either(("Поискать ещё раз", "Look again"));
        assert!(window.find(again).is_none(), "nothing helps");
        window.says(unreadable("$two", Missing::Key));
        window.press(again);
        assert!(window.asked(|command| *command == Command::Crypto(crypto::Wish::AskAgain("!class".into()))));
        window.view.apply(Update::Crypto(crypto::News::Asked { left: true }));
        let none = (
            "Ключи пока не нашлись. Включите другое своё устройство или попросите прислать сообщение ещё раз.",
            "The keys have not been found yet. Start another device of yours, or ask the sender to send it again.",
        );
        assert!(window.find(window.either(none)).is_some());
        window.says(unreadable("$three", Missing::Here));
        assert!(window.find(window.either(("Подтвердить", "Confirm"))).is_some());
    });
}

#[test]
fn a_message_that_was_not_encrypted_says_so() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        let plain = window.either(("не зашифровано", "not encrypted"));
        assert!(window.find(plain).is_none());
        window.says(Message {
            shield: Shield::Plain, ..Message::words("$one", "@oleg:academy", "Олег", "Привет")
        });
        assert!(window.find(plain).is_some());
    });
}

#[test]
fn signing_out_says_what_would_be_lost() {
    in_both_languages(|window| {
        window.sign_in();
        let save = window.either(("Сохранить ключ", "Save the key"));
        window.view.apply(Update::Crypto(crypto::News::Stands(Standing::Ready, false)));
        window.view.window().global::<ui::App>().invoke_open_overlay(ui::Overlay::SignOut);
        assert!(window.find(save).is_none());
        assert!(window.asked(|command| *command == Command::Crypto(crypto::Wish::Weigh)));
        window.view.apply(Update::Crypto(crypto::News::Unsent(2)));
        let unsent =
            ("2 сообщения ещё не отправлены и будут потеряны.", "2 messages have not been sent yet and would be lost.");
        assert!(window.find(window.either(unsent)).is_some());
        window.view.apply(Update::Crypto(crypto::News::Stands(Standing::Missing, false)));
        window.press(save);
        assert!(window.find(window.either(("Создать ключ", "Make the key"))).is_some());
    });
}
