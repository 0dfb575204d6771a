//! What a person does with messages: the menu, threads, pins, sending on, the keyboard.

use parta_client::model::{desktop, forward, item, menu, pins, threads};

use super::*;

/// Opens the class in which the account may do everything, with a message of Ivan's and one of its own.
fn class(language: &str) -> Window {
    let window = open(language).signed_in().in_class();
    // What nobody can see is not told as read.
    window.view.window().show().unwrap();
    let details =
        RoomDetails { can_write: true, can_remove: true, can_pin: true, members: 21, ..RoomDetails::default() };
    window.view.apply(Update::Details { room: "!class".into(), details });
    let own =
        Message {
            own: true, editable: true, ..Message::words("$own", "@anna:academy", "Анна", "Принесу линейку")
        };
    window.says(own);
    window
}

/// Goes through it in Russian and in English. A thread has one window at most.
fn in_both(walk: fn(&str)) {
    for language in ["ru", "en"] {
        std::thread::spawn(move || walk(language)).join().unwrap();
    }
}

impl Window {
    fn ask_for_menu(&self, key: &str) {
        self.view.window().global::<ui::MessageMenu>().invoke_ask(key.into(), false, 0.0, 0.0);
    }

    fn thread(&self, news: threads::News) {
        self.view.apply(Update::Threads(news));
    }

    fn answers(&self, keys: &[&str]) {
        let values = keys
            .iter()
            .map(|key| Item::from(Message::words(key, "@ivan:academy", "Иван", &format!("слова {key}"))))
            .collect();
        self.thread(threads::News::Timeline { root: "$1".into(), diffs: vec![VectorDiff::Reset { values }] });
    }

    fn pinned(&self, keys: &[&str]) {
        let pins = keys
            .iter()
            .map(|key| pins::Pin {
                key: (*key).into(),
                sender: "@ivan:academy".into(),
                who: "Иван".into(),
                preview: Preview::Text(format!("слова {key}")),
                thread: None,
            })
            .collect();
        self.view.apply(Update::Pins(pins::News::Pinned { room: "!class".into(), pins }));
    }
}

#[test]
fn the_menu_offers_what_can_be_done_in_both_languages() {
    in_both(|language| {
        let window = class(language);
        window.ask_for_menu("$1");
        for words in [
            ("Ответить", "Reply"),
            ("Ответить в ветке", "Answer in a thread"),
            ("Цитировать", "Quote"),
            ("Переслать", "Forward"),
            ("Скопировать текст", "Copy the text"),
            ("Выделить текст", "Mark words"),
            ("Скопировать ссылку", "Copy the link"),
            ("Закрепить", "Pin"),
            ("Кто прочитал", "Who has read it"),
            ("Удалить", "Remove"),
        ] {
            assert!(window.find(window.either(words)).is_some(), "{words:?} is not there");
        }
        assert!(window.find(window.either(("Изменить", "Edit"))).is_none(), "it is Ivan's");
    });
}

#[test]
fn a_thread_is_opened_read_and_answered() {
    in_both(|language| {
        let window = class(language);
        window.ask_for_menu("$1");
        window.go(&[("Ответить в ветке", "Answer in a thread")]);
        assert!(
            window
                .asked(|command| matches!(command, Command::Threads(threads::Wish::Open { root, .. }) if root == "$1"))
        );
        window.answers(&["$1", "$a"]);
        window.thread(threads::News::Paging { root: "$1".into(), paging: Paging::Start });
        assert!(
            window
                .asked(|command| matches!(command, Command::Threads(threads::Wish::Read { root, .. }) if root == "$1"))
        );
        window.write(window.either(("Ответ в ветке", "Answer in the thread")), "согласна");
        window.go(&[("Отправить в ветку", "Send to the thread")]);
        assert!(window.asked(|command| matches!(
            command,
            Command::Threads(threads::Wish::Send { room, root, text, reply_to: None })
                if room == "!class" && root == "$1" && text == "согласна"
        )));
        assert_eq!(window.view.window().global::<ui::Threads>().get_draft(), "");
    });
}

#[test]
fn an_answer_within_a_thread_goes_to_the_thread() {
    let window = class("ru");
    window.ask_for_menu("$1");
    window.press("Ответить в ветке");
    window.answers(&["$1", "$a"]);
    window.view.window().global::<ui::MessageMenu>().invoke_ask("$a".into(), true, 0.0, 0.0);
    assert!(window.find("Цитировать").is_some(), "the menu is open");
    window.press("Цитировать");
    assert_eq!(window.view.window().global::<ui::Threads>().get_draft(), "> слова $a\n\n");
    assert_eq!(window.view.window().global::<ui::Talk>().get_draft(), "", "the room's composer is left alone");
    window.view.window().global::<ui::MessageMenu>().invoke_answer("$a".into(), true);
    window.write("Ответ в ветке", "да");
    window.press("Отправить в ветку");
    assert!(window.asked(|command| matches!(
        command,
        Command::Threads(threads::Wish::Send { reply_to: Some(key), .. }) if key == "$a"
    )));
}

