//! Sending a message on to other rooms: which are offered, and which are chosen.

use std::collections::BTreeSet;

use crate::model::rooms::{RoomList, RoomSummary};

/// Wishes about sending on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Tell the rooms in which the account may write
    Places,
    /// Send a message on
    Send {
        /// Room id of where it is
        room: String,
        /// `Message::key`
        key: String,
        /// Room ids of where it goes
        to: Vec<String>,
    },
}

/// News about sending on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Ids of the rooms in which the account may write
    Places(BTreeSet<String>),
    /// It is on its way to all of them
    Sent,
}

/// What the dialog holds.
#[derive(Debug, Default)]
pub struct Forward {
    /// Room id and key of the message
    pub message: Option<(String, String)>,
    /// Rooms in which the account may write; `None` until they are told
    pub places: Option<BTreeSet<String>>,
    /// Rooms chosen
    pub chosen: BTreeSet<String>,
    /// What is searched for
    pub term: String,
}

impl Forward {
    /// Begins with a message.
    pub fn begin(&mut self, room: &str, key: &str) {
        *self = Self { message: Some((room.to_owned(), key.to_owned())), ..Self::default() };
    }

    /// Chooses a room, or no longer.
    pub fn toggle(&mut self, room: &str) {
        if !self.chosen.remove(room) {
            self.chosen.insert(room.to_owned());
        }
    }

    /// The rooms to show: those with the latest message first.
    pub fn rooms<'a>(&self, list: &'a RoomList) -> Vec<&'a RoomSummary> {
        let Some(places) = &self.places else { return Vec::new() };
        list.found(&self.term).into_iter().filter(|room| !room.invited && places.contains(&room.id)).collect()
    }

    /// Ends with a wish, if there is a message and a place for it.
    pub fn finish(&mut self) -> Option<Wish> {
        if self.chosen.is_empty() {
            return None;
        }
        let (room, key) = self.message.take()?;
        Some(Wish::Send { room, key, to: std::mem::take(&mut self.chosen).into_iter().collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> RoomList {
        let mut list = RoomList::default();
        let room = |id: &str, name: &str, at_ms: i64| RoomSummary {
            id: id.into(),
            name: name.into(),
            at_ms: Some(at_ms),
            ..RoomSummary::default()
        };
        list.put(vec![
            room("!a", "Алгебра", 1),
            room("!b", "Биология", 2),
            room("!c", "Только чтение", 3),
            RoomSummary { invited: true, ..room("!d", "Приглашение", 4) },
        ]);
        list
    }

    #[test]
    fn rooms_to_write_in_are_offered_the_latest_first() {
        let (list, mut forward) = (list(), Forward::default());
        let ids = |forward: &Forward| forward.rooms(&list).iter().map(|room| room.id.clone()).collect::<Vec<_>>();
        assert!(ids(&forward).is_empty());
        forward.places = Some(["!a", "!b", "!d"].map(String::from).into());
        assert_eq!(ids(&forward), ["!b", "!a"]);
        forward.term = "АЛГ".into();
        assert_eq!(ids(&forward), ["!a"]);
    }

    #[test]
    fn it_goes_to_what_is_chosen_and_only_once() {
        let mut forward = Forward::default();
        forward.begin("!r", "$1");
        assert_eq!(forward.finish(), None);
        forward.toggle("!a");
        forward.toggle("!b");
        forward.toggle("!a");
        assert_eq!(forward.finish(), Some(Wish::Send { room: "!r".into(), key: "$1".into(), to: vec!["!b".into()] }));
        assert_eq!(forward.finish(), None);
    }
}
