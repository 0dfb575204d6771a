//! A board that is played on: what is chosen on it, and what was sent and not answered.

use super::{Board, Made, Rules, Status};

/// How a field looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Field {
    /// A letter, or a space
    pub piece: char,
    /// Row by row from the top left of the board as the first player sees it
    pub index: usize,
    /// Chosen to move from
    pub chosen: bool,
    /// A move leads here
    pub target: bool,
    /// Part of the last move, or of the line that won
    pub marked: bool,
    /// The king in check
    pub danger: bool,
    /// A piece that has to be moved, for others may not
    pub forced: bool,
}

/// What pressing a field led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pressed {
    /// Nothing to send
    Nothing,
    /// This move
    Move(String),
    /// It has to be said what the piece becomes
    Promote,
}

/// What a person does on a board.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The fields of a move that is being made: the piece, and where it was sent so far
    way: Vec<usize>,
    /// Waits for what a piece becomes: from where and to where it goes
    promoting: Option<(usize, usize)>,
    /// Sent and not answered yet: its ply
    pub sent: Option<u32>,
    /// Something was asked of the bot, at this revision of the board
    pub asked: Option<u64>,
    /// The bot's own words about what it refused
    pub refusal: String,
}

impl Table {
    /// The board changed: what was chosen on the former one no longer counts.
    pub fn changed(&mut self, board: &Board) {
        if self.sent.is_some_and(|ply| board.ply >= ply) || board.status != Status::Playing {
            self.sent = None;
            self.way.clear();
            self.promoting = None;
        }
        if self.asked.is_some_and(|revision| board.revision > revision) {
            self.asked = None;
            self.refusal.clear();
        }
    }

    /// The fields in the order to draw, turned for the player who sits on the other side.
    pub fn fields(&self, board: &Board, own: &str) -> Vec<Field> {
        let Some(rules) = board.kind.rules() else { return Vec::new() };
        let mine = self.my_move(board, own);
        let seat = board.seat_of(own);
        let fields = rules.fields(board, seat);
        let targets = if mine { self.targets(rules, board) } else { Vec::new() };
        let targets: Vec<usize> = targets.into_iter().map(|target| rules.lands(&fields, target)).collect();
        let danger = rules.danger(board);
        let marked = rules.marked(board, seat);
        let forced = if mine && self.way.is_empty() { rules.forced(board) } else { Vec::new() };
        arrange(rules, board, own, &fields, |index| Field {
            chosen: self.way.contains(&index),
            target: targets.contains(&index),
            marked: marked.contains(&index),
            danger: danger == Some(index),
            forced: forced.contains(&index),
            ..Field::default()
        })
    }

    /// The fields that the move may go on to: the next ones, and those where it ends if only one way leads there.
    fn targets(&self, rules: &dyn Rules, board: &Board) -> Vec<usize> {
        let ways: Vec<Vec<usize>> = moves(rules, board).map(|(way, _)| way).filter(|way| self.fits(way)).collect();
        let mut targets: Vec<usize> = ways.iter().map(|way| way[self.way.len()]).collect();
        targets.extend(ways.iter().filter_map(|way| self.ends(rules, board, *way.last()?).map(|_| way[way.len() - 1])));
        // To press the piece itself is to let go of it.
        targets.retain(|target| self.way.len() != 1 || self.way[0] != *target);
        targets
    }

    /// A way that begins as the one that is being made, and goes on.
    fn fits(&self, way: &[usize]) -> bool {
        way.len() > self.way.len() && way.starts_with(&self.way) && (way.len() == 1 || !self.way.is_empty())
    }

    /// The only move from here that ends there; several that differ in what the piece becomes are one.
    fn ends<'a>(&self, rules: &'a dyn Rules, board: &'a Board, index: usize) -> Option<&'a str> {
        let mut ending = moves(rules, board).filter(|(way, _)| self.fits(way) && way.last() == Some(&index));
        let (way, text) = ending.next()?;
        ending.all(|(other, _)| other == way).then_some(text)
    }

    /// It is this person's turn and no move of theirs is under way.
    pub fn my_move(&self, board: &Board, own: &str) -> bool {
        board.status == Status::Playing && (board.open || board.at_turn() == Some(own)) && self.sent.is_none()
    }

    /// It has to be said what a piece becomes.
    pub fn promotes(&self) -> bool {
        self.promoting.is_some()
    }

