//! The menu of a message, the keyboard's focus among messages, and the dialogs that come out of both.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{
    convert, images, ui,
    window::View,
    wiring::{self, on},
};
use crate::model::{
    command::Command,
    menu::{self, Act, News, Wish},
    person,
};

/// The message that the menu or a dialog is about.
#[derive(Debug, Default, Clone)]
pub(super) struct Asked {
    /// `Message::key`
    key: String,
    /// It stands in the panel of its thread
    threaded: bool,
    /// Row id
    row: String,
}

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, MessageMenu, on_ask, |this, key, threaded, x, y| this.ask(&key, threaded, x, y));
    on!(view, MessageMenu, on_ask_focused, |this, x, y| {
        if let Some(key) = this.focused_key() {
            this.ask(&key, false, x, y);
        }
    });
    on!(view, MessageMenu, on_answer, |this, key, threaded| {
        this.perform(Act::Reply, &this.asked_of(&key, threaded));
    });
    on!(view, MessageMenu, on_close, |this| {
        let menu = this.window.global::<ui::MessageMenu>();
        menu.set_open(false);
        if !menu.get_focused().is_empty() {
            menu.set_walked(menu.get_walked() + 1);
        }
    });
    on!(view, MessageMenu, on_pick, |this, act| {
        let menu = this.window.global::<ui::MessageMenu>();
        menu.set_open(false);
        menu.set_focused(SharedString::default());
        let asked = this.asked.borrow().clone();
        this.perform(of(act), &asked);
    });
    on!(view, MessageMenu, on_press, |this, act| {
        let Some(key) = this.focused_key() else { return };
        let asked = this.asked_of(&key, false);
        *this.asked.borrow_mut() = asked.clone();
        this.perform(of(act), &asked);
    });
    on!(view, MessageMenu, on_walk, |this, step| {
        let menu = this.window.global::<ui::MessageMenu>();
        let from = menu.get_focused();
        let to = this.app.borrow().walk(&from, step);
        match to {
            Some(row) => {
                menu.set_focused(row.into());
                if from.is_empty() {
                    menu.set_walked(menu.get_walked() + 1);
                }
            }
            None => this.leave_messages(),
        }
    });
    on!(view, MessageMenu, on_leave, |this| this.leave_messages());
    on!(view, MessageMenu, on_remove, |this, reason| {
        this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        let key = this.asked.borrow().key.clone();
        wiring::with_open(&this, |room| Command::Menu(Wish::Remove { room, key, reason: reason.into() }));
    });
}

impl View {
    /// Takes news about one message.
    pub(super) fn menu_news(&self, news: News) {
        match news {
            News::Link(link) => wiring::copy(self, link),
            News::Readers { key, readers, reactions } if key == self.asked.borrow().key => {
                let readers: Vec<ui::ReaderName> = readers
                    .iter()
                    .map(|(id, name)| ui::ReaderName {
                        name: name.into(),
                        initials: person::initials(name).into(),
                        tint: person::tint(id),
                    })
                    .collect();
                let given: Vec<ui::GivenEntry> = reactions
                    .into_iter()
                    .map(|(key, who)| {
                        let picture = self.images.borrow_mut().emoji(&key, convert::REACTION);
                        ui::GivenEntry {
                            key: key.into(),
                            pictured: picture.is_some(),
                            picture: images::or_clear(picture),
                            who: who.join(", ").into(),
                        }
                    })
                    .collect();
                let menu = self.window.global::<ui::MessageMenu>();
                menu.set_loading(false);
                menu.set_readers(ModelRc::new(VecModel::from(readers)));
                menu.set_given(ModelRc::new(VecModel::from(given)));
            }
            News::Readers { .. } => {}
        }
    }

    /// Opens the menu of a message at a place of the window.
    fn ask(&self, key: &str, threaded: bool, x: f32, y: f32) {
        let acts: Vec<ui::Act> = self.app.borrow().acts(key, threaded).into_iter().map(to).collect();
        if acts.is_empty() {
            return;
        }
        let asked = self.asked_of(key, threaded);
        *self.asked.borrow_mut() = asked;
        let menu = self.window.global::<ui::MessageMenu>();
        menu.set_acts(ModelRc::new(VecModel::from(acts)));
        menu.set_at_x(x);
        menu.set_at_y(y);
        menu.set_open(true);
    }

    fn asked_of(&self, key: &str, threaded: bool) -> Asked {
        let app = self.app.borrow();
        let row =
            if threaded { app.threads.timeline.row_of(key) } else { app.timeline().and_then(|all| all.row_of(key)) };
        Asked { key: key.to_owned(), threaded, row: row.unwrap_or_default() }
    }

