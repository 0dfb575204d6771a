use ruma::user_id;

use super::{
    person::{ACTIVE_MS, GONE_MS, IDLE_MS},
    *,
};

fn presence() -> (Clock, Arc<Presence>) {
    let clock = Clock::manual(1_000_000);
    let ephemeral = Arc::new(Ephemeral::new(clock.now()));
    let presence = Presence { clock: clock.clone(), ephemeral, people: Mutex::default(), news: Notify::new() };
    (clock, Arc::new(presence))
}

fn state(presence: &Presence, user_id: &UserId) -> (PresenceState, bool) {
    let status = presence.status(user_id).0;
    (status.presence, status.currently_active)
}

#[tokio::test]
async fn one_comes_idles_returns_and_goes() {
    let (clock, presence) = presence();
    let alice = user_id!("@alice:x");
    let before = presence.position();
    let sync = presence.syncing(alice, &PresenceState::Online);
    assert_eq!(state(&presence, alice), (PresenceState::Online, true));
    assert!(presence.tell());
    assert_eq!(presence.since(before, |_| true).len(), 1);
    assert!(presence.since(before, |_| false).is_empty(), "only to those who may see it");
    let after = presence.position();
    presence.tell();
    assert!(presence.since(after, |_| true).is_empty(), "nothing changed");

    clock.advance(ACTIVE_MS);
    presence.tell();
    assert_eq!(state(&presence, alice), (PresenceState::Online, false));
    clock.advance(IDLE_MS);
    presence.tell();
    assert_eq!(state(&presence, alice), (PresenceState::Unavailable, false));
    let again = presence.syncing(alice, &PresenceState::Online);
    assert_eq!(state(&presence, alice).0, PresenceState::Unavailable, "a sync alone is no activity");
    presence.active(alice);
    assert_eq!(state(&presence, alice), (PresenceState::Online, true));
    drop((sync, again));
    assert!(presence.tell());
    clock.advance(GONE_MS);
    assert!(!presence.tell());
    assert_eq!(state(&presence, alice), (PresenceState::Offline, false));
    presence.active(alice);
    assert_eq!(state(&presence, alice).0, PresenceState::Offline, "activity without a sync does not bring one online");
}

#[tokio::test]
async fn who_was_idle_before_a_restart_is_so_after_it() {
    let (clock, presence) = presence();
    let alice = user_id!("@alice:x");
    let _before = presence.syncing(alice, &PresenceState::Online);
    clock.advance(IDLE_MS);
    presence.tell();
    let kept = presence.people.lock().get(alice).to_keep(alice.to_owned());
    presence.people.lock().by_id.insert(alice.to_owned(), Person::kept(kept, clock.now()));
    let after = presence.position();
    let _goes_on = presence.syncing(alice, &PresenceState::Online);
    presence.tell();
    assert_eq!(state(&presence, alice), (PresenceState::Unavailable, false));
    assert!(presence.changed_since(after).is_empty());
    presence.active(alice);
    assert_eq!(state(&presence, alice).0, PresenceState::Online);
}

#[tokio::test]
async fn a_sync_may_leave_the_presence_alone_or_ask_for_another() {
    let (_, presence) = presence();
    let alice = user_id!("@alice:x");
    assert!(presence.syncing(alice, &PresenceState::Offline).is_none());
    assert_eq!(state(&presence, alice).0, PresenceState::Offline);
    let _idle = presence.syncing(alice, &PresenceState::Unavailable);
    assert_eq!(state(&presence, alice).0, PresenceState::Unavailable);
    let _back = presence.syncing(alice, &PresenceState::Online);
    assert_eq!(state(&presence, alice).0, PresenceState::Online);
}

#[tokio::test]
async fn only_those_concerned_are_looked_at() {
    let (clock, presence) = presence();
    let waiting = |presence: &Presence| {
        let now = clock.now();
        presence.people.lock().due.iter().take_while(|(at, _)| *at <= now).count()
    };
    let people: Vec<OwnedUserId> =
        (0..1_000).map(|n| format!("@pupil{n}:x").try_into().expect("a user's id")).collect();
    let mut syncs: Vec<_> = people.iter().map(|id| presence.syncing(id, &PresenceState::Online)).collect();
    assert_eq!(waiting(&presence), 1_000);
    presence.tell();
    assert_eq!(waiting(&presence), 0);
    presence.active(&people[0]);
    syncs[1] = presence.syncing(&people[1], &PresenceState::Online);
    assert_eq!(waiting(&presence), 0, "neither activity nor a sync changes what others see of one who is here");
    syncs[2] = presence.syncing(&people[2], &PresenceState::Unavailable);
    assert_eq!(waiting(&presence), 1);
    let before = presence.position();
    presence.tell();
    assert_eq!(presence.changed_since(before), [people[2].clone()]);

    syncs.clear();
    clock.advance(GONE_MS);
    assert!(!presence.tell(), "everybody has gone");
    assert!(presence.people.lock().due.is_empty());
}
