//! Spaces: what is in one, which of it the account may enter; and what a new room or space shall be.

use std::path::PathBuf;

use crate::model::{
    manage::Joining,
    update::{Failure, Person},
};

/// How the account stands to a room that it sees in a space or in the directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Entry {
    /// It is in
    Joined,
    /// It is invited
    Invited,
    /// It may come
    #[default]
    Open,
    /// It may ask to be let in
    Knock,
    /// It asked and waits
    Asked,
    /// Only by invitation
    Closed,
}

/// A room or a space in a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Child {
    /// Room id
    pub id: String,
    /// Name, or the address where it has none
    pub name: String,
    /// Topic, may be empty
    pub topic: String,
    /// Where the picture lies, empty without one
    pub avatar: String,
    /// People in it
    pub members: u64,
    /// A space
    pub space: bool,
    /// How the account stands to it
    pub entry: Entry,
}

/// What is in a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Room id of the space
    pub space: String,
    /// Its name
    pub name: String,
    /// Rooms first, then spaces, by name
    pub children: Vec<Child>,
    /// The account may add and remove rooms
    pub may_change: bool,
    /// The account is in the space
    pub joined: bool,
}

/// A room or a space to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRoom {
    /// A space rather than a room
    pub space: bool,
    /// Name
    pub name: String,
    /// Topic, may be empty
    pub topic: String,
    /// A picture from disk
    pub picture: Option<PathBuf>,
    /// The space in which it is
    pub within: Option<String>,
    /// Who may join
    pub joining: Joining,
    /// Local part of its address, may be empty
    pub alias: String,
    /// Encrypted from the first message
    pub encrypted: bool,
    /// User ids of those invited at once
    pub invite: Vec<String>,
}

/// What is chosen for a room or a space before it is made.
#[derive(Debug, Default)]
pub struct Draft {
    /// A picture from disk
    pub picture: Option<PathBuf>,
    /// Those who will be invited
    pub invited: Vec<Person>,
}

impl Draft {
    /// Adds a person, once.
    pub fn invite(&mut self, person: Person) {
        if !self.invited.iter().any(|other| other.id == person.id) {
            self.invited.push(person);
        }
    }
}

/// What the view asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// What is in a space
    Load(String),
    /// Enter a room of a space
    Enter {
        /// Room id of the space
        space: String,
        /// Room id
        room: String,
    },
    /// Ask to be let into a room, by id or address
    Ask(String),
    /// Add a room to a space
    Add {
        /// Room id of the space
        space: String,
        /// Room id
        room: String,
    },
    /// Take a room out of a space
    Remove {
        /// Room id of the space
        space: String,
        /// Room id
        room: String,
    },
    /// Leave a space; its rooms stay
    Leave(String),
    /// Make a room or a space
    Create(NewRoom),
}

/// What the Matrix side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// What is in a space
    Contents(Contents),
    /// Something asked for in a space was refused
    Refused {
        /// Room id of the space
        space: String,
        /// Why
        failure: Failure,
    },
    /// A room was asked to let the account in
    Asked(String),
    /// A space was left
    Left(String),
    /// A space asked for by this person is there: show it
    Entered(String),
    /// The room is there, but not in its space
    Outside(Failure),
}

/// The page of a space.
#[derive(Debug, Default)]
pub struct Page {
    /// The spaces that led here, the open one last: ids and names.
    trail: Vec<(String, String)>,
    contents: Option<Contents>,
    busy: Option<String>,
    /// Why the last wish was refused
    pub refused: Option<Failure>,
}

impl Page {
    /// Opens the page of a space, from another one where that is open.
    pub fn open(&mut self, space: &str, name: &str) -> Wish {
        // A space may lead back to where one came from.
        if let Some(at) = self.trail.iter().position(|(id, _)| id == space) {
            self.trail.truncate(at);
        }
        self.trail.push((space.to_owned(), name.to_owned()));
        self.contents = None;
        self.busy = None;
        self.refused = None;
        Wish::Load(space.to_owned())
    }

    /// Back to the space that led here.
    pub fn back(&mut self) -> Option<Wish> {
        if self.trail.len() < 2 {
            return None;
        }
        self.trail.pop();
        let (space, name) = self.trail.pop()?;
        Some(self.open(&space, &name))
    }

    /// Closes it.
    pub fn close(&mut self) {
        *self = Self::default();
    }

    /// Id of the open space, empty without one.
    pub fn space(&self) -> &str {
        self.trail.last().map_or("", |(id, _)| id)
    }

    /// Name of the open space.
    pub fn name(&self) -> &str {
        self.trail.last().map_or("", |(_, name)| name)
    }

    /// Another space led here.
    pub fn has_way_back(&self) -> bool {
        self.trail.len() > 1
    }

    /// What is in it, once that is known.
    pub fn contents(&self) -> Option<&Contents> {
        self.contents.as_ref()
    }

