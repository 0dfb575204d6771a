//! Tic-tac-toe: three by three fields, and marks that are put down.

use super::{Board, Made, Notation, Ply, Rules};

/// The game.
pub(super) struct TicTacToe;

const FIELDS: usize = 9;

impl Rules for TicTacToe {
    fn columns(&self) -> usize {
        3
    }

    fn fields(&self, board: &Board, _seat: Option<&str>) -> Vec<char> {
        super::cells(board.state.get("cells"), FIELDS, |cell| if cell == '.' { ' ' } else { cell })
    }

    fn read(&self, made: &str) -> Option<Made> {
        let to = made.parse::<usize>().ok()?.checked_sub(1).filter(|to| *to < FIELDS)?;
        Some(Made { from: None, to, becomes: None })
    }

    fn place(&self, index: usize) -> String {
        (index + 1).to_string()
    }

    /// The line that won, and nothing before: a mark on so small a board is seen without it.
    fn marked(&self, board: &Board, _seat: Option<&str>) -> Vec<usize> {
        super::line(board)
    }

    fn start(&self) -> Vec<char> {
        vec![' '; FIELDS]
    }

    fn replay(&self, board: &Board) -> Vec<Ply> {
        let mut fields = self.start();
        let mut game = Vec::with_capacity(board.moves.len());
        for (number, made) in board.moves.iter().enumerate() {
            let Some(to) = self.read(made).map(|made| made.to) else { break };
            fields[to] = if number % 2 == 0 { 'x' } else { 'o' };
            game.push(Ply {
                fields: fields.clone(),
                marked: vec![to],
                taken: None,
                words: Notation { text: made.clone(), ..Notation::default() },
            });
        }
        game
    }
}
