//! A game in a room, as a fold of its log.
//!
//! [`Session::decide`] answers what a request would write to the log; [`Session::apply`] is what an entry of the log means.
//! Neither does I/O, and nothing but `apply` changes a session: so a session built from the log after a restart is the
//! session that wrote it.

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    games::{self, Ending, Illegal, Position, Reason, Rules, Seat},
    words::Lang,
};

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

/// What a person asks of a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Take the free seat.
    Join,
    /// Refuse an invitation, or withdraw one's own.
    Decline,
    /// Withdraw one's own invitation, or refuse one.
    Cancel,
    /// Make a move.
    Move {
        /// In any notation of the game.
        text: String,
        /// The number of the move, if the client said which it meant.
        ply: Option<u64>,
    },
    /// Give up; while waiting, withdraw.
    Resign,
    /// Offer, accept or claim a draw, whichever fits.
    Draw,
    /// Accept the offer that stands.
    AcceptDraw,
    /// Refuse the offer that stands.
    DeclineDraw,
    /// Claim a draw.
    ClaimDraw,
}

/// Why a request was refused. `code` and the words are in `words.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such game in this room.
    UnknownGame,
    /// No such kind of game.
    UnknownKind,
    /// No such action.
    UnknownAction,
    /// The event's content could not be read.
    Malformed,
    /// The sender does not play in this game.
    NotAPlayer,
    /// The move cannot be made.
    Move(Illegal),
    /// The number of the move is taken.
    StaleMove,
    /// Not an invitation any more.
    NotWaiting,
    /// The invitation is for someone else, or one's own.
    NotInvited,
    /// Not begun or already over.
    NotPlaying,
    /// A rematch of a game that still runs.
    NotFinished,
    /// No draw is offered.
    NoDrawOffer,
    /// Offered already since the last own move.
    DrawOfferedAlready,
    /// No rule allows a claim now.
    NoDrawClaim,
    /// The opponent is not here, is the bot, or is oneself.
    OpponentUnknown,
    /// The room's games are as many as it may have.
    TooManyGames,
    /// Boards are asked for faster than the room may get them.
    TooOften,
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
    /// In the form of [`Position::legal_moves`].
    pub canonical: String,
    /// As players write it.
    pub notation: String,
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
        let Entry::Created { kind, creator, seat, invited, lang, rematch_of, started_by } = entry else {
            return Err(broken("the log does not begin with its creation"));
        };
        let rules = games::find(kind).ok_or_else(|| broken("a kind of game unknown here"))?;
        let mut players = vec![None; rules.seats().len()];
        *players.get_mut(seat.index()).ok_or_else(|| broken("no such seat"))? = Some(creator.clone());
        Ok(Self {
            game_id: game_id.to_owned(),
            room_id,
            creator: creator.clone(),
            invited: invited.clone(),
            offered_at: vec![None; players.len()],
            players,
            lang: *lang,
            status: Status::Waiting,
            moves: Vec::new(),
            draw_offer: None,
            revision: 1,
            rematch_of: rematch_of.clone(),
            rematch: None,
            started_by: started_by.clone(),
            rules,
            position: rules.start(),
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

    /// Where a person sits.
    pub fn seat_of(&self, user: &UserId) -> Option<Seat> {
        let index = self.players.iter().position(|player| player.as_deref() == Some(user))?;
        Some(Seat(index as u8))
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

    /// The creation of a rematch, asked for by `user`.
    pub fn rematch(&self, user: &UserId, lang: Lang, event: &EventId) -> Result<Entry, Refusal> {
        if self.is_open() {
            return Err(Refusal::NotFinished);
        }
        let seat = self.seat_of(user).ok_or(Refusal::NotAPlayer)?;
        let opponent = self.player(seat.other()).ok_or(Refusal::NotPlaying)?;
        Ok(Entry::Created {
            kind: self.rules.kind().to_owned(),
            creator: user.to_owned(),
            seat: seat.other(),
            invited: Some(opponent.to_owned()),
            lang,
            rematch_of: Some(self.game_id.clone()),
            started_by: Some(event.to_owned()),
        })
    }

    /// What `act` of `user` writes to the log; nothing for a request that repeats what has been done.
    pub fn decide(&self, user: &UserId, act: &Act) -> Result<Option<Entry>, Refusal> {
        let seat = self.seat_of(user);
        if matches!(act, Act::Join) {
            return match self.status {
                Status::Waiting if seat.is_some() => Err(Refusal::NotInvited),
                Status::Waiting => match &self.invited {
                    Some(invited) if invited != user => Err(Refusal::NotInvited),
                    _ => Ok(Some(Entry::Joined { user: user.to_owned() })),
                },
                Status::Playing if seat.is_some() => Ok(None),
                _ => Err(Refusal::NotWaiting),
            };
        }
        if self.status == Status::Waiting {
            let own = seat.is_some();
            return match act {
                Act::Decline | Act::Cancel if own || self.invited.as_deref() == Some(user) => {
                    Ok(Some(Entry::Cancelled))
                }
                Act::Resign if own => Ok(Some(Entry::Cancelled)),
                Act::Decline | Act::Cancel => Err(Refusal::NotInvited),
                _ => Err(Refusal::NotPlaying),
            };
        }
        if matches!(act, Act::Decline | Act::Cancel) {
            return Err(Refusal::NotWaiting);
        }
        let seat = seat.ok_or(Refusal::NotAPlayer)?;
        if let Act::Move { text, ply: Some(ply) } = act
            && let Some(answer) = self.repeated(seat, text, *ply)
        {
            return answer.map(|()| None);
        }
        if self.status != Status::Playing {
            return Err(Refusal::NotPlaying);
        }
        match act {
            Act::Join | Act::Decline | Act::Cancel => Err(Refusal::NotWaiting),
            Act::Move { text, .. } => {
                let outcome = self.position.apply(seat, text).map_err(Refusal::Move)?;
                Ok(Some(Entry::Moved { seat, mv: outcome.canonical }))
            }
            Act::Resign => Ok(Some(Entry::Resigned { seat })),
            Act::Draw => {
                if self.draw_offer == Some(seat.other()) {
                    Ok(Some(Entry::DrawAgreed))
                } else if let Some(reason) = self.position.draw_claim() {
                    Ok(Some(Entry::DrawClaimed { reason }))
                } else {
                    self.offer_draw(seat)
                }
            }
            Act::AcceptDraw if self.draw_offer == Some(seat.other()) => Ok(Some(Entry::DrawAgreed)),
            Act::DeclineDraw if self.draw_offer == Some(seat.other()) => Ok(Some(Entry::DrawDeclined)),
            Act::AcceptDraw | Act::DeclineDraw => Err(Refusal::NoDrawOffer),
            Act::ClaimDraw => {
                let reason = self.position.draw_claim().ok_or(Refusal::NoDrawClaim)?;
                Ok(Some(Entry::DrawClaimed { reason }))
            }
        }
    }

    /// An answer when move number `ply` has been made already: the same move again, or a stale one.
    fn repeated(&self, seat: Seat, text: &str, ply: u64) -> Option<Result<(), Refusal>> {
        let made = self.moves.len() as u64;
        if ply == made + 1 {
            return None;
        }
        let same = usize::try_from(ply)
            .ok()
            .and_then(|ply| ply.checked_sub(1))
            .filter(|index| index % self.players.len() == seat.index())
            .and_then(|index| self.moves.get(index))
            .is_some_and(|played| played.canonical == text || played.notation == text);
        Some(if same { Ok(()) } else { Err(Refusal::StaleMove) })
    }

    fn offer_draw(&self, seat: Seat) -> Result<Option<Entry>, Refusal> {
        // One offer for each own move, so that nobody is nagged.
        let own_moves = |upto: usize| (0..upto).filter(|index| index % self.players.len() == seat.index()).count();
        if self.draw_offer == Some(seat) {
            return Ok(None);
        }
        match self.offered_at[seat.index()] {
            Some(before) if own_moves(before) == own_moves(self.moves.len()) => Err(Refusal::DrawOfferedAlready),
            _ => Ok(Some(Entry::DrawOffered { seat })),
        }
    }

    /// What happens when a person is no longer in the room.
    pub fn without(&self, user: &UserId) -> Option<Entry> {
        let seat = self.seat_of(user)?;
        match self.status {
            Status::Waiting => Some(Entry::Cancelled),
            Status::Playing if self.moves.is_empty() => Some(Entry::Cancelled),
            Status::Playing => Some(Entry::Left { seat }),
            _ => None,
        }
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
            Entry::Moved { seat, mv } => {
                let outcome = self.position.apply(*seat, mv).map_err(|_| broken("a move in the log is illegal"))?;
                self.position = outcome.next;
                self.moves.push(Played { canonical: outcome.canonical, notation: outcome.notation });
                // To move is to refuse the opponent's offer (FIDE 9.1.2.1); one's own stands.
                if self.draw_offer == Some(seat.other()) {
                    self.draw_offer = None;
                }
                if let Some(ending) = outcome.ending {
                    self.status = Status::Finished(ending);
                }
            }
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
        }
        self.revision += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
