use proptest::prelude::*;
use ruma::{owned_room_id, owned_user_id, user_id};

use super::*;
use crate::games::Illegal;

const ANNA: &str = "@anna:academy";
const IVAN: &str = "@ivan:academy";
const OLGA: &str = "@olga:academy";

fn user(id: &str) -> OwnedUserId {
    UserId::parse(id).unwrap()
}

fn created(kind: &str, invited: Option<&str>) -> Entry {
    Entry::Created {
        kind: kind.to_owned(),
        creator: owned_user_id!("@ivan:academy"),
        seat: Seat(0),
        invited: invited.map(user),
        lang: Lang::Ru,
        rematch_of: None,
        started_by: None,
        computer: None,
        deal: if kind == "hangman" { "школа".to_owned() } else { String::new() },
        native: false,
    }
}

/// A game between Ivan, who sits first, and Anna after these moves, as docs/games-events.md tells of it.
pub(crate) fn played(kind: &str, moves: &[&str]) -> Session {
    let created = Entry::Created {
        kind: kind.to_owned(),
        creator: owned_user_id!("@ivan:academy.example"),
        seat: Seat(0),
        invited: None,
        lang: Lang::Ru,
        rematch_of: None,
        started_by: Some(ruma::owned_event_id!("$start")),
        computer: None,
        deal: String::new(),
        native: false,
    };
    let joined = Entry::Joined { user: owned_user_id!("@anna:academy.example") };
    let mut session = Session::fold("k7qd2m-41", owned_room_id!("!r:academy.example"), [&created, &joined]).unwrap();
    for text in moves {
        let seat = session.turn().unwrap();
        let player = session.player(seat).unwrap().to_owned();
        let act = Act::Move { text: (*text).to_owned(), ply: None };
        let entry = session.decide(&player, &act).unwrap().unwrap();
        session.apply(&entry).unwrap();
    }
    session
}

struct Table {
    log: Vec<Entry>,
    session: Session,
}

impl Table {
    fn new(kind: &str, invited: Option<&str>) -> Self {
        let log = vec![created(kind, invited)];
        let session = Session::fold("g", owned_room_id!("!room:academy"), &log).unwrap();
        Self { log, session }
    }

    fn playing(kind: &str) -> Self {
        let mut table = Self::new(kind, None);
        table.act(ANNA, &Act::Join).unwrap();
        table
    }

    fn act(&mut self, who: &str, act: &Act) -> Result<bool, Refusal> {
        let entry = self.session.decide(&user(who), act)?;
        if let Some(entry) = &entry {
            self.session.apply(entry).unwrap();
            self.log.push(entry.clone());
        }
        Ok(entry.is_some())
    }

    fn mv(&mut self, who: &str, text: &str) -> Result<bool, Refusal> {
        self.act(who, &Act::Move { text: text.to_owned(), ply: None })
    }
}

#[test]
fn an_open_invitation_is_for_anyone_but_its_creator() {
    let mut table = Table::new("chess", None);
    assert_eq!(table.act(IVAN, &Act::Join), Err(Refusal::NotInvited));
    assert_eq!(table.mv(IVAN, "e4"), Err(Refusal::NotPlaying));
    assert_eq!(table.act(OLGA, &Act::Cancel), Err(Refusal::NotInvited));
    assert_eq!(table.act(ANNA, &Act::Join), Ok(true));
    assert_eq!(table.act(ANNA, &Act::Join), Ok(false));
    assert_eq!(table.act(OLGA, &Act::Join), Err(Refusal::NotWaiting));
    assert_eq!(table.session.seat_of(&user(ANNA)), Some(Seat(1)));
}

#[test]
fn a_directed_invitation_is_for_one() {
    let mut table = Table::new("chess", Some(ANNA));
    assert_eq!(table.act(OLGA, &Act::Join), Err(Refusal::NotInvited));
    assert_eq!(table.act(ANNA, &Act::Decline), Ok(true));
    assert_eq!(table.session.status, Status::Cancelled);
    assert_eq!(table.act(ANNA, &Act::Join), Err(Refusal::NotWaiting));
}

