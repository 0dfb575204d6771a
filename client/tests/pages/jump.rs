//! Messages that lie far back: they are shown by themselves, with a way back.

use parta_client::model::{
    jump::{News, Wish},
    threads,
};

use super::*;

const BAR: (&str, &str) = ("Вы смотрите прежние сообщения", "You are looking at earlier messages");

impl Window {
    /// The past around a message comes.
    fn past_comes(&self, key: &str) {
        let asked = self.asked(
            |command| matches!(command, Command::Jump(Wish::Open { room, key: asked }) if room == "!class" && asked == key),
        );
        assert!(asked, "the past is asked for");
        let far = Item::from(Message::words(key, "@oleg:academy", "Олег", "Давно это было"));
        self.view.apply(Update::Jump(News::Timeline {
            room: "!class".into(),
            key: key.into(),
            diffs: vec![VectorDiff::Reset { values: [far].into_iter().collect() }],
        }));
    }

    fn pages_back(&self) {
        for _ in 0..6 {
            self.view.apply(Update::Paging { room: "!class".into(), paging: Paging::More });
        }
    }
}

#[test]
fn a_quote_from_far_back_is_shown_by_itself_until_one_goes_to_the_newest() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        let reply = Some(Quote { key: "$far".into(), who: "Олег".into(), preview: Preview::Nothing });
        window.says(Message { reply, ..Message::words("$2", "@ivan:academy", "Иван", "да") });
        window.press(window.either(("Перейти к исходному сообщению", "Go to the quoted message")));
        assert!(window.find(window.either(BAR)).is_none());
        window.pages_back();
        window.past_comes("$far");
        assert!(window.find(window.either(BAR)).is_some());
        assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$far");
        let rows = window.view.window().global::<ui::Talk>().get_rows();
        assert!(rows.iter().all(|row| row.key == "$far"), "nothing of the newest");
        window.press(window.either(("К новым", "To the newest")));
        assert!(window.find(window.either(BAR)).is_none());
        assert!(rows.iter().any(|row| row.key == "$2"));
    });
}

#[test]
fn many_new_messages_are_offered_and_gone_to() {
    in_both_languages(|window| {
        window.sign_in();
        window
            .view
            .apply(Update::Rooms(vec![RoomSummary { unread: 42, ..room("!class", "7 «Б» класс", false) }]));
        window.enter_class();
        let pill = window.either(("42 новых сообщения", "42 new messages"));
        window.press(pill);
        assert!(window.asked(|command| *command == Command::Jump(Wish::Unread { room: "!class".into(), count: 42 })));
        assert!(window.find(pill).is_none());
        window.view.apply(Update::Jump(News::Found { room: "!class".into(), key: "$1".into() }));
        assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$1");
        window.press("Театр");
        window
            .view
            .apply(Update::Rooms(vec![RoomSummary { unread: 42, ..room("!class", "7 «Б» класс", false) }]));
        window.press("7 «Б» класс");
        window.press(window.either(("Оставить прочитанными", "Leave them as read")));
        assert!(window.find(pill).is_none());
    });
}

#[test]
fn an_answer_in_a_thread_is_shown_in_its_thread() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        let reply = Some(Quote { key: "$answer".into(), who: "Олег".into(), preview: Preview::Nothing });
        window.says(Message { reply, ..Message::words("$2", "@ivan:academy", "Иван", "да") });
        window.press(window.either(("Перейти к исходному сообщению", "Go to the quoted message")));
        window.pages_back();
        window.view.apply(Update::Jump(News::Thread { room: "!class".into(), root: "$1".into() }));
        assert!(
            window
                .asked(|command| matches!(command, Command::Threads(threads::Wish::Open { root, .. }) if root == "$1"))
        );
        assert!(window.find(window.either(("Идёт поиск сообщения…", "Looking for the message…"))).is_none());
    });
}
