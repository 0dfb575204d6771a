//! The settings of a room or a space: what they are, what the account may change of them, and what is being saved.
//!
//! What a person chose is shown at once and marked as being saved; if the server refuses it, the old value is back.

use std::path::PathBuf;

use crate::model::update::Failure;

/// Who may join.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Joining {
    /// Who is invited
    #[default]
    Invite,
    /// Who asks and is let in
    Knock,
    /// Who is in a space
    Space,
    /// Anyone of the server
    Public,
}

/// From when on members may read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum History {
    /// From their invitation
    Invited,
    /// From when they came
    Joined,
    /// All of it
    #[default]
    Shared,
    /// All of it, and those who are not in the room too
    World,
}

/// What a role allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To write
    Write,
    /// To invite
    Invite,
    /// To remove messages of others
    Remove,
    /// To change name, topic, picture and address, and the rooms of a space
    Change,
    /// To pin messages
    Pin,
    /// To call everyone by `@room`
    Everyone,
}

impl Right {
    /// All, in the order they are shown in; [`RoomSettings::levels`] has theirs in the same.
    pub const ALL: [Self; 6] = [Self::Write, Self::Invite, Self::Remove, Self::Change, Self::Pin, Self::Everyone];

    fn index(self) -> usize {
        Self::ALL.iter().position(|right| *right == self).unwrap_or(0)
    }
}

/// The level of one who keeps order, as clients agree on it.
pub const MODERATOR: i64 = 50;
/// The level of one who looks after the room.
pub const ADMINISTRATOR: i64 = 100;

/// 0 for everyone, 1 for those who keep order, 2 for those who look after the room.
pub fn role_of(level: i64) -> usize {
    match level {
        ..=0 => 0,
        1..=MODERATOR => 1,
        _ => 2,
    }
}

/// The level of a role as [`role_of`] numbers them.
pub fn level_of(role: usize) -> i64 {
    match role {
        0 => 0,
        1 => MODERATOR,
        _ => ADMINISTRATOR,
    }
}

/// What the account may change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
pub struct May {
    /// Its name
    pub name: bool,
    /// Its topic
    pub topic: bool,
    /// Its picture
    pub picture: bool,
    /// Its addresses, and whether the directory lists it
    pub address: bool,
    /// Who may join
    pub joining: bool,
    /// From when on members read
    pub history: bool,
    /// Switch encryption on
    pub encryption: bool,
    /// Whether guests may come
    pub guests: bool,
    /// Who may do what
    pub rights: bool,
}

impl May {
    /// Something here is out of the account's reach.
    pub fn is_limited(self) -> bool {
        !(self.name
            && self.topic
            && self.picture
            && self.address
            && self.joining
            && self.history
            && self.encryption
            && self.guests
            && self.rights)
    }
}

/// The settings of one room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomSettings {
    /// Room id
    pub room: String,
    /// A space rather than a room
    pub space: bool,
    /// A chat of two
    pub direct: bool,
    /// Name, may be empty
    pub name: String,
    /// Topic, may be empty
    pub topic: String,
    /// Where the picture lies, empty without one
    pub picture: String,
    /// Main address, may be empty
    pub address: String,
    /// All addresses
    pub addresses: Vec<String>,
    /// The directory lists it; unknown until the server has said so
    pub listed: Option<bool>,
    /// Who may join
    pub joining: Joining,
    /// Spaces whose people may join, where joining is by space
    pub through: Vec<String>,
    /// Spaces the account is in: id and name
    pub spaces: Vec<(String, String)>,
    /// From when on members read
    pub history: History,
    /// Messages are encrypted
    pub encrypted: bool,
    /// Guests may come
    pub guests: bool,
    /// Levels of [`Right::ALL`]
    pub levels: [i64; 6],
    /// The account's own level
    pub own_level: i64,
    /// What the account may change
    pub may: May,
    /// A link to the room
    pub link: String,
}

impl RoomSettings {
    /// What level a right needs.
    pub fn level(&self, right: Right) -> i64 {
        self.levels[right.index()]
    }

    /// The account may give a right to others or take it away: nobody touches what stands above them.
    pub fn may_give(&self, right: Right) -> bool {
        self.may.rights && self.own_level >= self.level(right)
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Name(name) => self.name.clone_from(name),
            Change::Topic(topic) => self.topic.clone_from(topic),
            Change::Picture(_) => {}
            Change::Pictured(mxc) => self.picture.clone_from(mxc),
            Change::AddAddress(address) => {
                if self.address.is_empty() {
                    self.address.clone_from(address);
                }
                if !self.addresses.contains(address) {
                    self.addresses.push(address.clone());
                }
            }
            Change::RemoveAddress(address) => {
                self.addresses.retain(|other| other != address);
                if self.address == *address {
                    self.address.clear();
                }
            }
            Change::MainAddress(address) => self.address.clone_from(address),
            Change::Listed(listed) => self.listed = Some(*listed),
            Change::Joining(joining, space) => {
                self.joining = *joining;
                self.through = space.iter().cloned().collect();
            }
            Change::History(history) => self.history = *history,
            Change::Encrypt => self.encrypted = true,
            Change::Guests(guests) => self.guests = *guests,
            Change::Right(right, level) => self.levels[right.index()] = *level,
        }
    }
}

