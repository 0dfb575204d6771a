//! The list of rooms: what is known of each, which are shown, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    item::Preview,
    room_menu::{Filter, Notify},
};

/// What the list says of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomSummary {
    /// Room id
    pub id: String,
    /// Name as computed for the account
    pub name: String,
    /// A chat of two
    pub direct: bool,
    /// The account is invited and not there yet
    pub invited: bool,
    /// Name of the person who invites
    pub inviter: String,
    /// The last message
    pub preview: Preview,
    /// Name of its sender, empty if it is the account's own
    pub preview_who: String,
    /// The account sent it
    pub preview_own: bool,
    /// When, in milliseconds since the Unix epoch
    pub at_ms: Option<i64>,
    /// Order by the server where nothing was written yet
    pub recency: u64,
    /// Unread messages
    pub unread: u64,
    /// Unread messages that name the account
    pub mentions: u64,
    /// `mxc://…` of the picture, empty without one
    pub avatar: String,
    /// The other person of a personal chat, empty elsewhere
    pub peer: String,
    /// Marked as unread by hand
    pub marked: bool,
    /// Stands first
    pub favourite: bool,
    /// Stands last
    pub low: bool,
    /// Which of its messages are told of
    pub notify: Notify,
}

impl RoomSummary {
    /// Whose tint it has without a picture: a personal chat that of the other person, as everywhere else they are shown.
    pub fn face(&self) -> &str {
        if self.peer.is_empty() { &self.id } else { &self.peer }
    }

    /// There is something in it that the person has not seen.
    pub fn is_unread(&self) -> bool {
        self.invited || self.marked || self.unread > 0
    }
}

/// A space: a group of rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpaceSummary {
    /// Room id of the space
    pub id: String,
    /// Name
    pub name: String,
    /// `mxc://…` of the picture, empty without one
    pub avatar: String,
    /// Room ids in it
    pub children: BTreeSet<String>,
    /// The account may add and remove rooms
    pub may_change: bool,
}

/// What part of the rooms is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// All
    #[default]
    All,
    /// Chats of two
    Direct,
    /// Rooms of one space
    Space(String),
}

