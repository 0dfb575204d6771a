//! The bot as an opponent: where it is at turn, it thinks on a thread of its own and then moves as anybody does.
//!
//! Nothing of a thought is kept: after a restart it is thought again, and a game that went on meanwhile throws it away.

use std::sync::Arc;

use rand::{SeedableRng as _, rngs::StdRng};
use ruma::{OwnedEventId, OwnedRoomId, RoomId};
use tokio::sync::watch;

use super::{
    Bot,
    incoming::{Incoming, MOVE},
    work::{Asked, Work},
};
use crate::{
    games::{Position, Rules, Seat, Strength},
    session::{Act, Session},
    store::{self, Batch},
};

/// A position to think about.
#[derive(Debug)]
struct Task {
    game_id: String,
    room_id: OwnedRoomId,
    rules: &'static dyn Rules,
    moves: Vec<(Seat, String)>,
    strength: Strength,
}

impl Task {
    /// The move, up to a second later; nothing where the game is over.
    fn think(&self) -> Option<String> {
        let mut position: Box<dyn Position> = self.rules.start();
        for (seat, text) in &self.moves {
            position = position.apply(*seat, text).ok()?.next;
        }
        // The same game is not played twice: who lost tries another way, and so does the computer.
        position.choose(self.strength, &mut StdRng::from_rng(&mut rand::rng()))
    }
}

/// Plays for the bot, a game at a time: so it has one core at most.
pub struct Player {
    bot: Arc<Bot>,
}

impl Player {
    /// A player of `bot`'s games.
    pub fn new(bot: Arc<Bot>) -> Self {
        Self { bot }
    }

    /// Plays until `stop` says so.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let played = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                played = self.play() => played,
            };
            let pause = match played {
                Ok(true) => continue,
                Ok(false) => None,
                Err(error) => {
                    tracing::error!(%error, "the computer's move cannot be written");
                    Some(std::time::Duration::from_secs(1))
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.bot.think.notified(), if pause.is_none() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    /// Moves in every game in which it is the computer's turn; whether there was any.
    async fn play(&self) -> Result<bool, store::Error> {
        let tasks = self.bot.tasks().await?;
        let any = !tasks.is_empty();
        for task in tasks {
            let thought = tokio::task::spawn_blocking(move || (task.think(), task)).await;
            let Ok((chosen, task)) = thought else {
                tracing::error!("the computer could not think");
                continue;
            };
            match chosen {
                Some(text) => self.bot.computer_moves(&task, &text).await?,
                None => tracing::error!(game_id = task.game_id, "the computer found no move"),
            }
        }
        Ok(any)
    }
}

impl Bot {
    /// The positions in which the bot is at turn.
    async fn tasks(&self) -> Result<Vec<Task>, store::Error> {
        let state = self.state().await?;
        let at_turn = |session: &&Session| {
            session.computer.is_some()
                && session.turn().is_some_and(|seat| session.player(seat) == Some(&self.settings.me))
        };
        let sessions = state.games.values().map(|live| &live.session).filter(at_turn);
        Ok(sessions
            .map(|session| Task {
                game_id: session.game_id.clone(),
                room_id: session.room_id.clone(),
                rules: session.rules(),
                moves: session.moves.iter().map(|played| (played.seat, played.canonical.clone())).collect(),
                strength: session.computer.unwrap_or_default(),
            })
            .collect())
    }

    /// What stands in the log for what the bot does by itself: no event of the room, but known by the game and the number of the
    /// move, so that it is written once. Its joining is move 0.
    pub(super) fn own_event(&self, room_id: &RoomId, game_id: &str, ply: u64) -> Option<Incoming> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Some(Incoming {
            event_id: OwnedEventId::try_from(format!("${game_id}-{ply}")).ok()?,
            room_id: room_id.to_owned(),
            sender: self.settings.me.clone(),
            kind: MOVE.to_owned(),
            state_key: None,
            content: serde_json::Value::Null,
            origin_server_ts: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
            redacts: None,
        })
    }

    /// Makes a move that was thought of, if the game still stands where it stood.
    async fn computer_moves(&self, task: &Task, text: &str) -> Result<(), store::Error> {
        let mut state = self.state().await?;
        let ply = task.moves.len() as u64 + 1;
        let stands = state
            .games
            .get(&task.game_id)
            .is_some_and(|live| live.session.turn().is_some() && live.session.moves.len() == task.moves.len());
        if !stands {
            return Ok(());
        }
        state.stale = true;
        let mut batch = Batch::default();
        let Some(event) = self.own_event(&task.room_id, &task.game_id, ply) else { return Ok(()) };
        let lang = state.games.get(&task.game_id).map(|live| live.session.lang).unwrap_or_default();
        let asked = Asked { event: &event, lang, in_chat: false };
        let act = Act::Move { text: text.to_owned(), ply: Some(ply) };
        Work { bot: self, state: &mut state, batch: &mut batch }.act(asked, &task.game_id, &act);
        let committed = self.commit(&batch).await;
        state.stale = committed.is_err();
        committed
    }
}
