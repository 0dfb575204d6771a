//! Games as the bot tells them (docs/games-events.md), and a board that can be pressed.
//!
//! The rules are the bot's: every legal move comes with the board, so nothing here decides what is allowed. A kind of
//! game is a file in `game/` that says what its boards look like, and a line in [`Kind::rules`].

mod battleship;
mod chess;
mod draughts;
pub mod hangman;
mod stones;
mod table;
#[cfg(test)]
mod tests;
mod tictactoe;

use serde::Deserialize;
use serde_json::Value;

pub use table::{Field, Pressed, Table, replayed};

/// Kinds with a native board, and all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Chess
    Chess,
    /// Russian draughts
    Draughts,
    /// Tic-tac-toe
    TicTacToe,
    /// Connect four
    ConnectFour,
    /// Reversi
    Reversi,
    /// Gomoku
    Gomoku,
    /// Battleship
    Battleship,
    /// Hangman, which has letters instead of fields
    Hangman,
    /// One that is shown in the words of its message, with the buttons that every game has
    #[serde(other)]
    Other,
}

impl Kind {
    /// What its boards look like, if this client can draw them.
    pub fn rules(self) -> Option<&'static dyn Rules> {
        match self {
            Self::Chess => Some(&chess::Chess),
            Self::Draughts => Some(&draughts::Draughts),
            Self::TicTacToe => Some(&tictactoe::TicTacToe),
            Self::ConnectFour => Some(&stones::ConnectFour),
            Self::Reversi => Some(&stones::Reversi),
            Self::Gomoku => Some(&stones::Gomoku),
            Self::Battleship => Some(&battleship::Battleship),
            Self::Hangman | Self::Other => None,
        }
    }
}

/// What a kind of game says of its boards. Fields are counted row by row from the top left, as the first player sees them.
pub trait Rules: Sync {
    /// Fields in a row
    fn columns(&self) -> usize;

    /// Rows
    fn rows(&self) -> usize {
        self.columns()
    }

    /// What the player of this seat, or who only looks on, sees on each field: a letter, or a space. As many as there are
    /// fields, whatever the bot sent.
    fn fields(&self, board: &Board, seat: Option<&str>) -> Vec<char>;

    /// What stands beside the board, where a player has something of their own.
    fn aside(&self, _board: &Board, _seat: Option<&str>, _hand: Option<&Hand>) -> Vec<Field> {
        Vec::new()
    }

    /// A move in the form of `legal_moves`.
    fn read(&self, made: &str) -> Option<Made>;

    /// The fields of a move, from its first to its last: the one where something is put down, or those that a piece stands
    /// on one after the other. Empty for what cannot be read.
    fn way(&self, made: &str) -> Vec<usize> {
        self.read(made).map(|made| made.from.into_iter().chain([made.to]).collect()).unwrap_or_default()
    }

    /// The field that is meant when this one is pressed.
    fn meant(&self, _fields: &[char], index: usize) -> usize {
        index
    }

    /// The field where what is meant by one comes to lie.
    fn lands(&self, _fields: &[char], index: usize) -> usize {
        index
    }

    /// The pieces that have to be moved, where not all may.
    fn forced(&self, _board: &Board) -> Vec<usize> {
        Vec::new()
    }

    /// What players call a field.
    fn place(&self, index: usize) -> String;

    /// Names of columns and rows stand at the edge.
    fn coordinates(&self) -> bool {
        false
    }

    /// Fields to point out: those of the last move.
    fn marked(&self, board: &Board, _seat: Option<&str>) -> Vec<usize> {
        board.last_move.as_ref().map(|last| self.way(&last.made)).unwrap_or_default()
    }

    /// The field where something is about to be lost.
    fn danger(&self, _board: &Board) -> Option<usize> {
        None
    }

    /// The player of this seat sees the board from the other side.
    fn turned(&self, _seat: &str) -> bool {
        false
    }

    /// The fields before the first move.
    fn start(&self) -> Vec<char>;

    /// The whole game, move by move; empty where the board does not tell it.
    fn replay(&self, board: &Board) -> Vec<Ply>;
}

/// A move as the board needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Where a piece is taken from; `None` where one is put down
    pub from: Option<usize>,
    /// Where it comes to
    pub to: usize,
    /// What it becomes
    pub becomes: Option<char>,
}