/// A row of the list.
#[derive(Debug, PartialEq, Eq)]
pub enum Listed<'a> {
    /// A room
    Room(&'a RoomSummary),
    /// A space within the chosen one: its rooms follow
    Heading(&'a SpaceSummary),
}

/// All rooms and the choice among them.
#[derive(Debug, Default)]
pub struct RoomList {
    rooms: BTreeMap<String, RoomSummary>,
    spaces: Vec<SpaceSummary>,
    scope: Scope,
    search: String,
    filter: Filter,
    /// A room that stays though the filter would hide it.
    kept: Option<String>,
}

impl RoomList {
    /// Adds or replaces rooms.
    pub fn put(&mut self, rooms: Vec<RoomSummary>) {
        for room in rooms {
            self.rooms.insert(room.id.clone(), room);
        }
    }

    /// Takes a room out.
    pub fn remove(&mut self, id: &str) {
        self.rooms.remove(id);
    }

    /// A room by id.
    pub fn get(&self, id: &str) -> Option<&RoomSummary> {
        self.rooms.get(id)
    }

    /// The personal chat with a person.
    pub fn chat_with(&self, person: &str) -> Option<&RoomSummary> {
        self.rooms.values().find(|room| room.peer == person)
    }

    /// All rooms.
    pub fn all(&self) -> impl Iterator<Item = &RoomSummary> {
        self.rooms.values()
    }

    /// How many rooms there are in all.
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// True with no room at all.
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// Replaces the spaces; a chosen space that is gone gives way to all rooms.
    pub fn set_spaces(&mut self, spaces: Vec<SpaceSummary>) {
        self.spaces = spaces;
        self.spaces.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then_with(|| a.id.cmp(&b.id)));
        if let Scope::Space(id) = &self.scope
            && !self.spaces.iter().any(|space| space.id == *id)
        {
            self.scope = Scope::All;
        }
    }

    /// All spaces, by name.
    pub fn spaces(&self) -> &[SpaceSummary] {
        &self.spaces
    }

    /// The account is in a space of this id.
    pub fn is_space(&self, id: &str) -> bool {
        self.spaces.iter().any(|space| space.id == id)
    }

    /// The spaces of the rail: those that are in no other.
    pub fn top_spaces(&self) -> impl Iterator<Item = &SpaceSummary> {
        self.spaces.iter().filter(|space| {
            let id = space.id.as_str();
            // Spaces that are in each other are both on the rail.
            let mut parents = self.spaces.iter().filter(|parent| parent.id != id && parent.children.contains(id));
            !parents.any(|parent| !self.within(id).iter().any(|inner| inner.id == parent.id))
        })
    }

    /// A space and all spaces in it, however deep; nothing for a space that the account is not in.
    pub fn within(&self, id: &str) -> Vec<&SpaceSummary> {
        let mut found: Vec<&SpaceSummary> = self.spaces.iter().filter(|space| space.id == id).collect();
        let mut next = 0;
        while let Some(space) = found.get(next).copied() {
            for inner in self.spaces.iter().filter(|inner| space.children.contains(&inner.id)) {
                if !found.iter().any(|known| known.id == inner.id) {
                    found.push(inner);
                }
            }
            next += 1;
        }
        found
    }

    /// What is shown, with a heading over the rooms of each space within the chosen one. A room that is in the chosen
    /// space itself, or in two of those within, is shown once.
    pub fn listed(&self) -> Vec<Listed<'_>> {
        let visible = self.visible();
        let Scope::Space(chosen) = &self.scope else {
            return visible.into_iter().map(Listed::Room).collect();
        };
        if !self.search.trim().is_empty() {
            return visible.into_iter().map(Listed::Room).collect();
        }
        let mut listed = Vec::with_capacity(visible.len());
        let mut left = visible;
        for space in self.within(chosen) {
            let (here, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|room| space.children.contains(&room.id));
            left = others;
            if space.id != *chosen {
                listed.push(Listed::Heading(space));
            }
            listed.extend(here.into_iter().map(Listed::Room));
        }
        listed
    }

    /// Chooses what is shown.
    pub fn set_scope(&mut self, scope: Scope) {
        self.scope = scope;
    }

    /// What is shown.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Shows only names that contain all of these words.
    pub fn set_search(&mut self, search: &str) {
        self.search = search.to_lowercase();
    }

    /// Shows only rooms of a kind.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Keeps the open room in sight, whatever the filter: one that is read now would go from under the eyes.
    pub fn keep(&mut self, room: Option<&str>) {
        self.kept = room.map(ToOwned::to_owned);
    }

    fn passes(&self, room: &RoomSummary) -> bool {
        let kept = self.kept.as_ref() == Some(&room.id);
        match self.filter {
            Filter::All => true,
            Filter::Unread => room.is_unread() || kept,
            Filter::People => room.direct,
            Filter::Rooms => !room.direct,
        }
    }

    /// The room so many steps further down the list from this one, or the first where this one is not shown.
    pub fn neighbour(&self, room: Option<&str>, steps: i32) -> Option<String> {
        let visible = self.visible();
        let at = room.and_then(|room| visible.iter().position(|shown| shown.id == room));
        let next = match at {
            None => 0,
            Some(at) => i32::try_from(at).ok()?.checked_add(steps)?,
        };
        usize::try_from(next).ok().and_then(|next| visible.get(next)).map(|room| room.id.clone())
    }

    /// Unread messages of a scope that the person wants to be told of; those of the room that the person looks at do not count.
    pub fn unread(&self, scope: &Scope, watched: Option<&str>) -> u64 {
        let in_scope = self.of_scope(scope);
        self.rooms
            .values()
            .filter(|room| in_scope(room) && watched != Some(&room.id))
            .map(|room| match room.notify {
                Notify::All => room.unread + u64::from(room.invited),
                Notify::Mentions => room.mentions,
                Notify::Mute => 0,
            })
            .sum()
    }

    /// Which rooms a scope has; those of a space are also those of the spaces in it.
    fn of_scope(&self, scope: &Scope) -> impl Fn(&RoomSummary) -> bool {
        let spaces = match scope {
            Scope::Space(id) => self.within(id),
            Scope::All | Scope::Direct => Vec::new(),
        };
        let (all, direct) = (*scope == Scope::All, *scope == Scope::Direct);
        move |room| all || (direct && room.direct) || spaces.iter().any(|space| space.children.contains(&room.id))
    }

    /// What is shown now: invitations first, then favourites, those of low priority last, and by the time of the last
    /// message among them. A search looks through all rooms.
    pub fn visible(&self) -> Vec<&RoomSummary> {
        let words: Vec<&str> = self.search.split_whitespace().collect();
        let in_scope = self.of_scope(&self.scope);
        self.ordered(
            |room| {
                if words.is_empty() { in_scope(room) && self.passes(room) } else { matches(&room.name, &words) }
            },
        )
    }

    /// Rooms of every scope whose names contain all of these words, all rooms without words, in the same order.
    pub fn found(&self, words: &str) -> Vec<&RoomSummary> {
        let words = words.to_lowercase();
        let words: Vec<&str> = words.split_whitespace().collect();
        self.ordered(|room| matches(&room.name, &words))
    }

    fn ordered(&self, shown: impl Fn(&RoomSummary) -> bool) -> Vec<&RoomSummary> {
        let mut rooms: Vec<&RoomSummary> = self.rooms.values().filter(|room| shown(room)).collect();
        rooms.sort_by(|a, b| {
            b.invited
                .cmp(&a.invited)
                .then_with(|| b.favourite.cmp(&a.favourite))
                .then_with(|| a.low.cmp(&b.low))
                .then_with(|| b.at_ms.unwrap_or(0).cmp(&a.at_ms.unwrap_or(0)))
                .then_with(|| b.recency.cmp(&a.recency))
                .then_with(|| a.name.cmp(&b.name))
                .then_with(|| a.id.cmp(&b.id))
        });
        rooms
    }
}

