use super::*;
use crate::model::update::Failure;

/// Rows in the view.
const FIT: usize = 20;

fn message(n: usize, sender: &str, at_ms: i64) -> Item {
    let message = Message { at_ms, ..Message::words(&format!("$e{n}"), sender, sender, "слова") };
    Item { id: format!("i{n}"), ..Item::from(message) }
}

fn many(range: std::ops::Range<usize>) -> imbl::Vector<Item> {
    range.map(|n| message(n, "@a:x", n as i64 * 1000)).collect()
}

fn shown(timeline: &Timeline) -> (String, String, usize) {
    let rows = timeline.rows();
    (rows[0].item.id.clone(), rows[rows.len() - 1].item.id.clone(), rows.len())
}

#[test]
fn groups_by_sender_and_minute() {
    let mut timeline = Timeline::default();
    let values = [
        message(0, "@a:x", 0),
        message(1, "@a:x", 1_000),
        message(2, "@a:x", 61_000),
        message(3, "@b:x", 62_000),
        message(4, "@b:x", 900_000),
    ];
    timeline.apply(vec![VectorDiff::Reset { values: values.into_iter().collect() }]);
    let flags: Vec<(bool, bool)> = timeline.rows().iter().map(|row| (row.first, row.last)).collect();
    assert_eq!(flags, [(true, false), (false, true), (false, true), (true, true), (true, true)]);
}

#[test]
fn what_stands_above_something_read_is_read() {
    let own = |n| {
        let mut item = message(n, "@me:x", 0);
        let ItemKind::Message(message) = &mut item.kind else { unreachable!() };
        message.own = true;
        item
    };
    let states = |timeline: &Timeline| -> Vec<bool> {
        let seen = |row: Row| matches!(row.item.kind, ItemKind::Message(message) if message.state == SendState::Seen);
        timeline.rows().into_iter().map(seen).collect()
    };
    let mut timeline = Timeline::default();
    timeline.apply(vec![VectorDiff::Reset { values: [own(0), own(1), own(2)].into_iter().collect() }]);
    assert_eq!(states(&timeline), [false, false, false]);
    let mut read = own(1);
    let ItemKind::Message(message_read) = &mut read.kind else { unreachable!() };
    message_read.readers = vec!["@a:x".into()];
    timeline.apply(vec![VectorDiff::Set { index: 1, value: read }]);
    assert_eq!(states(&timeline), [true, true, false]);
    timeline.apply(vec![VectorDiff::PushBack { value: message(3, "@a:x", 0) }]);
    assert_eq!(states(&timeline), [true, true, true, false], "who answers has read");
}

#[test]
fn a_long_room_opens_at_its_end_and_grows_upwards() {
    let mut timeline = Timeline::default();
    timeline.apply(vec![VectorDiff::Reset { values: many(0..1000) }]);
    let rows = |from: usize, to: usize| (format!("i{from}"), format!("i{}", to - 1), to - from);
    assert_eq!(shown(&timeline), rows(1000 - WINDOW, 1000));
    assert_eq!(timeline.older(), (Older::Grew, Keep::End));
    assert_eq!(shown(&timeline), rows(1000 - WINDOW - STEP, 1000));
    // As far as the window may grow, and a step beyond.
    let most = ABOVE + FIT + SPARE;
    while timeline.rows().len() <= most {
        assert!(!timeline.trim_below(FIT));
        timeline.older();
    }
    let top = 1000 - timeline.rows().len();
    assert!(timeline.trim_below(FIT) && !timeline.trim_below(FIT));
    assert_eq!(shown(&timeline), rows(top, top + ABOVE + FIT));
    assert!(!timeline.follows());
    // New messages do not move what is shown.
    timeline.apply(vec![VectorDiff::PushBack { value: message(1000, "@a:x", 1_000_000) }]);
    assert_eq!(shown(&timeline).0, format!("i{top}"));
    timeline.to_end();
    assert_eq!(shown(&timeline), rows(1001 - WINDOW, 1001));
}

#[test]
fn history_loads_once_at_a_time_and_keeps_the_distance_from_the_end() {
    let mut timeline = Timeline::default();
    timeline.apply(vec![VectorDiff::Reset { values: many(10..200) }]);
    while timeline.older().0 == Older::Grew {}
    assert!(timeline.loading);
    assert_eq!(timeline.older().0, Older::Nothing);
    let keep = timeline.apply((0..10).rev().map(|n| VectorDiff::PushFront { value: message(n, "@a:x", 0) }).collect());
    assert_eq!(keep, Keep::End);
    assert_eq!(shown(&timeline).1, "i199");
    timeline.loading = false;
    timeline.at_start = true;
    while timeline.older().0 == Older::Grew {}
    assert_eq!(shown(&timeline).0, "i0");
    assert_eq!(timeline.older().0, Older::Nothing);
}

