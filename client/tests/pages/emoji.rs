//! The panel of emoji.

use slint::Model as _;

use super::*;

const OPEN: (&str, &str) = ("Эмодзи", "Emoji");
const SEARCH: (&str, &str) = ("Поиск эмодзи", "Search emoji");

impl Window {
    fn emoji(&self) -> ui::Emoji<'_> {
        self.view.window().global::<ui::Emoji>()
    }

    fn written(&self) -> String {
        self.view.window().global::<ui::Talk>().get_draft().into()
    }
}

#[test]
fn an_emoji_is_found_in_both_languages_and_comes_first_the_next_time() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        window.go(&[OPEN]);
        assert!(window.find(window.either(("Лица и чувства", "Faces and feelings"))).is_some());
        assert!(window.find(window.either(("Недавние", "Used last"))).is_none());
        for term in ["ракета", "rocket"] {
            window.write(window.either(SEARCH), term);
            window.press(window.either(("ракета космос поехали", "rocket")));
            turn();
        }
        assert_eq!(window.written(), "🚀🚀", "the panel stays open for more");
        window.emoji().invoke_hide();
        assert!(window.find(window.either(SEARCH)).is_none());
        window.go(&[OPEN]);
        assert!(window.find(window.either(("Недавние", "Used last"))).is_some());
    });
}

#[test]
fn pictures_come_row_by_row() {
    let window = open("ru").signed_in().in_class();
    window.go(&[OPEN]);
    let rows = window.emoji().get_rows();
    let ready = || rows.row_data(1).unwrap().cells.iter().filter(|cell| cell.ready).count();
    let _ = ready();
    (0..100).for_each(|_| turn());
    assert_eq!(ready(), 8, "the first faces all have a picture");
    let far = || rows.row_data(rows.row_count() - 1).unwrap().cells.row_data(0).unwrap().ready;
    assert!(!far(), "nobody has looked so far");
    (0..100).for_each(|_| turn());
    assert!(far());
}

#[test]
fn arrows_and_enter_choose() {
    let window = open("ru").signed_in().in_class();
    window.go(&[OPEN]);
    window.emoji().invoke_take();
    turn();
    assert_eq!(window.written(), "", "nothing is chosen yet");
    window.write(window.either(SEARCH), "ракета");
    window.emoji().invoke_take();
    turn();
    assert_eq!(window.written(), "🚀", "Enter takes the first that was found");
    window.write(window.either(SEARCH), "");
    window.emoji().invoke_step(ui::Way::Down);
    assert_eq!((window.emoji().get_row(), window.emoji().get_column()), (1, 0), "under the heading");
    window.write(window.either(SEARCH), "нетакогослова");
    assert!(window.find("Ничего не нашлось").is_some());
}

#[test]
fn a_reaction_is_any_emoji() {
    let window = open("en").signed_in().in_class();
    window.emoji().invoke_show("$1".into(), 100.0, 300.0);
    window.write(window.either(SEARCH), "rocket");
    window.press("rocket");
    turn();
    assert!(window.asked(|command| matches!(
        command,
        Command::React { key, reaction, .. } if key == "$1" && reaction == "🚀"
    )));
    assert!(window.find(window.either(SEARCH)).is_none(), "one reaction at a time");
    assert_eq!(window.written(), "");
}
