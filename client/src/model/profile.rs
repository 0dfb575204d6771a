//! The card of a person, and one's own name and picture.

use std::path::PathBuf;

use crate::model::update::Failure;

/// What the view asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Look a person up: profile and rooms in common
    Look(String),
    /// Take another name
    Rename(String),
    /// Take this file as picture
    Picture(PathBuf),
    /// Have no picture any more
    RemovePicture,
}

/// What the Matrix side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Name and picture of the account itself
    Own {
        /// Display name
        name: String,
        /// `mxc://…`, empty without one
        avatar: String,
    },
    /// Name and picture of a person
    Person {
        /// User id
        id: String,
        /// Display name
        name: String,
        /// `mxc://…`, empty without one
        avatar: String,
    },
    /// Rooms that the account and a person are both in
    Common {
        /// User id
        id: String,
        /// Room ids
        rooms: Vec<String>,
    },
    /// A change of the own profile did not work
    Failed(Failure),
}

/// A person whose card is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// User id
    pub id: String,
    /// Name
    pub name: String,
    /// `mxc://…`, empty without one
    pub avatar: String,
    /// Ids of the rooms in common, the personal chat left out when shown
    pub rooms: Vec<String>,
}

/// The card that is shown, and one's own picture.
#[derive(Debug, Default)]
pub struct State {
    /// `mxc://…` of the account, empty without one
    pub own_avatar: String,
    /// The card, if one is shown
    pub card: Option<Card>,
}

impl State {
    /// Takes what was told; an answer about another person than the one shown is out of date.
    pub fn take(&mut self, news: News, own: &str) {
        match news {
            News::Own { name, avatar } => {
                self.own_avatar.clone_from(&avatar);
                if let Some(card) = self.card_of(own) {
                    card.name = name;
                    card.avatar = avatar;
                }
            }
            News::Person { id, name, avatar } => {
                if let Some(card) = self.card_of(&id) {
                    card.name = name;
                    card.avatar = avatar;
                }
            }
            News::Common { id, rooms } => {
                if let Some(card) = self.card_of(&id) {
                    card.rooms = rooms;
                }
            }
            News::Failed(_) => {}
        }
    }

    fn card_of(&mut self, id: &str) -> Option<&mut Card> {
        self.card.as_mut().filter(|card| card.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_about_another_person_are_out_of_date() {
        let mut state = State { card: Some(Card { id: "@oleg:x".into(), ..Card::default() }), ..State::default() };
        state.take(News::Common { id: "@ivan:x".into(), rooms: vec!["!a".into()] }, "@me:x");
        assert!(state.card.as_ref().unwrap().rooms.is_empty());
        state.take(News::Person { id: "@oleg:x".into(), name: "Олег".into(), avatar: String::new() }, "@me:x");
        assert_eq!(state.card.as_ref().unwrap().name, "Олег");
    }

    #[test]
    fn a_new_own_picture_is_on_the_own_card_too() {
        let mut state = State { card: Some(Card { id: "@me:x".into(), ..Card::default() }), ..State::default() };
        state.take(News::Own { name: "Я".into(), avatar: "mxc://x/1".into() }, "@me:x");
        assert_eq!((state.own_avatar.as_str(), state.card.unwrap().avatar.as_str()), ("mxc://x/1", "mxc://x/1"));
    }
}
