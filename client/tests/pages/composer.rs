//! Writing: names, formatting, drafts.

use parta_client::model::{
    composer::{About, Draft, News, Wish},
    formatted::{Block, Formatted, Kind, Run},
    update::Member,
};
use slint::Model as _;

use super::*;

const FIELD: (&str, &str) = ("Сообщение", "Message");

fn in_class() -> Window {
    let window = open("ru");
    enter(&window);
    window
}

fn enter(window: &Window) {
    window.sign_in();
    window.enter_class();
    let member = |id: &str, name: &str| Member {
        id: id.into(),
        name: name.into(),
        level: 0,
        invited: false,
        avatar: String::new(),
    };
    window.view.apply(Update::Members {
        room: "!class".into(),
        members: vec![member("@anna:academy", "Анна"), member("@ivan:academy", "Иван Петров")],
    });
}

impl Window {
    fn talk(&self) -> ui::Talk<'_> {
        self.view.window().global::<ui::Talk>()
    }

    fn type_in(&self, text: &str) {
        self.write(self.either(FIELD), text);
    }
}

#[test]
fn a_name_is_offered_put_in_and_called() {
    in_both_languages(|window| {
        enter(window);
        window.type_in("Спасибо, @пет");
        assert!(window.find(window.either(("Подсказки", "Suggestions"))).is_some());
        window.press("Иван Петров");
        assert_eq!(window.talk().get_draft(), "Спасибо, @Иван Петров ");
        assert!(window.find(window.either(("Подсказки", "Suggestions"))).is_none());
        window.go(&[("Отправить", "Send")]);
        assert!(window.asked(|command| matches!(
            command,
            Command::Send { text, mentions, .. }
                if text == "Спасибо, @Иван Петров" && mentions.len() == 1 && mentions[0].id == "@ivan:academy"
        )));
    });
}

#[test]
fn everyone_is_offered_only_to_those_who_may_call_them() {
    let window = in_class();
    window.type_in("@ком");
    assert!(window.find("Все в комнате").is_none());
    let details = RoomDetails { can_write: true, can_notify_all: true, ..RoomDetails::default() };
    window.view.apply(Update::Details { room: "!class".into(), details });
    window.type_in("@комн");
    window.press("Все в комнате");
    assert_eq!(window.talk().get_draft(), "@комната ");
}

#[test]
fn an_emoji_is_completed_by_its_name() {
    let window = in_class();
    window.type_in("ура :tada");
    window.press(":tada:");
    assert_eq!(window.talk().get_draft(), "ура 🎉 ");
}

#[test]
fn buttons_format_the_words() {
    in_both_languages(|window| {
        enter(window);
        let bold = ("Полужирный", "Bold");
        assert!(window.find(window.either(bold)).is_none());
        window.go(&[("Оформление текста", "Formatting"), bold]);
        assert_eq!(window.talk().get_draft(), "****");
    });
}

#[test]
fn formatted_words_stand_block_by_block() {
    let window = in_class();
    let run = |text: &str| vec![Run { text: text.into(), ..Run::default() }];
    let html = Formatted {
        blocks: vec![
            Block { kind: Kind::Heading, runs: run("План"), ..Block::default() },
            Block { indent: 1, marker: "1.".into(), runs: run("алгебра"), ..Block::default() },
            Block { kind: Kind::Code, runs: run("x * y\n  z"), ..Block::default() },
            Block { quotes: 1, runs: run("цитата <b>"), ..Block::default() },
        ],
    };
    let body = Body::Text { text: "# План".into(), html: Some(html), emote: false, emoji: false };
    window.says(Message { body, ..Message::words("$2", "@ivan:academy", "Иван", "") });
    let rows = window.talk().get_rows();
    let row = rows.iter().last().unwrap();
    let blocks: Vec<ui::TextBlock> = row.blocks.iter().collect();
    assert!(row.is_rich && blocks.len() == 4);
    assert_eq!(blocks[1].marker, "1.");
    // What could not be read as styled words would stand there as it is for the reader of Markdown.
    let read = |markdown: &str| slint::StyledText::from_markdown(markdown).unwrap();
    assert!(blocks[0].rich == read("**План**") && blocks[2].code == "x * y\n  z");
    assert!(blocks[3].rich == read("цитата \\<b\\>"));
}

#[test]
fn the_words_that_wait_are_named_in_the_list_and_kept() {
    in_both_languages(|window| {
        enter(window);
        let words = window.either(("Черновик: недописано", "Draft: недописано"));
        window.type_in("недописано");
        window.press("Театр");
        let row = window.find("7 «Б» класс").unwrap();
        assert_eq!(row.accessible_description().as_deref(), Some(words));
        assert!(window.asked(|command| matches!(
            command,
            Command::Composer(Wish::Keep { room, draft: Some(draft) }) if room == "!class" && draft.text == "недописано"
        )));
        window.press("7 «Б» класс");
        assert_eq!(window.talk().get_draft(), "недописано");
    });
}

#[test]
fn a_draft_from_before_the_restart_comes_back_with_its_answer() {
    let window = open("ru").signed_in();
    let draft = Draft { text: "приду".into(), about: About::Reply("$1".into()), ..Draft::default() };
    window.view.apply(Update::Composer(News::Drafts(vec![("!class".into(), draft)])));
    window.enter_class();
    assert_eq!(window.talk().get_draft(), "приду");
    assert_eq!(window.find("Сообщение").unwrap().accessible_value().as_deref(), Some("приду"));
    assert!(window.find("Ответ: Иван").is_some());
    window.view.end();
    assert!(window.asked(|command| matches!(command, Command::End)));
}

#[test]
fn a_name_in_a_message_leads_to_the_person() {
    let window = in_class();
    let press = |link: &str| window.view.window().global::<ui::App>().invoke_open_link(link.into());
    press("https://matrix.to/#/@ivan:academy");
    assert!(window.find("О человеке").is_some());
    assert!(window.find("@ivan:academy").is_some());
    press("matrix:u/olga:academy");
    assert!(window.find("@olga:academy").is_some());
}

/// Keys as a keyboard sends them.
fn keys(window: &Window, texts: &[slint::SharedString]) {
    for text in texts {
        for event in [
            slint::platform::WindowEvent::KeyPressed { text: text.clone() },
            slint::platform::WindowEvent::KeyReleased { text: text.clone() },
        ] {
            window.view.window().window().dispatch_event(event);
        }
    }
    turn();
}

#[test]
fn keys_choose_format_and_refuse() {
    use slint::platform::{Key, WindowEvent};
    let window = in_class();
    // The room that was opened has put its draft, and with it the cursor, into the field.
    turn();
    keys(&window, &["@".into(), "п".into(), Key::Return.into()]);
    assert_eq!(window.talk().get_draft(), "@Иван Петров ");
    assert!(!window.asked(|command| matches!(command, Command::Send { .. })), "Enter chose, and sent nothing");
    keys(&window, &["@".into(), Key::Escape.into(), "п".into()]);
    assert!(window.find("Подсказки").is_none(), "who refused is left alone");
    keys(&window, &[Key::Return.into()]);
    assert!(window.asked(|command| matches!(command, Command::Send { text, .. } if text == "@Иван Петров @п")));
    let control: slint::SharedString = Key::Control.into();
    window.view.window().window().dispatch_event(WindowEvent::KeyPressed { text: control.clone() });
    keys(&window, &["b".into()]);
    window.view.window().window().dispatch_event(WindowEvent::KeyReleased { text: control });
    keys(&window, &["д".into(), "а".into()]);
    assert_eq!(window.talk().get_draft(), "**да**");
}
