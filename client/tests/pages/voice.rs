//! Sounds: the card in a message, the bar of what plays, and recording. No device is needed: what the thread of sounds
//! would tell is told by the tests.

use std::sync::Arc;

use super::*;
use parta_client::model::voice::{Bytes, Heard, News, Order, Take, Trouble, Wish};

fn sound(key: &str, voice: bool) -> Message {
    let media = Media {
        source: format!("mxc://academy/{key}"),
        name: "песня.mp3".into(),
        mime: "audio/mpeg".into(),
        size: Some(2_000_000),
        duration_ms: Some(65_000),
        voice,
        waveform: if voice { vec![0, 512, 1024] } else { Vec::new() },
        ..Media::default()
    };
    Message { body: Body::Audio(media), ..Message::words(key, "@ivan:academy", "Иван", "") }
}

fn bytes() -> Bytes {
    Bytes(Arc::from(&b"OggS"[..]))
}

fn take() -> Take {
    Take { sound: bytes(), duration_ms: 3000, waveform: vec![512; 100] }
}

fn ordered(window: &Window) -> Vec<Order> {
    let order = |command: &Command| match command {
        Command::Sound(order) => Some(order.clone()),
        _ => None,
    };
    window.commands.borrow().iter().filter_map(order).collect()
}

fn hears(window: &Window, heard: Heard) {
    window.view.apply(Update::Sound(heard));
}

fn begins(window: &Window, key: &str) {
    window.view.apply(Update::Voice(News { key: key.into(), sound: Ok(bytes()) }));
    hears(window, Heard::Began { key: key.into(), total_ms: Some(65_000) });
}

fn in_class(window: &Window) {
    window.sign_in();
    window.enter_class();
}

#[test]
fn a_voice_message_is_played_paused_and_hastened() {
    in_both_languages(|window| {
        in_class(window);
        window.says(sound("$v", true));
        window.go(&[("Воспроизвести: Голосовое сообщение: Иван", "Play Voice message from Иван")]);
        assert!(window.asked(|command| matches!(command, Command::Voice(Wish::Fetch { key, .. }) if key == "$v")));
        begins(window, "$v");
        assert!(matches!(&ordered(window)[..], [Order::Play { key, measure: false, .. }] if key == "$v"));
        hears(window, Heard::At { key: "$v".into(), ms: 13_000 });
        let place = window.either(("Место в записи: Голосовое сообщение: Иван", "Place in Voice message from Иван"));
        let told = window.find(place).unwrap().accessible_value();
        assert_eq!(told.as_deref(), Some("0:13 / 1:05"));
        window.find(place).unwrap().invoke_accessible_increment_action();
        window.go(&[("Скорость: 1", "Speed: 1")]);
        window.go(&[("Приостановить: Голосовое сообщение: Иван", "Pause Voice message from Иван")]);
        let orders = ordered(window);
        assert!(matches!(orders[1], Order::Seek(ms) if ms.abs_diff(18_000) < 10), "{:?}", orders[1]);
        assert_eq!(orders[2..], [Order::Speed(1.5), Order::Pause]);
        assert!(window.find(window.either(("Скорость: 1,5", "Speed: 1.5"))).is_some());
    });
}

#[test]
fn music_goes_on_in_another_room_until_it_is_closed() {
    in_both_languages(|window| {
        in_class(window);
        window.says(sound("$m", false));
        window.go(&[("Воспроизвести: песня.mp3", "Play песня.mp3")]);
        begins(window, "$m");
        window.go(&[("Театр", "Театр")]);
        assert!(ordered(window).iter().all(|order| *order != Order::Close));
        window.go(&[("Приостановить", "Pause"), ("Продолжить воспроизведение", "Go on playing")]);
        assert_eq!(ordered(window)[1..], [Order::Pause, Order::Resume]);
        window.go(&[("Прекратить воспроизведение", "Stop playing")]);
        assert_eq!(ordered(window).last(), Some(&Order::Close));
        assert!(window.find(window.either(("Прекратить воспроизведение", "Stop playing"))).is_none());
    });
}

#[test]
fn the_next_voice_of_the_sender_follows() {
    let window = open("ru").signed_in().in_class();
    window.says(sound("$1v", true));
    window.says(Message::words("$2", "@oleg:academy", "Олег", "слушаю"));
    window.says(sound("$3v", true));
    window.view.window().global::<ui::Voice>().invoke_press("$1v".into());
    begins(&window, "$1v");
    hears(&window, Heard::Ended("$1v".into()));
    assert!(window.asked(|command| matches!(command, Command::Voice(Wish::Fetch { key, .. }) if key == "$3v")));
    begins(&window, "$3v");
    hears(&window, Heard::Ended("$3v".into()));
    assert_eq!(window.view.window().global::<ui::Voice>().get_key(), "");
}