#[test]
fn a_message_with_a_thread_says_so_until_its_answers_are_seen() {
    let window = class("ru");
    let summary = threads::Summary {
        replies: 3,
        who: "Олег".into(),
        preview: Preview::Text("да".into()),
        latest: "$a".into(),
        unread: true,
    };
    let root = Message {
        thread: Some(Box::new(summary)),
        ..Message::words("$1", "@ivan:academy", "Иван", "Контрольная в пятницу")
    };
    window.comes(VectorDiff::Set { index: 0, value: Item::from(root) });
    assert!(window.find("Ветки, есть непрочитанные ответы").is_some(), "the header says so as well");
    window.press("3 ответа, ещё не прочитано");
    window.answers(&["$1", "$a"]);
    assert!(window.find("3 ответа, ещё не прочитано").is_none());
    assert!(window.find("3 ответа").is_some());
    assert!(window.find("Ветки, есть непрочитанные ответы").is_none());
}

#[test]
fn the_threads_of_a_room_are_listed() {
    in_both(|language| {
        let window = class(language);
        window.go(&[("Ветки", "Threads")]);
        assert!(
            window.asked(|command| matches!(command, Command::Threads(threads::Wish::List(room)) if room == "!class"))
        );
        let list = |threads, paging| threads::News::List { room: "!class".into(), threads, paging };
        window.thread(list(Vec::new(), Paging::Start));
        assert!(window.find(window.either(("Веток пока нет", "No threads yet"))).is_some());
        window.thread(list(Vec::new(), Paging::Failed(Failure::ServerAway)));
        assert!(window.find(window.either(("Ветки не загрузились", "The threads were not loaded"))).is_some());
        let thread = threads::Thread {
            root: "$1".into(),
            sender: "@ivan:academy".into(),
            who: "Иван".into(),
            preview: Preview::Text("Контрольная".into()),
            replies: 2,
            last_who: "Олег".into(),
            last: Preview::Image,
            at_ms: 1,
        };
        window.thread(list(vec![thread], Paging::Start));
        window.press("Иван: Контрольная");
        assert!(window.asked(|command| matches!(command, Command::Threads(threads::Wish::Open { .. }))));
        window.go(&[("Все ветки", "All threads")]);
        assert!(window.find("Иван: Контрольная").is_some());
    });
}

#[test]
fn another_room_has_no_thread_beside_it() {
    let window = class("ru");
    window.ask_for_menu("$1");
    window.press("Ответить в ветке");
    window.answers(&["$1", "$a"]);
    window.press("Театр");
    window.press("7 «Б» класс");
    assert!(window.find("Ответ в ветке").is_none());
    assert!(!window.view.window().global::<ui::Threads>().get_open());
}

#[test]
fn what_is_pinned_is_shown_gone_to_and_unpinned() {
    in_both(|language| {
        let window = class(language);
        let bar = window.either(("Перейти к закреплённому сообщению", "Go to the pinned message"));
        assert!(window.find(bar).is_none());
        window.ask_for_menu("$1");
        window.go(&[("Закрепить", "Pin")]);
        assert!(window.asked(|command| matches!(command, Command::Pins(pins::Wish::Pin { key, .. }) if key == "$1")));
        window.pinned(&["$1", "$own"]);
        window.press(bar);
        let sought = || window.view.window().global::<ui::Talk>().get_sought();
        assert_eq!(sought(), "$own");
        window.press(bar);
        assert_eq!(sought(), "$1");
        window.go(&[("Все закреплённые сообщения", "All pinned messages")]);
        assert!(window.find("Иван: слова $own").is_some());
        window.go(&[("Открепить", "Unpin")]);
        assert!(
            window.asked(|command| matches!(command, Command::Pins(pins::Wish::Unpin { key, .. }) if key == "$own"))
        );
        window.pinned(&[]);
        assert!(window.find(bar).is_none());
        assert!(window.find(window.either(("Ничего не закреплено", "Nothing is pinned"))).is_some());
    });
}

#[test]
fn a_message_is_sent_on_to_the_rooms_chosen() {
    in_both(|language| {
        let window = class(language);
        window.view.apply(Update::Rooms(vec![room("!chess", "Кружок шахмат", false), room("!quiet", "Тихая", false)]));
        window.ask_for_menu("$1");
        window.go(&[("Переслать", "Forward")]);
        assert!(window.asked(|command| matches!(command, Command::Forward(forward::Wish::Places))));
        let places = ["!class", "!chess"].map(String::from).into();
        window.view.apply(Update::Forward(forward::News::Places(places)));
        window.write(window.either(("Поиск комнаты для пересылки", "Search rooms to forward to")), "кружок");
        let forward = window.view.window().global::<ui::Forward>();
        assert_eq!(slint::Model::row_count(&forward.get_places()), 1);
        forward.invoke_toggle("!chess".into());
        forward.invoke_send();
        assert!(window.asked(|command| matches!(
            command,
            Command::Forward(forward::Wish::Send { room, key, to }) if room == "!class" && key == "$1" && *to == ["!chess"]
        )));
        window.view.apply(Update::Forward(forward::News::Sent));
        assert!(window.find(window.either(("Сообщение переслано.", "The message is forwarded."))).is_some());
    });
}

