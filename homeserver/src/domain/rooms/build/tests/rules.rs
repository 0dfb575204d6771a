//! The rules one by one: rules.txt is the table, this file reads it.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ruma::{
    CanonicalJsonObject, RoomVersionId,
    events::TimelineEventType,
    owned_room_id,
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Value, json};

use super::*;
use crate::{config::Rooms, error::ApiError};

const TABLE: &str = include_str!("rules.txt");

/// What FIELD stands for.
const FIELDS: [&str; 7] = ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"];

/// The room versions, each with its number.
fn versions() -> impl Iterator<Item = (u8, RoomVersionId)> {
    Rooms::VERSIONS.into_iter().map(|version| (version.as_str().parse().expect("a number"), version))
}

#[test]
fn the_specifications_rules_one_by_one() {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut verdicts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, steps)) = line.strip_prefix("let ").and_then(|line| line.split_once(" = ")) {
            names.insert(name, steps);
            continue;
        }
        let [head, before, event] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}")
        };
        let [rule, range, verdict] = head.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("a rule, versions, a verdict: {line}")
        };
        verdicts.entry(rule).or_default().insert(verdict);
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let range: std::ops::RangeInclusive<u8> = first.parse().unwrap()..=last.parse().unwrap();
        let before: Vec<&str> =
            before.split("; ").flat_map(|step| names.get(step).copied().unwrap_or(step).split("; ")).collect();
        let fields = if line.contains("FIELD") { &FIELDS[..] } else { &[""][..] };
        for (number, version) in versions().filter(|(number, _)| range.contains(number)) {
            for field in fields {
                let mut room = prepared(number, &version, &before, field);
                let draft = draft(&room, &event.replace("FIELD", field));
                match (room.append(draft), verdict) {
                    (Ok(_), "allowed") | (Err(ApiError::Matrix { .. }), "refused") => {}
                    (answer, _) => panic!("version {number}, {field}: {line}\n{answer:?}"),
                }
            }
        }
    }
    let both = BTreeSet::from(["allowed", "refused"]);
    let half: Vec<_> = verdicts.iter().filter(|(_, verdicts)| **verdicts != both).collect();
    assert!(half.is_empty(), "a rule allows something and refuses something: {half:?}");
    assert!(verdicts.len() > 35, "the table is whole");
}

/// A room in which some steps have been taken, all of which must be allowed.
fn prepared(number: u8, version: &RoomVersionId, steps: &[&str], field: &str) -> Room {
    let mut content = json!({});
    if steps.contains(&"local") {
        content["m.federate"] = json!(false);
    }
    if steps.contains(&"with b") {
        content["additional_creators"] = json!([user("b")]);
    }
    let mut room = Room::created(version, content);
    let levels = if number < 12 { r#"a levels {"users": {"a": 100}}"# } else { "a levels {}" };
    let all = ["a join a", levels, "a rule invite"];
    let setup = if steps.contains(&"bare") { &all[..0] } else { &all[..] };
    let steps = steps.iter().filter(|step| !["", "bare", "local", "with b"].contains(*step));
    for step in setup.iter().chain(steps) {
        let draft = draft(&room, &step.replace("FIELD", field));
        room.append(draft).unwrap_or_else(|error| panic!("version {number}, {field}: {step}: {error}"));
    }
    room
}

/// A step as the draft of an event.
fn draft(room: &Room, step: &str) -> Draft {
    let [sender, verb, rest] = [0, 1, 2].map(|n| step.splitn(3, ' ').nth(n).unwrap_or_default());
    let sender = user(sender);
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|e| panic!("{step}: {e}"));
    match verb {
        "say" => Draft::message(&sender, TimelineEventType::RoomMessage, CanonicalJsonObject::new()),
        "send" => Draft::message(&sender, first.into(), canonical_content(&parsed(second)).unwrap()),
        "redact" => Draft {
            redacts: room.state.last_event.clone(),
            ..Draft::message(&sender, TimelineEventType::RoomRedaction, CanonicalJsonObject::new())
        },
        "levels" => {
            let mut patch = parsed(rest);
            if let Some(Value::Object(users)) = patch.get_mut("users") {
                let full = |name: String| if name.len() == 1 { user(&name).to_string() } else { name };
                *users = std::mem::take(users).into_iter().map(|(name, level)| (full(name), level)).collect();
            }
            let mut content = room.levels();
            merge(&mut content, &patch);
            state(&sender, "m.room.power_levels", "", &content)
        }
        "rule" => state(&sender, "m.room.join_rules", "", &json!({ "join_rule": rest })),
        "state" => {
            let key = match second.strip_prefix('@') {
                Some(name) => user(name).to_string(),
                None => second.trim_matches('-').to_owned(),
            };
            state(&sender, first, &key, &json!({}))
        }
        membership => {
            let mut content = json!({ "membership": membership });
            if let Some(via) = second.strip_prefix("via ") {
                content["join_authorised_via_users_server"] = json!(user(via));
            }
            state(&sender, "m.room.member", user(first).as_str(), &content)
        }
    }
}

