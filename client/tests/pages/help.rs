//! The handbook, the sheet of shortcuts and the first look around.

use parta_client::model::{person, shortcuts::Action};

use super::*;

fn shown(window: &Window) -> Vec<String> {
    let help = window.view.window().global::<ui::Help>();
    help.get_blocks().iter().filter(|block| !block.hidden).map(|block| block.plain.to_string()).collect()
}

fn title(window: &Window) -> String {
    window.view.window().global::<ui::Help>().get_title().to_string()
}

#[test]
fn help_opens_by_its_button_and_by_a_key() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.go(&[("Справка", "Help")]);
        let contents = [
            ("С чего начать", "How to begin"),
            ("Сообщения", "Messages"),
            ("Шифрование", "Encryption"),
            ("Вопросы и ответы", "Questions and answers"),
            ("Поиск в справке", "Search the help"),
        ];
        for words in contents {
            assert!(window.find(window.either(words)).is_some(), "{words:?}");
        }
        window.go(&[("Игры", "Games")]);
        assert!(window.view.act(Action::Back));
        assert!(window.find(window.either(("Поиск в справке", "Search the help"))).is_none());
        assert!(window.view.act(Action::Help));
        assert!(window.find(window.either(("Поиск в справке", "Search the help"))).is_some());
    });
}

#[test]
fn questions_unfold_and_fold() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        window.go(&[("Справка", "Help"), ("Вопросы и ответы", "Questions and answers")]);
        let folded = shown(window).len();
        let question = ("Я забыл пароль. Что делать?", "I forgot my password. What now?");
        window.go(&[question]);
        assert_eq!(shown(window).len(), folded + 1);
        window.go(&[question]);
        assert_eq!(shown(window).len(), folded);
    });
}

#[test]
fn words_are_found_and_lead_to_their_place() {
    let window = open("ru").signed_in();
    window.press("Справка");
    window.write("Поиск в справке", "тихие час");
    window.press("Не беспокоить и тихие часы, Настройки");
    assert_eq!(title(&window), "Настройки");
    window.write("Поиск в справке", "абракадабра");
    assert!(window.find("Ничего не нашлось").is_some());
}

#[test]
fn help_speaks_the_language_chosen_last() {
    let window = open("ru").signed_in();
    window.press("Справка");
    assert_eq!(title(&window), "С чего начать");
    window.view.window().global::<ui::App>().invoke_close_overlay();
    window.view.window().global::<ui::Settings>().invoke_language_picked(2);
    window.press("Help");
    assert_eq!(title(&window), "How to begin");
}

#[test]
fn what_went_wrong_leads_to_its_page() {
    let window = open("en").signed_in();
    window.view.apply(Update::Failed(Failure::ServerAway));
    let links = ElementHandle::find_by_accessible_label(window.view.window(), "Help");
    links.last().unwrap().invoke_accessible_default_action();
    assert_eq!(title(&window), "Questions and answers");
    let help = window.view.window().global::<ui::Help>();
    let at = usize::try_from(help.get_to_block()).unwrap();
    let question = help.get_blocks().row_data(at).unwrap();
    assert!(question.open && question.plain.contains("server does not answer"));
}

#[test]
fn who_cannot_sign_in_finds_help() {
    let window = open("en");
    window.view.apply(Update::SignedOut(None));
    window.view.apply(Update::SignInFailed(Failure::WrongPassword));
    window.press("Forgot the password?");
    assert_eq!(title(&window), "Questions and answers");
    assert!(window.find("Show me around").is_none(), "there is nothing to show yet");
}

#[test]
fn the_sheet_of_shortcuts_has_words_for_every_line() {
    in_both_languages(|window| {
        window.grow();
        window.sign_in();
        assert!(window.view.act(Action::Sheet));
        let words = [
            ("Сочетания клавиш", "Keys at a glance"),
            ("Везде", "Everywhere"),
            ("На доске игры", "On the board of a game"),
            ("Изменить последнее своё сообщение", "Edit your last message"),
        ];
        for words in words {
            assert!(window.find(window.either(words)).is_some(), "{words:?}");
        }
        window.go(&[("Подробнее о клавишах — в справке", "More about the keys in the help")]);
        assert_eq!(title(window), window.either(("Сочетания клавиш", "Shortcuts")));
    });
}

/// Signs in by hand.
fn arrive(window: &Window) {
    window.view.apply(Update::SignedOut(None));
    window.view.window().global::<ui::SignIn>().invoke_submit();
    window.sign_in();
}

#[test]
fn whoever_is_new_here_is_shown_around_once() {
    in_both_languages(|window| {
        arrive(window);
        let steps = [
            ("Ваши комнаты и чаты", "Your rooms and chats"),
            ("Найти и начать", "Find and begin"),
            ("Пишите здесь", "Write here"),
            ("Игры рядом с беседой", "Games beside the talk"),
        ];
        for step in steps {
            assert!(window.find(window.either(step)).is_some(), "{step:?}");
            window.go(&[("Далее", "Next")]);
        }
        assert!(window.find(window.either(("Справка всегда здесь", "Help is always here"))).is_some());
        window.go(&[("Готово", "Done")]);
        let running = || window.view.window().global::<ui::Tour>().get_running();
        assert!(!running());
        assert!(Settings::load(window.folder.path()).toured.contains(&person::mark("@anna:academy")));
        arrive(window);
        assert!(!running(), "once is enough");
        // And again when it is asked for.
        window.go(&[("Справка", "Help"), ("Показать, что где находится", "Show me around")]);
        assert!(running());
        window.go(&[("Пропустить", "Skip")]);
        assert!(!running());
    });
}

#[test]
fn nobody_is_shown_around_who_was_signed_in_already() {
    let window = open("en").signed_in();
    assert!(!window.view.window().global::<ui::Tour>().get_running());
}