/// A move of a game that is gone through again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ply {
    /// The fields after it
    pub fields: Vec<char>,
    /// Its own fields
    pub marked: Vec<usize>,
    /// What it took
    pub taken: Option<char>,
    /// Its words
    pub words: Notation,
}

/// A move as players write it, in parts: letters of pieces differ from language to language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notation {
    /// The piece, by its English letter
    pub piece: Option<char>,
    /// Where it goes
    pub text: String,
    /// What it becomes
    pub becomes: Option<char>,
    /// Check or mate
    pub sign: &'static str,
}

/// Where a game stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// For an opponent
    Waiting,
    /// Under way
    Playing,
    /// Over
    Finished,
    /// Never began
    Cancelled,
}

/// A player's place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seat {
    /// `white`, `black`, `x`, `o`
    pub seat: String,
    /// Empty while free
    pub user_id: Option<String>,
}

/// How a game ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outcome {
    /// Seat that won; nobody in a draw
    pub winner: Option<String>,
    /// Why
    pub reason: String,
}

/// The last move.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LastMove {
    /// Who made it
    #[serde(default)]
    pub seat: String,
    /// The person, in a game that is open to all
    pub user_id: Option<String>,
    /// In the form a move event takes
    #[serde(rename = "move")]
    pub made: String,
    /// In the field's own notation
    #[serde(default)]
    pub notation: String,
}

/// The block `org.parta.game` of a board message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Board {
    /// 1
    pub version: u32,
    /// Names the game
    pub game_id: String,
    /// Which game
    pub kind: Kind,
    /// Grows with every change
    pub revision: u64,
    /// Where it stands
    pub status: Status,
    /// Who asked for it
    #[serde(default)]
    pub creator: String,
    /// Only this person may join
    pub invited: Option<String>,
    /// In the order in which they move
    #[serde(default)]
    pub players: Vec<Seat>,
    /// The whole room plays it
    #[serde(default)]
    pub open: bool,
    /// Seat at turn
    pub turn: Option<String>,
    /// Moves made so far
    #[serde(default)]
    pub ply: u32,
    /// The position, by kind
    #[serde(default)]
    pub state: Value,
    /// Every move of the player at turn
    #[serde(default)]
    pub legal_moves: Vec<String>,
    /// The last move
    pub last_move: Option<LastMove>,
    /// All moves from the first; absent in a very long game
    #[serde(default)]
    pub moves: Vec<String>,
    /// Seat that offers a draw
    pub draw_offer: Option<String>,
    /// A draw may be claimed
    pub draw_claim: Option<String>,
    /// Only when finished
    pub result: Option<Outcome>,
    /// A rematch that was asked for
    pub rematch: Option<String>,
}

/// The block of a board message's content. `None` for a version this client cannot read.
pub fn parse(content: &Value) -> Option<Board> {
    let block = content
        .get("m.new_content")
        .and_then(|new| new.get("org.parta.game"))
        .or_else(|| content.get("org.parta.game"))?;
    Board::deserialize(block).ok().filter(|board| board.version == 1)
}

impl Board {
    /// The seat of a person.
    pub fn seat_of(&self, user: &str) -> Option<&str> {
        self.players.iter().find(|seat| seat.user_id.as_deref() == Some(user)).map(|seat| seat.seat.as_str())
    }

    /// The person in a seat.
    pub fn player(&self, seat: &str) -> Option<&str> {
        self.players.iter().find(|player| player.seat == seat)?.user_id.as_deref()
    }

    /// The person at turn.
    pub fn at_turn(&self) -> Option<&str> {
        self.player(self.turn.as_ref()?)
    }

    /// This person may join.
    pub fn may_join(&self, user: &str) -> bool {
        self.status == Status::Waiting
            && self.creator != user
            && self.invited.as_ref().is_none_or(|invited| invited == user)
    }

    /// This person may give it up.
    pub fn may_resign(&self, user: &str) -> bool {
        self.status == Status::Playing && if self.open { self.creator == user } else { self.seat_of(user).is_some() }
    }

    /// This person may ask for it once more.
    pub fn may_rematch(&self, user: &str) -> bool {
        self.status == Status::Finished && self.rematch.is_none() && (self.open || self.seat_of(user).is_some())
    }

