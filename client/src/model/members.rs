//! Who is in the open room, in groups, what the account may do with each, and whom it does not want to hear.

use crate::model::{manage, update::Failure};

/// How a person stands to the room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// There
    #[default]
    Joined,
    /// Invited and not there yet
    Invited,
    /// Asks to be let in
    Knocking,
    /// May not come back
    Banned,
}

/// What the account may do with a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct May {
    /// Remove them, take back an invitation, turn one who asks away
    pub remove: bool,
    /// Keep them out
    pub ban: bool,
    /// Let them in again
    pub unban: bool,
    /// Give them another role
    pub level: bool,
}

/// A person of the room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// User id
    pub id: String,
    /// Display name
    pub name: String,
    /// Where the picture lies, empty without one
    pub avatar: String,
    /// Power level; creators of newer rooms stand above every number
    pub level: i64,
    /// How they stand to the room
    pub standing: Standing,
    /// What was said to their asking, or to their ban
    pub reason: String,
    /// The account itself
    pub own: bool,
    /// The account does not want to hear them
    pub ignored: bool,
    /// What the account may do
    pub may: May,
}

/// A group of the list, in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Who asks to be let in: somebody waits for an answer
    Knocking,
    /// Who looks after the room
    Administrators,
    /// Who keeps order
    Moderators,
    /// The others
    Members,
    /// Who is invited
    Invited,
    /// Who may not come back
    Banned,
}

impl Member {
    /// Where in the list.
    pub fn group(&self) -> Group {
        match (self.standing, manage::role_of(self.level)) {
            (Standing::Knocking, _) => Group::Knocking,
            (Standing::Invited, _) => Group::Invited,
            (Standing::Banned, _) => Group::Banned,
            (Standing::Joined, 0) => Group::Members,
            (Standing::Joined, 1) => Group::Moderators,
            (Standing::Joined, _) => Group::Administrators,
        }
    }
}

/// Everyone of a room, as the Matrix side tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// Room id
    pub room: String,
    /// In no order
    pub members: Vec<Member>,
    /// The account's own level: nobody gives more than they have
    pub own_level: i64,
    /// The account may invite, and so let in who asks
    pub may_invite: bool,
}

/// What is done with a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Remove from the room, with a reason that may be empty; also takes an invitation back and turns away who asks
    Remove(String),
    /// Keep out, with a reason that may be empty
    Ban(String),
    /// Let in again
    Unban,
    /// Let in who asks
    Admit,
    /// Another level
    Level(i64),
}

/// What the view asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Everyone of a room
    Load(String),
    /// Do something with a person of a room
    Act {
        /// Room id
        room: String,
        /// User id
        user: String,
        /// What
        act: Act,
    },
    /// Do not hear a person any more, or hear them again
    Ignore {
        /// User id
        user: String,
        /// Not any more
        ignore: bool,
    },
    /// Whom the account does not want to hear
    LoadIgnored,
}

/// What the Matrix side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Everyone of a room
    List(List),
    /// What was asked for is done
    Done {
        /// With whom
        user: String,
    },
    /// It was refused
    Refused {
        /// With whom
        user: String,
        /// Why
        failure: Failure,
    },
    /// Whom the account does not want to hear: user ids and names
    Ignored(Vec<(String, String)>),
}

/// A row of the list.
#[derive(Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// Over a group of so many
    Heading(Group, usize),
    /// A person
    Member(&'a Member),
}

/// More people than this are searched rather than looked through.
const MANY: usize = 10;

/// The list and the card of one of them.
#[derive(Debug, Default)]
pub struct Crowd {
    list: List,
    search: String,
    card: Option<String>,
    busy: Option<String>,
    /// Why the last wish was refused
    pub refused: Option<Failure>,
    /// Whom the account does not want to hear: user ids and names
    pub ignored: Vec<(String, String)>,
}

impl Crowd {
    /// The room is not open any more; whom the account does not want to hear stays so.
    pub fn clear(&mut self) {
        *self = Self { ignored: std::mem::take(&mut self.ignored), ..Self::default() };
    }

    /// Takes what the Matrix side told, for the room that is open. True when a card's wish is done.
    pub fn apply(&mut self, news: News, open: Option<&str>) -> bool {
        match news {
            News::List(list) if open == Some(&list.room) => self.list = list,
            News::Done { user } if self.busy.as_ref() == Some(&user) => {
                self.busy = None;
                return true;
            }
            News::Refused { user, failure } if self.busy.as_ref() == Some(&user) => {
                self.busy = None;
                self.refused = Some(failure);
            }
            News::Ignored(ignored) => {
                for member in &mut self.list.members {
                    member.ignored = ignored.iter().any(|(id, _)| *id == member.id);
                }
                self.ignored = ignored;
            }
            _ => {}
        }
        false
    }

    /// Shows only names and ids with these words.
    pub fn search(&mut self, words: &str) {
        self.search = words.trim().to_lowercase();
    }

    /// There are enough people to search among.
    pub fn is_large(&self) -> bool {
        self.list.members.len() > MANY
    }

    /// The list is there.
    pub fn is_loaded(&self) -> bool {
        !self.list.members.is_empty()
    }

    /// Opens a person's card.
    pub fn open(&mut self, user: &str) {
        self.card = Some(user.to_owned());
        self.refused = None;
    }

    /// The card that is open. One who is gone meanwhile has none.
    pub fn card(&self) -> Option<&Member> {
        let id = self.card.as_ref()?;
        self.list.members.iter().find(|member| member.id == *id)
    }

