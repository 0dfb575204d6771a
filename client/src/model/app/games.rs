//! The board beside the conversation.

use super::{AppModel, Changed};
use crate::model::{
    command::Command,
    game::{Board, Pressed, Status, Table},
    item::Body,
    timeline::Timeline,
};

impl AppModel {
    /// The newest board of a game in the open room, and its message. The one whose board came first is the bot; boards
    /// of the same game from anybody else are not believed.
    pub fn board(&self, game_id: &str) -> Option<(&Board, &str)> {
        let boards = || {
            self.timeline().into_iter().flat_map(Timeline::messages).filter_map(|message| match &message.body {
                Body::Game { board, .. } if board.game_id == game_id => Some((message, board.as_ref())),
                _ => None,
            })
        };
        let bot = boards().last().map(|(message, _)| message.sender.as_str())?;
        boards()
            .filter(|(message, _)| message.sender == bot)
            .max_by_key(|(_, board)| board.revision)
            .map(|(message, board)| (board, message.key.as_str()))
    }

    /// The board beside the conversation.
    pub fn shown_board(&self) -> Option<(&Board, &str)> {
        self.board(self.table.game_id.as_ref()?)
    }

    /// The timeline changed: perhaps the board did, or the board that was asked for has come.
    pub(super) fn follow_game(&mut self) -> bool {
        if self.starting {
            let own = self.own_id();
            let mine = self.timeline().and_then(|timeline| {
                timeline.messages().take(20).find_map(|message| match &message.body {
                    Body::Game { board, .. } if board.creator == own && board.status == Status::Waiting => {
                        Some(board.game_id.clone())
                    }
                    _ => None,
                })
            });
            if let Some(game_id) = mine {
                self.starting = false;
                self.show_game(&game_id);
            }
        }
        let Some(board) = self.shown_board().map(|(board, _)| board.clone()) else { return false };
        if let Some(next) = board.rematch.as_ref().filter(|next| self.board(next).is_some()).cloned() {
            self.show_game(&next);
            return true;
        }
        self.table.changed(&board);
        if self.table.sent.is_some()
            && let Some(refusal) = self
                .timeline()
                .and_then(|timeline| timeline.messages().next())
                .filter(|message| message.refusal.as_ref() == Some(&board.game_id))
        {
            self.refusal = refusal.body.words().to_owned();
            self.table.refused();
        }
        true
    }

    /// Shows a game beside the conversation.
    pub fn show_game(&mut self, game_id: &str) -> Changed {
        self.table.show(game_id);
        self.refusal.clear();
        Changed { game: true, ..Changed::default() }
    }

    /// Shows the choice of games beside the conversation.
    pub fn leave_game(&mut self) -> Changed {
        self.table = Table::default();
        self.refusal.clear();
        Changed { game: true, ..Changed::default() }
    }

    /// A game was asked for: its board is shown when it comes.
    pub fn expect_game(&mut self) {
        self.starting = true;
    }

    /// A field of the board was pressed.
    pub fn press_field(&mut self, index: usize) -> (Changed, Option<Command>) {
        self.with_board(|table, board, own| table.press(board, own, index))
    }

    /// A piece to promote to was chosen.
    pub fn promote(&mut self, piece: &str) -> (Changed, Option<Command>) {
        self.with_board(|table, board, _| table.promote(board, piece))
    }

    fn with_board(&mut self, work: impl FnOnce(&mut Table, &Board, &str) -> Pressed) -> (Changed, Option<Command>) {
        let Some((board, key)) = self.shown_board().map(|(board, key)| (board.clone(), key.to_owned())) else {
            return (Changed::default(), None);
        };
        let own = self.own_id().to_owned();
        let pressed = work(&mut self.table, &board, &own);
        let command = match (pressed, &self.open) {
            (Pressed::Move(made), Some(room)) => {
                self.refusal.clear();
                Some(Command::Play { room: room.clone(), game_id: board.game_id, board: key, ply: board.ply + 1, made })
            }
            _ => None,
        };
        (Changed { game: true, ..Changed::default() }, command)
    }

    /// A button under the board was pressed: joining, resigning and the like.
    pub fn act(&mut self, action: &str) -> Option<Command> {
        let (board, key) = self.shown_board()?;
        let (game_id, board) = (board.game_id.clone(), key.to_owned());
        self.refusal.clear();
        Some(Command::Act { room: self.open.clone()?, game_id, board, action: action.to_owned() })
    }
}
