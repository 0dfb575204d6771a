//! The list of rooms: what is known of each, which are shown, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::item::Preview;

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
}

/// A space: a group of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceSummary {
    /// Room id of the space
    pub id: String,
    /// Name
    pub name: String,
    /// Room ids in it
    pub children: BTreeSet<String>,
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

/// All rooms and the choice among them.
#[derive(Debug, Default)]
pub struct RoomList {
    rooms: BTreeMap<String, RoomSummary>,
    spaces: Vec<SpaceSummary>,
    scope: Scope,
    search: String,
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

    /// The spaces in the order of the rail.
    pub fn spaces(&self) -> &[SpaceSummary] {
        &self.spaces
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

    /// Unread messages of a scope; those of the room that the person looks at do not count.
    pub fn unread(&self, scope: &Scope, watched: Option<&str>) -> u64 {
        self.rooms
            .values()
            .filter(|room| self.in_scope(room, scope) && watched != Some(&room.id))
            .map(|room| room.unread + u64::from(room.invited))
            .sum()
    }

    fn in_scope(&self, room: &RoomSummary, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Direct => room.direct,
            Scope::Space(id) => self.spaces.iter().any(|space| space.id == *id && space.children.contains(&room.id)),
        }
    }

    /// What is shown now: invitations first, then by the time of the last message. A search looks through all rooms.
    pub fn visible(&self) -> Vec<&RoomSummary> {
        let words: Vec<&str> = self.search.split_whitespace().collect();
        self.ordered(
            |room| if words.is_empty() { self.in_scope(room, &self.scope) } else { matches(&room.name, &words) },
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
            children: ["!class".to_owned()].into(),
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
    fn a_space_that_is_gone_gives_way() {
        let mut list = RoomList::default();
        list.set_spaces(vec![SpaceSummary { id: "!s".into(), name: "S".into(), children: BTreeSet::new() }]);
        list.set_scope(Scope::Space("!s".into()));
        list.set_spaces(Vec::new());
        assert_eq!(*list.scope(), Scope::All);
    }
}
