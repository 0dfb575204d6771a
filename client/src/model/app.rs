//! The whole state behind the window: applies updates, decides what a press means, and says what has to be shown anew.

mod games;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::model::{
    command::Command,
    game::Table,
    item::{Body, ItemKind, Preview, SendState},
    rooms::{RoomList, Scope},
    timeline::{Keep, Older, Timeline},
    update::{Account, Connection, Member, Person, PublicRoom, RoomDetails, Update},
};

/// What the composer is doing besides writing a new message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// Changing a message rather than answering one
    pub editing: bool,
    /// `Message::key`
    pub key: String,
    /// Its sender
    pub who: String,
    /// What it says
    pub preview: Preview,
}

/// Parts of the window that have to be shown anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// Which page, and whose account
    pub page: bool,
    /// List of rooms
    pub rooms: bool,
    /// Rail of spaces
    pub spaces: bool,
    /// Header and panel of the open room
    pub header: bool,
    /// Rows of the open room
    pub rows: Option<Keep>,
    /// Go to the newest message
    pub to_bottom: bool,
    /// Chip over the composer
    pub chip: bool,
    /// Put the draft into the composer
    pub draft: bool,
    /// Members
    pub members: bool,
    /// Typing
    pub typing: bool,
    /// Found people, rooms
    pub found: bool,
    /// The board beside the conversation
    pub game: bool,
}

/// Which page is up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Page {
    /// Reading the local store
    #[default]
    Starting,
    /// Nobody is signed in
    SignIn,
    /// Somebody is
    Main,
}

/// The state.
#[derive(Debug)]
pub struct AppModel {
    /// Which page is up
    pub page: Page,
    /// Who is signed in
    pub account: Option<Account>,
    /// Whether the server answers
    pub connection: Connection,
    /// All rooms
    pub rooms: RoomList,
    /// The local store has told all its rooms
    pub rooms_loaded: bool,
    /// The open room
    pub open: Option<String>,
    /// Details of the open room
    pub details: RoomDetails,
    /// Members of the open room
    pub members: Vec<Member>,
    /// Who types in the open room
    pub typing: Vec<String>,
    /// What the composer does besides
    pub chip: Option<Chip>,
    /// The board beside the conversation
    pub table: Table,
    /// What the bot said to the last request, if it refused it
    pub refusal: String,
    /// A game was asked for and its board has not come yet
    pub starting: bool,
    /// People found last, and for what
    pub people: (String, Vec<Person>),
    /// Rooms found last, and for what
    pub public_rooms: (String, Vec<PublicRoom>),
    timelines: HashMap<String, Timeline>,
    drafts: HashMap<String, String>,
    typing_told: bool,
}

impl Default for AppModel {
    fn default() -> Self {
        Self {
            page: Page::default(),
            account: None,
            connection: Connection::Connecting,
            rooms: RoomList::default(),
            rooms_loaded: false,
            open: None,
            details: RoomDetails::default(),
            members: Vec::new(),
            typing: Vec::new(),
            chip: None,
            table: Table::default(),
            refusal: String::new(),
            starting: false,
            people: Default::default(),
            public_rooms: Default::default(),
            timelines: HashMap::new(),
            drafts: HashMap::new(),
            typing_told: false,
        }
    }
}

impl AppModel {
    /// Applies what the Matrix side told. What concerns dialogs and pictures is the view's own.
    pub fn apply(&mut self, update: Update) -> Changed {
        let mut changed = Changed::default();
        match update {
            Update::SignedOut(_) => {
                *self = Self { page: Page::SignIn, ..Self::default() };
                changed = Changed { page: true, rooms: true, spaces: true, header: true, ..changed };
            }
            Update::SignedIn(account) => {
                self.page = Page::Main;
                self.account = Some(account);
                changed.page = true;
            }
            Update::Connection(connection) => {
                self.connection = connection;
                changed.page = true;
            }
            Update::Rooms(rooms) => {
                changed.header = rooms.iter().any(|room| self.open.as_deref() == Some(&room.id));
                self.rooms.put(rooms);
                changed.rooms = true;
                changed.spaces = true;
            }
            Update::RoomGone(room) => {
                self.rooms.remove(&room);
                self.timelines.remove(&room);
                self.drafts.remove(&room);
                if self.open.as_ref() == Some(&room) {
                    self.close();
                    changed.header = true;
                }
                changed.rooms = true;
                changed.spaces = true;
            }
            Update::Spaces(spaces) => {
                self.rooms.set_spaces(spaces);
                changed.spaces = true;
                changed.rooms = true;
            }
            Update::RoomsLoaded => {
                self.rooms_loaded = true;
                changed.rooms = true;
            }
            Update::Timeline { room, diffs } => {
                let keep = self.timelines.entry(room.clone()).or_default().apply(diffs);
                if self.open.as_ref() == Some(&room) {
                    changed.rows = Some(keep);
                    changed.game = self.follow_game();
                }
            }
            Update::Paging { room, loading, at_start } => {
                let timeline = self.timelines.entry(room.clone()).or_default();
                timeline.loading = loading;
                timeline.at_start = at_start;
                changed.header = self.open.as_ref() == Some(&room);
            }
            Update::Typing { room, names } if self.open.as_ref() == Some(&room) => {
                self.typing = names;
                changed.typing = true;
            }
            Update::Details { room, details } if self.open.as_ref() == Some(&room) => {
                self.details = details;
                changed.header = true;
            }
            Update::Members { room, members } if self.open.as_ref() == Some(&room) => {
                self.members = members;
                changed.members = true;
            }
            Update::People { term, found } => {
                self.people = (term, found);
                changed.found = true;
            }
            Update::PublicRooms { term, found } => {
                self.public_rooms = (term, found);
                changed.found = true;
            }
            Update::Failed(_) => changed.game = std::mem::take(&mut self.starting),
            _ => {}
        }
        changed
    }