    /// This person may lay out anew what they alone see.
    pub fn may_arrange(&self, user: &str) -> bool {
        let untouched = |seat| battleship::sea(self, seat).into_iter().all(|field| field == ' ');
        self.hides() && self.seat_of(user).is_some_and(untouched)
    }

    /// Players see what others do not.
    pub fn hides(&self) -> bool {
        self.kind == Kind::Battleship && self.status == Status::Playing
    }

    /// The stones of a seat, in a game that is decided by them.
    pub fn stones(&self, seat: &str) -> Option<usize> {
        self.state.get("discs")?.get(seat)?.as_u64().and_then(|stones| usize::try_from(stones).ok())
    }

    /// The person who could not move and was passed over just now.
    pub fn passed(&self) -> Option<&str> {
        self.player(self.state.get("passed")?.as_str()?)
    }

    /// The ships that are left to fire at: how many of four fields, of three, of two and of one.
    pub fn afloat(&self, user: &str) -> [usize; 4] {
        battleship::afloat(self, self.seat_of(user))
    }

    /// Neither moves nor offers are to come.
    pub fn is_over(&self) -> bool {
        matches!(self.status, Status::Finished | Status::Cancelled)
    }

    /// The game move by move.
    pub fn replay(&self) -> Vec<Ply> {
        self.kind.rules().map(|rules| rules.replay(self)).unwrap_or_default()
    }
}

/// What the bot tells one player alone: the to-device event `org.parta.game.hand`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hand {
    /// 1
    pub version: u32,
    /// Who told it; believed when it is the bot whose board it is
    #[serde(skip)]
    pub sender: String,
    /// Which game
    pub game_id: String,
    /// The newest one counts
    pub revision: u64,
    /// Whose it is
    pub seat: String,
    /// By kind
    #[serde(default)]
    pub state: Value,
}

impl Hand {
    /// Reads the content of the event. `None` for a version this client cannot read.
    pub fn parse(sender: &str, content: &Value) -> Option<Self> {
        let hand = Self::deserialize(content).ok().filter(|hand| hand.version == 1)?;
        Some(Self { sender: sender.to_owned(), ..hand })
    }
}

/// Whom a game is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opponent {
    /// Whoever comes first
    Anyone,
    /// A user id
    Person(String),
    /// The bot itself; `easy`, `medium` or `hard`
    Computer(&'static str),
}

/// What is asked of the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// A game; the bot is brought into the room first
    Start {
        /// Room id
        room: String,
        /// As in [`Board::kind`]
        kind: String,
        /// `ru` or `en`
        lang: String,
        /// With whom
        opponent: Opponent,
        /// Seat of the one who asks, or `random`; empty where nobody has one
        seat: String,
    },
    /// A move
    Play {
        /// Room id
        room: String,
        /// Which game
        game_id: String,
        /// Event id of the board message
        board: String,
        /// Number of this move
        ply: u32,
        /// The move
        made: String,
    },
    /// Join, decline, cancel, resign, a draw, a rematch, what one alone may see
    Act {
        /// Room id
        room: String,
        /// Which game
        game_id: String,
        /// Event id of the board message
        board: String,
        /// One of the actions of docs/games-events.md
        action: String,
    },
}

impl Wish {
    /// The room it is about.
    pub fn room(&self) -> &str {
        match self {
            Self::Start { room, .. } | Self::Play { room, .. } | Self::Act { room, .. } => room,
        }
    }

    /// The game it is about; none yet if one is to begin.
    pub fn game_id(&self) -> Option<&str> {
        match self {
            Self::Start { .. } => None,
            Self::Play { game_id, .. } | Self::Act { game_id, .. } => Some(game_id),
        }
    }
}

/// The cells of a board that is told as a string, each sign in the place of its piece; what is missing is empty.
fn cells(told: Option<&Value>, count: usize, piece: impl Fn(char) -> char) -> Vec<char> {
    let told = told.and_then(Value::as_str).unwrap_or_default();
    let mut fields: Vec<char> = told.chars().take(count).map(piece).collect();
    fields.resize(count, ' ');
    fields
}

/// The indices of the line that won, if somebody has.
fn line(board: &Board) -> Vec<usize> {
    let line = board.state.get("line").and_then(Value::as_array);
    line.into_iter().flatten().filter_map(|field| usize::try_from(field.as_u64()?).ok()).collect()
}