    /// A field was pressed, by its index as the first player sees it.
    pub fn press(&mut self, board: &Board, own: &str, index: usize) -> Pressed {
        let Some(rules) = board.kind.rules().filter(|_| self.my_move(board, own)) else { return Pressed::Nothing };
        self.promoting = None;
        let index = rules.meant(&rules.fields(board, board.seat_of(own)), index);
        if self.way.len() == 1 && self.way[0] == index {
            self.way.clear();
            return Pressed::Nothing;
        }
        if let Some(text) = self.ends(rules, board, index) {
            if let Some(Made { from: Some(from), becomes: Some(_), .. }) = rules.read(text) {
                self.promoting = Some((from, index));
                return Pressed::Promote;
            }
            return self.made(board, text.to_owned());
        }
        if !self.way.is_empty() && moves(rules, board).any(|(way, _)| self.fits(&way) && way[self.way.len()] == index) {
            self.way.push(index);
            return Pressed::Nothing;
        }
        self.way.clear();
        self.way.extend(is_movable(rules, board, index).then_some(index));
        Pressed::Nothing
    }

    /// A move was said in words, where there are no fields to press.
    pub fn say(&mut self, board: &Board, own: &str, words: &str) -> Pressed {
        if self.my_move(board, own) { self.made(board, words.to_owned()) } else { Pressed::Nothing }
    }

    /// A piece is dragged: it is chosen, even if it was already.
    pub fn lift(&mut self, board: &Board, own: &str, index: usize) {
        if let Some(rules) = board.kind.rules().filter(|_| self.my_move(board, own))
            && is_movable(rules, board, index)
        {
            self.promoting = None;
            self.way = vec![index];
        }
    }

    /// What the piece becomes was chosen.
    pub fn promote(&mut self, board: &Board, piece: &str) -> Pressed {
        let made = self.promoting.take().zip(board.kind.rules()).and_then(|((from, to), rules)| {
            let wanted = Made { from: Some(from), to, becomes: piece.chars().next() };
            board.legal_moves.iter().find(|text| rules.read(text) == Some(wanted)).cloned()
        });
        made.map_or(Pressed::Nothing, |made| self.made(board, made))
    }

    fn made(&mut self, board: &Board, made: String) -> Pressed {
        self.sent = Some(board.ply + 1);
        self.way.clear();
        self.ask(board);
        Pressed::Move(made)
    }

    /// Something is asked of the bot.
    pub fn ask(&mut self, board: &Board) {
        self.asked = Some(board.revision);
        self.refusal.clear();
    }

    /// What was asked did not come about: something else may be tried.
    pub fn refused(&mut self, words: &str) {
        words.clone_into(&mut self.refusal);
        self.asked = None;
        self.sent = None;
    }
}

/// The fields after so many moves, in the order to draw.
pub fn replayed(board: &Board, own: &str, ply: usize) -> Vec<Field> {
    let Some(rules) = board.kind.rules() else { return Vec::new() };
    let game = rules.replay(board);
    let Some(ply) = ply.checked_sub(1).and_then(|at| game.get(at)) else {
        return arrange(rules, board, own, &rules.start(), |_| Field::default());
    };
    arrange(rules, board, own, &ply.fields, |index| Field { marked: ply.marked.contains(&index), ..Field::default() })
}

fn arrange(rules: &dyn Rules, board: &Board, own: &str, fields: &[char], look: impl Fn(usize) -> Field) -> Vec<Field> {
    let mut drawn: Vec<Field> =
        fields.iter().enumerate().map(|(index, piece)| Field { piece: *piece, index, ..look(index) }).collect();
    if board.seat_of(own).is_some_and(|seat| rules.turned(seat)) {
        drawn.reverse();
    }
    drawn
}

/// The legal moves that can be made on a board, by the fields that they go over.
fn moves<'a>(rules: &'a dyn Rules, board: &'a Board) -> impl Iterator<Item = (Vec<usize>, &'a str)> {
    board.legal_moves.iter().map(|text| (rules.way(text), text.as_str())).filter(|(way, _)| !way.is_empty())
}

/// A piece stands there that a move begins with; where something is put down there is none.
fn is_movable(rules: &dyn Rules, board: &Board, index: usize) -> bool {
    moves(rules, board).any(|(way, _)| way.len() > 1 && way[0] == index)
}
