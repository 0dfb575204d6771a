//! Files and pictures: the sheet before they are sent, the card after, the viewer and the list of those of a room.

use std::{path::PathBuf, sync::Arc};

use super::*;
use parta_client::model::{
    attach::{self, Content, Seen},
    item::SendState,
    media::{self, End, Place},
    update::Pixels,
    viewer::{self, Look},
};

fn in_class(language: &str) -> Window {
    open(language).signed_in().in_class()
}

fn file(key: &str, name: &str) -> Message {
    let media = Media {
        source: format!("mxc://academy/{key}"),
        name: name.into(),
        mime: "application/octet-stream".into(),
        size: Some(2_000_000),
        ..Media::default()
    };
    Message { body: Body::File(media), ..Message::words(key, "@ivan:academy", "Иван", "") }
}

fn drawing(key: &str, name: &str) -> Message {
    let Body::Image(media) = picture().body else { unreachable!() };
    let media = Media { source: format!("mxc://academy/{key}"), name: name.into(), ..media };
    Message { body: Body::Image(media), ..Message::words(key, "@ivan:academy", "Иван", "") }
}

fn lay(window: &Window, names: &[&str]) {
    let files = names.iter().map(|name| ((*name).to_owned(), Content::File(PathBuf::from(name)))).collect();
    window.view.attach(files);
}

fn seen(window: &Window, id: u64, size: u64, shrinks: bool) {
    let seen = Some(Seen { size, preview: None, shrinks, bytes: None });
    window.view.apply(Update::Attach(attach::News::Seen { id, seen }));
}

fn sent(window: &Window) -> Vec<(Vec<String>, String, bool)> {
    let commands = window.commands.borrow();
    commands
        .iter()
        .filter_map(|command| match command {
            Command::Attach(attach::Wish::Send { files, caption, shrink, .. }) => {
                Some((files.iter().map(|(name, _)| name.clone()).collect(), caption.clone(), *shrink))
            }
            _ => None,
        })
        .collect()
}

fn sheet(language: &str) {
    let window = in_class(language);
    lay(&window, &["урок.pdf", "доска.png"]);
    seen(&window, 0, 1000, false);
    seen(&window, 1, 9_000_000, true);
    for words in [
        ("Отправить 2 файла", "Send 2 files"),
        ("урок.pdf", "урок.pdf"),
        ("Не отправлять: урок.pdf", "Do not send урок.pdf"),
        ("Сжать изображения", "Compress the pictures"),
        ("Подпись", "Caption"),
        ("Добавить ещё", "Add more"),
        ("Отменить", "Cancel"),
        ("Отправить", "Send"),
    ] {
        let words = window.either(words);
        assert!(window.find(words).is_some(), "{words:?} is not there");
    }
}

#[test]
fn the_sheet_speaks_russian() {
    sheet("ru");
}

#[test]
fn the_sheet_speaks_english() {
    sheet("en");
}

#[test]
fn nothing_is_sent_before_the_person_says_so() {
    let window = in_class("ru");
    lay(&window, &["a.pdf", "b.pdf"]);
    assert!(window.asked(|command| matches!(command, Command::Attach(attach::Wish::Look { .. }))));
    assert!(sent(&window).is_empty());
    window.press("Не отправлять: a.pdf");
    window.write("Подпись", "к уроку");
    window.view.window().global::<ui::Attach>().set_caption("к уроку".into());
    window.view.window().global::<ui::Attach>().invoke_send();
    assert_eq!(sent(&window), [(vec!["b.pdf".to_owned()], "к уроку".to_owned(), true)]);
    assert!(window.find("Подпись").is_none(), "the sheet is gone");
    lay(&window, &["c.pdf"]);
    window.press("Не отправлять: c.pdf");
    assert!(window.find("Подпись").is_none(), "an empty sheet goes");
}

