//! The accounts of this computer, and what the one that is signed in chose here.

use std::{cell::RefCell, path::PathBuf};

use super::window::View;
use crate::{
    model::{accounts::News, app::Page, update::Update},
    settings::Own,
};

/// What the account that is signed in chose on this computer, and where that is kept.
#[derive(Default)]
pub(super) struct Held {
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
            News::Begun { folder, kept } => {
                *self.own.choices.borrow_mut() = if kept { Own::load(&folder) } else { Own::default() };
                *self.own.home.borrow_mut() = Some((folder, kept));
                self.begin_watch(!kept);
            }
        }
    }

    /// Nobody is signed in any more.
    pub(super) fn leave_home(&self) {
        *self.own.choices.borrow_mut() = Own::default();
        *self.own.home.borrow_mut() = None;
        // What one has seen is not for the next.
        *self.avatars.borrow_mut() = super::avatars::Avatars::default();
        self.images.borrow_mut().forget_sent();
        self.begin_watch(false);
    }

    /// Nothing of the account is on screen any more, and nothing can be done in its name; what follows, the Matrix side tells.
    pub(super) fn vanish(&self) {
        if let Some(this) = self.itself().upgrade() {
            this.apply(Update::SignedOut(None));
        }
        self.app.borrow_mut().page = Page::Starting;
        self.show_page();
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
