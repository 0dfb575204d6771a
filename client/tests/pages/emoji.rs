//! The panel of emoji.

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
    for language in ["ru", "en"] {
        let window = open(language).signed_in().in_class();
        window.go(&[OPEN]);
        assert!(window.find(window.either(("Лица и чувства", "Faces and feelings"))).is_some());
        assert!(window.find(window.either(("Недавние", "Used last"))).is_none());
        for term in ["ракета", "rocket"] {
            window.write(window.either(SEARCH), term);
            window.press(window.either(("ракета космос поехали", "rocket")));
        }
        assert_eq!(window.written(), "🚀🚀", "the panel stays open for more");
        window.emoji().invoke_hide();
        assert!(window.find(window.either(SEARCH)).is_none());
        window.go(&[OPEN]);
        assert!(window.find(window.either(("Недавние", "Used last"))).is_some());
    }
}

#[test]
fn arrows_and_enter_choose() {
    let window = open("ru").signed_in().in_class();
    window.go(&[OPEN]);
    window.emoji().invoke_take();
    assert_eq!(window.written(), "", "nothing is chosen yet");
    window.write(window.either(SEARCH), "ракета");
    window.emoji().invoke_take();
    assert_eq!(window.written(), "🚀", "Enter takes the first that was found");
    window.write(window.either(SEARCH), "");
    window.emoji().invoke_step(ui::Way::Down);
    assert_eq!((window.emoji().get_row(), window.emoji().get_column()), (1, 0), "under the heading");
    window.write(window.either(SEARCH), "нетакогослова");
    assert!(window.find("Ничего не найдено").is_some());
}

#[test]
fn a_reaction_is_any_emoji() {
    let window = open("en").signed_in().in_class();
    window.emoji().invoke_show("$1".into(), 100.0, 300.0);
    window.write(window.either(SEARCH), "rocket");
    window.press("rocket");
    assert!(window.asked(|command| matches!(
        command,
        Command::React { key, reaction, .. } if key == "$1" && reaction == "🚀"
    )));
    assert!(window.find(window.either(SEARCH)).is_none(), "one reaction at a time");
    assert_eq!(window.written(), "");
}