    /// What is asked for a person is under way.
    pub fn is_busy(&self, user: &str) -> bool {
        self.busy.as_deref() == Some(user)
    }

    /// Does something with a person, one thing at a time.
    pub fn act(&mut self, user: &str, act: Act) -> Option<Wish> {
        if self.busy.is_some() || self.list.room.is_empty() {
            return None;
        }
        self.refused = None;
        self.busy = Some(user.to_owned());
        Some(Wish::Act { room: self.list.room.clone(), user: user.to_owned(), act })
    }

    /// Does not hear a person any more, or hears them again.
    pub fn ignore(&mut self, user: &str, ignore: bool) -> Option<Wish> {
        if self.busy.is_some() {
            return None;
        }
        self.refused = None;
        self.busy = Some(user.to_owned());
        Some(Wish::Ignore { user: user.to_owned(), ignore })
    }

    /// The account may give this role: not more than it has itself.
    pub fn may_give(&self, role: usize) -> bool {
        manage::level_of(role) <= self.list.own_level
    }

    /// Who gets this role cannot be made less by the account afterwards.
    pub fn is_for_good(&self, role: usize) -> bool {
        manage::level_of(role) >= self.list.own_level
    }

    /// The account may let in who asks.
    pub fn may_admit(&self) -> bool {
        self.list.may_invite
    }

    /// The list as it is shown: groups with a heading each, by name within; who may not come back only for those who
    /// can change that.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut shown: Vec<&Member> = self
            .list
            .members
            .iter()
            .filter(|member| member.standing != Standing::Banned || member.may.unban)
            .filter(|member| {
                self.search.is_empty()
                    || member.name.to_lowercase().contains(&self.search)
                    || member.id.contains(&self.search)
            })
            .collect();
        shown.sort_by_cached_key(|member| (member.group(), member.name.to_lowercase(), member.id.clone()));
        let mut rows = Vec::with_capacity(shown.len() + 6);
        for group in shown.chunk_by(|a, b| a.group() == b.group()) {
            rows.push(Row::Heading(group[0].group(), group.len()));
            rows.extend(group.iter().map(|member| Row::Member(member)));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, level: i64, standing: Standing) -> Member {
        Member { id: format!("@{name}:academy"), name: name.into(), level, standing, ..Member::default() }
    }

    fn crowd(members: Vec<Member>) -> Crowd {
        let mut crowd = Crowd::default();
        let list = List { room: "!class".into(), members, own_level: 50, may_invite: true };
        crowd.apply(News::List(list), Some("!class"));
        crowd
    }

    fn names(crowd: &Crowd) -> Vec<String> {
        crowd
            .rows()
            .iter()
            .map(|row| match row {
                Row::Heading(group, count) => format!("{group:?} {count}"),
                Row::Member(member) => member.name.clone(),
            })
            .collect()
    }

    #[test]
    fn groups_stand_in_order_and_names_within() {
        let crowd = crowd(vec![
            member("oleg", 0, Standing::Joined),
            member("Anna", 0, Standing::Joined),
            member("director", 100, Standing::Joined),
            member("teacher", 50, Standing::Joined),
            member("guest", 0, Standing::Knocking),
            member("new", 0, Standing::Invited),
            member("bully", 0, Standing::Banned),
        ]);
        let expected = [
            "Knocking 1",
            "guest",
            "Administrators 1",
            "director",
            "Moderators 1",
            "teacher",
            "Members 2",
            "Anna",
            "oleg",
            "Invited 1",
            "new",
        ];
        assert_eq!(names(&crowd), expected, "the banned are only for those who can let them in again");
    }

    #[test]
    fn who_can_let_in_again_sees_the_banned() {
        let banned = Member { may: May { unban: true, ..May::default() }, ..member("bully", 0, Standing::Banned) };
        assert_eq!(names(&crowd(vec![banned])), ["Banned 1", "bully"]);
    }

    #[test]
    fn search_looks_at_names_and_ids() {
        let mut crowd = crowd(vec![member("Anna", 0, Standing::Joined), member("oleg", 0, Standing::Joined)]);
        crowd.search(" ANN ");
        assert_eq!(names(&crowd), ["Members 1", "Anna"]);
        crowd.search("@oleg");
        assert_eq!(names(&crowd), ["Members 1", "oleg"]);
    }

    #[test]
    fn one_wish_at_a_time_and_a_refusal_is_told() {
        let mut crowd = crowd(vec![member("oleg", 0, Standing::Joined)]);
        assert!(crowd.act("@oleg:academy", Act::Ban(String::new())).is_some());
        assert!(crowd.act("@oleg:academy", Act::Unban).is_none());
        let refused = News::Refused { user: "@oleg:academy".into(), failure: Failure::Forbidden };
        assert!(!crowd.apply(refused, Some("!class")));
        assert_eq!(crowd.refused, Some(Failure::Forbidden));
        assert!(crowd.act("@oleg:academy", Act::Unban).is_some());
        assert!(crowd.apply(News::Done { user: "@oleg:academy".into() }, Some("!class")));
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let crowd = crowd(Vec::new());
        assert!(crowd.may_give(1) && !crowd.may_give(2));
        assert!(crowd.is_for_good(1) && !crowd.is_for_good(0));
    }

    #[test]
    fn a_list_of_another_room_is_not_taken() {
        let mut crowd = crowd(vec![member("oleg", 0, Standing::Joined)]);
        crowd.apply(News::List(List { room: "!other".into(), ..List::default() }), Some("!class"));
        assert!(crowd.is_loaded());
    }
}
