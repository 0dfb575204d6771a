//! What may be asked of a game, and what it would write to the log.

use ruma::{EventId, UserId};

use super::{Entry, Session, Status};
use crate::{
    games::{Illegal, Seat},
    words::Lang,
};

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
    /// Lay out anew what one alone sees.
    Arrange {
        /// As [`Position::arrange`](crate::games::Position::arrange) takes it.
        hand: String,
    },
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
    /// The game is for all, and somebody else has started it.
    NotYours,
    /// Nobody plays against anybody: there is no draw.
    NoOpponent,
    /// A game of this kind is being played by all.
    AlreadyRunning,
    /// A message was edited or redacted, and the move it made stays.
    MoveStands,
    /// Only of chess, once somebody has moved.
    NoPgn,
    /// The opponent is not here, is the bot, or is oneself.
    OpponentUnknown,
    /// The computer takes no draw that the rules do not give.
    ComputerPlaysOn,
    /// The computer does not play this game.
    NoComputer,
    /// The room's games are as many as it may have.
    TooManyGames,
    /// Boards are asked for faster than the room may get them.
    TooOften,
}

impl Session {
    /// The creation of a rematch, asked for by `user` and with this deal.
    pub fn rematch(
        &self,
        user: &UserId,
        lang: Lang,
        event: &EventId,
        deal: String,
        native: bool,
    ) -> Result<Entry, Refusal> {
        if self.is_open() {
            return Err(Refusal::NotFinished);
        }
        let seat = self.seat_of(user).ok_or(Refusal::NotAPlayer)?;
        let (seat, invited) = if self.rules.is_for_all() {
            (seat, None)
        } else {
            let opponent = self.player(seat.other()).ok_or(Refusal::NotPlaying)?;
            (seat.other(), self.computer.is_none().then(|| opponent.to_owned()))
        };
        Ok(Entry::Created {
            kind: self.rules.kind().to_owned(),
            creator: user.to_owned(),
            seat,
            invited,
            lang,
            rematch_of: Some(self.game_id.clone()),
            started_by: Some(event.to_owned()),
            computer: self.computer,
            deal,
            native,
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
        if self.rules.is_for_all() {
            return self.decide_for_all(user, seat, act);
        }
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
                Ok(Some(Entry::Moved { seat, mv: outcome.canonical, by: None }))
            }
            Act::Arrange { hand } => {
                self.position.arrange(seat, hand).map_err(Refusal::Move)?;
                Ok(Some(Entry::Arranged { seat, hand: hand.clone() }))
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

    /// The same in a game for all: its moves are not numbered, for many make them at once, and only the one who started it ends it.
    fn decide_for_all(&self, user: &UserId, seat: Seat, act: &Act) -> Result<Option<Entry>, Refusal> {
        if self.status != Status::Playing {
            // A key that was pressed while somebody else named the last letter.
            return if matches!(act, Act::Move { ply: Some(_), .. }) { Ok(None) } else { Err(Refusal::NotPlaying) };
        }
        match act {
            Act::Move { text, ply } => match self.position.apply(seat, text) {
                // On a native board, which shows so already, two have pressed the same.
                Err(Illegal::TriedBefore) if ply.is_some() => Ok(None),
                Err(illegal) => Err(Refusal::Move(illegal)),
                Ok(outcome) => Ok(Some(Entry::Moved { seat, mv: outcome.canonical, by: Some(user.to_owned()) })),
            },
            Act::Resign if self.creator == *user => Ok(Some(Entry::Resigned { seat })),
            Act::Resign => Err(Refusal::NotYours),
            Act::Arrange { .. } => Err(Refusal::Move(Illegal::NothingHidden)),
            _ => Err(Refusal::NoOpponent),
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
            .and_then(|index| self.moves.get(index))
            .is_some_and(|played| played.seat == seat && (played.canonical == text || played.notation == text));
        Some(if same { Ok(()) } else { Err(Refusal::StaleMove) })
    }

    fn offer_draw(&self, seat: Seat) -> Result<Option<Entry>, Refusal> {
        if self.computer.is_some() {
            return Err(Refusal::ComputerPlaysOn);
        }
        // One offer for each own move, so that nobody is nagged.
        let own_moves = |upto: usize| self.moves.iter().take(upto).filter(|played| played.seat == seat).count();
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
        let seat = self.seat_of(user).filter(|_| !self.rules.is_for_all())?;
        match self.status {
            Status::Waiting => Some(Entry::Cancelled),
            Status::Playing if self.moves.is_empty() => Some(Entry::Cancelled),
            Status::Playing => Some(Entry::Left { seat }),
            _ => None,
        }
    }
}
