//! What a native board asks for.

use ruma::OwnedUserId;
use serde::Deserialize as _;

use super::{
    incoming::Incoming,
    requests::{LONGEST, Opponent, Side, read_side},
    store,
    work::{Asked, Work},
};
use crate::{
    games::{self, Strength},
    session::{Act, Refusal},
    words::Lang,
};

impl Work<'_> {
    pub(super) async fn native_move(&mut self, event: &Incoming) -> Result<(), store::Error> {
        let game = self.native_game(event).await?;
        let asked = self.native_asked(event, game.as_deref());
        let ply = event.content.get("ply").and_then(serde_json::Value::as_u64);
        match (game, event.text("move"), ply) {
            (None, ..) => self.refuse(asked, None, &Refusal::UnknownGame),
            (Some(game_id), Some(text), Some(ply)) if text.len() <= LONGEST => {
                let act = Act::Move { text: text.to_owned(), ply: Some(ply) };
                self.act(asked, &game_id, &act);
            }
            (Some(game_id), ..) => self.refuse(asked, Some(&game_id), &Refusal::Malformed),
        }
        Ok(())
    }

    pub(super) async fn native_action(&mut self, event: &Incoming) -> Result<(), store::Error> {
        let Some(action) = event.text("action") else {
            let asked = self.native_asked(event, None);
            self.refuse(asked, None, &Refusal::Malformed);
            return Ok(());
        };
        if action == "start" {
            let asked = self.native_asked(event, None);
            self.native_start(asked);
            return Ok(());
        }
        let game = self.native_game(event).await?;
        let asked = self.native_asked(event, game.as_deref());
        let Some(game_id) = game else {
            self.refuse(asked, None, &Refusal::UnknownGame);
            return Ok(());
        };
        let act = match action {
            "join" => Act::Join,
            "decline" => Act::Decline,
            "cancel" => Act::Cancel,
            "resign" => Act::Resign,
            "offer_draw" => Act::Draw,
            "accept_draw" => Act::AcceptDraw,
            "decline_draw" => Act::DeclineDraw,
            "claim_draw" => Act::ClaimDraw,
            "rematch" => {
                self.rematch(asked, &game_id, asked.lang);
                return Ok(());
            }
            "hand" => {
                self.show_hand(asked, &game_id);
                return Ok(());
            }
            "arrange" => {
                self.arrange(asked, &game_id);
                return Ok(());
            }
            "pgn" => return self.tell_pgn(asked, &game_id).await,
            "board" => {
                self.show_again(asked, &game_id);
                return Ok(());
            }
            _ => {
                self.refuse(asked, Some(&game_id), &Refusal::UnknownAction);
                return Ok(());
            }
        };
        self.act(asked, &game_id, &act);
        Ok(())
    }

    fn native_start(&mut self, asked: Asked<'_>) {
        let content = &asked.event.content;
        let Some(rules) = content.get("kind").and_then(|kind| games::find(kind.as_str()?)) else {
            return self.refuse(asked, None, &Refusal::UnknownKind);
        };
        let side = match content.get("seat") {
            None => Some(Side::Usual),
            Some(seat) => seat.as_str().and_then(|seat| read_side(rules, seat)),
        };
        let opponent = match content.get("opponent") {
            None => Some(None),
            Some(user) => user.as_str().and_then(|user| OwnedUserId::try_from(user).ok()).map(Some),
        };
        let strength = match content.get("strength") {
            None => Some(None),
            Some(strength) => Strength::deserialize(strength).ok().map(Some),
        };
        match (side, opponent, strength) {
            (Some(side), Some(opponent), Some(strength)) => {
                let opponent = match (opponent, strength) {
                    (Some(user), _) if user == *self.bot.me() => Some(Opponent::Computer(strength.unwrap_or_default())),
                    (Some(user), _) => Some(Opponent::Person(user)),
                    (None, strength) => strength.map(Opponent::Computer),
                };
                self.start(asked, rules, opponent, side, asked.lang);
            }
            _ => self.refuse(asked, None, &Refusal::Malformed),
        }
    }

    /// The game that a native event names, at hand.
    async fn native_game(&mut self, event: &Incoming) -> Result<Option<String>, store::Error> {
        if let Some(game_id) = event.text("game_id") {
            let at_hand = self.at_hand(&event.room_id, game_id).await?;
            return Ok(at_hand.then(|| game_id.to_owned()));
        }
        match event.related() {
            Some(board) => self.game_of_board(&event.room_id, board).await,
            None => Ok(None),
        }
    }

    fn native_asked<'e>(&mut self, event: &'e Incoming, game_id: Option<&str>) -> Asked<'e> {
        let game = game_id.and_then(|id| self.state.games.get(id));
        let lang = event
            .text("lang")
            .and_then(Lang::find)
            .or(game.map(|live| live.session.lang))
            .unwrap_or_else(|| self.room(&event.room_id).row.lang);
        Asked { event, lang, in_chat: false }
    }
}