#[test]
fn a_sound_that_cannot_be_heard_says_why_and_can_be_saved() {
    in_both_languages(|window| {
        in_class(window);
        window.says(sound("$m", false));
        window.go(&[("Воспроизвести: песня.mp3", "Play песня.mp3")]);
        window.view.apply(Update::Voice(News { key: "$m".into(), sound: Ok(bytes()) }));
        hears(window, Heard::Mute { key: "$m".into(), trouble: Trouble::NoDevice });
        let words = window.either((
            "Звук вывести некуда. Подключите наушники и нажмите ещё раз или сохраните запись.",
            "Nothing to hear it with was found. Plug in headphones and press again, or save the sound.",
        ));
        assert!(window.find(words).is_some());
        assert!(window.find(window.either(("Сохранить", "Save"))).is_some());
        window.go(&[("Воспроизвести: песня.mp3", "Play песня.mp3")]);
        assert!(window.find(words).is_none(), "it is tried again");
    });
}

#[test]
fn a_voice_message_is_recorded_heard_and_sent() {
    in_both_languages(|window| {
        in_class(window);
        window.go(&[("Записать голосовое сообщение", "Record a voice message")]);
        assert_eq!(ordered(window), [Order::Record]);
        hears(window, Heard::Level { ms: 2100, level: 700 });
        assert!(window.find("0:02").is_some());
        assert!(window.find(window.either(("Сообщение", "Message"))).is_none(), "nobody writes meanwhile");
        window.go(&[("Прослушать перед отправкой", "Listen before sending")]);
        assert_eq!(ordered(window).last(), Some(&Order::Finish));
        hears(window, Heard::Recorded(take()));
        assert!(matches!(ordered(window).last(), Some(Order::Play { key, .. }) if key == "take"));
        hears(window, Heard::Began { key: "take".into(), total_ms: Some(3000) });
        window.go(&[("Приостановить прослушивание", "Pause the recording")]);
        window.go(&[("Отправить голосовое сообщение", "Send the voice message")]);
        let file = window.either(("Голосовое сообщение.ogg", "Voice message.ogg"));
        assert!(window.asked(|command| matches!(
            command,
            Command::Voice(Wish::Send { room, name, take: sent, .. })
                if room == "!class" && name == file && *sent == take()
        )));
        assert_eq!(ordered(window).last(), Some(&Order::Close), "what is sent is not heard any more");
        assert!(window.find(window.either(("Сообщение", "Message"))).is_some());
    });
}

#[test]
fn a_recording_is_deleted_or_waits_in_its_room() {
    let window = open("ru").signed_in().in_class();
    window.press("Записать голосовое сообщение");
    window.press("Прекратить и удалить запись");
    assert_eq!(ordered(&window), [Order::Record, Order::Discard]);
    window.press("Записать голосовое сообщение");
    window.press("Театр");
    assert_eq!(ordered(&window).last(), Some(&Order::Finish));
    hears(&window, Heard::Recorded(take()));
    assert!(window.find("Удалить запись").is_none(), "here nothing was recorded");
    window.press("7 «Б» класс");
    window.view.apply(Update::Details {
        room: "!class".into(),
        details: RoomDetails { can_write: true, ..RoomDetails::default() },
    });
    window.press("Удалить запись");
    assert!(window.find("Записать голосовое сообщение").is_some());
    assert!(!window.asked(|command| matches!(command, Command::Voice(Wish::Send { .. }))));
}

#[test]
fn a_microphone_that_is_not_there_is_told() {
    in_both_languages(|window| {
        in_class(window);
        for (trouble, words) in [
            (
                Trouble::NoMicrophone,
                (
                    "Микрофон не найден. Подключите его и нажмите на микрофон ещё раз.",
                    "No microphone was found. Plug one in and press the microphone again.",
                ),
            ),
            (
                Trouble::Lost,
                (
                    "Микрофон замолчал. Подключите его заново и повторите запись.",
                    "The microphone fell silent. Plug it in again and record once more.",
                ),
            ),
        ] {
            window.go(&[("Записать голосовое сообщение", "Record a voice message")]);
            hears(window, Heard::Deaf(trouble));
            assert!(window.find(window.either(words)).is_some());
        }
        window.go(&[("Закрыть сообщение", "Close the notice")]);
        assert!(window.find(window.either(("Сообщение", "Message"))).is_some());
    });
}

#[test]
fn signing_out_ends_what_sounds() {
    let window = open("ru").signed_in().in_class();
    window.says(sound("$m", false));
    window.press("Воспроизвести: песня.mp3");
    begins(&window, "$m");
    window.view.apply(Update::SignedOut(None));
    assert_eq!(ordered(&window).last(), Some(&Order::Close));
}
