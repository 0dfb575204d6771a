//! The whole state behind the window: applies updates, decides what a press means, and says what has to be shown anew.

mod attaching;
pub mod games;
mod messages;
mod past;
mod sounds;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::HashMap;

use crate::model::{
    attach::Sheet,
    command::Command,
    composer::{Composer, Drafts, News},
    forward::Forward,
    item::{Body, Preview},
    jump::Past,
    manage::Manage,
    media::Loads,
    members::Crowd,
    pins::Pins,
    presence, profile,
    rooms::{RoomList, Scope},
    search::Search as Messages,
    spaces,
    threads::Threads,
    timeline::{Keep, Timeline},
    update::{Account, Connection, Failure, Member, Paging, Person, PublicRoom, RoomDetails, Update},
    voice,
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
    /// What is offered while a name is typed
    pub suggestions: bool,
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
    /// Everyone of the open room, in groups
    pub crowd: Crowd,
    /// Settings that are open
    pub manage: Manage,
    /// The page of a space
    pub space_page: spaces::Page,
    /// What is chosen for a room or a space before it is made
    pub draft_place: spaces::Draft,
    /// Who types in the open room
    pub typing: Vec<String>,
    /// What the composer does besides
    pub chip: Option<Chip>,
    /// The games of the open room
    pub games: games::State,
    /// The window has the focus
    focused: bool,
    /// Something came into the open room since it was last told as read
    unseen: bool,
    /// A message that is looked for
    search: Option<past::Search>,
    /// What is shown instead of the newest messages
    past: Option<Past>,
    /// Messages that came while the open room was not
    fresh: u64,
    /// What will be, once its messages come
    coming: Option<Past>,
    /// Row of the message that was looked for last
    pub row: String,
    /// People found last, and for what
    pub people: (String, Vec<Person>),
    /// Rooms found last, and for what
    pub public_rooms: (String, Vec<PublicRoom>),
    /// Who is here
    pub presence: presence::Known,
    /// The card of a person, and the own picture
    pub profile: profile::State,
    /// Files that are about to be sent
    pub sheet: Sheet,
    /// Which files of messages are on this computer
    pub loads: Loads,
    /// What is being written besides its words
    pub composer: Composer,
    /// Threads of the open room
    pub threads: Threads,
    /// Pinned messages of the open room
    pub pins: Pins,
    /// The search of messages
    pub search_state: Messages,
    /// What is sent on
    pub forward: Forward,
    /// What is played and recorded
    pub voice: voice::State,
    timelines: HashMap<String, Timeline>,
    drafts: Drafts,
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
            crowd: Crowd::default(),
            manage: Manage::default(),
            space_page: spaces::Page::default(),
            draft_place: spaces::Draft::default(),
            typing: Vec::new(),
            chip: None,
            games: games::State::default(),
            focused: true,
            unseen: false,
            search: None,
            past: None,
            coming: None,
            fresh: 0,
            row: String::new(),
            people: Default::default(),
            public_rooms: Default::default(),
            presence: presence::Known::default(),
            profile: profile::State::default(),
            sheet: Sheet::default(),
            loads: Loads::default(),
            composer: Composer::default(),
            threads: Threads::default(),
            pins: Pins::default(),
            search_state: Messages::default(),
            forward: Forward::default(),
            voice: voice::State::default(),
            timelines: HashMap::new(),
            drafts: Drafts::default(),
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
                    self.past.iter_mut().for_each(Past::retry);
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
                    changed.rows = (!self.in_past()).then_some(keep);
                    changed.game = self.follow_game();
                    changed.chip = self.name_chip();
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
            Update::Jump(news) => changed = self.past_came(news),
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
            Update::Presence(news) => {
                self.presence.take(news);
            }
            Update::Profile(news) => {
                if let (profile::News::Own { name, .. }, Some(account)) = (&news, &mut self.account) {
                    account.name.clone_from(name);
                    changed.page = true;
                }
                let own = self.own_id().to_owned();
                self.profile.take(news, &own);
            }
            Update::Attach(news) => self.sheet.apply(news),
            Update::Composer(News::Drafts(drafts)) => {
                self.drafts.came(drafts);
                changed.rooms = true;
            }
            Update::Hand(hand) => changed.game = self.deal(hand),
            Update::Failed(_) => changed.game = self.games_failed(),
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
        self.games.ask_anew();
        self.fresh = self.rooms.get(room).map_or(0, |room| room.unread);
        self.rooms.keep(Some(room));
        self.unseen = true;
        let timeline = self.timelines.entry(room.to_owned()).or_default();
        timeline.to_end();
        timeline.stalled = false;
        self.take_up();
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
        suggestions: true,
        failed: None,
    };

    /// Keeps the draft of the room that was open and forgets what belonged to it.
    fn put_away(&mut self, draft: &str) -> Vec<Command> {
        let mut commands = Vec::new();
        commands.extend(self.keep_draft(draft));
        if let Some(room) = &self.open {
            commands.extend(self.voice.leave(room));
        }
        if let Some(before) = self.open.take()
            && std::mem::take(&mut self.typing_told)
        {
            commands.push(Command::Typing { room: before, typing: false });
        }
        self.close();
        commands
    }

    fn close(&mut self) {
        self.open = None;
        self.rooms.keep(None);
        self.chip = None;
        self.composer.begin(Vec::new());
        self.games = games::State::default();
        self.unseen = false;
        self.search = None;
        self.past = None;
        self.coming = None;
        self.fresh = 0;
        self.row.clear();
        self.members.clear();
        self.crowd.clear();
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
        self.open.as_ref().and_then(|room| self.drafts.get(room)).map_or("", |draft| draft.text.as_str())
    }

    /// What is shown of the open room: its newest messages, or a part of its past.
    pub fn timeline(&self) -> Option<&Timeline> {
        self.past.as_ref().map(|past| &past.timeline).or_else(|| self.newest())
    }

    /// The same, to change.
    pub fn timeline_mut(&mut self) -> Option<&mut Timeline> {
        match &mut self.past {
            Some(past) => Some(&mut past.timeline),
            None => self.timelines.get_mut(self.open.as_ref()?),
        }
    }

    /// The newest messages of the open room, whatever is shown.
    fn newest(&self) -> Option<&Timeline> {
        self.timelines.get(self.open.as_ref()?)
    }

    /// A room is open that the account is in.
    pub fn is_inside(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !self.rooms.get(open).is_some_and(|room| room.invited))
    }

    /// A part of the past is shown.
    pub fn in_past(&self) -> bool {
        self.past.is_some()
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
        let follows = !self.in_past() && self.timeline()?.follows();
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