/// Which of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its name
    Name,
    /// Its topic
    Topic,
    /// Its picture
    Picture,
    /// Its addresses
    Address,
    /// Whether the directory lists it
    Listed,
    /// Who may join
    Joining,
    /// From when on members read
    History,
    /// Encryption
    Encryption,
    /// Guests
    Guests,
    /// Who may do one of the things
    Right(Right),
}

/// One setting as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Its name
    Name(String),
    /// Its topic; empty for none
    Topic(String),
    /// A picture from disk
    Picture(PathBuf),
    /// The picture lies here now; empty for none
    Pictured(String),
    /// One more address, whole or without the server
    AddAddress(String),
    /// One address less
    RemoveAddress(String),
    /// Which address stands for it
    MainAddress(String),
    /// Whether the directory lists it
    Listed(bool),
    /// Who may join, and the space whose people may
    Joining(Joining, Option<String>),
    /// From when on members read
    History(History),
    /// Encrypt from now on; cannot be undone
    Encrypt,
    /// Whether guests may come
    Guests(bool),
    /// The level that a right needs
    Right(Right, i64),
}

impl Change {
    /// Which of the settings it is.
    pub fn part(&self) -> Part {
        match self {
            Self::Name(_) => Part::Name,
            Self::Topic(_) => Part::Topic,
            Self::Picture(_) | Self::Pictured(_) => Part::Picture,
            Self::AddAddress(_) | Self::RemoveAddress(_) | Self::MainAddress(_) => Part::Address,
            Self::Listed(_) => Part::Listed,
            Self::Joining(..) => Part::Joining,
            Self::History(_) => Part::History,
            Self::Encrypt => Part::Encryption,
            Self::Guests(_) => Part::Guests,
            Self::Right(right, _) => Part::Right(*right),
        }
    }
}

/// Letters that the local part of a room's address may have.
pub fn is_address(local: &str) -> bool {
    !local.is_empty() && local.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The whole address for its local part as typed, on the server of the account. `None` for letters it may not have.
pub fn whole_address(typed: &str, own_id: &str) -> Option<String> {
    let local = typed.trim().trim_start_matches('#');
    let server = own_id.split_once(':')?.1;
    let local = local.strip_suffix(server).and_then(|local| local.strip_suffix(':')).unwrap_or(local);
    is_address(local).then(|| format!("#{local}:{server}"))
}

/// What the view asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The settings of a room
    Load(String),
    /// They are not looked at any more
    Close,
    /// Change one
    Change {
        /// Room id
        room: String,
        /// As it shall be
        change: Change,
    },
}

/// What the Matrix side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The settings as the server has them
    Settings(Box<RoomSettings>),
    /// A change is done
    Saved {
        /// Room id
        room: String,
        /// As it is now
        change: Change,
    },
    /// A change was refused: the old value stays
    Refused {
        /// Room id
        room: String,
        /// Of which
        part: Part,
        /// Why
        failure: Failure,
    },
}

/// The settings that are open, and what of them is being saved.
#[derive(Debug, Default)]
pub struct Manage {
    room: String,
    settings: Option<RoomSettings>,
    pending: Vec<Change>,
    /// Why the last change was refused
    pub refused: Option<Failure>,
}

impl Manage {
    /// Opens the settings of a room.
    pub fn open(&mut self, room: &str) -> Wish {
        *self = Self { room: room.to_owned(), ..Self::default() };
        Wish::Load(room.to_owned())
    }

    /// Closes them.
    pub fn close(&mut self) -> Option<Wish> {
        let open = !self.room.is_empty();
        *self = Self::default();
        open.then_some(Wish::Close)
    }

    /// Which room's.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// Changes one of them. `None` while it is being saved, or where it is as it shall be.
    pub fn change(&mut self, change: Change) -> Option<Wish> {
        let before = self.settings.as_ref()?;
        if self.saves(change.part()) {
            return None;
        }
        let mut after = before.clone();
        after.apply(&change);
        if after == *before && !matches!(change, Change::Picture(_)) {
            return None;
        }
        self.refused = None;
        self.pending.push(change.clone());
        Some(Wish::Change { room: self.room.clone(), change })
    }

    /// Takes what the Matrix side told. What concerns another room came too late.
    pub fn apply(&mut self, news: News) {
        match news {
            News::Settings(settings) if settings.room == self.room => self.settings = Some(*settings),
            News::Saved { room, change } if room == self.room => {
                self.pending.retain(|pending| pending.part() != change.part());
                if let Some(settings) = &mut self.settings {
                    settings.apply(&change);
                }
            }
            News::Refused { room, part, failure } if room == self.room => {
                self.pending.retain(|pending| pending.part() != part);
                self.refused = Some(failure);
            }
            _ => {}
        }
    }

