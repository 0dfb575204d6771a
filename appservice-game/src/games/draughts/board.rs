//! The board of draughts and the ways of its pieces.

use crate::games::Seat;

/// A man or a king.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Whose.
    pub(super) seat: Seat,
    /// It moves any distance.
    pub(super) king: bool,
}

/// How many pieces a side has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Force {
    /// Men.
    pub(super) men: u16,
    /// Kings.
    pub(super) kings: u16,
}

/// A move: the fields that the piece stands on from its first to its last, and what it takes on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// Two or more, by their index.
    pub(super) fields: Vec<usize>,
    /// Where what is taken stands.
    pub(super) taken: Vec<usize>,
}

impl Way {
    /// Where it begins.
    pub(super) fn from(&self) -> usize {
        self.fields[0]
    }

    /// As players write it.
    pub(super) fn notation(&self) -> String {
        let names: Vec<String> = self.fields.iter().map(|field| name(*field)).collect();
        names.join(if self.taken.is_empty() { "-" } else { ":" })
    }
}

/// The name of a field; fields are counted row by row from a8.
pub(super) fn name(field: usize) -> String {
    format!("{}{}", char::from(b'a' + (field % 8) as u8), 8 - field / 8)
}

/// The dark field of a name.
pub(super) fn index(name: &str) -> Option<usize> {
    let [column @ b'a'..=b'h', row @ b'1'..=b'8'] = *name.as_bytes() else { return None };
    let (column, row) = (usize::from(column - b'a'), usize::from(b'8' - row));
    ((column + row) % 2 == 1).then_some(row * 8 + column)
}

const DIRECTIONS: [(isize, isize); 4] = [(-1, -1), (1, -1), (-1, 1), (1, 1)];

