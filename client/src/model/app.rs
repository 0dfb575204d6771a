//! The whole state behind the window: applies updates, decides what a press means, and says what has to be shown anew.

mod games;
mod messages;
mod past;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::model::{
    command::Command,
    forward::Forward,
    game::Table,
    item::{Body, Preview},
    pins::Pins,
    rooms::{RoomList, Scope},
    threads::Threads,
    timeline::{Keep, Timeline},
    update::{Account, Connection, Failure, Member, Paging, Person, PublicRoom, RoomDetails, Update},
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
    /// Go to the row of [`AppModel::row`]
    pub to_row: bool,
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
    /// Say what did not work
    pub failed: Option<Failure>,
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
    /// The window has the focus
    focused: bool,
    /// Something came into the open room since it was last told as read
    unseen: bool,
    /// A quoted message that is looked for
    search: Option<past::Search>,
    /// Row of the message that was looked for last
    pub row: String,
    /// People found last, and for what
    pub people: (String, Vec<Person>),
    /// Rooms found last, and for what
    pub public_rooms: (String, Vec<PublicRoom>),
    /// Threads of the open room
    pub threads: Threads,
    /// Pinned messages of the open room
    pub pins: Pins,
    /// What is sent on
    pub forward: Forward,
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
            focused: true,
            unseen: false,
            search: None,
            row: String::new(),
            people: Default::default(),
            public_rooms: Default::default(),
            threads: Threads::default(),
            pins: Pins::default(),
            forward: Forward::default(),
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
                *self = Self { page: Page::SignIn, focused: self.focused, ..Self::default() };
                changed = Changed { page: true, rooms: true, spaces: true, header: true, ..changed };
            }
            Update::SignedIn(account) => {
                self.page = Page::Main;
                self.account = Some(account);
                changed.page = true;
            }
            Update::Connection(connection) => {
                self.connection = connection;
                if connection == Connection::Online {
                    // What was not told or loaded while the server was away is told and loaded now.
                    self.unseen = true;
                    self.timelines.values_mut().for_each(|timeline| timeline.stalled = false);
                    changed.header = true;
                }
                changed.page = true;
                // Whether there are no rooms or they are still to come.
                changed.rooms = self.rooms.is_empty();
            }
            Update::Rooms(rooms) => {
                if let Some(room) = rooms.iter().find(|room| self.open.as_deref() == Some(&room.id)) {
                    changed.header = true;
                    self.unseen |= room.unread > 0;
                }
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
                    self.unseen = true;
                }
            }
            Update::Paging { room, paging } => {
                changed.header = self.open.as_ref() == Some(&room);
                if let Paging::Failed(failure) = paging
                    && changed.header
                    && self.search.take().is_some()
                {
                    changed.failed = Some(failure);
                }
                self.timelines.entry(room).or_default().page(paging);
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
        self.unseen = true;
        let timeline = self.timelines.entry(room.to_owned()).or_default();
        timeline.to_end();
        timeline.stalled = false;
        commands.push(Command::Open(room.to_owned()));
        (Self::ANOTHER_ROOM, commands)
    }

    /// Goes back to the list of rooms.
    pub fn leave_open(&mut self, draft: &str) -> (Changed, Vec<Command>) {
        let mut commands = self.put_away(draft);
        commands.push(Command::Close);
        (Self::ANOTHER_ROOM, commands)
    }

    /// What has to be shown when another room is open, or none.
    const ANOTHER_ROOM: Changed = Changed {
        page: false,
        rooms: true,
        spaces: true,
        header: true,
        rows: Some(Keep::Follow),
        to_bottom: true,
        to_row: false,
        chip: true,
        draft: true,
        members: true,
        typing: true,
        found: false,
        game: true,
        failed: None,
    };

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
        self.unseen = false;
        self.search = None;
        self.row.clear();
        self.members.clear();
        self.typing.clear();
        self.typing_told = false;
        self.details = RoomDetails::default();
        self.threads = Threads::default();
        self.pins = Pins::default();
    }

    /// Whether the list of rooms is all there is, though it be empty: before it is, it is being loaded.
    pub fn knows_rooms(&self) -> bool {
        !self.rooms.is_empty() || (self.rooms_loaded && self.connection != Connection::Connecting)
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

    /// Chooses what part of the rooms is shown, by the id of the rail.
    pub fn choose_space(&mut self, id: &str) -> Changed {
        self.rooms.set_scope(match id {
            "" => Scope::All,
            "direct" => Scope::Direct,
            space => Scope::Space(space.to_owned()),
        });
        Changed { rooms: true, spaces: true, ..Changed::default() }
    }

    /// The room on which the person's eyes are: open in a window that has the focus.
    pub fn watched(&self) -> Option<&str> {
        self.open.as_deref().filter(|_| self.focused)
    }

    /// The window got or lost the focus.
    pub fn focus(&mut self, focused: bool) -> Changed {
        self.focused = focused;
        Changed { rooms: true, spaces: true, ..Changed::default() }
    }

    /// The end of the open room is on screen: it is told as read if anything came since, of whatever kind it is. The
    /// Matrix side knows which event is the newest and whether that was told already.
    pub fn see(&mut self) -> Option<Command> {
        let room = self.watched()?.to_owned();
        let follows = self.timeline()?.follows();
        (follows && std::mem::take(&mut self.unseen)).then_some(Command::MarkRead(room))
    }

    /// The source of a file in the open room by the message's key.
    pub fn media(&self, key: &str) -> Option<(bool, crate::model::item::Media)> {
        let message = self.message(key)?;
        let picture = matches!(message.body, Body::Image(_));
        message.body.media().map(|media| (picture, media.clone()))
    }

    /// The user id of the account.
    pub fn own_id(&self) -> &str {
        self.account.as_ref().map_or("", |account| account.user_id.as_str())
    }
}
