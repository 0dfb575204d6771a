//! What happens in a room besides requests: who comes and goes, what is encrypted, what the bot itself has said.

use ruma::UserId;

use super::{Job, incoming::Incoming, is_deserted, work::Work};
use crate::{board, session::Entry, words};

impl Work<'_> {
    pub(super) fn member(&mut self, event: &Incoming) {
        let Some(Ok(user)) = event.state_key.as_deref().map(<&UserId>::try_from) else {
            return;
        };
        let membership = event.text("membership").unwrap_or_default();
        if user == self.bot.settings.me {
            match membership {
                "invite" => {
                    self.room(&event.room_id);
                    self.keep_room(&event.room_id);
                    self.job(&event.room_id, Job::Join);
                }
                "join" => {
                    let room = self.room(&event.room_id);
                    if !room.row.joined {
                        room.row.joined = true;
                        self.keep_room(&event.room_id);
                        self.job(&event.room_id, Job::Look);
                    }
                }
                "leave" | "ban" => self.left(event),
                _ => {}
            }
            return;
        }
        match membership {
            "join" => {
                let name = event.text("displayname").unwrap_or_default().to_owned();
                self.room(&event.room_id).names.insert(user.to_owned(), name.clone());
                self.batch.members.push((event.room_id.clone(), user.to_owned(), Some(name)));
            }
            "leave" | "ban" => {
                let me = self.bot.settings.me.clone();
                let room = self.room(&event.room_id);
                room.names.remove(user);
                let deserted = is_deserted(&room.names, &me);
                self.batch.members.push((event.room_id.clone(), user.to_owned(), None));
                let games = self.room(&event.room_id).games.clone();
                for game_id in games {
                    let entry = self.state.games.get(&game_id).and_then(|live| live.session.without(user));
                    if let Some(entry) = entry {
                        self.record(event, &game_id, entry);
                        self.show(&game_id);
                    }
                }
                // Also when an invitation to a direct chat was refused.
                if deserted {
                    self.job(&event.room_id, Job::LeaveIfAlone);
                }
            }
            _ => {}
        }
    }

    /// The bot is no longer in the room: its games are cut off, nothing can be said.
    fn left(&mut self, event: &Incoming) {
        let games = self.room(&event.room_id).games.clone();
        for game_id in games {
            if self.state.games.get(&game_id).is_some_and(|live| live.session.is_open()) {
                self.record(event, &game_id, Entry::Cancelled);
            }
        }
        let room = self.room(&event.room_id);
        room.row.joined = false;
        room.names.clear();
        self.keep_room(&event.room_id);
        self.batch.jobs.retain(|(_, room_id, _)| *room_id != event.room_id);
        self.batch.drop_jobs.push(event.room_id.clone());
        self.batch.forget_members.push(event.room_id.clone());
        self.batch.members.retain(|(room_id, ..)| *room_id != event.room_id);
    }

    pub(super) fn encryption(&mut self, event: &Incoming) {
        if event.state_key.as_deref() != Some("") {
            return;
        }
        let room = self.room(&event.room_id);
        if room.row.joined && !room.row.encrypted {
            room.row.encrypted = true;
            self.keep_room(&event.room_id);
            self.notice(&event.room_id, words::encrypted());
        }
    }

    /// A board that has arrived in its room can be related to, even before the homeserver has answered who sent it.
    pub(super) fn own_message(&mut self, event: &Incoming) {
        if event.relation_type() == Some("m.replace") {
            return;
        }
        let game_id = event.content.get(board::BLOCK).and_then(|block| block.get("game_id")?.as_str());
        self.chatter(&event.room_id);
        if let Some(game_id) = game_id
            && let Some(live) = self.state.games.get_mut(game_id)
            && live.session.room_id == event.room_id
        {
            live.chatter = 0;
            self.batch.boards.push((event.event_id.clone(), game_id.to_owned()));
        }
    }
}
