//! The search of messages: in a room and everywhere, by what stands in them and by the day.

use std::time::Duration;

use parta_client::model::{
    jump,
    search::{Hit, News, Wish},
};

use super::*;

const WORDS: (&str, &str) = ("Слова из сообщения", "Words of a message");
const HERE: (&str, &str) = ("Только в этой комнате", "Only in this room");

impl Window {
    /// Opens the panel in the class and writes these words.
    fn search(&self, words: &str) -> u64 {
        self.sign_in();
        self.enter_class();
        self.press(self.either(("Поиск сообщений", "Search messages")));
        self.look_for(words)
    }

    /// Writes words and waits until they are searched for.
    fn look_for(&self, words: &str) -> u64 {
        self.write(self.either(WORDS), words);
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(400));
        self.number()
    }

    /// Number of the newest search.
    fn number(&self) -> u64 {
        let commands = self.commands.borrow();
        commands
            .iter()
            .rev()
            .find_map(|command| match command {
                Command::Search(Wish::Find { number, .. }) => Some(*number),
                _ => None,
            })
            .unwrap()
    }

    fn found(&self, number: u64, hits: Vec<Hit>, batch: Option<&str>) {
        self.view.apply(Update::Search(News::Server { number, hits, batch: batch.map(Into::into) }));
    }

    fn hits(&self) -> Vec<String> {
        let hits = self.view.window().global::<ui::Search>().get_hits();
        hits.iter().map(|hit| hit.key.to_string()).collect()
    }
}

fn hit(room: &str, key: &str, at_ms: i64) -> Hit {
    Hit {
        room: room.into(),
        key: key.into(),
        thread: None,
        sender: "@ivan:academy".into(),
        who: "Иван".into(),
        at_ms,
        text: "Контрольная в пятницу".into(),
    }
}

#[test]
fn words_are_searched_once_they_are_written_and_the_result_is_gone_to() {
    in_both_languages(|window| {
        let number = window.search("контр");
        let finds =
            window.commands.borrow().iter().filter(|one| matches!(one, Command::Search(Wish::Find { .. }))).count();
        assert_eq!(finds, 1);
        assert!(window.asked(|command| matches!(command, Command::Search(Wish::Find { ask, .. })
            if ask.words == "контр" && ask.room.as_deref() == Some("!class"))));
        assert!(window.find(window.either(("Идёт поиск…", "Searching…"))).is_some());
        window.found(number, vec![hit("!class", "$old", 1), hit("!class", "$1", 2)], Some("next"));
        assert_eq!(window.hits(), ["$1", "$old"], "the newest first");
        window.view.window().global::<ui::Search>().invoke_show("$1".into());
        assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$1");
        window.press(window.either(("Показать ещё", "Show more")));
        assert!(
            window.asked(|command| matches!(command, Command::Search(Wish::More { batch, .. }) if batch == "next"))
        );
        window.press(window.either(("Закрыть панель", "Close the panel")));
        assert!(window.find(window.either(WORDS)).is_none());
    });
}

#[test]
fn an_answer_to_what_is_no_longer_asked_is_not_shown() {
    in_both_languages(|window| {
        let old = window.search("контр");
        let new = window.look_for("контрольная");
        assert!(new > old);
        window.found(old, vec![hit("!class", "$old", 1)], None);
        assert!(window.hits().is_empty());
        window.found(new, Vec::new(), None);
        assert!(window.find(window.either(("Ничего не нашлось", "Nothing found"))).is_some());
        window.press(window.either(("Искать во всех комнатах", "Search all rooms")));
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(400));
        assert!(
            window.asked(|command| matches!(command, Command::Search(Wish::Find { ask, .. }) if ask.room.is_none()))
        );
    });
}

#[test]
fn a_server_that_does_not_answer_is_asked_again() {
    in_both_languages(|window| {
        let number = window.search("контр");
        window.view.apply(Update::Search(News::Failed { number, failure: Failure::ServerAway }));
        window.press(window.either(("Попробовать ещё раз", "Try again")));
        assert_eq!(window.number(), number + 1);
    });
}