/// Rule 1.
#[test]
fn a_room_begins_with_its_create_event() {
    let creator = user("a");
    let create = |content: Value| state(&creator, "m.room.create", "", &content);
    for (number, version) in versions() {
        let made = |room: &str, content: Value| {
            create_event(&version, room.try_into().expect("a room id"), create(content), NOW, 1)
        };
        let ours = "!room:parta.test";
        let good = json!({ "creator": creator, "room_version": version });
        let (room, event) = made(ours, good.clone()).expect("a create event");
        assert_eq!(is_hash(&room.room_id), number >= 12, "{number}");
        assert_eq!(room.room_id.as_str()[1..] == event.event_id.as_str()[1..], number >= 12, "{number}");

        // 1.1: it is the first event.
        let mut room = Room::created(&version, json!({}));
        assert!(room.append(create(good.clone())).is_err(), "{number}");
        // 1.2: the room is the creator's server's; from version 12 on it has no id but the event's.
        assert_eq!(made("!room:other.test", good.clone()).is_ok(), number >= 12, "{number}");
        // 1.4: before version 11 it names its creator, from version 12 on it may name more.
        assert_eq!(made(ours, json!({ "room_version": version })).is_ok(), number >= 11, "{number}");
        for (further, known) in [
            (json!([user("b")]), true),
            (json!([]), true),
            (json!("@b:parta.test"), false),
            (json!(["b"]), false),
            (json!([7]), false),
        ] {
            let mut content = good.clone();
            content["additional_creators"] = further.clone();
            assert_eq!(made(ours, content).is_ok(), known || number < 12, "{number}: {further}");
        }
    }
    // 1.3: its version is known.
    let unknown = RoomVersionId::try_from("org.example.unknown").expect("an id");
    assert!(create_event(&unknown, owned_room_id!("!room:parta.test"), create(json!({})), NOW, 1).is_err());
}

/// Rule 4.4.1: an invitation of somebody who was known by an address only, made good by a signature.
#[test]
fn an_invitation_through_a_third_party_needs_its_signature() {
    let key = |version: &str| Ed25519KeyPair::from_der(&Ed25519KeyPair::generate(), version.to_owned()).expect("a key");
    let (known, unknown) = (key("1"), key("2"));
    let public = |key: &Ed25519KeyPair| STANDARD_NO_PAD.encode(key.public_key());
    let signed = |by: &Ed25519KeyPair, mxid: &str, token: &str| {
        let mut signed = canonical_content(&json!({ "mxid": user(mxid), "token": token })).unwrap();
        sign_json("identity.test", by, &mut signed).expect("a signature");
        json!({ "signed": signed })
    };
    let without = |field: &str| {
        let mut invitation = signed(&known, "b", "token");
        invitation["signed"].as_object_mut().unwrap().remove(field);
        invitation
    };
    for (number, version) in versions() {
        let attempt = |before: &str, keys: Value, sender: &str, invitation: &Value| {
            let mut room = prepared(number, &version, &[before, "a invite c", "c join c"], "");
            room.append(state(&user("a"), "m.room.third_party_invite", "token", &keys)).expect("an invitation");
            let content = json!({ "membership": "invite", "third_party_invite": invitation });
            room.append(state(&user(sender), "m.room.member", user("b").as_str(), &content)).is_ok()
        };
        let one = json!({ "public_key": public(&known) });
        let several = json!({ "public_keys": [{ "public_key": public(&unknown) }, { "public_key": public(&known) }] });
        let good = signed(&known, "b", "token");
        assert!(attempt("", one.clone(), "a", &good), "{number}: 4.4.1.7.1");
        assert!(attempt("", several, "a", &good), "{number}: 4.4.1.7.2");
        assert!(!attempt("a ban b", one.clone(), "a", &good), "{number}: 4.4.1.1");
        assert!(!attempt("", one.clone(), "a", &json!({})), "{number}: 4.4.1.2");
        for field in ["mxid", "token"] {
            assert!(!attempt("", one.clone(), "a", &without(field)), "{number}: 4.4.1.3");
        }
        assert!(!attempt("", one.clone(), "a", &signed(&known, "d", "token")), "{number}: 4.4.1.4");
        assert!(!attempt("", one.clone(), "a", &signed(&known, "b", "other")), "{number}: 4.4.1.5");
        assert!(!attempt("", one.clone(), "c", &good), "{number}: 4.4.1.6");
        assert!(!attempt("", one.clone(), "a", &signed(&unknown, "b", "token")), "{number}: 4.4.1.8");
        assert!(!attempt("", one, "a", &without("signatures")), "{number}: 4.4.1.8");
    }
}
