//! Polls: the dialog and the card.

use parta_client::model::poll::{Answer, Poll, Wish};

use super::*;

fn poll(mine: bool, open: bool, ended: bool) -> Message {
    let answer = |id: &str, text: &str, voters: &[&str]| Answer {
        id: id.into(),
        text: text.into(),
        voters: voters.iter().map(|voter| (*voter).to_owned()).collect(),
        mine: voters.contains(&"@anna:academy"),
    };
    let first: &[&str] = if mine { &["@anna:academy", "@ivan:academy"] } else { &["@ivan:academy"] };
    let answers = vec![answer("0", "в понедельник", first), answer("1", "во вторник", &[])];
    let poll = Poll { question: "Когда собираемся?".into(), answers, most: 1, open, ended };
    Message { body: Body::Poll(Box::new(poll)), own: true, ..Message::words("$poll", "@anna:academy", "Анна", "") }
}

#[test]
fn the_room_is_asked() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        window.go(&[("Прикрепить", "Attach"), ("Опрос", "Poll")]);
        let name = |ru, en| window.either((ru, en));
        assert!(window.find(name("Новый опрос", "New poll")).is_some());
        window.write(name("Вопрос", "Question"), "Когда?");
        window.write(name("Ответ 1", "Answer 1"), "пн");
        window.go(&[("Спросить", "Ask")]);
        assert!(!window.asked(|command| matches!(command, Command::Poll(_))), "one answer is no choice");
        window.write(name("Ответ 2", "Answer 2"), "вт");
        assert!(window.find(name("Ответ 3", "Answer 3")).is_some(), "there is a place for one more");
        window.go(&[("Можно выбрать несколько ответов", "Several answers may be chosen"), ("Спросить", "Ask")]);
        assert!(window.asked(|command| matches!(
            command,
            Command::Poll(Wish::Create { room, asked })
                if room == "!class" && asked.answers == ["пн", "вт"] && asked.several && asked.open
        )));
        assert!(window.find(name("Новый опрос", "New poll")).is_none());
    });
}

#[test]
fn an_answer_is_chosen_and_the_results_are_seen_then() {
    let window = open("ru").signed_in().in_class();
    window.says(poll(false, true, false));
    assert!(window.find("Проголосовал 1 человек").is_some());
    let votes = |window: &Window| window.find("в понедельник").unwrap().accessible_description().unwrap_or_default();
    assert_eq!(votes(&window), "");
    window.press("во вторник");
    assert!(window.asked(|command| matches!(
        command,
        Command::Poll(Wish::Vote { key, answers, .. }) if key == "$poll" && answers[..] == ["1"]
    )));
    window.comes(VectorDiff::Set { index: 1, value: Item::from(poll(true, true, false)) });
    assert_eq!(votes(&window), "2 голоса");
    window.comes(VectorDiff::Set { index: 1, value: Item::from(poll(true, false, false)) });
    assert_eq!(votes(&window), "", "they are shown at the end");
    window.comes(VectorDiff::Set { index: 1, value: Item::from(poll(true, false, true)) });
    assert_eq!(votes(&window), "2 голоса");
    assert!(window.find("Опрос завершён").is_some());
}

#[test]
fn who_asked_ends_the_poll() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        let button = window.either(("Завершить", "End the poll"));
        let words = window.either(("Опрос завершён: Когда собираемся?", "The poll is over: Когда собираемся?"));
        window.says(poll(true, true, false));
        window.press(button);
        assert!(
            window.asked(|command| matches!(command, Command::Poll(Wish::End { words: said, .. }) if said == words))
        );
        window.comes(VectorDiff::Set { index: 1, value: Item::from(poll(true, true, true)) });
        assert!(window.find(button).is_none());
    });
}
