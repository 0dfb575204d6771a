use super::*;
use crate::model::item::Media;

fn message(key: &str, sender: &str, voice: bool) -> Message {
    let media = Media {
        source: format!("mxc://academy/{key}"),
        name: "песня.mp3".into(),
        duration_ms: Some(10_000),
        voice,
        ..Media::default()
    };
    Message { body: Body::Audio(media), ..Message::words(key, sender, "Иван", "") }
}

fn track(key: &str, voice: bool) -> Track {
    Track::of("!r", &message(key, "@ivan:academy", voice)).unwrap()
}

fn bytes() -> Bytes {
    Bytes(Arc::from(vec![1, 2, 3]))
}

fn orders(commands: &[Command]) -> Vec<Order> {
    let order = |command: &Command| match command {
        Command::Sound(order) => Some(order.clone()),
        _ => None,
    };
    commands.iter().filter_map(order).collect()
}

fn began(state: &mut State, key: &str) {
    let _ = state.heard(Heard::Began { key: key.into(), total_ms: Some(20_000) });
}

fn take(duration_ms: u64) -> Take {
    Take { sound: bytes(), duration_ms, waveform: vec![0, LOUDEST] }
}

#[test]
fn a_press_plays_pauses_and_goes_on() {
    let mut state = State::default();
    let commands = state.press(track("$1", true), None);
    assert!(matches!(&commands[..], [Command::Voice(Wish::Fetch { key, .. })] if key == "$1"));
    let order = state.arrived(News { key: "$1".into(), sound: Ok(bytes()) }).unwrap().unwrap();
    assert!(matches!(&order, Command::Sound(Order::Play { key, measure: true, .. }) if key == "$1"));
    began(&mut state, "$1");
    assert_eq!(orders(&state.press(track("$1", true), None)), [Order::Pause]);
    assert_eq!(orders(&state.press(track("$1", true), None)), [Order::Resume]);
    assert_eq!(orders(&state.seek(0.5)), [Order::Seek(10_000)]);
    assert_eq!(orders(&state.nudge(-15_000)), [Order::Seek(0)], "there is nothing before the beginning");
}

#[test]
fn one_plays_at_a_time() {
    let mut state = State::default();
    let _ = state.press(track("$1", true), None);
    began(&mut state, "$1");
    let commands = state.press(track("$2", false), None);
    assert_eq!(orders(&commands), [Order::Close]);
    assert!(state.arrived(News { key: "$1".into(), sound: Ok(bytes()) }) == Ok(None), "nobody waits for it any more");
    let failed = News { key: "$2".into(), sound: Err(Failure::ServerAway) };
    assert!(state.arrived(failed) == Err(Failure::ServerAway));
    assert_eq!(state.playing, None);
}

#[test]
fn voices_have_a_speed_and_music_its_own() {
    let mut state = State::default();
    let _ = state.press(track("$1", true), None);
    began(&mut state, "$1");
    assert_eq!(orders(&state.faster()), [Order::Speed(1.5)]);
    let _ = state.press(track("$2", false), None);
    let order = state.arrived(News { key: "$2".into(), sound: Ok(bytes()) }).unwrap();
    assert!(matches!(order, Some(Command::Sound(Order::Play { speed: 1.0, .. }))));
    began(&mut state, "$2");
    assert!(state.faster().is_empty());
    assert!(state.faster().is_empty());
    assert!((state.speed() - 1.0).abs() < f32::EPSILON, "it goes round");
}

#[test]
fn the_next_voice_of_the_same_sender_follows() {
    let newest_first = [
        message("$5", "@ivan:academy", true),
        message("$4", "@ivan:academy", true),
        message("$3", "@ivan:academy", false),
        message("$2", "@oleg:academy", true),
        message("$1", "@ivan:academy", true),
    ];
    let after = |key: &str, voice| next(newest_first.iter(), &track(key, voice)).map(|track| track.key);
    assert_eq!(after("$1", true).as_deref(), Some("$4"));
    assert_eq!(after("$5", true), None);
    assert_eq!(after("$3", false), None, "nothing follows music");
    assert_eq!(after("$gone", true), None);
    let mut state = State::default();
    let _ = state.press(track("$1", true), None);
    assert_eq!(state.heard(Heard::Ended("$0".into())).0, None, "a late word of another");
    assert_eq!(state.heard(Heard::Ended("$1".into())).0, Some(track("$1", true)));
}

