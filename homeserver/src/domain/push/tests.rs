use std::time::Instant;

use ruma::{
    RoomVersionId, owned_room_id,
    push::{ConditionalPushRule, NewPatternedPushRule, NewSimplePushRule},
    user_id,
};
use serde_json::json;

use super::*;
use crate::domain::event::{Graph, Parts};

fn event(content: &serde_json::Value) -> Event {
    event_of("m.room.message", content)
}

fn event_of(kind: &str, content: &serde_json::Value) -> Event {
    let parts = Parts {
        position: 1,
        event_id: ruma::owned_event_id!("$event"),
        room_id: owned_room_id!("!room:x"),
        sender: user_id!("@bob:x").to_owned(),
        kind: kind.into(),
        state_key: None,
        origin_server_ts: 1,
        graph: Graph::default(),
        replaces: None,
        prev_content: None,
        transaction: None,
        redacted_by: None,
    };
    Event::sent(parts, serde_json::value::to_raw_value(content).unwrap(), None).unwrap()
}

fn room(members: u64) -> RoomState {
    let mut room = RoomState::new(owned_room_id!("!room:x"), RoomVersionId::V11).unwrap();
    room.joined_count = members;
    room
}

/// One who has subscribed to no thread, and a room.
fn context(room: &RoomState, user_id: &UserId) -> PushConditionRoomCtx {
    Rules::default().context(room, user_id)
}

fn rule(id: &str, pattern: &str) -> NewPushRule {
    NewPushRule::Content(NewPatternedPushRule::new(id.to_owned(), pattern.to_owned(), vec![Action::Notify]))
}

fn ids(rules: &Ruleset) -> Vec<&str> {
    rules.content.iter().map(|rule| rule.rule_id.as_str()).collect()
}

#[test]
fn the_default_rules_notify_of_messages_and_highlight_mentions() {
    let alice = user_id!("@alice:x");
    let rules = Ruleset::server_default(alice);
    let (class, dm) = (context(&room(20), alice), context(&room(2), alice));
    let notified = Verdict { notify: true, highlight: false };
    let highlighted = Verdict { notify: true, highlight: true };

    let text = event(&json!({ "msgtype": "m.text", "body": "hello" }));
    assert_eq!(evaluate(&rules, &text, &class), notified);
    assert_eq!(evaluate(&rules, &text, &dm), notified);
    assert_eq!(evaluate(&rules, &text, &context(&room(20), user_id!("@bob:x"))), Verdict::default(), "one's own");
    let notice = event(&json!({ "msgtype": "m.notice", "body": "hello" }));
    assert_eq!(evaluate(&rules, &notice, &class), Verdict::default());
    let mention = event(&json!({ "msgtype": "m.text", "body": "a", "m.mentions": { "user_ids": ["@alice:x"] } }));
    assert_eq!(evaluate(&rules, &mention, &class), highlighted);
    let everybody = event(&json!({ "msgtype": "m.text", "body": "a", "m.mentions": { "room": true } }));
    assert_eq!(evaluate(&rules, &everybody, &class), notified, "who may not notify the room does not highlight");
    let edit =
        json!({ "msgtype": "m.text", "body": "a", "m.relates_to": { "rel_type": "m.replace", "event_id": "$a" } });
    assert_eq!(evaluate(&rules, &event(&edit), &class), Verdict::default());
}

/// <https://github.com/matrix-org/matrix-spec-proposals/pull/3930>
#[test]
fn polls_notify_and_answers_to_them_do_not() {
    let alice = user_id!("@alice:x");
    let rules = Ruleset::server_default(alice);
    for members in [2, 20] {
        let context = context(&room(members), alice);
        let notifies = |kind: &str| {
            let event = event_of(&format!("org.matrix.msc3381.poll.{kind}"), &json!({}));
            let actions = actions(&rules, &event, &context);
            (actions.iter().any(Action::should_notify), actions.iter().any(|action| action.sound().is_some()))
        };
        assert_eq!(notifies("start"), (true, members == 2), "as a message does");
        assert_eq!(notifies("end"), (true, members == 2));
        assert_eq!(notifies("response"), (false, false));
    }
}

/// <https://github.com/matrix-org/matrix-spec-proposals/pull/4306>
#[test]
fn who_follows_threads_is_notified_of_those_alone() {
    let alice = user_id!("@alice:x");
    let others = Rules { set: merged(alice, None).unwrap(), ..Rules::default() };
    let threads = Arc::new(HashSet::from([ruma::owned_event_id!("$followed")]));
    let mut rules = Rules { set: Ruleset::server_default(alice), threads };
    let reply = |root: &str, mentioned: &[&UserId]| {
        let relates_to = json!({ "rel_type": "m.thread", "event_id": root });
        let mentions = json!({ "user_ids": mentioned });
        event(&json!({ "msgtype": "m.text", "body": "a", "m.mentions": mentions, "m.relates_to": relates_to }))
    };
    let (class, dm) = (room(20), room(2));
    let notifies = |rules: &Rules, event: &Event| {
        let verdicts = [&class, &dm].map(|room| evaluate(&rules.set, event, &rules.context(room, alice)).notify);
        assert_eq!(verdicts[0], verdicts[1], "the size of the room does not matter");
        verdicts[0]
    };
    for root in ["$followed", "$other"] {
        assert!(notifies(&others, &reply(root, &[])), "to others the stable specification's rules apply");
        assert!(notifies(&rules, &reply(root, &[alice])), "who is meant is told");
    }
    assert!(notifies(&rules, &reply("$followed", &[])));
    assert!(!notifies(&rules, &reply("$other", &[])));
    assert!(notifies(&rules, &event(&json!({ "msgtype": "m.text", "body": "in no thread" }))));

    let quiet = NewPushRule::Room(NewSimplePushRule::new(owned_room_id!("!room:x"), vec![]));
    insert(&mut rules.set, quiet, None, None).unwrap();
    assert!(notifies(&rules, &reply("$followed", &[])), "also where the room is quiet");
    set_enabled(&mut rules.set, RuleKind::PostContent, ".io.element.msc4306.rule.subscribed_thread", false).unwrap();
    let stored = serde_json::to_string(&PushRulesEventContent::new(rules.set)).unwrap();
    rules.set = merged(alice, Some(&stored)).unwrap();
    assert_eq!(rules.set.postcontent.len(), 2, "who has the rules keeps them");
    assert!(!notifies(&rules, &reply("$followed", &[])), "and may switch them off");
}

