//! What one player alone may see: told to a native board by a to-device event, and in words in a direct chat.

use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Job,
    incoming::ACTION,
    work::{Asked, Work},
};
use crate::{
    board,
    games::{Illegal, Rules, Seat},
    session::{Act, Refusal, Status},
    words::Lang,
};

impl Work<'_> {
    fn lots(&self) -> StdRng {
        StdRng::seed_from_u64((self.bot.settings.lots)())
    }

    /// What a new game hides.
    pub(super) fn deal(&self, rules: &dyn Rules, lang: Lang) -> String {
        rules.deal(lang, &mut self.lots())
    }

    /// Tells the players of a game that begins what is theirs alone: in words to who came to it in words.
    pub(super) fn deal_out(&mut self, asked: Asked<'_>, game_id: &str) {
        let Some(live) = self.state.games.get(game_id) else {
            return;
        };
        let session = &live.session;
        let joined = session.seat_of(&asked.event.sender);
        let seats = 0..session.players.len() as u8;
        let native = |seat| if Some(seat) == joined { asked.event.kind == ACTION } else { session.native };
        let told: Vec<(Seat, bool)> = seats.map(Seat).map(|seat| (seat, native(seat))).collect();
        for (seat, native) in told {
            self.tell_hand(game_id, seat, !native);
        }
    }

    /// Tells a player who asks, if there is anything to tell.
    pub(super) fn show_hand(&mut self, asked: Asked<'_>, game_id: &str) {
        let now = (self.bot.settings.clock)();
        let seat = match self.hidden(asked, game_id) {
            Ok(seat) => seat,
            Err(refusal) => return self.refuse(asked, Some(game_id), &refusal),
        };
        if self.room(&asked.event.room_id).boards.take(now) {
            self.tell_hand(game_id, seat, asked.event.kind != ACTION);
        } else {
            self.refuse(asked, Some(game_id), &Refusal::TooOften);
        }
    }

    /// Lays out anew what a player alone sees, and tells them.
    pub(super) fn arrange(&mut self, asked: Asked<'_>, game_id: &str) {
        let mut lots = self.lots();
        let arranged = self.hidden(asked, game_id).and_then(|_| {
            let session = self.state.games.get(game_id).map(|live| &live.session).ok_or(Refusal::UnknownGame)?;
            let hand = session.position().rearrangement(&mut lots).ok_or(Refusal::Move(Illegal::NothingHidden))?;
            session.decide(&asked.event.sender, &Act::Arrange { hand })
        });
        match arranged {
            Err(refusal) => self.refuse(asked, Some(game_id), &refusal),
            Ok(None) => {}
            Ok(Some(entry)) => {
                // The board that all see stays as it is.
                self.record(asked.event, game_id, entry);
                self.show_hand(asked, game_id);
            }
        }
    }

    /// Where the one who asks sits, in a game that hides something.
    fn hidden(&self, asked: Asked<'_>, game_id: &str) -> Result<Seat, Refusal> {
        let session = self.state.games.get(game_id).map(|live| &live.session).ok_or(Refusal::UnknownGame)?;
        let seat = session.seat_of(&asked.event.sender).ok_or(Refusal::NotAPlayer)?;
        if session.status == Status::Waiting {
            return Err(Refusal::NotPlaying);
        }
        session.position().hand(seat).map(|_| seat).ok_or(Refusal::Move(Illegal::NothingHidden))
    }

    fn tell_hand(&mut self, game_id: &str, seat: Seat, in_words: bool) {
        let Some(live) = self.state.games.get(game_id) else {
            return;
        };
        let session = &live.session;
        let (Some(hand), Some(user)) = (session.position().hand(seat), session.player(seat)) else {
            return;
        };
        let (room_id, user) = (session.room_id.clone(), user.to_owned());
        let event = board::hand(session, seat, &hand);
        let message = in_words.then(|| board::hand_message(session, &hand));
        self.job(&room_id, Job::Hand { user: user.clone(), content: event });
        if let Some(content) = message {
            self.job(&room_id, Job::Direct { user, content });
        }
    }
}
