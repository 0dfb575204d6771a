//! Battleship as it is played in Russian schools: ten ships that do not touch, and who hits fires again.

use std::fmt::Write as _;

use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{
    Ending, Hand, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName,
    grid::{self, letter},
};
use crate::words::Lang;

mod fleet;

use fleet::{Fleet, SHIPS, SIDE};

/// The game.
pub(super) struct Battleship;

/// The columns in Russian, as on squared paper: without ё and й.
const RUSSIAN: [char; SIDE] = ['а', 'б', 'в', 'г', 'д', 'е', 'ж', 'з', 'и', 'к'];

const SEATS: [SeatName; 2] = [
    SeatName { id: "first", ru: "первый флот", en: "first fleet", choices: &["first", "первый", "1"] },
    SeatName {
        id: "second", ru: "второй флот", en: "second fleet", choices: &["second", "второй", "2"]
    },
];

impl Rules for Battleship {
    fn kind(&self) -> &'static str {
        "battleship"
    }

    fn title(&self, lang: Lang) -> &'static str {
        lang.pick("Морской бой", "Battleship")
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        lang.pick(&["морской", "морской-бой", "морскойбой", "бой"], &["battleship", "ships"])
    }

    fn seats(&self) -> &'static [SeatName] {
        &SEATS
    }

    fn creator_seat(&self) -> Option<Seat> {
        None
    }

    fn start(&self) -> Box<dyn Position> {
        Box::new(Battle::new([Fleet::default(), Fleet::default()], Lang::default()))
    }

    fn deal(&self, _lang: Lang, rng: &mut StdRng) -> String {
        format!("{} {}", Fleet::lay(rng), Fleet::lay(rng))
    }

    fn begin(&self, deal: &str, lang: Lang) -> Option<Box<dyn Position>> {
        let words: Vec<&str> = deal.split(' ').collect();
        let (first, second) = words.split_at_checked(SHIPS.len())?;
        let fleets = [Fleet::read(first.iter().copied())?, Fleet::read(second.iter().copied())?];
        Some(Box::new(Battle::new(fleets, lang)))
    }

    fn describe_move(&self, _ply: usize, notation: &str, _lang: Lang) -> String {
        notation.to_owned()
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        lang.pick(
            "Выстрел: клетка сообщением, например в5. Свои корабли: !корабли; расставить иначе: !переставить.",
            "To fire: a cell as a message, such as c5. Your own ships: !fleet; to lay them anew: !shuffle.",
        )
    }
}

/// What is known of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// Fired at, and only water.
    Miss,
    /// Beside a ship that is sunk.
    Water,
    Hit,
    Sunk,
}

/// One player's sea.
#[derive(Debug, Clone)]
struct Sea {
    fleet: Fleet,
    known: Vec<Known>,
}

/// What a shot did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shot {
    Miss,
    Hit,
    Sunk,
}

impl Shot {
    fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Miss => lang.pick("мимо", "miss"),
            Self::Hit => lang.pick("ранил", "hit"),
            Self::Sunk => lang.pick("убил", "sunk"),
        }
    }
}

impl Sea {
    fn new(fleet: Fleet) -> Self {
        Self { fleet, known: vec![Known::Nothing; SIDE * SIDE] }
    }

    fn fire(&mut self, cell: usize) -> Shot {
        let Some(ship) = self.fleet.ship_at(cell).map(<[usize]>::to_vec) else {
            self.known[cell] = Known::Miss;
            return Shot::Miss;
        };
        self.known[cell] = Known::Hit;
        if ship.iter().any(|cell| self.known[*cell] != Known::Hit) {
            return Shot::Hit;
        }
        for near in fleet::around(&ship).filter(|near| self.known[*near] == Known::Nothing).collect::<Vec<_>>() {
            self.known[near] = Known::Water;
        }
        for cell in ship {
            self.known[cell] = Known::Sunk;
        }
        Shot::Sunk
    }

    fn is_sunk(&self) -> bool {
        self.fleet.ships().all(|ship| self.known[ship[0]] == Known::Sunk)
    }

    /// Every cell as a letter; ships that nobody has found only with `open`.
    fn cells(&self, open: bool) -> String {
        let cell = |(cell, known): (usize, &Known)| match known {
            Known::Nothing if open && self.fleet.ship_at(cell).is_some() => 's',
            Known::Nothing => '.',
            Known::Miss => 'o',
            Known::Water => '-',
            Known::Hit => 'x',
            Known::Sunk => '#',
        };
        self.known.iter().enumerate().map(cell).collect()
    }

    fn picture(&self, open: bool, lang: Lang) -> String {
        let mut picture = String::from("  ");
        for (column, russian) in RUSSIAN.into_iter().enumerate() {
            picture.push(' ');
            picture.push(lang.pick(russian, letter(column)));
        }
        let cells: Vec<char> = self.cells(open).chars().collect();
        for (row, cells) in cells.chunks(SIDE).enumerate() {
            // A string takes all that is written to it.
            let _ = write!(picture, "\n{:>2}", row + 1);
            for cell in cells {
                picture.push(' ');
                picture.push(match cell {
                    's' => '□',
                    'o' => '○',
                    'x' => '✕',
                    '#' => '■',
                    '-' => ' ',
                    _ => '·',
                });
            }
        }
        picture
    }
}

