//! The feedback button: writing, what goes along, what waits, and the answers.

use parta_client::model::feedback::{
    Answer, Draft, Kind, Known, News, Report, State, Wish,
    queue::{Refusal, Waiting},
};

use super::*;

const FEEDBACK: (&str, &str) = ("Отзыв", "Feedback");
const MINE: (&str, &str) = ("Мои отзывы", "My feedback");
const WORDS: (&str, &str) = ("Текст отзыва", "Your words");
const SEND: (&str, &str) = ("Отправить администраторам", "Send to the administrators");
const DETAILS: (&str, &str) = ("Приложить сведения о программе", "Attach details of the program");
const EMPTY: (&str, &str) = ("Отзывов пока нет", "Nothing sent yet");

fn report(id: i64, text: &str, state: State) -> Report {
    Report {
        id,
        client_id: None,
        created_at: 1,
        kind: Kind::Problem,
        text: text.into(),
        state,
        answers: Vec::new(),
        unread: 0,
    }
}

/// One that an administrator answered.
fn answered() -> Report {
    let answer = Answer { at: 2, text: "Заменили картридж".into(), read: false };
    Report { answers: vec![answer], unread: 1, ..report(7, "Принтер молчит", State::Done) }
}

fn waiting(id: &str) -> Waiting {
    Waiting { client_id: id.into(), written_ms: 3, text: "Больше шахмат".into(), ..Waiting::default() }
}

impl Window {
    fn feedback(&self, news: News) {
        self.view.apply(Update::Feedback(news));
    }

    fn offers(&self, reports: Vec<Report>) {
        let unread = reports.iter().map(|report| report.unread).sum();
        self.feedback(News::Known(Known { reports, unread, enabled: true }));
    }

    fn is_there(&self, words: (&str, &str)) -> bool {
        self.find(self.either(words)).is_some()
    }

    fn draft(&self) -> Option<Draft> {
        self.commands.borrow().iter().rev().find_map(|command| match command {
            Command::Feedback(Wish::Send(draft)) => Some((**draft).clone()),
            _ => None,
        })
    }

    fn shown_details(&self) -> String {
        self.view.window().global::<ui::Feedback>().get_details().into()
    }
}

#[test]
fn the_button_is_there_only_where_the_server_knows_of_feedback() {
    in_both_languages(|window| {
        window.sign_in();
        assert!(!window.is_there(FEEDBACK));
        window.offers(Vec::new());
        assert!(window.is_there(FEEDBACK));
        window.go(&[FEEDBACK]);
        assert!(window.is_there(WORDS));
        window.feedback(News::Absent);
        assert!(!window.is_there(FEEDBACK) && !window.is_there(WORDS));
        window.offers(vec![report(1, "Принтер", State::Seen)]);
        window.view.apply(Update::SignedOut(None));
        assert!(!window.is_there(FEEDBACK));
    });
}

#[test]
fn a_report_is_written_and_goes() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.offers(Vec::new());
        window.go(&[FEEDBACK, SEND]);
        assert!(window.draft().is_none(), "nothing was written");
        window.go(&[("Идея", "Idea")]);
        window.write(window.either(WORDS), "  Больше шахмат ");
        assert!(window.is_there(("Знаков: 13 из 4000", "Characters: 13 of 4000")));
        window.go(&[SEND]);
        let draft = window.draft().unwrap();
        assert_eq!((draft.kind, draft.text.as_str()), (Kind::Idea, "Больше шахмат"));
        assert!(draft.picture.is_none() && draft.replaces.is_none());
        window.feedback(News::Kept);
        assert!(!window.is_there(WORDS), "the dialog is closed");
        window.feedback(News::Sent);
        assert!(window.is_there(("Спасибо! Отзыв отправлен.", "Thank you! Your feedback is sent.")));
        window.go(&[FEEDBACK]);
        assert_eq!(window.view.window().global::<ui::Feedback>().get_text(), "", "an empty form");
    });
}

#[test]
fn what_goes_along_is_shown_word_by_word_and_is_a_choice() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.enter_class();
        window.offers(Vec::new());
        window.go(&[FEEDBACK, ("Показать, что будет отправлено", "Show what goes along")]);
        let shown = window.shown_details();
        assert!(shown.contains(env!("CARGO_PKG_VERSION")) && shown.contains("connection: online"), "{shown}");
        assert!(!shown.contains("7 «Б» класс") && !shown.contains("anna"), "{shown}");
        assert!(window.find(&shown).is_some(), "it is on the page");
        window.write(window.either(WORDS), "Не печатает");
        window.go(&[SEND]);
        let sent = window.draft().unwrap().diagnostics;
        assert!(sent.iter().all(|(key, value)| shown.contains(key.as_str()) && shown.contains(value.as_str())));
        window.feedback(News::NotKept);
        window.go(&[DETAILS, ("Назвать открытую комнату: 7 «Б» класс", "Name the open room: 7 «Б» класс"), SEND]);
        let sent = window.draft().unwrap().diagnostics;
        let language = if window.russian { "ru" } else { "en" };
        let keys: Vec<(&str, &str)> = sent.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(keys, [("language", language), ("room", "7 «Б» класс")]);
    });
}