    fn focused_key(&self) -> Option<String> {
        let row = self.window.global::<ui::MessageMenu>().get_focused();
        self.app.borrow().key_of(&row)
    }

    /// The keyboard goes back to the composer.
    fn leave_messages(&self) {
        let menu = self.window.global::<ui::MessageMenu>();
        menu.set_focused(SharedString::default());
        menu.set_selecting(SharedString::default());
        self.write(false);
    }

    /// Puts the keyboard into a composer, whose words stay.
    fn write(&self, threaded: bool) {
        if threaded {
            let threads = self.window.global::<ui::Threads>();
            threads.set_draft_version(threads.get_draft_version() + 1);
        } else {
            let talk = self.window.global::<ui::Talk>();
            talk.set_draft_version(talk.get_draft_version() + 1);
        }
    }

    /// Does it, if the message allows it now.
    fn perform(&self, act: Act, asked: &Asked) {
        let Asked { key, threaded, row } = asked;
        let threaded = *threaded;
        if !self.app.borrow().acts(key, threaded).contains(&act) {
            return;
        }
        match act {
            Act::Reply if threaded => {
                self.app.borrow_mut().reply_in_thread(key);
                self.show_thread_chip();
                self.write(true);
            }
            Act::Reply => {
                let changed = self.app.borrow_mut().reply(key);
                self.show(changed);
                self.write(false);
            }
            Act::Thread => self.open_thread(key),
            Act::Quote => self.quote(key, threaded),
            Act::Edit if threaded => self.edit_in_thread(key),
            Act::Edit => {
                let changed = self.app.borrow_mut().edit(key);
                self.show(changed);
            }
            Act::Forward => self.forward(key),
            Act::Copy => {
                let words = self.app.borrow().message(key).map(|message| message.body.words().to_owned());
                words.into_iter().for_each(|words| wiring::copy(self, words));
            }
            Act::Select => {
                // What is cut is marked as a whole.
                self.show_whole(row);
                self.window.global::<ui::MessageMenu>().set_selecting(row.into());
            }
            Act::Link => self.wish(|room| Wish::Link { room, key: key.clone() }),
            Act::Pin => self.pin(key, true),
            Act::Unpin => self.pin(key, false),
            Act::Readers => {
                let menu = self.window.global::<ui::MessageMenu>();
                menu.set_loading(true);
                menu.set_readers(ModelRc::default());
                menu.set_given(ModelRc::default());
                self.window.global::<ui::App>().set_overlay(ui::Overlay::Readers);
                self.wish(|room| Wish::Readers { room, key: key.clone() });
            }
            Act::Remove => {
                let own = self.app.borrow().message(key).is_some_and(|message| message.own);
                self.window.global::<ui::MessageMenu>().set_own(own);
                self.window.global::<ui::App>().set_overlay(ui::Overlay::Remove);
            }
        }
    }

    fn wish(&self, wish: impl FnOnce(String) -> Wish) {
        wiring::with_open(self, |room| Command::Menu(wish(room)));
    }

    fn quote(&self, key: &str, threaded: bool) {
        let words = self.app.borrow().message(key).map(|message| message.body.words().to_owned());
        let Some(words) = words else { return };
        if threaded {
            let threads = self.window.global::<ui::Threads>();
            threads.set_draft(menu::quoted(&words, &threads.get_draft()).into());
        } else {
            let talk = self.window.global::<ui::Talk>();
            talk.set_draft(menu::quoted(&words, &talk.get_draft()).into());
        }
        self.write(threaded);
    }
}

fn to(act: Act) -> ui::Act {
    match act {
        Act::Reply => ui::Act::Reply,
        Act::Thread => ui::Act::Thread,
        Act::Quote => ui::Act::Quote,
        Act::Edit => ui::Act::Edit,
        Act::Forward => ui::Act::Forward,
        Act::Copy => ui::Act::Copy,
        Act::Select => ui::Act::Select,
        Act::Link => ui::Act::Link,
        Act::Pin => ui::Act::Pin,
        Act::Unpin => ui::Act::Unpin,
        Act::Readers => ui::Act::Readers,
        Act::Remove => ui::Act::Remove,
    }
}

fn of(act: ui::Act) -> Act {
    match act {
        ui::Act::Reply => Act::Reply,
        ui::Act::Thread => Act::Thread,
        ui::Act::Quote => Act::Quote,
        ui::Act::Edit => Act::Edit,
        ui::Act::Forward => Act::Forward,
        ui::Act::Copy => Act::Copy,
        ui::Act::Select => Act::Select,
        ui::Act::Link => Act::Link,
        ui::Act::Pin => Act::Pin,
        ui::Act::Unpin => Act::Unpin,
        ui::Act::Readers => Act::Readers,
        ui::Act::Remove => Act::Remove,
    }
}