/// A position: each player's sea, at which the other fires.
#[derive(Debug, Clone)]
struct Battle {
    seas: [Sea; 2],
    turn: Seat,
    lang: Lang,
    /// Shown to all, though nobody has won.
    open: bool,
}

/// The name of a cell in Latin letters.
fn name(cell: usize) -> String {
    format!("{}{}", letter(cell % SIDE), cell / SIDE + 1)
}

/// A cell in Latin or Russian letters, alone or with what the shot did.
fn read(text: &str) -> Option<usize> {
    let text = text.trim().to_lowercase();
    let mut words = text.split_whitespace();
    let cell = words.next()?;
    let told = |word: &str| {
        [Shot::Miss, Shot::Hit, Shot::Sunk]
            .iter()
            .any(|shot| [Lang::Ru, Lang::En].map(|l| shot.words(l)).contains(&word))
    };
    if words.next().is_some_and(|word| !told(word)) || words.next().is_some() {
        return None;
    }
    let first = cell.chars().next()?;
    let (column, row) = match RUSSIAN.iter().position(|letter| *letter == first) {
        Some(column) => (column, grid::field(&format!("a{}", &cell[first.len_utf8()..]))?.1),
        None if first.is_ascii() => grid::field(cell)?,
        None => return None,
    };
    (column < SIDE && row < SIDE).then_some(row * SIDE + column)
}

impl Battle {
    fn new(fleets: [Fleet; 2], lang: Lang) -> Self {
        Self { seas: fleets.map(Sea::new), turn: Seat(0), lang, open: false }
    }

    /// The sea that this player fires at.
    fn target(&self, player: Seat) -> &Sea {
        &self.seas[player.other().index()]
    }
}

impl Position for Battle {
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal> {
        if self.ending().is_some() {
            return Err(Illegal::Over);
        }
        if player != self.turn {
            return Err(Illegal::NotYourTurn);
        }
        let cell = read(text).ok_or(Illegal::Unreadable)?;
        if self.target(player).known[cell] != Known::Nothing {
            return Err(Illegal::TriedBefore);
        }
        let mut next = self.clone();
        let shot = next.seas[player.other().index()].fire(cell);
        if shot == Shot::Miss {
            next.turn = player.other();
        }
        let place = match self.lang {
            Lang::Ru => format!("{}{}", RUSSIAN[cell % SIDE], cell / SIDE + 1),
            Lang::En => name(cell),
        };
        let notation = format!("{place} {}", shot.words(self.lang));
        Ok(Outcome { ending: next.ending(), next: Box::new(next), canonical: name(cell), notation })
    }

    fn turn(&self) -> Seat {
        self.turn
    }

    fn ending(&self) -> Option<Ending> {
        let lost = self.seas.iter().position(Sea::is_sunk)?;
        Some(Ending { winner: Some(Seat(lost as u8).other()), reason: Reason::FleetSunk })
    }

    fn legal_moves(&self) -> Vec<String> {
        if self.ending().is_some() {
            return Vec::new();
        }
        let known = self.target(self.turn).known.iter().enumerate();
        known.filter(|(_, known)| **known == Known::Nothing).map(|(cell, _)| name(cell)).collect()
    }

    fn looks_like_move(&self, text: &str) -> bool {
        read(text).is_some()
    }

    fn hand(&self, player: Seat) -> Option<Hand> {
        let sea = self.seas.get(player.index())?;
        Some(Hand { state: json!({ "cells": sea.cells(true) }), picture: sea.picture(true, self.lang) })
    }

    fn rearrangement(&self, rng: &mut StdRng) -> Option<String> {
        Some(Fleet::lay(rng).to_string())
    }

    fn arrange(&self, player: Seat, hand: &str) -> Result<Box<dyn Position>, Illegal> {
        let mut next = self.clone();
        let sea = next.seas.get_mut(player.index()).ok_or(Illegal::NothingHidden)?;
        if sea.known.iter().any(|known| *known != Known::Nothing) {
            return Err(Illegal::UnderFire);
        }
        *sea = Sea::new(Fleet::read(hand.split(' ')).ok_or(Illegal::Unreadable)?);
        Ok(Box::new(next))
    }

    fn revealed(&self) -> Option<Box<dyn Position>> {
        Some(Box::new(Self { open: true, ..self.clone() }))
    }

    fn state(&self) -> Value {
        let open = self.open || self.ending().is_some();
        let afloat = |sea: &Sea| -> Vec<usize> {
            sea.fleet.ships().filter(|ship| sea.known[ship[0]] != Known::Sunk).map(<[usize]>::len).collect()
        };
        let [first, second] = &self.seas;
        json!({
            "seas": { "first": first.cells(open), "second": second.cells(open) },
            "afloat": { "first": afloat(first), "second": afloat(second) },
        })
    }

