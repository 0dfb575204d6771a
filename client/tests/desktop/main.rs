//! Two people at two desks: the real program on two screens, a real server and the real game service, and nothing but a
//! mouse, keys and what a screen reader hears.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod academy;
mod desk;
#[expect(dead_code, reason = "the measurement does more with it")]
mod tree;

use std::{
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use academy::{Academy, Line};
use desk::Desk;
use tree::{Element, Role};

/// Longest wait for debug builds of everything on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Of every pupil here.
const PASSWORD: &str = "dlinnyj-parol-7";

/// Asks again and again until there is an answer.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(100));
    }
}

/// A desk at which somebody has just made an account.
fn pupil(user: &str, line: &Line) -> Desk {
    let mut desk = Desk::set_up("ru");
    desk.start(line);
    desk.press("Создать новую учётную запись");
    desk.write("Имя пользователя", user);
    desk.write("Пароль", PASSWORD);
    desk.press("Создать учётную запись");
    desk.see("Личные чаты");
    // The first look around of somebody new here.
    desk.press("Пропустить");
    desk
}

/// A personal chat of two: Anna begins it, Boris accepts.
fn chat(anna: &Desk, boris: &Desk) {
    anna.press("Новый личный чат");
    anna.write("Имя или адрес человека", "boris");
    anna.press("boris");
    say(anna, "privet, kak dela?");
    boris.press("anna");
    boris.press("Войти");
    boris.read("privet, kak dela?");
}

/// Writes a message and sends it.
fn say(desk: &Desk, words: &str) {
    desk.write("Сообщение", words);
    desk.key("Return");
    desk.read(words);
}

/// A game of three in a row, which Anna wins: she has the middle, and a diagonal of it.
fn play(anna: &Desk, boris: &Desk) {
    for name in ["Игры", "Крестики-нолики", "За крестики", "Пригласить играть", "Понятно, играть"]
    {
        anna.press(name);
    }
    boris.press("Играть");
    boris.press("Понятно, играть");
    for (n, place) in ["5", "1", "3", "2", "7"].into_iter().enumerate() {
        let (player, piece) = if n % 2 == 0 { (anna, "крестик") } else { (boris, "нолик") };
        player.see("Ваш ход");
        player.press(place);
        for desk in [anna, boris] {
            desk.see(&format!("{place}, {piece}"));
        }
    }
    for desk in [anna, boris] {
        desk.see("anna побеждает: три в ряд");
    }
}

/// A shot in a game of battleship: each sees twenty fields of ships of their own, and both see where the shot went.
fn fire(anna: &Desk, boris: &Desk) {
    for name in ["Новая игра", "Морской бой", "Стреляю первым", "Пригласить играть"]
    {
        anna.press(name);
    }
    boris.press("Играть");
    for desk in [anna, boris] {
        let ships = |element: &Element| element.name.ends_with(", корабль");
        until("ships of one's own", || {
            (desk.elements().iter().filter(|element| ships(element)).count() >= 20).then_some(())
        });
    }
    anna.see("Стреляйте по морю соперника");
    anna.press("a1");
    for desk in [anna, boris] {
        until("where the shot went", || {
            ["a1, мимо", "a1, попадание", "a1, потоплен"].into_iter().find_map(|name| desk.look(None, name))
        });
    }
    boris.picture("battleship");
}

/// Sends a file by the system's dialog.
fn send_file(desk: &Desk, file: &Path) {
    desk.press("Прикрепить");
    desk.picture("attach-menu");
    desk.press("Прикрепить файл");
    desk.choose_file(file);
    confirm_sheet(desk);
}

/// Sends what the sheet of files shows.
fn confirm_sheet(desk: &Desk) {
    desk.see("Подпись");
    desk.picture("attach-sheet");
    desk.press("Отправить");
}

/// A picture of so many pixels in a file.
fn picture(folder: &Path, name: &str, side: u32) -> PathBuf {
    let file = folder.join(name);
    image::RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, y as u8, 90])).save(&file).unwrap();
    file
}