    /// The settings with what is being saved as if it were.
    pub fn shown(&self) -> Option<RoomSettings> {
        let mut shown = self.settings.clone()?;
        self.pending.iter().for_each(|change| shown.apply(change));
        Some(shown)
    }

    /// This one is being saved.
    pub fn saves(&self, part: Part) -> bool {
        self.pending.iter().any(|change| change.part() == part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Manage {
        let mut manage = Manage::default();
        assert_eq!(manage.open("!class"), Wish::Load("!class".into()));
        let settings = RoomSettings {
            room: "!class".into(),
            name: "7 «Б»".into(),
            address: "#b:academy".into(),
            addresses: vec!["#b:academy".into()],
            levels: [0, 0, 50, 50, 50, 50],
            own_level: 50,
            may: May { rights: true, ..May::default() },
            ..RoomSettings::default()
        };
        manage.apply(News::Settings(Box::new(settings)));
        manage
    }

    #[test]
    fn a_refused_change_gives_the_old_value_back() {
        let mut manage = opened();
        assert!(manage.change(Change::Name("7 «В»".into())).is_some());
        assert_eq!(manage.shown().unwrap().name, "7 «В»");
        assert!(manage.saves(Part::Name) && !manage.saves(Part::Topic));
        manage.apply(News::Refused { room: "!class".into(), part: Part::Name, failure: Failure::Forbidden });
        assert_eq!(manage.shown().unwrap().name, "7 «Б»");
        assert_eq!(manage.refused, Some(Failure::Forbidden));
        assert!(!manage.saves(Part::Name));
    }

    #[test]
    fn a_saved_change_stays_whatever_else_is_refused() {
        let mut manage = opened();
        manage.change(Change::Right(Right::Write, 50));
        manage.change(Change::Right(Right::Pin, 0));
        manage.apply(News::Saved { room: "!class".into(), change: Change::Right(Right::Write, 50) });
        manage.apply(News::Refused {
            room: "!class".into(),
            part: Part::Right(Right::Pin),
            failure: Failure::Forbidden,
        });
        let shown = manage.shown().unwrap();
        assert_eq!((shown.level(Right::Write), shown.level(Right::Pin)), (50, 50));
    }

    #[test]
    fn what_is_being_saved_is_not_changed_twice_and_nothing_is_saved_for_nothing() {
        let mut manage = opened();
        assert!(manage.change(Change::Name("7 «Б»".into())).is_none(), "it is called so already");
        assert!(manage.change(Change::Topic("Уроки".into())).is_some());
        assert!(manage.change(Change::Topic("Игры".into())).is_none(), "the first is on its way");
    }

    #[test]
    fn news_of_another_room_come_too_late() {
        let mut manage = opened();
        manage.open("!other");
        manage.apply(News::Saved { room: "!class".into(), change: Change::Name("X".into()) });
        manage.apply(News::Settings(Box::new(RoomSettings { room: "!class".into(), ..RoomSettings::default() })));
        assert_eq!(manage.shown(), None);
        assert_eq!(manage.close(), Some(Wish::Close));
        assert_eq!(manage.close(), None);
    }

    #[test]
    fn the_first_address_is_the_main_one_and_goes_with_it() {
        let mut settings = RoomSettings::default();
        settings.apply(&Change::AddAddress("#a:academy".into()));
        settings.apply(&Change::AddAddress("#b:academy".into()));
        assert_eq!(settings.address, "#a:academy");
        settings.apply(&Change::RemoveAddress("#a:academy".into()));
        assert_eq!((settings.address.as_str(), settings.addresses.len()), ("", 1));
    }

    #[test]
    fn an_address_is_typed_with_or_without_sign_and_server() {
        for typed in ["class-7b", "#class-7b", " #class-7b:academy:8448 "] {
            assert_eq!(whole_address(typed, "@anna:academy:8448").as_deref(), Some("#class-7b:academy:8448"));
        }
        for typed in ["", "Класс", "class 7", "#a:other", "a_b"] {
            assert_eq!(whole_address(typed, "@anna:academy:8448"), None, "{typed}");
        }
    }

    #[test]
    fn nobody_gives_away_what_stands_above_them() {
        let mut settings = opened().shown().unwrap();
        assert!(settings.may_give(Right::Pin));
        settings.levels[Right::Pin.index()] = 100;
        assert!(!settings.may_give(Right::Pin));
    }

    #[test]
    fn levels_between_the_roles_belong_to_the_one_that_has_them() {
        let roles: Vec<usize> = [-1, 0, 1, 50, 51, 100].map(role_of).into();
        assert_eq!(roles, [0, 0, 1, 1, 2, 2]);
        assert!((0..3).all(|role| role_of(level_of(role)) == role));
    }
}
