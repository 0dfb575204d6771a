//! The accounts of this computer, and what the one that is signed in chose here.

use std::{cell::RefCell, path::PathBuf, rc::Rc};

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{avatars::Avatars, ui, window::View, wiring::on};
use crate::{
    model::{
        accounts::{News, State, Wish},
        app::Page,
        command::Command,
        person, profile,
        update::Update,
    },
    settings::Own,
};

/// The accounts of this computer, what the one that is signed in chose on it, and where that is kept.
#[derive(Default)]
pub(super) struct Held {
    known: RefCell<State>,
    pub(super) choices: RefCell<Own>,
    /// The folder, and whether it outlives the session
    home: RefCell<Option<(PathBuf, bool)>>,
}

impl Held {
    /// The folder of a session that leaves nothing behind.
    pub(super) fn passing(&self) -> Option<PathBuf> {
        self.home.borrow().clone().filter(|(_, kept)| !kept).map(|(folder, _)| folder)
    }
}

impl View {
    /// Takes what the Matrix side told of accounts.
    pub(super) fn accounts_news(&self, news: News) {
        match news {
            News::Known { accounts, current } => {
                self.own.known.borrow_mut().know(accounts, current);
                self.show_accounts();
            }
            News::Left => self.vanish(),
            News::Begun { folder, kept } => {
                *self.own.choices.borrow_mut() = if kept { Own::load(&folder) } else { Own::default() };
                *self.own.home.borrow_mut() = Some((folder, kept));
                self.begin_watch(!kept);
            }
        }
    }

    /// The account that is signed in has perhaps another name or picture.
    pub(super) fn look_at_own(&self, news: &profile::News) {
        if let profile::News::Own { name, avatar } = news {
            self.own.known.borrow_mut().look(name, avatar);
            self.show_accounts();
        }
    }

    fn show_accounts(&self) {
        let known = self.own.known.borrow();
        let entries: Vec<ui::AccountEntry> = known
            .shown()
            .into_iter()
            .map(|account| ui::AccountEntry {
                initials: person::initials(&account.name).into(),
                tint: person::tint(&account.user_id),
                id: account.id.into(),
                user: account.user_id.into(),
                name: account.name.into(),
                avatar: account.avatar.into(),
            })
            .collect();
        let accounts = self.window.global::<ui::Accounts>();
        accounts.set_current(known.current.as_deref().unwrap_or_default().into());
        accounts.set_list(ModelRc::new(VecModel::from(entries)));
    }

    /// Nobody is signed in any more.
    pub(super) fn leave_home(&self) {
        *self.own.choices.borrow_mut() = Own::default();
        *self.own.home.borrow_mut() = None;
        // What one has seen is not for the next.
        *self.avatars.borrow_mut() = Avatars::default();
        self.images.borrow_mut().forget_sent();
        self.window.global::<ui::Accounts>().set_shown(false);
        self.begin_watch(false);
    }

    /// Nothing of the account is on screen any more, and nothing can be done in its name; what follows, the Matrix side
    /// tells.
    pub(super) fn vanish(&self) {
        if let Some(this) = self.itself().upgrade() {
            this.apply(Update::SignedOut(None));
        }
        self.app.borrow_mut().page = Page::Starting;
        self.show_page();
    }

    /// Puts the account aside with what was being written, and asks for another.
    fn put_aside(&self, wish: Wish) {
        self.keep_draft();
        self.vanish();
        self.send(Command::Accounts(wish));
    }

    /// Makes a choice of the account: it holds at once, and is kept where the account is.
    pub(super) fn choose_own(&self, make: impl FnOnce(&mut Own)) {
        let mut own = self.own.choices.borrow_mut();
        let before = own.clone();
        make(&mut own);
        if let Some((folder, true)) = &*self.own.home.borrow()
            && *own != before
        {
            own.save(folder);
        }
    }
}

/// Connects the menu at the rail and the list on the sign-in page.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Accounts, on_choose, |this, id| {
        this.window.global::<ui::Accounts>().set_shown(false);
        let wish = this.own.known.borrow().choose(&id);
        if let Some(wish) = wish {
            this.put_aside(wish);
        }
    });
    on!(view, Accounts, on_add, |this| {
        this.put_aside(Wish::Add);
        this.window.global::<ui::SignIn>().set_user(SharedString::default());
    });
}
