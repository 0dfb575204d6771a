//! What holds whatever a handful of people do in a room, in every version.
//!
//! The levels are read out of the events' JSON here, not by ruma, which decides what is allowed.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use proptest::{prelude::*, sample::select};
use ruma::{
    CanonicalJsonObject, CanonicalJsonValue,
    canonical_json::redact,
    events::{
        TimelineEventType,
        room::{member::MembershipState, power_levels::UserPowerLevel},
    },
    state_res::{check_pdu_format, check_state_dependent_auth_rules, check_state_independent_auth_rules},
};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::config::Rooms;

/// Who is there. The first makes the room, from version 12 on together with the second.
const USERS: [&str; 5] = ["a", "b", "c", "d", "x"];

/// Something that somebody tries.
#[derive(Clone, Debug)]
enum Action {
    Membership {
        sender: &'static str,
        target: &'static str,
        membership: &'static str,
        via: Option<&'static str>,
    },
    /// Laid over the power levels.
    Levels {
        sender: &'static str,
        patch: Value,
    },
    State {
        sender: &'static str,
        kind: &'static str,
        content: Value,
    },
    Say {
        sender: &'static str,
    },
    Redact {
        sender: &'static str,
    },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let who = || select(&USERS[..]);
    let membership = (
        (who(), who(), any::<bool>()),
        select(vec!["join", "join", "leave", "invite", "invite", "ban", "knock", "dance"]),
        proptest::option::of(who()),
    )
        .prop_map(|((sender, other, own), membership, via)| {
            let own = own || matches!(membership, "join" | "knock");
            Action::Membership { sender, target: if own { sender } else { other }, membership, via }
        });
    let level =
        select(vec![json!(-1), json!(0), json!(50), json!(60), json!(100), json!(101), json!("60"), json!(null)]);
    let key = prop_oneof![
        4 => who().prop_map(|name| ("users", user(name).to_string())),
        2 => select(vec!["m.room.power_levels", "m.room.join_rules", "m.room.topic", "m.room.message"])
            .prop_map(|kind| ("events", kind.to_owned())),
        1 => Just(("notifications", "room".to_owned())),
        4 => select(vec!["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"])
            .prop_map(|field| ("", field.to_owned())),
    ];
    let levels = (who(), key, level).prop_map(|(sender, (map, key), level)| {
        let patch = if map.is_empty() { json!({ key: level }) } else { json!({ map: { key: level } }) };
        Action::Levels { sender, patch }
    });
    let rule =
        (who(), select(vec!["public", "public", "invite", "knock", "restricted", "knock_restricted", "private"]))
            .prop_map(|(sender, rule)| Action::State {
                sender,
                kind: "m.room.join_rules",
                content: json!({ "join_rule": rule }),
            });
    let topic = (who(), any::<u8>()).prop_map(|(sender, n)| Action::State {
        sender,
        kind: "m.room.topic",
        content: json!({ "topic": n }),
    });
    let action = prop_oneof![
        8 => membership,
        6 => levels,
        2 => rule,
        1 => topic,
        2 => who().prop_map(|sender| Action::Say { sender }),
        1 => who().prop_map(|sender| Action::Redact { sender }),
    ];
    proptest::collection::vec(action, 40..60)
}

impl Action {
    fn draft(&self, room: &Room) -> Draft {
        match self {
            Self::Membership { sender, target, membership, via } => {
                let mut content = json!({ "membership": membership });
                if let Some(via) = via {
                    content["join_authorised_via_users_server"] = json!(user(via));
                }
                state(&user(sender), "m.room.member", user(target).as_str(), &content)
            }
            Self::Levels { sender, patch } => {
                let mut content = room.levels();
                merge(&mut content, patch);
                state(&user(sender), "m.room.power_levels", "", &content)
            }
            Self::State { sender, kind, content } => state(&user(sender), kind, "", content),
            Self::Say { sender } => {
                Draft::message(&user(sender), TimelineEventType::RoomMessage, CanonicalJsonObject::new())
            }
            Self::Redact { sender } => Draft {
                redacts: room.state.last_event.clone(),
                ..Draft::message(&user(sender), TimelineEventType::RoomRedaction, CanonicalJsonObject::new())
            },
        }
    }
}

