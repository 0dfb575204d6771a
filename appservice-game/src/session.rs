//! A game in a room, as a fold of its log.
//!
//! [`Session::decide`] answers what a request would write to the log; [`Session::apply`] is what an entry of the log means.
//! Neither does I/O, and nothing but `apply` changes a session: so a session built from the log after a restart is the
//! session that wrote it.

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    games::{self, Ending, Position, Reason, Rules, Seat, Strength},
    words::Lang,
};

mod decide;

pub use decide::{Act, Refusal};

/// What the log says about one game. The JSON of this type is what is stored: variants and fields are never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// Somebody started a game and waits for an opponent. Always the first entry.
    Created {
        /// [`Rules::kind`].
        kind: String,
        /// Who started it.
        creator: OwnedUserId,
        /// Where they sit.
        seat: Seat,
        /// The only person who may join, if it is not open to all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invited: Option<OwnedUserId>,
        /// The language of the board's words.
        lang: Lang,
        /// The game that this one repeats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rematch_of: Option<String>,
        /// The event that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started_by: Option<OwnedEventId>,
        /// The bot itself is the opponent, and plays this well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        computer: Option<Strength>,
        /// [`Rules::deal`]: what is hidden.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        deal: String,
        /// Asked for on a native board, which shows the player what is theirs alone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        native: bool,
    },
    /// The opponent took the free seat.
    Joined {
        /// Who.
        user: OwnedUserId,
    },
    /// The game will not begin, or the bot left the room.
    Cancelled,
    /// A legal move, in the form of [`Position::legal_moves`].
    Moved {
        /// Whose.
        seat: Seat,
        /// Which.
        #[serde(rename = "move")]
        mv: String,
        /// Who made it, in a game for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<OwnedUserId>,
    },
    /// A player laid out anew what they alone see.
    Arranged {
        /// Whose.
        seat: Seat,
        /// As [`Position::arrange`] takes it.
        hand: String,
    },
    /// A player gave up.
    Resigned {
        /// Who.
        seat: Seat,
    },
    /// A player is no longer in the room.
    Left {
        /// Who.
        seat: Seat,
    },
    /// A draw is offered.
    DrawOffered {
        /// By whom.
        seat: Seat,
    },
    /// The offer was refused in words; a move refuses it as well.
    DrawDeclined,
    /// The offer was accepted.
    DrawAgreed,
    /// A draw that the rules allowed was claimed.
    DrawClaimed {
        /// Which rule.
        reason: Reason,
    },
    /// A player asked for another game with seats exchanged.
    RematchAsked {
        /// The new game.
        game_id: String,
    },
}

/// Where a game stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// For an opponent.
    Waiting,
    /// Between its first and last move.
    Playing,
    /// Played to an end.
    Finished(Ending),
    /// Never begun, or cut off with the bot's leave.
    Cancelled,
}

/// The log of a game does not fold: it was written by another version or damaged.
#[derive(Debug, thiserror::Error)]
#[error("game {game_id}: {what}")]
pub struct Broken {
    game_id: String,
    what: &'static str,
}

/// A move that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Whose it was: sides that must pass do not take turns.
    pub seat: Seat,
    /// In the form of [`Position::legal_moves`].
    pub canonical: String,
    /// As players write it.
    pub notation: String,
    /// Who made it, in a game for all.
    pub by: Option<OwnedUserId>,
}

/// A game in a room.
#[derive(Debug)]
pub struct Session {
    /// Opaque, unique.
    pub game_id: String,
    /// Where it is played.
    pub room_id: OwnedRoomId,
    /// Who started it.
    pub creator: OwnedUserId,
    /// The only person who may join.
    pub invited: Option<OwnedUserId>,
    /// By seat.
    pub players: Vec<Option<OwnedUserId>>,
    /// Language of the board's words.
    pub lang: Lang,
    /// Where it stands.
    pub status: Status,
    /// All moves.
    pub moves: Vec<Played>,
    /// Who offers a draw now.
    pub draw_offer: Option<Seat>,
    /// Number of entries in the log.
    pub revision: u64,
    /// The game this one repeats.
    pub rematch_of: Option<String>,
    /// The game that repeats this one.
    pub rematch: Option<String>,
    /// The event that asked for it.
    pub started_by: Option<OwnedEventId>,
    /// How well the bot plays, where it is the opponent.
    pub computer: Option<Strength>,
    /// Whether it was asked for on a native board.
    pub native: bool,
    rules: &'static dyn Rules,
    position: Box<dyn Position>,
    /// Per seat: number of moves made when this player last offered a draw.
    offered_at: Vec<Option<usize>>,
}