#[test]
fn what_cannot_be_heard_says_why_until_the_next() {
    let mut state = State::default();
    let _ = state.press(track("$1", true), None);
    let _ = state.heard(Heard::Mute { key: "$1".into(), trouble: Trouble::NoDevice });
    assert_eq!((state.playing.is_none(), &state.mute), (true, &Some(("$1".into(), Trouble::NoDevice))));
    let _ = state.press(track("$1", true), None);
    assert_eq!(state.mute, None);
}

#[test]
fn a_recording_is_sent_or_heard_first_or_forgotten() {
    let mut state = State::default();
    assert_eq!(orders(&state.record("!r")), [Order::Record]);
    assert!(state.record("!r").is_empty(), "one at a time");
    let _ = state.heard(Heard::Level { ms: 100, level: 500 });
    assert_eq!(state.live.as_ref().unwrap().levels, [500]);
    assert_eq!(orders(&state.send("!r", None, "a.ogg".into())), [Order::Finish]);
    assert!(state.send("!r", None, "a.ogg".into()).is_empty(), "it is sent once");
    let (_, commands) = state.heard(Heard::Recorded(take(3000)));
    assert!(matches!(&commands[..], [Command::Voice(Wish::Send { room, .. })] if room == "!r"));

    let _ = state.record("!r");
    assert_eq!(orders(&state.listen("!r")), [Order::Finish]);
    let (_, commands) = state.heard(Heard::Recorded(take(3000)));
    assert!(matches!(&orders(&commands)[..], [Order::Play { key, .. }] if key == TAKE));
    assert!(state.record("!r").is_empty(), "what waits is not recorded over");
    let commands = state.send("!r", None, "a.ogg".into());
    assert!(matches!(&commands[..], [Command::Sound(Order::Close), Command::Voice(Wish::Send { .. })]));

    let _ = state.record("!r");
    assert_eq!(orders(&state.cancel("!r")), [Order::Discard]);
    assert!(state.heard(Heard::Recorded(take(3000))).1.is_empty(), "a late word");
    assert_eq!(state.take("!r"), None);
}

#[test]
fn a_recording_waits_in_its_room() {
    let mut state = State::default();
    let _ = state.record("!r");
    assert_eq!(orders(&state.leave("!r")), [Order::Finish]);
    let _ = state.heard(Heard::Recorded(take(3000)));
    assert!(state.take("!r").is_some() && state.take("!other").is_none());
    let _ = state.cancel("!r");
    assert_eq!(state.take("!r"), None);
}

#[test]
fn a_slip_of_the_hand_is_no_recording() {
    let mut state = State::default();
    let _ = state.record("!r");
    let _ = state.send("!r", None, "a.ogg".into());
    assert!(state.heard(Heard::Recorded(take(100))).1.is_empty());
    assert_eq!((state.live.is_none(), state.take("!r")), (true, None));
    let _ = state.record("!r");
    let _ = state.heard(Heard::Deaf(Trouble::NoMicrophone));
    assert_eq!((state.live.is_none(), state.deaf), (true, Some(Trouble::NoMicrophone)));
}

#[test]
fn bars_show_the_loudest_of_their_time() {
    assert_eq!(bars(&[1, 5, 2, 9], 2), [5, 9]);
    assert_eq!(bars(&[7, 3], 4), [7, 7, 3, 3]);
    assert_eq!(bars(&[9999], 1), [LOUDEST]);
    assert!(bars(&[], 4).is_empty());
    let wave = waveform(&[0.0, 0.25, 0.5]);
    assert_eq!((wave.len(), wave[0], wave[50], wave[99]), (SENT, 0, 512, LOUDEST));
    assert!(waveform(&[0.001; 10]).iter().all(|value| *value < 100), "silence stays silence");
}