#[test]
fn a_person_changes_the_rules() {
    let alice = user_id!("@alice:x");
    let mut rules = Ruleset::server_default(alice);
    let context = context(&room(20), alice);
    let cake = event(&json!({ "msgtype": "m.text", "body": "there is cake" }));
    let quiet = NewPushRule::Room(NewSimplePushRule::new(owned_room_id!("!room:x"), vec![]));
    insert(&mut rules, quiet, None, None).unwrap();
    assert!(!evaluate(&rules, &cake, &context).notify, "the room is quiet");
    insert(&mut rules, rule("cake", "cake"), None, None).unwrap();
    assert!(evaluate(&rules, &cake, &context).notify, "but cake is not");
    set_enabled(&mut rules, RuleKind::Content, "cake", false).unwrap();
    assert!(!evaluate(&rules, &cake, &context).notify);
    set_enabled(&mut rules, RuleKind::Override, ".m.rule.master", true).unwrap();
    remove(&mut rules, RuleKind::Room, "!room:x").unwrap();
    assert!(!evaluate(&rules, &cake, &context).notify, "nothing notifies");
    assert!(remove(&mut rules, RuleKind::Override, ".m.rule.master").is_err());
}

#[test]
fn rules_are_placed_by_others() {
    let mut rules = Ruleset::server_default(user_id!("@alice:x"));
    for id in ["a", "b", "c"] {
        insert(&mut rules, rule(id, id), None, None).unwrap();
    }
    assert_eq!(ids(&rules), ["c", "b", "a"], "a new one is the most important");
    insert(&mut rules, rule("c", "c"), Some("a"), None).unwrap();
    assert_eq!(ids(&rules), ["b", "a", "c"], "moved behind the last");
    set_enabled(&mut rules, RuleKind::Content, "c", false).unwrap();
    insert(&mut rules, rule("c", "c"), None, Some("a")).unwrap();
    assert_eq!(ids(&rules), ["b", "c", "a"]);
    assert!(!rules.content[1].enabled, "moving it does not switch it on");
    insert(&mut rules, rule("a", "other"), None, None).unwrap();
    assert_eq!(ids(&rules), ["b", "c", "a"], "a change alone moves nothing");

    for (id, after, before) in
        [(".a", None, None), ("a/b", None, None), ("a\\b", None, None), ("d", Some("x"), None), ("d", Some("d"), None)]
    {
        assert!(insert(&mut rules.clone(), rule(id, "x"), after, before).is_err(), "{id} {after:?} {before:?}");
    }
    assert!(insert(&mut rules.clone(), rule("d", "x"), None, Some(".m.rule.master")).is_err());
    assert!(insert(&mut rules, rule("d", "x"), Some("a"), Some("b")).is_err(), "b stands above a");
}

#[test]
fn stored_changes_meet_new_defaults() {
    let alice = user_id!("@alice:x");
    let mut rules = Ruleset::server_default(alice);
    insert(&mut rules, rule("cake", "cake"), None, None).unwrap();
    set_enabled(&mut rules, RuleKind::Override, ".m.rule.suppress_notices", false).unwrap();
    rules.override_.insert(ConditionalPushRule::server_acl());
    let stored = serde_json::to_string(&PushRulesEventContent::new(rules)).unwrap();
    let merged = merged(alice, Some(&stored)).unwrap();
    assert_eq!(ids(&merged), ["cake"]);
    let notices = merged.get(RuleKind::Override, ".m.rule.suppress_notices").unwrap();
    assert!(!notices.enabled());
    assert_eq!(merged.override_.len(), Ruleset::server_default(alice).override_.len());
}

#[test]
fn evaluation_is_quick() {
    let alice = user_id!("@alice:x");
    let rules = Ruleset::server_default(alice);
    let room = room(500);
    let text = event(&json!({ "msgtype": "m.text", "body": "a message of the usual length, give or take a word" }));
    let rounds = 1_000;
    let started = Instant::now();
    for _ in 0..rounds {
        assert!(evaluate(&rules, &text, &context(&room, alice)).notify);
    }
    let each = started.elapsed() / rounds;
    println!("a context and an evaluation: {each:?}");
    // A debug build on a busy machine; an optimised one takes a few microseconds.
    assert!(each.as_millis() < 5, "{each:?}");
}
