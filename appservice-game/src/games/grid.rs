//! Boards of cells that hold nothing or a stone of one side, and how people write fields.

use std::fmt::Write as _;

use super::Seat;

/// The digits as emoji, for what is chosen by a reaction.
pub(super) const KEYCAPS: [&str; 9] = [
    "1\u{fe0f}\u{20e3}",
    "2\u{fe0f}\u{20e3}",
    "3\u{fe0f}\u{20e3}",
    "4\u{fe0f}\u{20e3}",
    "5\u{fe0f}\u{20e3}",
    "6\u{fe0f}\u{20e3}",
    "7\u{fe0f}\u{20e3}",
    "8\u{fe0f}\u{20e3}",
    "9\u{fe0f}\u{20e3}",
];

/// The digit that `text` is, bare or as a keycap emoji, from 1.
pub(super) fn digit(text: &str) -> Option<usize> {
    let mut chars = text.trim().chars().filter(|c| !matches!(c, '\u{fe0f}' | '\u{20e3}'));
    let digit = chars.next()?.to_digit(10)? as usize;
    (chars.next().is_none() && digit >= 1).then_some(digit)
}

/// Small Latin letters in place of capitals and of the Cyrillic ones that look the same.
pub(super) fn latin(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .map(|c| match c {
            'а' => 'a',
            'в' => 'b',
            'с' => 'c',
            'е' => 'e',
            'н' => 'h',
            'к' => 'k',
            'м' => 'm',
            'о' => 'o',
            c => c,
        })
        .collect()
}

/// A field such as `h8`, as column and number, both from 0.
pub(super) fn field(text: &str) -> Option<(usize, usize)> {
    let text = latin(text.trim());
    let column = text.bytes().next().filter(u8::is_ascii_lowercase)?;
    let number = text.get(1..).filter(|number| number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit()))?;
    let number = number.parse::<usize>().ok()?.checked_sub(1)?;
    Some((usize::from(column - b'a'), number))
}

/// The letter of a column, from 0.
pub(super) fn letter(column: usize) -> char {
    char::from(b'a' + column as u8)
}

/// Cells row by row from the top left.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    columns: usize,
    cells: Vec<Option<Seat>>,
}

impl Grid {
    /// An empty board.
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        Self { columns, cells: vec![None; columns * rows] }
    }

    /// What stands in a cell.
    pub(super) fn at(&self, cell: usize) -> Option<Seat> {
        self.cells[cell]
    }

    /// Puts a stone there.
    pub(super) fn put(&mut self, cell: usize, seat: Seat) {
        self.cells[cell] = Some(seat);
    }

    /// Stones of one side.
    pub(super) fn count(&self, seat: Seat) -> usize {
        self.cells.iter().filter(|cell| **cell == Some(seat)).count()
    }

    /// No cell is empty.
    pub(super) fn is_full(&self) -> bool {
        self.cells.iter().all(Option::is_some)
    }

    /// Empty cells.
    pub(super) fn empty(&self) -> impl Iterator<Item = usize> {
        self.cells.iter().enumerate().filter(|(_, cell)| cell.is_none()).map(|(index, _)| index)
    }

    /// The cells from one on in a direction, without it, up to the edge.
    pub(super) fn ray(&self, from: usize, (right, down): (isize, isize)) -> impl Iterator<Item = usize> {
        let (columns, rows) = (self.columns as isize, (self.cells.len() / self.columns) as isize);
        let (column, row) = (from as isize % columns, from as isize / columns);
        (1..)
            .map(move |step| (column + right * step, row + down * step))
            .take_while(move |(column, row)| (0..columns).contains(column) && (0..rows).contains(row))
            .map(move |(column, row)| (row * columns + column) as usize)
    }

    /// The cells of a line of so many or more equal stones through a cell, in the order of the board.
    pub(super) fn line(&self, through: usize, length: usize) -> Option<Vec<usize>> {
        let seat = self.at(through)?;
        [(1, 0), (0, 1), (1, 1), (1, -1)].into_iter().find_map(|(right, down)| {
            let of_seat = |cell: &usize| self.at(*cell) == Some(seat);
            let mut line: Vec<usize> = self.ray(through, (-right, -down)).take_while(of_seat).collect();
            line.extend(self.ray(through, (right, down)).take_while(of_seat));
            line.push(through);
            line.sort_unstable();
            (line.len() >= length).then_some(line)
        })
    }

    /// All cells in a string; `.` is empty.
    pub(super) fn string(&self, signs: [char; 2]) -> String {
        self.cells.iter().map(|cell| cell.map_or('.', |seat| signs[seat.index()])).collect()
    }

    /// The board in characters, with a number before each row if `number` names it, and letters below.
    pub(super) fn picture(&self, signs: [&str; 2], number: impl Fn(usize) -> usize) -> String {
        let mut picture = String::new();
        for (row, cells) in self.cells.chunks(self.columns).enumerate() {
            // A string takes all that is written to it.
            let _ = write!(picture, "{:>2}", number(row));
            for cell in cells {
                picture.push(' ');
                picture.push_str(cell.map_or("·", |seat| signs[seat.index()]));
            }
            picture.push('\n');
        }
        picture.push_str("  ");
        for column in 0..self.columns {
            picture.push(' ');
            picture.push(letter(column));
        }
        picture
    }
}