#[test]
fn two_pupils_talk_and_play() {
    let academy = Academy::open();
    let line = academy.line();
    let (mut anna, boris) = (pupil("anna", &line), pupil("boris", &line));
    chat(&anna, &boris);
    say(&boris, "horosho, a u tebja?");
    anna.point(&anna.read("horosho, a u tebja?"));
    anna.press("Поставить реакцию");
    anna.press("👍");
    boris.see("👍 1");

    send_file(&anna, &picture(academy.folder(), "doska.png", 300));
    boris.see("Открыть изображение: doska.png");
    anna.copy_picture(&picture(academy.folder(), "bufer.png", 200));
    anna.click(&anna.find(Some(Role::Field), "Сообщение"));
    anna.key("ctrl+v");
    confirm_sheet(&anna);
    until("the pasted picture", || (boris.count("Открыть изображение: ") == 2).then_some(()));
    anna.picture("talk");
    boris.picture("answered");
    play(&anna, &boris);
    fire(&anna, &boris);
    anna.picture("won");
    boris.picture("lost");

    boris.press("Профиль: anna");
    boris.press("Сверить");
    anna.press("Согласиться");
    compare([
        (&boris, "anna видит те же картинки в том же порядке?"),
        (&anna, "boris видит те же картинки в том же порядке?"),
    ]);
    boris.press("Профиль: anna");
    boris.see("Ключи сверены: это именно этот человек.");
    boris.picture("verified");
    boris.press("Закрыть");

    anna.press("Настройки");
    anna.press("Учётная запись");
    anna.press("Выйти");
    anna.see("Выйти из учётной записи?");
    anna.press("Выйти");
    anna.find(Some(Role::Field), "Пароль");
    assert_eq!(anna.kept(), Vec::<PathBuf>::new(), "messages stay on this computer after a sign-out");
    anna.kill();
}

#[test]
fn a_cut_line_loses_nothing() {
    let academy = Academy::open();
    let (anna_line, boris_line) = (academy.line(), academy.line());
    let (mut anna, boris) = (pupil("anna", &anna_line), pupil("boris", &boris_line));
    chat(&anna, &boris);

    anna_line.cut();
    anna.read("Сервер недоступен.");
    say(&anna, "bez svjazi");
    send_file(&anna, &picture(academy.folder(), "doska.png", 600));
    anna.see("Открыть изображение: doska.png");
    say(&boris, "gde ty?");
    // The power goes as well. What was written is there again, and the line still is not.
    anna.kill();
    anna.start(&anna_line);
    anna.read("bez svjazi");
    anna.see("Открыть изображение: doska.png");
    anna.picture("cut");

    anna_line.mend();
    anna.read("gde ty?");
    boris.read("bez svjazi");
    boris.see("Открыть изображение: doska.png");
    for (desk, words) in [(&boris, "bez svjazi"), (&anna, "bez svjazi"), (&anna, "gde ty?"), (&boris, "doska.png")] {
        assert_eq!(desk.messages(words), 1, "{words:?} came once");
    }
}

/// The names of the seven pictures that are compared.
fn compared(desk: &Desk, question: &str) -> Vec<String> {
    until("seven pictures", || {
        let elements = desk.elements();
        let after = elements.into_iter().map(|element| element.name).skip_while(|name| name != question);
        let names: Vec<String> = after.skip(1).filter(|name| !name.is_empty()).take(7).collect();
        (names.len() == 7 && !names.contains(&"Совпадают".to_owned())).then_some(names)
    })
}

/// Both sides are asked whether they see the same, and do.
fn compare(sides: [(&Desk, &str); 2]) {
    let [shown, other] = sides.map(|(desk, question)| compared(desk, question));
    assert_eq!(shown, other);
    sides[0].0.picture("compared");
    for (desk, _) in sides {
        desk.press("Совпадают");
    }
    for (desk, _) in sides {
        desk.see("Готово");
        desk.press("Закрыть");
    }
}

#[test]
fn a_new_device_is_confirmed_by_another_and_reads_what_was_written_before() {
    let academy = Academy::open();
    let line = academy.line();
    let anna = pupil("anna", &line);
    anna.press("Новая комната");
    anna.write("Название", "tajnaja");
    anna.picture("new-room");
    anna.press("Шифровать сообщения");
    anna.press("Создать комнату");
    say(&anna, "sekret");
    for name in ["Настроить", "Создать ключ", "Ключ сохранён"] {
        anna.press(name);
    }

    let mut other = Desk::set_up("ru");
    other.start(&line);
    other.write("Имя пользователя", "anna");
    other.write("Пароль", PASSWORD);
    other.press("Войти");
    other.press("Пропустить");
    other.press("tajnaja");
    other.read("Зашифрованное сообщение");
    other.picture("locked");
    other.press("Подтвердить");
    other.press("Другим устройством");
    anna.press("Согласиться");
    let question = "На другом устройстве те же картинки в том же порядке?";
    compare([(&anna, question), (&other, question)]);
    other.read("sekret");
    other.picture("confirmed");
}