    fn picture(&self) -> String {
        let open = self.open || self.ending().is_some();
        let sea =
            |seat: usize| format!("{}\n{}", SEATS[seat].name(self.lang), self.seas[seat].picture(open, self.lang));
        format!("{}\n\n{}", sea(0), sea(1))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    /// All of the default fleet's cells but its first ship of one, from the other side.
    fn cells() -> Vec<usize> {
        Fleet::default().ships().flatten().copied().collect()
    }

    #[test]
    fn who_hits_fires_again_and_who_sinks_all_wins() {
        let mut position = Battleship.start();
        for (shots, cell) in cells().into_iter().enumerate() {
            assert_eq!((position.turn(), position.ending()), (Seat(0), None), "shot {shots}");
            position = position.apply(Seat(0), &name(cell)).unwrap().next;
        }
        assert_eq!(position.ending(), Some(Ending { winner: Some(Seat(0)), reason: Reason::FleetSunk }));
        assert_eq!(position.state()["afloat"]["second"], json!([]));
        assert!(position.state()["seas"]["first"].as_str().unwrap().contains('s'), "in the end all is shown");
        let outcome = Battleship.start().apply(Seat(0), "к10").unwrap();
        assert_eq!((outcome.next.turn(), outcome.canonical.as_str()), (Seat(1), "j10"));
    }

    #[test]
    fn a_sunk_ship_has_water_around_it() {
        let ship = Fleet::default().ships().find(|ship| ship.len() == 2).unwrap().to_vec();
        let hit = Battleship.start().apply(Seat(0), &name(ship[0])).unwrap();
        assert!(hit.notation.ends_with("ранил"));
        let sunk = hit.next.apply(Seat(0), &name(ship[1])).unwrap();
        assert!(sunk.notation.ends_with("убил"));
        let water = fleet::around(&ship).next().unwrap();
        assert_eq!(sunk.next.apply(Seat(0), &name(water)).unwrap_err(), Illegal::TriedBefore);
        assert_eq!(sunk.next.apply(Seat(0), &name(ship[0])).unwrap_err(), Illegal::TriedBefore);
        let moves = sunk.next.legal_moves();
        assert_eq!(moves.len(), 100 - 2 - fleet::around(&ship).count());
    }

    #[test]
    fn nothing_that_is_hidden_is_told() {
        let before = Battleship.start();
        let other = Battleship.begin(&Battleship.deal(Lang::Ru, &mut StdRng::seed_from_u64(7)), Lang::Ru).unwrap();
        assert_eq!((before.state(), before.picture()), (other.state(), other.picture()));
        assert_ne!(before.hand(Seat(0)), other.hand(Seat(0)));
        assert_eq!(before.hand(Seat(0)).unwrap().state["cells"].as_str().unwrap().matches('s').count(), 20);
        assert_eq!(before.hand(Seat(2)), None);
    }

    #[test]
    fn a_fleet_is_laid_anew_until_it_is_fired_at() {
        let position = Battleship.start();
        let anew = position.rearrangement(&mut StdRng::seed_from_u64(1)).unwrap();
        let arranged = position.arrange(Seat(1), &anew).unwrap();
        assert_ne!(arranged.hand(Seat(1)), position.hand(Seat(1)));
        assert_eq!(arranged.hand(Seat(0)), position.hand(Seat(0)));
        let fired = arranged.apply(Seat(0), "a1").unwrap().next;
        assert_eq!(fired.arrange(Seat(1), &anew).unwrap_err(), Illegal::UnderFire);
        assert!(fired.arrange(Seat(0), &anew).is_ok());
        assert_eq!(position.arrange(Seat(0), "a1a4").unwrap_err(), Illegal::Unreadable);
    }

    #[test]
    fn cells_as_people_write_them() {
        for (text, cell) in [("а1", 0), ("A1", 0), ("в5", 42), ("b5", 41), (" К10 ", 99), ("j10", 99), ("в5 мимо", 42)]
        {
            assert_eq!(read(text), Some(cell), "{text}");
        }
        for text in ["", "а", "а0", "а11", "k1", "й1", "а1 это класс", "а1 мимо да", "1а", "ё5", "с5"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_deal_is_read_again_and_anything_else_is_not() {
        let deal = Battleship.deal(Lang::En, &mut StdRng::seed_from_u64(3));
        let position = Battleship.begin(&deal, Lang::En).unwrap();
        assert!(position.picture().starts_with("first fleet\n   a b c"), "{}", position.picture());
        for broken in ["", "a1", &deal[1..], &format!("{deal} a1a1")] {
            assert!(Battleship.begin(broken, Lang::En).is_none(), "{broken}");
        }
    }

    random_games!(Battleship, 200);
}