    /// Something is done with this room.
    pub fn is_busy(&self, room: &str) -> bool {
        self.busy.as_deref() == Some(room)
    }

    /// Does something with a room of the space, one thing at a time.
    fn with(&mut self, room: &str, wish: impl FnOnce(String, String) -> Wish) -> Option<Wish> {
        if self.busy.is_some() || self.trail.is_empty() {
            return None;
        }
        self.refused = None;
        self.busy = Some(room.to_owned());
        Some(wish(self.space().to_owned(), room.to_owned()))
    }

    /// Enters a room, or asks to be let in where that is the way.
    pub fn enter(&mut self, room: &str) -> Option<Wish> {
        let child = self.contents.as_ref()?.children.iter().find(|child| child.id == room)?;
        match child.entry {
            Entry::Open | Entry::Invited => self.with(room, |space, room| Wish::Enter { space, room }),
            Entry::Knock => self.with(room, |_, room| Wish::Ask(room)),
            Entry::Joined | Entry::Asked | Entry::Closed => None,
        }
    }

    /// Adds a room.
    pub fn add(&mut self, room: &str) -> Option<Wish> {
        self.with(room, |space, room| Wish::Add { space, room })
    }

    /// Takes a room out.
    pub fn remove(&mut self, room: &str) -> Option<Wish> {
        self.with(room, |space, room| Wish::Remove { space, room })
    }

    /// What was asked for is not under way any more.
    pub fn free(&mut self) {
        self.busy = None;
    }

    /// Takes what the Matrix side told. What concerns another space came too late.
    pub fn apply(&mut self, news: &News) {
        match news {
            News::Contents(contents) if contents.space == self.space() => {
                if let Some((_, name)) = self.trail.last_mut() {
                    name.clone_from(&contents.name);
                }
                self.contents = Some(contents.clone());
                self.busy = None;
            }
            News::Refused { space, failure } if space == self.space() => {
                self.busy = None;
                self.refused = Some(*failure);
            }
            News::Asked(room) => {
                if self.busy.as_ref() == Some(room) {
                    self.busy = None;
                }
                let children = self.contents.iter_mut().flat_map(|contents| &mut contents.children);
                children.filter(|child| child.id == *room).for_each(|child| child.entry = Entry::Asked);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(entry: Entry) -> Page {
        let mut page = Page::default();
        assert_eq!(page.open("!school", "Школа"), Wish::Load("!school".into()));
        let child = Child { id: "!class".into(), entry, ..Child::default() };
        let contents = Contents { space: "!school".into(), children: vec![child], ..Contents::default() };
        page.apply(&News::Contents(contents));
        page
    }

    #[test]
    fn a_room_is_entered_or_asked_as_it_lets_people_in() {
        let (space, room) = ("!school".to_owned(), "!class".to_owned());
        assert_eq!(page(Entry::Open).enter("!class"), Some(Wish::Enter { space, room: room.clone() }));
        assert_eq!(page(Entry::Knock).enter("!class"), Some(Wish::Ask(room)));
        assert_eq!(page(Entry::Closed).enter("!class"), None);
        assert_eq!(page(Entry::Open).enter("!other"), None);
    }

    #[test]
    fn who_has_asked_waits() {
        let mut page = page(Entry::Knock);
        page.enter("!class");
        assert!(page.is_busy("!class"));
        page.apply(&News::Asked("!class".into()));
        assert!(!page.is_busy("!class"));
        assert_eq!(page.contents().unwrap().children[0].entry, Entry::Asked);
        assert_eq!(page.enter("!class"), None);
    }

    #[test]
    fn one_wish_at_a_time_and_a_refusal_frees() {
        let mut page = page(Entry::Open);
        assert!(page.remove("!class").is_some());
        assert!(page.add("!other").is_none());
        page.apply(&News::Refused { space: "!school".into(), failure: Failure::Forbidden });
        assert_eq!(page.refused, Some(Failure::Forbidden));
        assert!(page.add("!other").is_some());
    }

    #[test]
    fn a_person_is_invited_once() {
        let mut draft = Draft::default();
        for _ in 0..2 {
            draft.invite(Person { id: "@oleg:academy".into(), name: "Олег".into(), avatar: String::new() });
        }
        assert_eq!(draft.invited.len(), 1);
    }

    #[test]
    fn the_way_back_has_no_circles() {
        let mut page = page(Entry::Open);
        page.open("!sport", "Спорт");
        assert!(page.has_way_back() && page.contents().is_none());
        page.open("!school", "Школа");
        assert!(!page.has_way_back());
        page.open("!sport", "Спорт");
        assert_eq!(page.back(), Some(Wish::Load("!school".into())));
        assert_eq!(page.back(), None);
        assert_eq!(page.name(), "Школа");
    }
}