#[test]
fn removing_anothers_message_asks_for_a_reason() {
    in_both(|language| {
        let window = class(language);
        window.ask_for_menu("$1");
        window.go(&[("Удалить", "Remove")]);
        assert!(!window.asked(|command| matches!(command, Command::Menu(menu::Wish::Remove { .. }))));
        window.write(window.either(("Причина", "Reason")), "не по теме");
        window.go(&[("Удалить сообщение", "Remove the message")]);
        assert!(window.asked(|command| matches!(
            command,
            Command::Menu(menu::Wish::Remove { key, reason, .. }) if key == "$1" && reason == "не по теме"
        )));
        window.ask_for_menu("$own");
        window.go(&[("Удалить", "Remove")]);
        assert!(window.find(window.either(("Причина", "Reason"))).is_none(), "one's own needs none");
    });
}

#[test]
fn who_has_read_and_reacted_is_told() {
    in_both(|language| {
        let window = class(language);
        window.ask_for_menu("$own");
        window.go(&[("Кто прочитал", "Who has read it")]);
        let news = |key: &str, readers: &[(&str, &str)]| {
            Update::Menu(menu::News::Readers {
                key: key.into(),
                readers: readers.iter().map(|(id, name)| ((*id).into(), (*name).into())).collect(),
                reactions: vec![("👍".into(), vec!["Мария".into()])],
            })
        };
        window.view.apply(news("$own", &[]));
        assert!(window.find(window.either(("Пока никто не прочитал", "Nobody has read it yet"))).is_some());
        window.view.apply(news("$1", &[("@oleg:academy", "Олег")]));
        assert!(window.find("Олег").is_none(), "that is about another message");
        window.view.apply(news("$own", &[("@oleg:academy", "Олег")]));
        assert!(window.find("Олег").is_some() && window.find("Мария").is_some());
    });
}

#[test]
fn words_are_quoted_and_marked() {
    in_both(|language| {
        let window = class(language);
        window.ask_for_menu("$1");
        window.go(&[("Цитировать", "Quote")]);
        assert_eq!(window.view.window().global::<ui::Talk>().get_draft(), "> Контрольная в пятницу\n\n");
        window.ask_for_menu("$1");
        window.go(&[("Выделить текст", "Mark words")]);
        assert!(window.find(window.either(("Текст сообщения", "Words of the message"))).is_some());
        window.view.window().global::<ui::MessageMenu>().invoke_leave();
        assert!(window.find(window.either(("Текст сообщения", "Words of the message"))).is_none());
    });
}

#[test]
fn a_link_to_a_message_is_asked_for_and_leads_to_it() {
    let window = class("ru");
    window.ask_for_menu("$own");
    window.press("Скопировать ссылку");
    assert!(window.asked(|command| matches!(command, Command::Menu(menu::Wish::Link { key, .. }) if key == "$own")));
    window.view.window().global::<ui::App>().invoke_open_link("matrix:roomid/class/e/1".into());
    assert!(window.asked(|command| matches!(command, Command::Desktop(_))));
    let found = desktop::News::Found { room: "!class".into(), event: Some("$1".into()) };
    window.view.apply(Update::Desktop(found));
    assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$1");
}

#[test]
fn the_keyboard_walks_over_messages_and_acts_on_them() {
    let window = class("ru");
    let menu = window.view.window().global::<ui::MessageMenu>();
    menu.invoke_walk(-1);
    assert_eq!(menu.get_focused(), "$own");
    menu.invoke_walk(-1);
    assert_eq!(menu.get_focused(), "$1");
    menu.invoke_press(ui::Act::Edit);
    assert!(!window.view.window().global::<ui::Talk>().get_chip(), "it is Ivan's");
    menu.invoke_press(ui::Act::Reply);
    assert!(window.view.window().global::<ui::Talk>().get_chip());
    menu.invoke_walk(1);
    menu.invoke_press(ui::Act::Edit);
    assert!(window.view.window().global::<ui::Talk>().get_chip_editing());
    menu.invoke_walk(1);
    assert_eq!(menu.get_focused(), "", "below the newest is the composer");
}

/// A row that differs from itself would be laid out anew with every row that comes in above it.
#[test]
fn a_row_that_stays_is_the_same_row() {
    let window = open("ru");
    window.sign_in();
    window.enter_class();
    let mut told = Message::words("$2", "@ivan:academy", "Иван", "Ура 🎉");
    told.reactions =
        vec![item::Reaction { key: "не картинка".into(), who: vec!["Анна".into()], mine: false }];
    window.says(told);
    let rows = window.view.window().global::<ui::Talk>().get_rows();
    assert!(rows.row_count() > 1);
    for index in 0..rows.row_count() {
        let row = rows.row_data(index).unwrap();
        assert!(rows.row_data(index).unwrap() == row, "{}", row.id);
        assert!(row.reactions.iter().zip(row.reactions.iter()).all(|(one, other)| one == other), "{}", row.id);
    }
}