#[test]
fn moves_are_numbered() {
    let mut table = Table::playing("chess");
    let numbered = |text: &str, ply| Act::Move { text: text.to_owned(), ply: Some(ply) };
    assert_eq!(table.act(IVAN, &numbered("e2e4", 2)), Err(Refusal::StaleMove));
    assert_eq!(table.act(IVAN, &numbered("e2e4", 1)), Ok(true));
    assert_eq!(table.act(IVAN, &numbered("e2e4", 1)), Ok(false));
    assert_eq!(table.act(IVAN, &numbered("d2d4", 1)), Err(Refusal::StaleMove));
    assert_eq!(table.act(ANNA, &numbered("e2e4", 1)), Err(Refusal::StaleMove));
    assert_eq!(table.act(ANNA, &numbered("e7e5", 0)), Err(Refusal::StaleMove));
    assert_eq!(table.act(ANNA, &numbered("e7e5", u64::MAX)), Err(Refusal::StaleMove));
    assert_eq!(table.act(IVAN, &numbered("d2d4", 2)), Err(Refusal::Move(Illegal::NotYourTurn)));
    assert_eq!(table.act(OLGA, &numbered("e7e5", 2)), Err(Refusal::NotAPlayer));
    assert_eq!(table.act(ANNA, &numbered("e7e5", 2)), Ok(true));
    assert_eq!(table.session.moves.len(), 2);
}

#[test]
fn draw_offers() {
    let mut table = Table::playing("chess");
    assert_eq!(table.act(ANNA, &Act::AcceptDraw), Err(Refusal::NoDrawOffer));
    table.mv(IVAN, "e4").unwrap();
    assert_eq!(table.act(IVAN, &Act::Draw), Ok(true));
    assert_eq!(table.act(IVAN, &Act::Draw), Ok(false));
    assert_eq!(table.act(IVAN, &Act::AcceptDraw), Err(Refusal::NoDrawOffer));
    assert_eq!(table.act(ANNA, &Act::DeclineDraw), Ok(true));
    assert_eq!(table.act(IVAN, &Act::Draw), Err(Refusal::DrawOfferedAlready));
    table.mv(ANNA, "e5").unwrap();
    assert_eq!(table.act(IVAN, &Act::Draw), Err(Refusal::DrawOfferedAlready));
    table.mv(IVAN, "Nf3").unwrap();
    assert_eq!(table.act(IVAN, &Act::Draw), Ok(true));
    table.mv(ANNA, "Nc6").unwrap();
    assert_eq!(table.session.draw_offer, None);
    assert_eq!(table.act(ANNA, &Act::Draw), Ok(true));
    assert_eq!(table.act(IVAN, &Act::Draw), Ok(true));
    assert_eq!(table.session.status, Status::Finished(Ending { winner: None, reason: Reason::Agreement }));
    assert_eq!(table.mv(IVAN, "Bc4"), Err(Refusal::NotPlaying));
}

#[test]
fn a_repetition_is_claimed_by_either_player() {
    for who in [IVAN, ANNA] {
        let mut table = Table::playing("chess");
        assert_eq!(table.act(who, &Act::ClaimDraw), Err(Refusal::NoDrawClaim));
        for _ in 0..2 {
            for (player, text) in [(IVAN, "Nf3"), (ANNA, "Nf6"), (IVAN, "Ng1"), (ANNA, "Ng8")] {
                table.mv(player, text).unwrap();
            }
        }
        assert_eq!(table.session.draw_claim(), Some(Reason::ThreefoldRepetition));
        table.act(who, &Act::Draw).unwrap();
        assert_eq!(
            table.session.status,
            Status::Finished(Ending { winner: None, reason: Reason::ThreefoldRepetition })
        );
    }
}