#[test]
fn what_the_server_would_not_take_is_told_and_not_sent() {
    let window = in_class("en");
    lay(&window, &["film.mkv"]);
    window.view.apply(Update::Attach(attach::News::Limit(1_000_000)));
    seen(&window, 0, 5_000_000, false);
    assert!(window.find("5.0 MB: larger than the server accepts, will not be sent").is_some());
    assert_eq!(window.view.window().global::<ui::Attach>().get_ready(), 0);
}

#[test]
fn a_pasted_picture_and_files_held_over_the_window() {
    let window = in_class("ru");
    window.view.hover(true);
    assert!(window.find("Отпустите файлы здесь, чтобы отправить их в «7 «Б» класс»").is_some());
    window.view.hover(false);
    assert!(window.find("Отпустите файлы здесь, чтобы отправить их в «7 «Б» класс»").is_none());
    let pixels = Pixels { width: 1, height: 1, rgba: vec![0; 4] };
    window.view.attach(vec![("снимок.png".to_owned(), Content::Pixels(Arc::new(pixels)))]);
    assert!(window.find("снимок.png").is_some());
}

fn bring(language: &str, download: &str, stop: &str, open: &str) {
    let window = in_class(language);
    window.says(file("$file", "урок.pdf"));
    window.press(download);
    let loads = |command: &Command| matches!(command, Command::Media(media::Wish::Load { name, to: Place::Folder(_), .. }) if name == "урок.pdf");
    assert!(window.asked(loads));
    let address = "mxc://academy/$file".to_owned();
    window.view.apply(Update::Media(media::News::Progress {
        address: address.clone(),
        done: 500_000,
        total: Some(2_000_000),
    }));
    assert!(window.find(window.either(("500 КБ из 2,0 МБ", "500 KB of 2.0 MB"))).is_some());
    window.press(stop);
    assert!(window.asked(|command| matches!(command, Command::Media(media::Wish::Stop { .. }))));
    window.view.apply(Update::Media(media::News::Ended { address: address.clone(), end: End::Stopped }));
    window.press(download);
    window.view.apply(Update::Media(media::News::Ended { address, end: End::Here("урок.pdf".into()) }));
    assert!(window.find(open).is_some());
}

#[test]
fn a_file_is_brought_here_stopped_and_opened() {
    bring("ru", "Скачать: урок.pdf", "Остановить: урок.pdf", "Открыть: урок.pdf");
}

#[test]
fn a_file_is_brought_here_stopped_and_opened_in_english() {
    bring("en", "Download урок.pdf", "Stop урок.pdf", "Open урок.pdf");
}

#[test]
fn a_program_is_never_opened() {
    let window = in_class("en");
    window.says(file("$file", "game.exe"));
    assert!(window.find("2.0 MB, a program").is_some());
    let known = vec![("mxc://academy/$file".to_owned(), PathBuf::from("game.exe"))];
    window.view.apply(Update::Media(media::News::Known(known)));
    assert!(window.find("Open game.exe").is_none());
    assert!(window.find("Show game.exe in its folder").is_some());
}

#[test]
fn a_file_on_its_way_can_be_stopped() {
    let window = in_class("ru");
    let message = Message { own: true, state: SendState::Sending(Some(0.25)), ..file("txn", "урок.pdf") };
    window.says(message);
    assert!(window.find("500 КБ из 2,0 МБ").is_some());
    window.press("Остановить: урок.pdf");
    assert!(window.asked(|command| matches!(command, Command::Remove { key, .. } if key == "txn")));
}