fn matches(name: &str, words: &[&str]) -> bool {
    let name = name.to_lowercase();
    words.iter().all(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(id: &str, name: &str, at_ms: i64) -> RoomSummary {
        RoomSummary { id: id.into(), name: name.into(), at_ms: (at_ms > 0).then_some(at_ms), ..RoomSummary::default() }
    }

    fn ids(list: &RoomList) -> Vec<&str> {
        list.visible().into_iter().map(|room| room.id.as_str()).collect()
    }

    #[test]
    fn newest_first_and_invitations_on_top() {
        let mut list = RoomList::default();
        list.put(vec![room("!a", "A", 10), room("!b", "B", 30), RoomSummary { invited: true, ..room("!c", "C", 0) }]);
        assert_eq!(ids(&list), ["!c", "!b", "!a"]);
        list.put(vec![room("!a", "A", 40)]);
        assert_eq!(ids(&list), ["!c", "!a", "!b"]);
        list.remove("!c");
        assert_eq!(ids(&list), ["!a", "!b"]);
    }

    #[test]
    fn scopes_and_search() {
        let mut list = RoomList::default();
        list.put(vec![
            RoomSummary { direct: true, unread: 2, ..room("!dm", "Анна Петрова", 10) },
            RoomSummary { unread: 3, ..room("!class", "7 «Б» класс", 20) },
        ]);
        list.set_spaces(vec![SpaceSummary {
            id: "!s".into(),
            name: "Школа".into(),
            avatar: String::new(),
            children: ["!class".to_owned()].into(),
            may_change: false,
        }]);
        list.set_scope(Scope::Direct);
        assert_eq!(ids(&list), ["!dm"]);
        list.set_scope(Scope::Space("!s".into()));
        assert_eq!(ids(&list), ["!class"]);
        assert_eq!(list.unread(&Scope::All, None), 5);
        assert_eq!(list.unread(&Scope::All, Some("!dm")), 3);
        assert_eq!(list.unread(&Scope::Space("!s".into()), None), 3);
        // A search looks everywhere, in any case of letters.
        list.set_search("АНН пет");
        assert_eq!(ids(&list), ["!dm"]);
        list.set_search("нет такой");
        assert!(ids(&list).is_empty());
    }

    #[test]
    fn favourites_stand_first_and_the_unimportant_last() {
        let mut list = RoomList::default();
        list.put(vec![
            RoomSummary { low: true, ..room("!low", "Архив", 90) },
            room("!new", "Новая", 50),
            RoomSummary { favourite: true, ..room("!dear", "Класс", 10) },
            RoomSummary { invited: true, ..room("!in", "Театр", 0) },
        ]);
        assert_eq!(ids(&list), ["!in", "!dear", "!new", "!low"]);
    }

    #[test]
    fn filters_hide_rooms_but_the_open_one_stays() {
        let mut list = RoomList::default();
        list.put(vec![
            RoomSummary { direct: true, ..room("!dm", "Анна", 40) },
            RoomSummary { unread: 3, ..room("!a", "А", 30) },
            RoomSummary { marked: true, ..room("!b", "Б", 20) },
            room("!c", "В", 10),
        ]);
        list.set_filter(Filter::People);
        assert_eq!(ids(&list), ["!dm"]);
        list.set_filter(Filter::Rooms);
        assert_eq!(ids(&list), ["!a", "!b", "!c"]);
        list.set_filter(Filter::Unread);
        assert_eq!(ids(&list), ["!a", "!b"]);
        list.keep(Some("!a"));
        list.put(vec![room("!a", "А", 30)]);
        assert_eq!(ids(&list), ["!a", "!b"]);
        list.keep(None);
        assert_eq!(ids(&list), ["!b"]);
        // A search looks everywhere.
        list.set_search("в");
        assert_eq!(ids(&list), ["!c"]);
    }

    #[test]
    fn the_next_room_and_the_one_before() {
        let mut list = RoomList::default();
        list.put(vec![room("!a", "A", 30), room("!b", "B", 20), room("!c", "C", 10)]);
        assert_eq!(list.neighbour(Some("!b"), 1).as_deref(), Some("!c"));
        assert_eq!(list.neighbour(Some("!b"), -1).as_deref(), Some("!a"));
        assert_eq!(list.neighbour(Some("!c"), 1), None);
        assert_eq!(list.neighbour(Some("!a"), -1), None);
        assert_eq!(list.neighbour(None, 1).as_deref(), Some("!a"));
    }

    #[test]
    fn only_what_the_person_wants_to_be_told_of_counts() {
        let mut list = RoomList::default();
        list.put(vec![
            RoomSummary { unread: 2, ..room("!a", "A", 30) },
            RoomSummary { unread: 50, notify: Notify::Mute, ..room("!b", "B", 20) },
            RoomSummary { unread: 70, mentions: 1, notify: Notify::Mentions, ..room("!c", "C", 10) },
        ]);
        assert_eq!(list.unread(&Scope::All, None), 3);
    }

    #[test]
    fn spaces_in_a_space_are_headings_of_its_rooms() {
        let space = |id: &str, children: &[&str]| SpaceSummary {
            id: id.into(),
            name: id.into(),
            children: children.iter().map(|child| (*child).to_owned()).collect(),
            ..SpaceSummary::default()
        };
        let mut list = RoomList::default();
        list.put(vec![
            RoomSummary { unread: 1, ..room("!hall", "Зал", 10) },
            RoomSummary { unread: 2, ..room("!math", "Алгебра", 30) },
            RoomSummary { unread: 4, ..room("!other", "Другая", 40) },
        ]);
        list.set_spaces(vec![
            space("!school", &["!hall", "!lessons"]),
            space("!lessons", &["!math", "!hall", "!school"]),
            space("!empty", &[]),
        ]);
        list.set_scope(Scope::Space("!school".into()));
        let rows: Vec<&str> = list
            .listed()
            .into_iter()
            .map(|row| match row {
                Listed::Room(room) => room.id.as_str(),
                Listed::Heading(space) => space.id.as_str(),
            })
            .collect();
        assert_eq!(rows, ["!hall", "!lessons", "!math"]);
        assert_eq!(list.unread(&Scope::Space("!school".into()), None), 3);
        list.set_search("другая");
        assert_eq!(list.listed().len(), 1, "a search has no headings");
    }

    #[test]
    fn the_rail_has_the_spaces_that_are_in_no_other() {
        let space = |id: &str, child: &str| SpaceSummary {
            id: id.into(),
            name: id.into(),
            children: [child.to_owned()].into(),
            ..SpaceSummary::default()
        };
        let mut list = RoomList::default();
        list.set_spaces(vec![space("!a", "!b"), space("!b", "!room"), space("!c", "!d"), space("!d", "!c")]);
        let top: Vec<&str> = list.top_spaces().map(|space| space.id.as_str()).collect();
        assert_eq!(top, ["!a", "!c", "!d"], "those in each other are both there, or neither would be");
    }

    #[test]
    fn a_space_that_is_gone_gives_way() {
        let mut list = RoomList::default();
        list.set_spaces(vec![SpaceSummary { id: "!s".into(), name: "S".into(), ..SpaceSummary::default() }]);
        list.set_scope(Scope::Space("!s".into()));
        list.set_spaces(Vec::new());
        assert_eq!(*list.scope(), Scope::All);
    }
}