impl std::fmt::Debug for dyn Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Session {
    /// The session after the first entry of its log.
    pub fn create(game_id: &str, room_id: OwnedRoomId, entry: &Entry) -> Result<Self, Broken> {
        let broken = |what| Broken { game_id: game_id.to_owned(), what };
        let Entry::Created { kind, creator, seat, invited, lang, rematch_of, started_by, computer, deal, native } =
            entry
        else {
            return Err(broken("the log does not begin with its creation"));
        };
        let rules = games::find(kind).ok_or_else(|| broken("a kind of game unknown here"))?;
        let mut players = vec![None; rules.seats().len()];
        let place = players.get_mut(seat.index()).ok_or_else(|| broken("no such seat"))?;
        *place = (!rules.is_for_all()).then(|| creator.clone());
        let position = rules.begin(deal, *lang).ok_or_else(|| broken("a deal that the rules never make"))?;
        Ok(Self {
            game_id: game_id.to_owned(),
            room_id,
            creator: creator.clone(),
            invited: invited.clone(),
            offered_at: vec![None; players.len()],
            players,
            lang: *lang,
            status: if rules.is_for_all() { Status::Playing } else { Status::Waiting },
            moves: Vec::new(),
            draw_offer: None,
            revision: 1,
            rematch_of: rematch_of.clone(),
            rematch: None,
            started_by: started_by.clone(),
            computer: *computer,
            native: *native,
            rules,
            position,
        })
    }

    /// The session of a whole log.
    pub fn fold<'a>(
        game_id: &str,
        room_id: OwnedRoomId,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Self, Broken> {
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or_else(|| Broken { game_id: game_id.to_owned(), what: "the log is empty" })?;
        let mut session = Self::create(game_id, room_id, first)?;
        for entry in entries {
            session.apply(entry)?;
        }
        Ok(session)
    }

    /// The rules it is played by.
    pub fn rules(&self) -> &'static dyn Rules {
        self.rules
    }

    /// The position on the board.
    pub fn position(&self) -> &dyn Position {
        self.position.as_ref()
    }

    /// Whether it waits or is played.
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Waiting | Status::Playing)
    }

    /// Where a person sits; in a game for all, everybody on the one seat.
    pub fn seat_of(&self, user: &UserId) -> Option<Seat> {
        if self.rules.is_for_all() {
            return Some(Seat(0));
        }
        let index = self.players.iter().position(|player| player.as_deref() == Some(user))?;
        Some(Seat(index as u8))
    }

    /// Whether the game is this person's: they sit at it, or have started it for all.
    pub fn is_of(&self, user: &UserId) -> bool {
        if self.rules.is_for_all() { self.creator == *user } else { self.seat_of(user).is_some() }
    }

    /// Whether this person may move now.
    pub fn is_at_turn(&self, user: &UserId) -> bool {
        self.turn().is_some_and(|seat| self.seat_of(user) == Some(seat))
    }

    /// Who sits there.
    pub fn player(&self, seat: Seat) -> Option<&UserId> {
        self.players.get(seat.index())?.as_deref()
    }

    /// Whose move it is, while the game is played.
    pub fn turn(&self) -> Option<Seat> {
        (self.status == Status::Playing).then(|| self.position.turn())
    }

    /// A draw that may be claimed now.
    pub fn draw_claim(&self) -> Option<Reason> {
        (self.status == Status::Playing).then(|| self.position.draw_claim()).flatten()
    }

    /// Takes the next entry of the log.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Broken> {
        let broken = |what| Broken { game_id: self.game_id.clone(), what };
        let won = |seat: Seat, reason| Status::Finished(Ending { winner: Some(seat.other()), reason });
        let drawn = |reason| Status::Finished(Ending { winner: None, reason });
        match entry {
            Entry::Created { .. } => return Err(broken("created twice")),
            Entry::Joined { user } => {
                let free = self
                    .players
                    .iter_mut()
                    .find(|player| player.is_none())
                    .ok_or_else(|| Broken { game_id: self.game_id.clone(), what: "joined without a free seat" })?;
                *free = Some(user.clone());
                self.status = Status::Playing;
            }
            Entry::Cancelled => self.status = Status::Cancelled,
            Entry::Moved { seat, mv, by } => {
                let outcome = self.position.apply(*seat, mv).map_err(|_| broken("a move in the log is illegal"))?;
                self.position = outcome.next;
                let (canonical, notation) = (outcome.canonical, outcome.notation);
                self.moves.push(Played { seat: *seat, canonical, notation, by: by.clone() });
                // To move is to refuse the opponent's offer (FIDE 9.1.2.1); one's own stands.
                if self.draw_offer == Some(seat.other()) {
                    self.draw_offer = None;
                }
                if let Some(ending) = outcome.ending {
                    self.status = Status::Finished(ending);
                }
            }
            Entry::Arranged { seat, hand } => {
                self.position =
                    self.position.arrange(*seat, hand).map_err(|_| broken("a hand in the log is illegal"))?;
            }
            Entry::Resigned { .. } if self.rules.is_for_all() => self.status = drawn(Reason::GivenUp),
            Entry::Resigned { seat } => self.status = won(*seat, Reason::Resignation),
            Entry::Left { seat } => self.status = won(*seat, Reason::LeftRoom),
            Entry::DrawOffered { seat } => {
                self.draw_offer = Some(*seat);
                *self.offered_at.get_mut(seat.index()).ok_or_else(|| broken("no such seat"))? = Some(self.moves.len());
            }
            Entry::DrawDeclined => self.draw_offer = None,
            Entry::DrawAgreed => self.status = drawn(Reason::Agreement),
            Entry::DrawClaimed { reason } => self.status = drawn(*reason),
            Entry::RematchAsked { game_id } => self.rematch = Some(game_id.clone()),
        }
        if !self.is_open() {
            self.draw_offer = None;
            if matches!(self.status, Status::Finished(_))
                && let Some(revealed) = self.position.revealed()
            {
                self.position = revealed;
            }
        }
        self.revision += 1;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
