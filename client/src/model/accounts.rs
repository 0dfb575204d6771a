//! The accounts of this computer, of which one is signed in at a time.

use std::path::PathBuf;

/// An account that is kept on this computer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Tells it from the others here
    pub id: String,
    /// `@anna:academy`
    pub user_id: String,
    /// Display name, or the local part of the user id
    pub name: String,
    /// `mxc://…`, empty without one
    pub avatar: String,
    /// Address of the server
    pub server: String,
}

/// What the view asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Go on with another account, by id
    Choose(String),
    /// Put this one aside and sign in with one more
    Add,
}

/// What the Matrix side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The accounts of this computer, and the id of the one that is signed in
    Known {
        /// By name
        accounts: Vec<Account>,
        /// `None` while nobody is, and on a shared computer
        current: Option<String>,
    },
    /// The account that was signed in is put aside, and another one follows
    Left,
    /// A session begins, with what it keeps on this computer in this folder
    Begun {
        /// The folder
        folder: PathBuf,
        /// It outlives the session; otherwise it goes with it
        kept: bool,
    },
}

/// The accounts of this computer as they are shown.
#[derive(Debug, Default)]
pub struct State {
    accounts: Vec<Account>,
    /// Id of the one that is signed in
    pub current: Option<String>,
}

impl State {
    /// Takes what was told.
    pub fn know(&mut self, accounts: Vec<Account>, current: Option<String>) {
        self.accounts = accounts;
        self.current = current;
    }

    /// The one that is signed in took another name or picture.
    pub fn look(&mut self, name: &str, avatar: &str) {
        let current = self.current.as_deref();
        if let Some(account) = self.accounts.iter_mut().find(|account| Some(account.id.as_str()) == current) {
            name.clone_into(&mut account.name);
            avatar.clone_into(&mut account.avatar);
        }
    }

    /// All of them. While nobody is signed in there is no server to ask for their pictures.
    pub fn shown(&self) -> Vec<Account> {
        let mut accounts = self.accounts.clone();
        if self.current.is_none() {
            accounts.iter_mut().for_each(|account| account.avatar.clear());
        }
        accounts
    }

    /// What a press on an account asks for: nothing of the one that is signed in.
    pub fn choose(&self, id: &str) -> Option<Wish> {
        let other = self.current.as_deref() != Some(id) && self.accounts.iter().any(|account| account.id == id);
        other.then(|| Wish::Choose(id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> Account {
        Account { id: id.into(), avatar: format!("mxc://academy/{id}"), ..Account::default() }
    }

    #[test]
    fn only_another_account_that_is_here_can_be_chosen() {
        let mut state = State::default();
        state.know(vec![account("1"), account("2")], Some("1".into()));
        assert_eq!(state.choose("2"), Some(Wish::Choose("2".into())));
        assert_eq!((state.choose("1"), state.choose("3")), (None, None));
        state.know(vec![account("1")], None);
        assert_eq!(state.choose("1"), Some(Wish::Choose("1".into())), "nobody is signed in");
    }

    #[test]
    fn a_new_name_is_shown_at_once_and_pictures_only_where_a_server_gives_them() {
        let mut state = State::default();
        state.know(vec![account("1"), account("2")], Some("2".into()));
        state.look("Анна", "mxc://academy/new");
        let shown = state.shown();
        assert_eq!((shown[1].name.as_str(), shown[1].avatar.as_str()), ("Анна", "mxc://academy/new"));
        assert_eq!(shown[0].avatar, "mxc://academy/1");
        state.know(vec![account("1")], None);
        assert_eq!(state.shown()[0].avatar, "");
    }
}