/// Lets everybody in, and some be somebody: so most of what they try is decided by their levels.
fn furnish(room: &mut Room, join_rule: &str) {
    let mut levels = json!({ "users": { user("c"): 100, user("d"): 60 } });
    if !is_hash(&room.state.room_id) {
        levels["users"][user("a").as_str()] = json!(100);
    }
    let a = user("a");
    let member = |sender: &str, target: &str, membership: &str| {
        state(&user(sender), "m.room.member", user(target).as_str(), &json!({ "membership": membership }))
    };
    let mut drafts = vec![
        member("a", "a", "join"),
        state(&a, "m.room.power_levels", "", &levels),
        state(&a, "m.room.join_rules", "", &json!({ "join_rule": join_rule })),
    ];
    drafts.extend(USERS[1..].iter().flat_map(|name| [member("a", name, "invite"), member(name, name, "join")]));
    for draft in drafts {
        room.append(draft).expect("the room is furnished");
    }
}

/// A level, an integer or before version 10 a string.
fn level(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The level that a user is given by name.
fn own_level(room: &RoomState, user_id: &UserId) -> Option<i64> {
    level(&levels_of(room)["users"][user_id.as_str()])
}

/// The level of those who have none of their own.
fn default_level(room: &RoomState) -> i64 {
    level(&levels_of(room)["users_default"]).unwrap_or(0)
}

/// Whether a user stands above all levels: a creator, from version 12 on.
fn stands_above(room: &RoomState, user_id: &UserId) -> bool {
    is_hash(&room.room_id) && ["a", "b"].map(user).iter().any(|creator| creator == user_id)
}

/// The power of a user, by the words of the specification.
fn power(room: &RoomState, user_id: &UserId) -> i64 {
    if stands_above(room, user_id) {
        return i64::MAX;
    }
    if room.get(&StateEventType::RoomPowerLevels, "").is_none() {
        return if *user_id == user("a") { 100 } else { 0 };
    }
    own_level(room, user_id).unwrap_or_else(|| default_level(room))
}

/// What no event may have done.
fn check_step(before: &RoomState, after: &RoomState, event: &Event) {
    let sender = &*event.sender;
    let strength = power(before, sender);
    assert_ne!(before.membership(sender), Some(&MembershipState::Ban), "nobody who is banned does anything: {event:?}");
    if event.kind != TimelineEventType::RoomMember {
        assert!(before.is_joined(sender), "who is outside says nothing: {event:?}");
    }
    if let (Some(membership), Some(key)) = (&event.membership, &event.state_key) {
        let target = <&UserId>::try_from(key.as_str()).expect("a user");
        let was = before.membership(target);
        match membership {
            MembershipState::Join | MembershipState::Knock => assert_eq!(sender, target),
            MembershipState::Invite => {
                assert!(!matches!(was, Some(MembershipState::Join | MembershipState::Ban)), "{event:?}");
            }
            _ if sender == target => assert_eq!(*membership, MembershipState::Leave),
            _ => {
                assert!(strength > power(before, target), "nobody removes whom they are not above: {event:?}");
                assert!(!stands_above(before, target), "creators are nobody's to remove: {event:?}");
            }
        }
    }
    for name in USERS {
        let user_id = user(name);
        let (was, is) = (power(before, &user_id), power(after, &user_id));
        if stands_above(before, &user_id) {
            assert_eq!((was, own_level(after, &user_id)), (i64::MAX, None), "creators have no level: {event:?}");
        }
        if before.get(&StateEventType::RoomPowerLevels, "").is_none() {
            continue;
        }
        // A level that one has by default counts as none: one's own may be set in its place, whatever it is.
        if let Some(own) = own_level(before, &user_id)
            && own >= strength
            && *user_id != *sender
        {
            assert_eq!(own_level(after, &user_id), Some(own), "nobody changes who is not below them: {event:?}");
        }
        // Who loses a level of their own falls, or rises, to the default that was there before.
        let most = strength.max(was).max(default_level(before));
        assert!(is <= most, "nobody has more from another than that one has: {was} to {is} by {strength}: {event:?}");
    }
}

/// What the server's own view of a room must be.
fn check_view(room: &Room) {
    let levels = room.state.power_levels();
    for name in USERS {
        let user_id = user(name);
        let expected = match power(&room.state, &user_id) {
            i64::MAX => UserPowerLevel::Infinite,
            level => UserPowerLevel::Int(level.try_into().expect("a level")),
        };
        assert_eq!(levels.for_user(&user_id), expected, "{name}: {levels:?}");
    }
    let count = |wanted: MembershipState| {
        USERS.iter().filter(|name| room.state.membership(&user(name)) == Some(&wanted)).count() as u64
    };
    assert_eq!(room.state.joined_count, count(MembershipState::Join));
    assert_eq!(room.state.invited_count, count(MembershipState::Invite));
    if room.state.rules.authorization.integer_power_levels {
        assert!(!room.levels().to_string().contains("\"60\""), "from version 10 on levels are integers");
    }
}

/// What is selected of the room's state for an event is enough to allow it, and nothing but what the rules ask for.
fn check_authorized(room: &Room, event: &Arc<Event>) {
    let rules = &room.state.rules.authorization;
    check_state_independent_auth_rules(rules, &**event, |id| room.event(&id.to_owned())).expect("its auth events fit");
    let create = &room.events[0];
    let mut selected: Vec<Arc<Event>> =
        event.graph.auth_events.iter().map(|id| room.event(id).expect("it is of this room")).collect();
    if rules.room_create_event_id_as_room_id {
        assert!(!event.graph.auth_events.contains(&create.event_id), "the room's id says so already");
        selected.push(create.clone());
    }
    check_state_dependent_auth_rules(rules, &**event, |kind, key| {
        selected.iter().find(|of| of.state_type() == *kind && of.state_key.as_deref() == Some(key)).cloned()
    })
    .expect("its auth events allow it");
}

/// An event as other servers would have it.
fn pdu(room: &Room, event: &Event) -> CanonicalJsonObject {
    let create = event.kind == TimelineEventType::RoomCreate;
    let mut content: Value = event.content_as().expect("an object");
    let mut pdu = json!({
        "auth_events": event.graph.auth_events,
        "prev_events": event.graph.prev_events,
        "depth": event.graph.depth,
        "hashes": { "sha256": event.graph.hash },
        "origin_server_ts": event.origin_server_ts,
        "sender": event.sender,
        "type": event.kind.to_string(),
    });
    if !(create && is_hash(&room.state.room_id)) {
        pdu["room_id"] = json!(room.state.room_id);
    }
    if let Some(key) = &event.state_key {
        pdu["state_key"] = json!(key);
    }
    if let (Some(redacts), false) = (&event.redacts, room.state.rules.redaction.content_field_redacts) {
        // Clients see it in both places.
        content.as_object_mut().unwrap().remove("redacts");
        pdu["redacts"] = json!(redacts);
    }
    pdu["content"] = content;
    canonical_content(&pdu).unwrap()
}

/// An event's id is its reference hash, its hash that of its content, its format its version's.
fn check_hashes(room: &Room, event: &Event) {
    let sha256 = |object: &CanonicalJsonObject| {
        // Its map is sorted and holds integers: what serde_json writes is canonical.
        Sha256::digest(serde_json::to_string(object).expect("JSON"))
    };
    let pdu = pdu(room, event);
    check_pdu_format(&pdu, &room.state.rules.event_format).expect("a good event");
    let reference = redact(pdu.clone(), &room.state.rules.redaction, None).expect("a good event");
    assert_eq!(event.event_id.as_str()[1..], URL_SAFE_NO_PAD.encode(sha256(&reference)), "{pdu:?}");
    let mut content = pdu;
    let hashes = content.remove("hashes").expect("hashes");
    let CanonicalJsonValue::Object(hashes) = hashes else { panic!("an object") };
    assert_eq!(hashes["sha256"].as_str(), Some(&*STANDARD_NO_PAD.encode(sha256(&content))), "{content:?}");
}

/// The same events, made again one after the other, make the same room.
fn check_replay(room: &Room, mut again: Room) {
    for event in &room.events[1..] {
        let draft = Draft {
            sender: event.sender.clone(),
            kind: event.kind.clone(),
            state_key: event.state_key.clone(),
            content: canonical_content(&pdu(room, event)["content"]).unwrap(),
            redacts: event.redacts.clone(),
            delay_id: None,
            transaction: None,
            origin_server_ts: Some(event.origin_server_ts),
            words: None,
        };
        let repeated = again.append(draft).expect("what was allowed once is allowed again");
        assert_eq!((&repeated.event_id, &repeated.json), (&event.event_id, &event.json));
    }
    let ids = |room: &Room| {
        let mut ids: Vec<_> = room.state.all().map(|event| event.event_id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(room), ids(&again));
    assert_eq!((&room.state.last_event, room.state.depth), (&again.state.last_event, again.state.depth));
}

proptest! {
    // Each case is played in seven versions.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn power_is_never_overstepped(actions in actions(), public in any::<bool>()) {
        for version in Rooms::VERSIONS {
            let created = || Room::created(&version, json!({ "additional_creators": [user("b")] }));
            let mut room = created();
            furnish(&mut room, if public { "public" } else { "invite" });
            for action in &actions {
                let before = room.state.clone();
                let Ok(event) = room.append(action.draft(&room)) else { continue };
                check_step(&before, &room.state, &event);
                check_view(&room);
            }
            for event in &room.events {
                check_hashes(&room, event);
            }
            for event in &room.events[1..] {
                check_authorized(&room, event);
            }
            check_replay(&room, created());
        }
    }
}