/// The field a step further, if there is one.
fn step(field: usize, (right, down): (isize, isize)) -> Option<usize> {
    let (column, row) = (field as isize % 8 + right, field as isize / 8 + down);
    ((0..8).contains(&column) && (0..8).contains(&row)).then_some((row * 8 + column) as usize)
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Board {
    fields: [Option<Piece>; 64],
    /// Whose move it is.
    pub(super) turn: Seat,
}

impl Board {
    /// The first position.
    pub(super) fn start() -> Self {
        let mut fields = [None; 64];
        for (field, place) in fields.iter_mut().enumerate() {
            let row = field / 8;
            if (row + field % 8) % 2 == 1 && !(3..5).contains(&row) {
                *place = Some(Piece { seat: Seat(u8::from(row < 3)), king: false });
            }
        }
        Self { fields, turn: Seat(0) }
    }

    /// What stands on a field.
    pub(super) fn at(&self, field: usize) -> Option<Piece> {
        self.fields[field]
    }

    /// All pieces and where they stand.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (usize, Piece)> {
        self.fields.iter().enumerate().filter_map(|(field, piece)| Some((field, (*piece)?)))
    }

    /// What each side has.
    pub(super) fn force(&self) -> [Force; 2] {
        let mut force = [Force::default(); 2];
        for (_, piece) in self.pieces() {
            let of = &mut force[piece.seat.index()];
            *(if piece.king { &mut of.kings } else { &mut of.men }) += 1;
        }
        force
    }

    /// Every legal move: those that take, if any does; each is gone to its end.
    pub(super) fn ways(&self) -> Vec<Way> {
        let mut taking = Vec::new();
        for (field, piece) in self.own() {
            // A piece on its way has left the field that it came from.
            let mut left = self.clone();
            left.fields[field] = None;
            left.go_on(piece, &mut Way { fields: vec![field], taken: Vec::new() }, &mut taking);
        }
        if !taking.is_empty() {
            return taking;
        }
        let mut ways = Vec::new();
        for (field, piece) in self.own() {
            for direction in DIRECTIONS.into_iter().filter(|direction| piece.king || forward(piece, *direction)) {
                let mut to = field;
                while let Some(next) = step(to, direction).filter(|next| self.at(*next).is_none()) {
                    to = next;
                    ways.push(Way { fields: vec![field, to], taken: Vec::new() });
                    if !piece.king {
                        break;
                    }
                }
            }
        }
        ways
    }

    fn own(&self) -> impl Iterator<Item = (usize, Piece)> {
        self.pieces().filter(|(_, piece)| piece.seat == self.turn)
    }

    /// Follows all ways on from where a piece stands that has taken something, or is about to.
    fn go_on(&self, piece: Piece, way: &mut Way, found: &mut Vec<Way>) {
        for direction in DIRECTIONS {
            let Some((taken, landings)) = self.takes(piece, way, direction) else { continue };
            way.taken.push(taken);
            // Of the fields that a king may come down on, those count from where it can take on, if there are any.
            let goes_on = |field: usize| {
                let piece = crowned(piece, field);
                let mut way = way.clone();
                way.fields.push(field);
                DIRECTIONS.into_iter().any(|direction| self.takes(piece, &way, direction).is_some())
            };
            let on: Vec<usize> = landings.iter().copied().filter(|field| goes_on(*field)).collect();
            for field in if on.is_empty() { &landings } else { &on } {
                way.fields.push(*field);
                if on.is_empty() {
                    found.push(way.clone());
                } else {
                    self.go_on(crowned(piece, *field), way, found);
                }
                way.fields.pop();
            }
            way.taken.pop();
        }
    }

    /// What the piece takes in a direction from the end of its way, and where it may come down. What is taken stays on the
    /// board until the move is made, and is neither jumped over again nor passed.
    fn takes(&self, piece: Piece, way: &Way, direction: (isize, isize)) -> Option<(usize, Vec<usize>)> {
        let mut field = step(*way.fields.last()?, direction)?;
        while piece.king && self.at(field).is_none() {
            field = step(field, direction)?;
        }
        let taken = field;
        if self.at(taken)?.seat == piece.seat || way.taken.contains(&taken) {
            return None;
        }
        let mut landings = Vec::new();
        while let Some(next) = step(field, direction).filter(|next| self.at(*next).is_none()) {
            landings.push(next);
            field = next;
            if !piece.king {
                break;
            }
        }
        (!landings.is_empty()).then_some((taken, landings))
    }

    /// The position after a legal move.
    pub(super) fn after(&self, way: &Way) -> Self {
        let mut next = self.clone();
        next.turn = self.turn.other();
        if let Some(mut piece) = next.fields[way.from()].take() {
            for field in &way.fields[1..] {
                piece = crowned(piece, *field);
            }
            for taken in &way.taken {
                next.fields[*taken] = None;
            }
            if let Some(to) = way.fields.last() {
                next.fields[*to] = Some(piece);
            }
        }
        next
    }

    /// All fields in a string: `w` `b` men, `W` `B` kings, `.` none.
    pub(super) fn string(&self) -> String {
        let sign = |piece: Piece| match (piece.seat, piece.king) {
            (Seat(0), false) => 'w',
            (Seat(0), true) => 'W',
            (_, false) => 'b',
            (_, true) => 'B',
        };
        self.fields.iter().map(|piece| piece.map_or('.', sign)).collect()
    }

    /// The board in characters.
    pub(super) fn picture(&self) -> String {
        let mut picture = String::new();
        for (row, fields) in self.fields.chunks(8).enumerate() {
            picture.push_str(&(8 - row).to_string());
            for (column, piece) in fields.iter().enumerate() {
                picture.push(' ');
                picture.push_str(match piece {
                    Some(Piece { seat: Seat(0), king: false }) => "⛀",
                    Some(Piece { seat: Seat(0), king: true }) => "⛁",
                    Some(Piece { king: false, .. }) => "⛂",
                    Some(Piece { king: true, .. }) => "⛃",
                    None if (row + column) % 2 == 1 => "·",
                    None => " ",
                });
            }
            picture.push('\n');
        }
        picture.push_str("  a b c d e f g h");
        picture
    }

    /// A position from the string of [`Self::string`].
    #[cfg(test)]
    pub(super) fn read(cells: &str, turn: Seat) -> Self {
        let mut fields = [None; 64];
        for (field, sign) in fields.iter_mut().zip(cells.chars()) {
            let seat = Seat(u8::from(sign.eq_ignore_ascii_case(&'b')));
            *field = (sign != '.').then_some(Piece { seat, king: sign.is_ascii_uppercase() });
        }
        Self { fields, turn }
    }
}

/// Men go up the board if they are white.
fn forward(piece: Piece, (_, down): (isize, isize)) -> bool {
    (down < 0) == (piece.seat == Seat(0))
}

/// The piece when it comes to a field: a man is a king from the last row on, in the middle of a move too.
fn crowned(piece: Piece, field: usize) -> Piece {
    let last = if piece.seat == Seat(0) { 0 } else { 7 };
    Piece { king: piece.king || field / 8 == last, ..piece }
}
