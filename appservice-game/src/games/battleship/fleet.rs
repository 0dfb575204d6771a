//! Where ten ships lie: one of four cells, two of three, three of two and four of one, none touching another.

use std::fmt;

use rand::{rngs::StdRng, seq::IndexedRandom as _};

use super::{super::grid, name};

/// Cells in a row.
pub(super) const SIDE: usize = 10;
/// Lengths of the ships.
pub(super) const SHIPS: [usize; 10] = [4, 3, 3, 2, 2, 2, 1, 1, 1, 1];

/// Ten ships, longest first; each by its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fleet {
    ships: Vec<Vec<usize>>,
}

/// The cells around a ship, diagonally too, without its own.
pub(super) fn around(ship: &[usize]) -> impl Iterator<Item = usize> {
    let (first, last) = (ship[0], ship[ship.len() - 1]);
    let span = |from: usize, to: usize| from.saturating_sub(1)..=(to + 1).min(SIDE - 1);
    let rows = span(first / SIDE, last / SIDE);
    rows.flat_map(move |row| span(first % SIDE, last % SIDE).map(move |column| row * SIDE + column))
        .filter(move |cell| !ship.contains(cell))
}

/// The cells of a ship of so many, to the right or down from a cell, if they are on the board.
fn ship(from: usize, length: usize, down: bool) -> Option<Vec<usize>> {
    let place = if down { from / SIDE } else { from % SIDE };
    let step = if down { SIDE } else { 1 };
    (place + length <= SIDE).then(|| (0..length).map(|cell| from + cell * step).collect())
}

impl Fleet {
    /// A fleet laid by lot: every ship in turn, longest first, on one of the places that are left for it.
    pub(super) fn lay(rng: &mut StdRng) -> Self {
        loop {
            let mut fleet = Self { ships: Vec::with_capacity(SHIPS.len()) };
            let laid = SHIPS.iter().all(|&length| {
                let places = (0..SIDE * SIDE).flat_map(|from| [false, true].map(|down| ship(from, length, down)));
                let free: Vec<Vec<usize>> = places.flatten().filter(|ship| fleet.is_free(ship)).collect();
                free.choose(rng).map(|ship| fleet.ships.push(ship.clone())).is_some()
            });
            if laid {
                return fleet;
            }
        }
    }

    /// No ship lies there or beside it.
    fn is_free(&self, ship: &[usize]) -> bool {
        self.ships.iter().all(|other| !other.iter().any(|cell| ship.contains(cell)))
            && around(ship).all(|near| self.ship_at(near).is_none())
    }

    /// Ten ships as `a1a4` or `c3c3`, longest first.
    pub(super) fn read<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut fleet = Self { ships: Vec::with_capacity(SHIPS.len()) };
        let mut lengths = SHIPS.iter();
        for word in words {
            let split = word.rfind(|c: char| c.is_ascii_lowercase())?;
            let cell = |text: &str| {
                let (column, row) = grid::field(text)?;
                (column < SIDE && row < SIDE).then_some(row * SIDE + column)
            };
            let (from, to) = (cell(&word[..split])?, cell(&word[split..])?);
            let found = ship(from, *lengths.next()?, from % SIDE == to % SIDE)?;
            if found.last() != Some(&to) || !fleet.is_free(&found) {
                return None;
            }
            fleet.ships.push(found);
        }
        lengths.next().is_none().then_some(fleet)
    }

    /// The ship that lies there.
    pub(super) fn ship_at(&self, cell: usize) -> Option<&[usize]> {
        self.ships.iter().find(|ship| ship.contains(&cell)).map(Vec::as_slice)
    }

    /// All ships, longest first.
    pub(super) fn ships(&self) -> impl Iterator<Item = &[usize]> {
        self.ships.iter().map(Vec::as_slice)
    }
}

impl Default for Fleet {
    /// Every ship in a row of its own or at the end of one.
    fn default() -> Self {
        let laid = [(0, 4), (20, 3), (40, 3), (60, 2), (80, 2), (63, 2), (6, 1), (26, 1), (46, 1), (86, 1)];
        Self { ships: laid.iter().filter_map(|&(from, length)| ship(from, length, false)).collect() }
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ship) in self.ships.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{}{}", name(ship[0]), name(ship[ship.len() - 1]))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn around_a_ship() {
        assert_eq!(around(&[0]).collect::<Vec<_>>(), [1, 10, 11]);
        assert_eq!(around(&[44, 54]).count(), 10);
        assert_eq!(around(&[98, 99]).collect::<Vec<_>>(), [87, 88, 89, 97]);
    }

    #[test]
    fn what_no_fleet_is() {
        let fleet = Fleet::default().to_string();
        assert!(Fleet::read(fleet.split(' ')).is_some());
        for (what, ships) in [
            ("nothing", String::new()),
            ("nine", fleet.rsplit_once(' ').unwrap().0.to_owned()),
            ("eleven", format!("{fleet} j10j10")),
            ("too long", fleet.replace("a1d1", "a1e1")),
            ("bent", fleet.replace("a1d1", "a1d2")),
            ("beside another", fleet.replace("g3g3", "e2e2").replace("g1g1", "e2e2")),
            ("corner to corner", fleet.replace("g1g1", "e2e2")),
            ("off the board", fleet.replace("g1g1", "k1k1")),
        ] {
            assert_eq!(Fleet::read(ships.split(' ')), None, "{what}: {ships}");
        }
    }

    proptest! {
        #[test]
        fn every_fleet_is_one_and_is_read_again(seed in any::<u64>()) {
            let fleet = Fleet::lay(&mut StdRng::seed_from_u64(seed));
            let lengths: Vec<usize> = fleet.ships().map(<[usize]>::len).collect();
            prop_assert_eq!(&lengths, &SHIPS);
            for ship in fleet.ships() {
                prop_assert!(around(ship).all(|near| fleet.ship_at(near).is_none()));
            }
            let text = fleet.to_string();
            prop_assert_eq!(Fleet::read(text.split(' ')), Some(fleet));
        }

        #[test]
        fn any_words(text in "([a-l][0-9]{0,3}){0,3}( [a-k]1[a-k]4){0,12}|.*") {
            let _ = Fleet::read(text.split(' '));
        }
    }
}