#[test]
fn a_text_that_is_too_long_does_not_go() {
    let window = open("ru").tall().signed_in();
    window.offers(Vec::new());
    window.press("Отзыв");
    window.write("Текст отзыва", &"ы".repeat(4_001));
    window.press("Отправить администраторам");
    assert!(window.draft().is_none());
    window.write("Текст отзыва", &"ы".repeat(4_000));
    window.press("Отправить администраторам");
    assert!(window.draft().is_some());
}

#[test]
fn one_that_waits_says_so_and_need_not_go() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.offers(Vec::new());
        window.view.apply(Update::Connection(Connection::Away));
        window.feedback(News::Kept);
        let kept = (
            "Отзыв сохранён и уйдёт, когда сервер ответит.",
            "Your feedback is kept and goes when the server answers.",
        );
        assert!(window.is_there(kept));
        window.feedback(News::Waiting(vec![waiting("c1")]));
        window.go(&[FEEDBACK, MINE]);
        assert!(
            window.is_there(("Ждёт отправки", "Waits to be sent"))
                && window.is_there(("Больше шахмат", "Больше шахмат"))
        );
        window.go(&[("Не отправлять", "Do not send")]);
        assert!(window.asked(|command| *command == Command::Feedback(Wish::Drop("c1".into()))));
        window.feedback(News::Waiting(Vec::new()));
        assert!(window.is_there(EMPTY));
    });
}

#[test]
fn one_that_is_held_up_while_the_server_seems_to_answer_is_told_of() {
    let window = open("en").signed_in();
    window.offers(Vec::new());
    let kept = "Your feedback is kept and goes when the server answers.";
    window.feedback(News::Kept);
    window.feedback(News::Waiting(vec![waiting("c1")]));
    assert!(window.find(kept).is_none(), "it may be there in a moment");
    window.feedback(News::Waiting(vec![Waiting { tries: 1, ..waiting("c1") }]));
    assert!(window.find(kept).is_some());
}

#[test]
fn a_refused_one_says_why_and_is_changed() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.offers(Vec::new());
        let refused = Some(Refusal::Words);
        window.feedback(News::Waiting(vec![Waiting { picture: true, refused, kind: Kind::Question, ..waiting("c1") }]));
        let told = (
            "Сервер не принял отзыв. Причина названа в «Моих отзывах».",
            "The server did not take your feedback. Look into “My feedback” why.",
        );
        assert!(window.is_there(told));
        window.go(&[FEEDBACK, MINE]);
        let why = (
            "Сервер не принял текст. Сократите его и отправьте ещё раз.",
            "The server does not take the text. Make it shorter and send it again.",
        );
        assert!(window.is_there(why));
        window.go(&[("Изменить и отправить", "Edit and send again")]);
        window.write(window.either(WORDS), "Короче");
        window.go(&[SEND]);
        let draft = window.draft().unwrap();
        assert_eq!((draft.replaces.as_deref(), draft.keeps_picture), (Some("c1"), true));
        assert_eq!((draft.kind, draft.text.as_str()), (Kind::Question, "Короче"));
    });
}

#[test]
fn an_answer_is_called_out_found_and_read() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.offers(vec![
            answered(),
            report(6, "Тёмная тема", State::Declined),
            report(5, "Спасибо", State::Planned),
        ]);
        window.feedback(News::Answered);
        assert!(window.is_there(("На ваш отзыв ответили.", "Your feedback was answered.")));
        window.go(&[("Отзыв, есть ответ", "Feedback, there is an answer")]);
        for words in [
            ("Заменили картридж", "Заменили картридж"),
            ("Сделано", "Done"),
            ("Отклонено", "Declined"),
            ("Запланировано", "Planned"),
            ("Новый ответ", "New answer"),
        ] {
            assert!(window.is_there(words), "{words:?}");
        }
        let reads = || {
            let read = Command::Feedback(Wish::Read(vec![7]));
            window.commands.borrow().iter().filter(|command| **command == read).count()
        };
        assert_eq!(reads(), 1);
        window.offers(vec![answered()]);
        assert_eq!(reads(), 1, "the server is told once");
        let mut read = answered();
        read.unread = 0;
        read.answers[0].read = true;
        window.offers(vec![read]);
        assert!(window.is_there(("Новый ответ", "New answer")), "marked until the page closes");
        window.go(&[("Закрыть", "Close"), FEEDBACK, MINE]);
        assert!(window.is_there(("Ответ", "Answer")) && !window.is_there(("Новый ответ", "New answer")));
    });
}

#[test]
fn where_it_is_switched_off_the_list_stays_and_nothing_is_sent() {
    let window = open("ru").tall().signed_in();
    window.feedback(News::Known(Known { reports: Vec::new(), unread: 0, enabled: false }));
    assert!(window.find("Отзыв").is_none(), "there is nothing to see");
    let reports = vec![report(1, "Принтер", State::Seen)];
    window.feedback(News::Known(Known { reports, unread: 0, enabled: false }));
    window.press("Отзыв");
    assert!(window.find("Отзывы на этом сервере выключены. Спросите администратора.").is_some());
    window.write("Текст отзыва", "Принтер");
    window.press("Отправить администраторам");
    assert!(window.draft().is_none());
}

#[test]
fn the_help_leads_to_it() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.offers(Vec::new());
        window.go(&[("Справка", "Help"), ("Написать администраторам", "Write to the administrators")]);
        assert!(window.is_there(WORDS));
    });
}