#[test]
fn history_comes_in_below_the_line_of_its_day() {
    let mut timeline = Timeline::default();
    let day = Item { id: "day".into(), kind: ItemKind::Day(0) };
    let values = std::iter::once(day).chain(many(100..200)).collect();
    timeline.apply(vec![VectorDiff::Reset { values }]);
    while timeline.older().0 == Older::Grew {}
    assert_eq!(shown(&timeline), ("day".into(), "i199".into(), 101));
    let earlier = (50..100).map(|n| VectorDiff::Insert { index: n - 49, value: message(n, "@a:x", n as i64 * 1000) });
    assert_eq!(timeline.apply(earlier.collect()), Keep::End);
    assert_eq!(shown(&timeline), ("i100".into(), "i199".into(), 100), "none of it is shown yet");
    timeline.loading = false;
    assert_eq!(timeline.older(), (Older::Grew, Keep::End));
    assert_eq!(shown(&timeline).0, format!("i{}", 100 - STEP));
}

#[test]
fn every_diff_is_applied() {
    let mut timeline = Timeline::default();
    let keep = timeline.apply(vec![
        VectorDiff::Append { values: many(0..4) },
        VectorDiff::PushBack { value: message(9, "@b:x", 0) },
        VectorDiff::PopFront,
        VectorDiff::Set { index: 0, value: message(7, "@a:x", 0) },
        VectorDiff::Remove { index: 1 },
        VectorDiff::Insert { index: 1, value: message(8, "@a:x", 0) },
        VectorDiff::PopBack,
        VectorDiff::Truncate { length: 2 },
    ]);
    assert_eq!(keep, Keep::Follow);
    assert_eq!(shown(&timeline), ("i7".into(), "i8".into(), 2));
    timeline.apply(vec![VectorDiff::Clear]);
    assert!(timeline.rows().is_empty());
    assert!(timeline.message("$e7").is_none());
}

#[test]
fn a_window_of_hidden_items_grows_to_what_can_be_seen() {
    let hidden = |n: usize| Item { id: format!("h{n}"), kind: ItemKind::Hidden };
    let mut timeline = Timeline::default();
    let values = many(0..200).into_iter().chain((0..500).map(hidden)).collect();
    timeline.apply(vec![VectorDiff::Reset { values }]);
    assert!(timeline.rows().is_empty() && !timeline.is_short(), "enough is known, and none of it shown");
    assert!(timeline.fill() && !timeline.fill());
    let before = timeline.rows().len();
    assert!(before >= WINDOW);
    timeline.older();
    assert_eq!(timeline.rows().len(), before + STEP);
    assert_eq!(shown(&timeline).1, "i199");
    assert!(!timeline.trim_below(FIT), "few rows stay, however many items there are");
}

#[test]
fn newer_rows_come_back() {
    let mut timeline = Timeline::default();
    timeline.apply(vec![VectorDiff::Reset { values: many(0..1000) }]);
    for _ in 0..MOST {
        timeline.older();
        timeline.trim_below(FIT);
    }
    assert!(!timeline.follows());
    while timeline.newer() {}
    assert!(timeline.follows());
    assert_eq!(shown(&timeline).1, "i999");
}

#[test]
fn the_window_moves_to_a_message_that_is_asked_for() {
    let mut timeline = Timeline::default();
    timeline.apply(vec![VectorDiff::Reset { values: many(0..1000) }]);
    assert_eq!(timeline.reveal("$e990").as_deref(), Some("i990"));
    let rows = |from: usize, to: usize| (format!("i{from}"), format!("i{}", to - 1), to - from);
    assert_eq!(shown(&timeline), rows(1000 - WINDOW, 1000), "what is shown already stays where it is");
    assert_eq!(timeline.reveal("$e10").as_deref(), Some("i10"));
    assert_eq!(shown(&timeline), rows(0, 10 + SCREEN / 2));
    assert_eq!(timeline.reveal("$e500").as_deref(), Some("i500"), "below the window too");
    assert_eq!(shown(&timeline), rows(500 - SCREEN / 2, 500 + SCREEN / 2));
    assert_eq!(timeline.reveal("$e1000"), None);
}

#[test]
fn what_could_not_be_loaded_is_not_asked_for_again_by_itself() {
    let mut timeline = Timeline::default();
    assert!(timeline.is_short() && timeline.load() && !timeline.load());
    timeline.page(Paging::Failed(Failure::ServerAway));
    assert!(!timeline.load());
    timeline.page(Paging::More);
    assert!(timeline.load());
    timeline.page(Paging::Start);
    assert!(!timeline.load() && !timeline.is_whole());
    let first = Item { id: "start".into(), kind: ItemKind::Start };
    timeline.apply(vec![VectorDiff::PushFront { value: first }, VectorDiff::Append { values: many(0..60) }]);
    assert!(timeline.is_whole() && !timeline.is_short());
    // The Matrix side let go of the history: it is loaded anew.
    timeline.apply(vec![VectorDiff::Clear]);
    assert!(timeline.load());
}