#[test]
fn resigning_leaving_and_playing_again() {
    let mut table = Table::playing("tictactoe");
    assert_eq!(
        table.session.rematch(user_id!("@anna:academy"), Lang::Ru, ruma::event_id!("$e"), String::new(), false),
        Err(Refusal::NotFinished)
    );
    assert_eq!(table.session.without(&user(ANNA)), Some(Entry::Cancelled));
    table.mv(IVAN, "5").unwrap();
    assert_eq!(table.session.without(&user(ANNA)), Some(Entry::Left { seat: Seat(1) }));
    assert_eq!(table.session.without(&user(OLGA)), None);
    assert_eq!(table.act(OLGA, &Act::Resign), Err(Refusal::NotAPlayer));
    table.act(ANNA, &Act::Resign).unwrap();
    assert_eq!(table.session.status, Status::Finished(Ending { winner: Some(Seat(0)), reason: Reason::Resignation }));
    let again = table
        .session
        .rematch(user_id!("@anna:academy"), Lang::En, ruma::event_id!("$e"), String::new(), false)
        .unwrap();
    let Entry::Created { seat, creator, invited, .. } = again else {
        panic!("a rematch is a new game");
    };
    assert_eq!((seat, creator, invited), (Seat(0), user(ANNA), Some(user(IVAN))));
}

#[test]
fn a_damaged_log_is_an_error() {
    let room = owned_room_id!("!room:academy");
    for log in [
        vec![],
        vec![Entry::Cancelled],
        vec![created("chess", None), created("chess", None)],
        vec![created("go", None)],
        vec![
            created("chess", None),
            Entry::Joined { user: user(ANNA) },
            Entry::Moved { seat: Seat(0), mv: "e2e5".to_owned(), by: None },
        ],
    ] {
        assert!(Session::fold("g", room.clone(), &log).is_err(), "{log:?}");
    }
}

fn any_act() -> impl Strategy<Value = (usize, Act)> {
    let text = prop_oneof![(1u8..=9).prop_map(|cell| cell.to_string()), "[1-9a-zа-я]{0,4}"];
    let act = prop_oneof![
        8 => (text, prop::option::of(0u64..12)).prop_map(|(text, ply)| Act::Move { text, ply }),
        3 => Just(Act::Join),
        1 => Just(Act::Decline),
        1 => Just(Act::Cancel),
        1 => Just(Act::Resign),
        2 => Just(Act::Draw),
        1 => Just(Act::AcceptDraw),
        1 => Just(Act::DeclineDraw),
        1 => Just(Act::ClaimDraw),
    ];
    (0usize..3, act)
}

proptest! {
    /// Whatever is asked by whomever: what was accepted folds to the same session, through JSON, and a game that is over
    /// stays as it is.
    #[test]
    fn any_requests_fold(acts in prop::collection::vec(any_act(), 0..60)) {
        let mut table = Table::new("tictactoe", None);
        for (who, act) in acts {
            let who = [IVAN, ANNA, OLGA][who];
            let over = !table.session.is_open();
            let before = table.session.revision;
            let accepted = table.act(who, &act);
            prop_assert!(!(over && accepted == Ok(true)));
            prop_assert_eq!(table.session.revision, before + u64::from(accepted == Ok(true)));
        }
        let stored: Vec<Entry> = table
            .log
            .iter()
            .map(|entry| serde_json::from_str(&serde_json::to_string(entry).unwrap()).unwrap())
            .collect();
        let again = Session::fold("g", owned_room_id!("!room:academy"), &stored).unwrap();
        prop_assert_eq!(again.status, table.session.status);
        prop_assert_eq!(again.revision, table.session.revision);
        prop_assert_eq!(again.position().state(), table.session.position().state());
        prop_assert_eq!(again.players, table.session.players);
    }
}