#[test]
fn a_picture_keeps_its_thumbnail_when_it_was_uploaded() {
    let window = in_class("ru");
    let sending = Message { own: true, state: SendState::Sending(None), ..drawing("local", "доска.png") };
    let item = |message: Message| Item { id: "row".into(), kind: ItemKind::Message(Box::new(message)) };
    window.comes(VectorDiff::PushBack { value: item(sending.clone()) });
    let pixels = Pixels { width: 1, height: 1, rgba: vec![9, 9, 9, 255] };
    window.view.apply(Update::Thumbnail { source: "mxc://academy/local".into(), pixels: Some(pixels) });
    window
        .comes(VectorDiff::Set { index: 1, value: item(Message { own: true, ..drawing("$sent", "доска.png") }) });
    let asked = |command: &Command| matches!(command, Command::Thumbnail { source, .. } if source.ends_with("$sent"));
    assert!(!window.asked(asked), "it is there already");
}

#[test]
fn the_viewer_goes_through_the_pictures_of_the_room() {
    let window = in_class("ru");
    window.says(drawing("$a", "первая.png"));
    window.says(drawing("$b", "вторая.png"));
    window.press("Открыть изображение: первая.png");
    let viewer = window.view.window().global::<ui::Viewer>();
    assert!(!viewer.get_before() && viewer.get_after());
    window.press("Следующее изображение");
    assert_eq!(viewer.get_name(), "вторая.png");
    assert!(viewer.get_before() && !viewer.get_after());
    let looks = |key: &'static str| move |command: &Command| matches!(command, Command::Viewer(viewer::Wish::Look { source, .. }) if source.ends_with(key));
    assert!(window.asked(looks("$a")) && window.asked(looks("$b")));
    let news = |key: &str, look| viewer::News { source: format!("mxc://academy/{key}"), look };
    let pixels = Pixels { width: 2, height: 1, rgba: vec![0; 8] };
    window.view.apply(Update::Viewer(news("$a", Some(Look { pixels: pixels.clone(), whole: (20, 10) }))));
    assert_eq!(viewer.get_state(), ui::PictureState::Loading, "that was the one before");
    window.view.apply(Update::Viewer(news("$b", Some(Look { pixels, whole: (4000, 2000) }))));
    assert_eq!(viewer.get_state(), ui::PictureState::Ready);
    viewer.invoke_sharpen();
    assert!(window.asked(|command| matches!(command, Command::Viewer(viewer::Wish::Look { side: 4000, .. }))));
    window.view.apply(Update::Viewer(news("$b", None)));
    assert_eq!(viewer.get_state(), ui::PictureState::Ready, "fewer pixels are better than none");
    for label in ["Увеличить", "Уменьшить", "Показать в настоящем размере", "Копировать изображение", "Сохранить"]
    {
        assert!(window.find(label).is_some(), "{label:?} is not there");
    }
    window.press("Закрыть");
    assert!(window.find("Увеличить").is_none());
}

fn list(language: &str) {
    let window = in_class(language);
    window.says(drawing("$a", "доска.png"));
    window.says(file("$b", "урок.pdf"));
    window.go(&[("О комнате", "About the room"), ("Изображения и файлы", "Pictures and files")]);
    let list = || window.view.window().global::<ui::Files>().get_list();
    let names = || slint::Model::iter(&list()).map(|entry| entry.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(), ["доска.png"]);
    window.go(&[("Файлы", "Files")]);
    assert_eq!(names(), ["урок.pdf"]);
    window.says(file("$c", "ещё.pdf"));
    assert_eq!(names(), ["ещё.pdf", "урок.pdf"], "newest first");
    window.view.apply(Update::Paging { room: "!class".into(), paging: Paging::Failed(Failure::ServerAway) });
    let pages = || window.commands.borrow().iter().filter(|wish| matches!(wish, Command::PageBack(_))).count();
    let before = pages();
    window.go(&[("Просмотреть более ранние сообщения", "Look through earlier messages")]);
    assert_eq!(pages(), before + 1);
    window.go(&[("Изображения и видео", "Pictures and videos")]);
    assert_eq!(names(), ["доска.png"]);
}

#[test]
fn files_of_the_room_are_listed_in_russian() {
    list("ru");
}

#[test]
fn files_of_the_room_are_listed_in_english() {
    list("en");
}