#[test]
fn encrypted_rooms_are_searched_on_this_computer_and_it_is_said() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        let details = RoomDetails { encrypted: true, can_write: true, ..RoomDetails::default() };
        window.view.apply(Update::Details { room: "!class".into(), details });
        window.press(window.either(("Поиск сообщений", "Search messages")));
        let number = window.look_for("контр");
        let line = (
            "В зашифрованных комнатах поиск идёт по сообщениям на этом компьютере",
            "In encrypted rooms the messages on this computer are searched",
        );
        assert!(window.find(window.either(line)).is_some());
        window.view.apply(Update::Search(News::Local { number, hits: Vec::new(), done: 0, all: 1 }));
        assert!(window.find(window.either(("Зашифрованные комнаты: 0 из 1", "Encrypted rooms: 0 of 1"))).is_some());
        let hits = vec![hit("!class", "$1", 1)];
        window.view.apply(Update::Search(News::Local { number, hits, done: 1, all: 1 }));
        assert_eq!(window.hits(), ["$1"]);
    });
}

#[test]
fn all_rooms_are_searched_from_the_list_of_rooms() {
    in_both_languages(|window| {
        window.sign_in();
        window.write(window.either(("Поиск комнат", "Search rooms")), "пятниц");
        window.press(window.either(("Искать сообщения: пятниц", "Search messages: пятниц")));
        assert!(window.asked(|command| matches!(command, Command::Search(Wish::Find { ask, .. })
            if ask.words == "пятниц" && ask.room.is_none())));
        assert!(window.find(window.either(HERE)).is_none(), "no room is open");
        window.found(window.number(), vec![hit("!class", "$1", 1)], None);
        let search = window.view.window().global::<ui::Search>();
        assert_eq!(search.get_hits().row_data(0).unwrap().room, "7 «Б» класс");
        search.invoke_show("$1".into());
        assert!(window.asked(|command| matches!(command, Command::Open(room) if room == "!class")));
        assert_eq!(window.hits(), ["$1"], "the other results stay");
    });
}

#[test]
fn a_day_is_chosen_and_gone_to() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        window.go(&[("Поиск сообщений", "Search messages"), ("Перейти к дате", "Go to a day")]);
        assert!(window.find(window.either(("Предыдущий месяц", "The month before"))).is_some());
        let calendar = window.view.window().global::<ui::Calendar>();
        window.press(window.either(("Предыдущий месяц", "The month before")));
        calendar.invoke_choose(1);
        assert!(
            window.asked(|command| matches!(command, Command::Jump(jump::Wish::Day { room, .. }) if room == "!class"))
        );
        window.view.apply(Update::Jump(jump::News::Nothing { room: "!class".into() }));
        let nothing = ("С этого дня ничего не написано.", "Nothing was written since this day.");
        assert!(window.find(window.either(nothing)).is_some());
        window.view.apply(Update::Jump(jump::News::Found { room: "!class".into(), key: "$1".into() }));
        assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$1");
    });
}

#[test]
fn a_result_of_another_room_opens_the_room_at_the_message() {
    in_both_languages(|window| {
        window.sign_in();
        window.view.apply(Update::Rooms(vec![room("!class", "7 «Б» класс", false), room("!choir", "Хор", false)]));
        window.enter_class();
        window.says(Message::words("$two", "@maria:academy", "Мария", "Контрольная в субботу"));
        for number in 3..60 {
            window.says(Message::words(&format!("${number}"), "@ivan:academy", "Иван", "И ещё кое-что"));
        }
        window.press("Хор");
        window.press(window.either(("Поиск сообщений", "Search messages")));
        window.view.window().global::<ui::Search>().set_only_here(false);
        let number = window.look_for("контр");
        window.found(number, vec![hit("!class", "$two", 1)], None);
        window.view.window().global::<ui::Search>().invoke_show("$two".into());
        assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$two");
        for _ in 0..4 {
            turn();
        }
        let top =
            window.find(window.either(("Профиль: Мария", "Profile of Мария"))).map(|found| found.absolute_position().y);
        assert!(top.is_some_and(|top| (0.0..700.0).contains(&top)), "{top:?}");
    });
}

#[test]
fn what_is_found_has_the_height_of_the_panel() {
    in_both_languages(|window| {
        let number = window.search("контр");
        window.found(number, vec![hit("!class", "$1", 2)], None);
        let switch = window.find(window.either(HERE)).unwrap();
        assert!(switch.size().height < 60.0, "{:?}", switch.size());
    });
}