    /// Shows a room.
    pub fn open(&mut self, room: &str, draft: &str) -> (Changed, Vec<Command>) {
        // A room without any messages may be one that an invitation was just accepted to: that is followed only now.
        let followed = self.timelines.get(room).is_some_and(|timeline| !timeline.is_empty());
        if self.open.as_deref() == Some(room) && followed {
            return (Changed { to_bottom: true, ..Changed::default() }, Vec::new());
        }
        let mut commands = self.put_away(draft);
        self.open = Some(room.to_owned());
        self.details = RoomDetails::default();
        self.timelines.entry(room.to_owned()).or_default().to_end();
        commands.push(Command::Open(room.to_owned()));
        let all = Changed {
            rooms: true,
            header: true,
            rows: Some(Keep::Follow),
            to_bottom: true,
            chip: true,
            draft: true,
            members: true,
            typing: true,
            game: true,
            ..Changed::default()
        };
        (all, commands)
    }

    /// Keeps the draft of the room that was open and forgets what belonged to it.
    fn put_away(&mut self, draft: &str) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some(before) = self.open.take() {
            let editing = self.chip.as_ref().is_some_and(|chip| chip.editing);
            if draft.is_empty() || editing {
                self.drafts.remove(&before);
            } else {
                self.drafts.insert(before.clone(), draft.to_owned());
            }
            if std::mem::take(&mut self.typing_told) {
                commands.push(Command::Typing { room: before, typing: false });
            }
        }
        self.close();
        commands
    }

    fn close(&mut self) {
        self.open = None;
        self.chip = None;
        self.table = Table::default();
        self.refusal.clear();
        self.starting = false;
        self.members.clear();
        self.typing.clear();
        self.typing_told = false;
        self.details = RoomDetails::default();
    }

    /// The draft of the open room.
    pub fn draft(&self) -> &str {
        self.open.as_ref().and_then(|room| self.drafts.get(room)).map_or("", String::as_str)
    }

    /// The open room's timeline.
    pub fn timeline(&self) -> Option<&Timeline> {
        self.timelines.get(self.open.as_ref()?)
    }

    /// The open room's timeline, to change.
    pub fn timeline_mut(&mut self) -> Option<&mut Timeline> {
        self.timelines.get_mut(self.open.as_ref()?)
    }

    /// Sends what is in the composer: a new message, an answer or a change.
    pub fn send(&mut self, text: &str) -> (Changed, Vec<Command>) {
        let (Some(room), false) = (self.open.clone(), text.trim().is_empty()) else {
            return (Changed::default(), Vec::new());
        };
        let text = text.trim_end().to_owned();
        let command = match self.chip.take() {
            Some(chip) if chip.editing => Command::Edit { room: room.clone(), key: chip.key, text },
            chip => Command::Send { room: room.clone(), text, reply_to: chip.map(|chip| chip.key) },
        };
        self.drafts.remove(&room);
        let mut commands = vec![command];
        if std::mem::take(&mut self.typing_told) {
            commands.push(Command::Typing { room, typing: false });
        }
        if let Some(timeline) = self.timeline_mut() {
            timeline.to_end();
        }
        (Changed { chip: true, draft: true, rows: Some(Keep::Follow), to_bottom: true, ..Changed::default() }, commands)
    }

    /// The text in the composer changed: tells the room that the person is writing, once until it is empty again.
    pub fn typed(&mut self, text: &str) -> Option<Command> {
        let room = self.open.clone()?;
        let typing = !text.is_empty() && !self.chip.as_ref().is_some_and(|chip| chip.editing);
        if typing == self.typing_told {
            return None;
        }
        self.typing_told = typing;
        Some(Command::Typing { room, typing })
    }

    /// Answers a message.
    pub fn reply(&mut self, key: &str) -> Changed {
        let Some(message) =
            self.timeline().and_then(|timeline| timeline.message(key)).filter(|message| message.replyable)
        else {
            return Changed::default();
        };
        self.chip = Some(Chip {
            editing: false,
            key: message.key.clone(),
            who: message.sender_name.clone(),
            preview: message.body.preview(),
        });
        Changed { chip: true, ..Changed::default() }
    }

    /// Changes a message: its words go into the composer.
    pub fn edit(&mut self, key: &str) -> Changed {
        let Some(room) = self.open.clone() else { return Changed::default() };
        let Some(message) =
            self.timeline().and_then(|timeline| timeline.message(key)).filter(|message| message.editable)
        else {
            return Changed::default();
        };
        let words = message.body.words().to_owned();
        self.chip = Some(Chip {
            editing: true,
            key: message.key.clone(),
            who: message.sender_name.clone(),
            preview: message.body.preview(),
        });
        self.drafts.insert(room, words);
        Changed { chip: true, draft: true, ..Changed::default() }
    }

    /// Changes the newest own message.
    pub fn edit_last(&mut self) -> Changed {
        let key = self.timeline().and_then(|timeline| {
            timeline.messages().find(|message| message.own && message.editable).map(|message| message.key.clone())
        });
        key.map_or_else(Changed::default, |key| self.edit(&key))
    }

    /// Neither answers nor changes any more. Words of a change go away; words of an answer stay.
    pub fn cancel_chip(&mut self) -> Changed {
        let editing = self.chip.take().is_some_and(|chip| chip.editing);
        if editing && let Some(room) = &self.open {
            self.drafts.remove(room);
        }
        Changed { chip: true, draft: editing, ..Changed::default() }
    }

    /// The view came near the upper edge.
    pub fn older(&mut self) -> (Changed, Option<Command>) {
        let Some(room) = self.open.clone() else { return (Changed::default(), None) };
        let Some(timeline) = self.timeline_mut() else { return (Changed::default(), None) };
        match timeline.older() {
            (Older::Nothing, _) => (Changed::default(), None),
            (Older::Grew, keep) => (Changed { rows: Some(keep), ..Changed::default() }, None),
            (Older::Load, _) => (Changed { header: true, ..Changed::default() }, Some(Command::PageBack(room))),
        }
    }

    /// Chooses what part of the rooms is shown, by the id of the rail.
    pub fn choose_space(&mut self, id: &str) -> Changed {
        self.rooms.set_scope(match id {
            "" => Scope::All,
            "direct" => Scope::Direct,
            space => Scope::Space(space.to_owned()),
        });
        Changed { rooms: true, spaces: true, ..Changed::default() }
    }

    /// The room above or below the open one in the list.
    pub fn neighbour(&self, step: i32) -> Option<String> {
        let visible = self.rooms.visible();
        let here = self.open.as_ref().and_then(|open| visible.iter().position(|room| room.id == *open));
        let index = match here {
            Some(here) => i32::try_from(here).ok()? + step,
            None => 0,
        };
        visible.get(usize::try_from(index).ok()?).map(|room| room.id.clone())
    }

    /// A message of the open room that the account may remove.
    pub fn may_remove(&self, own: bool) -> bool {
        own || self.details.can_remove
    }

    /// The newest message of the open room is from somebody else and may be told as read.
    pub fn has_unread(&self) -> bool {
        self.open.as_ref().and_then(|open| self.rooms.get(open)).is_some_and(|room| room.unread > 0)
            || self.timeline().is_some_and(|timeline| {
                timeline.items().last().is_some_and(|item| {
                    matches!(&item.kind, ItemKind::Message(message) if !message.own && message.state == SendState::Sent)
                })
            })
    }

    /// The source of a file in the open room by the message's key.
    pub fn media(&self, key: &str) -> Option<(bool, crate::model::item::Media)> {
        let message = self.timeline()?.message(key)?;
        let picture = matches!(message.body, Body::Image(_));
        message.body.media().map(|media| (picture, media.clone()))
    }

    /// The user id of the account.
    pub fn own_id(&self) -> &str {
        self.account.as_ref().map_or("", |account| account.user_id.as_str())
    }
}
