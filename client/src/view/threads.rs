//! The panel of a thread, and the list of the room's threads.

use std::{cell::RefCell, rc::Rc};

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{convert, ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    person, stamp,
    threads::{News, Thread, Wish},
    timeline::{Keep, Row},
    update::Paging,
};

/// The rows of the panel.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) rows: Rc<VecModel<ui::MessageRow>>,
    pub(super) before: RefCell<Vec<Row>>,
}

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    view.window.global::<ui::Threads>().set_rows(ModelRc::from(Rc::clone(&view.thread.rows)));
    on!(view, Threads, on_show, |this, key| this.open_thread(&key));
    on!(view, Threads, on_show_list, |this| {
        let command = this.app.borrow_mut().list_threads();
        this.window.global::<ui::Panel>().set_side(ui::Side::Thread);
        this.show_threads();
        command.into_iter().for_each(|command| this.send(command));
    });
    on!(view, Threads, on_more, |this| {
        let room = {
            let mut app = this.app.borrow_mut();
            if matches!(app.threads.list_paging, Some(Paging::Loading | Paging::Start)) {
                return;
            }
            app.threads.list_paging = Some(Paging::Loading);
            app.open.clone()
        };
        this.show_thread_list();
        room.into_iter().for_each(|room| this.send(Command::Threads(Wish::MoreList(room))));
    });
    on!(view, Threads, on_send, |this, text| {
        let command = this.app.borrow_mut().send_in_thread(&text);
        let Some(command) = command else { return };
        this.send(command);
        this.write_in_thread("");
        this.show_thread_chip();
        this.show_thread_rows(Keep::Follow);
        let threads = this.window.global::<ui::Threads>();
        threads.set_to_bottom(threads.get_to_bottom() + 1);
    });
    on!(view, Threads, on_cancel_chip, |this| {
        let chip = this.app.borrow_mut().threads.chip.take();
        if chip.is_some_and(|chip| chip.editing) {
            this.write_in_thread("");
        }
        this.show_thread_chip();
    });
    on!(view, Threads, on_older, |this| this.older_in_thread());
    on!(view, Threads, on_try_older, |this| {
        this.app.borrow_mut().threads.timeline.stalled = false;
        this.older_in_thread();
    });
    on!(view, Threads, on_newer, |this| {
        let grew = this.app.borrow_mut().threads.timeline.newer();
        if grew {
            this.show_thread_rows(Keep::Place);
        }
        this.see_thread();
    });
}

impl View {
    /// Takes news about threads.
    pub(super) fn threads_news(&self, news: News) {
        match news {
            News::Timeline { root, diffs } => {
                let keep = self.app.borrow_mut().threads.apply(&root, diffs);
                if let Some(keep) = keep {
                    self.show_thread_rows(keep);
                    self.see_thread();
                }
            }
            News::Paging { root, paging } => {
                self.app.borrow_mut().threads.page(&root, paging);
            }
            News::List { room, threads, paging } => {
                {
                    let mut app = self.app.borrow_mut();
                    if app.open.as_ref() != Some(&room) {
                        return;
                    }
                    app.threads.list = threads;
                    app.threads.list_paging = Some(paging);
                }
                self.show_thread_list();
                return;
            }
        }
        let command = self.app.borrow_mut().fill_thread();
        command.into_iter().for_each(|command| self.send(command));
        self.show_thread_state();
    }

    /// Opens a thread beside the conversation.
    pub(super) fn open_thread(&self, root: &str) {
        let command = self.app.borrow_mut().open_thread(root);
        self.window.global::<ui::Panel>().set_side(ui::Side::Thread);
        if let Some(command) = command {
            self.window.global::<ui::Threads>().set_draft(SharedString::default());
            self.clear_thread_rows();
            self.show_threads();
            self.send(command);
        }
        let threads = self.window.global::<ui::Threads>();
        threads.set_draft_version(threads.get_draft_version() + 1);
        threads.set_to_bottom(threads.get_to_bottom() + 1);
        self.see_thread();
    }

    /// Changes a message of the open thread: its words go into the thread's composer.
    pub(super) fn edit_in_thread(&self, key: &str) {
        let words = self.app.borrow_mut().edit_in_thread(key);
        if let Some(words) = words {
            self.show_thread_chip();
            self.write_in_thread(&words);
        }
    }

    fn older_in_thread(&self) {
        let (keep, command) = self.app.borrow_mut().older_in_thread();
        keep.into_iter().for_each(|keep| self.show_thread_rows(keep));
        command.into_iter().for_each(|command| self.send(command));
        self.show_thread_state();
    }

    fn write_in_thread(&self, words: &str) {
        let threads = self.window.global::<ui::Threads>();
        threads.set_draft(words.into());
        threads.set_draft_version(threads.get_draft_version() + 1);
    }

    /// Tells what is at the end of the open thread as read while the person can see it.
    pub(super) fn see_thread(&self) {
        let threads = self.window.global::<ui::Threads>();
        let panel = self.window.global::<ui::Panel>().get_side() == ui::Side::Thread;
        if !panel || !threads.get_at_bottom() || !self.window.window().is_visible() {
            return;
        }
        let command = self.app.borrow_mut().see_thread();
        if let Some(command) = command {
            self.send(command);
            self.redraw(|shown| shown.thread_unread);
            self.show_unread_threads();
        }
    }

    /// Whether the header's button is marked.
    pub(super) fn show_unread_threads(&self) {
        let unread = self.app.borrow().unread_threads();
        self.window.global::<ui::Threads>().set_unread(unread);
    }

    /// Shows the panel as it is now.
    pub(super) fn show_threads(&self) {
        self.show_thread_rows(Keep::Follow);
        self.show_thread_state();
        self.show_thread_chip();
        self.show_thread_list();
    }

    fn show_thread_state(&self) {
        let app = self.app.borrow();
        let threads = self.window.global::<ui::Threads>();
        threads.set_open(app.threads.root.is_some());
        threads.set_loading(app.threads.timeline.loading);
        threads.set_stalled(app.threads.timeline.stalled);
    }

    /// Shows what the thread's composer answers or changes.
    pub(super) fn show_thread_chip(&self) {
        let app = self.app.borrow();
        let threads = self.window.global::<ui::Threads>();
        threads.set_chip(app.threads.chip.is_some());
        threads.set_chip_editing(app.threads.chip.as_ref().is_some_and(|chip| chip.editing));
        if let Some(chip) = &app.threads.chip {
            let (kind, text) = convert::preview(&chip.preview);
            threads.set_chip_who(chip.who.as_str().into());
            threads.set_chip_kind(kind);
            threads.set_chip_text(text.into());
        }
    }

    fn show_thread_list(&self) {
        let app = self.app.borrow();
        let threads = self.window.global::<ui::Threads>();
        let list: Vec<ui::ThreadEntry> = app.threads.list.iter().map(|thread| self.thread_entry(thread)).collect();
        threads.set_list(ModelRc::new(VecModel::from(list)));
        let paging = app.threads.list_paging;
        threads.set_list_loading(paging == Some(Paging::Loading));
        threads.set_list_stalled(matches!(paging, Some(Paging::Failed(_))));
        threads.set_list_more(paging == Some(Paging::More));
    }

    fn thread_entry(&self, thread: &Thread) -> ui::ThreadEntry {
        let (kind, text) = convert::preview(&thread.preview);
        let (last_kind, last_text) = convert::preview(&thread.last);
        ui::ThreadEntry {
            root: thread.root.as_str().into(),
            who: thread.who.as_str().into(),
            initials: person::initials(&thread.who).into(),
            tint: person::tint(&thread.sender),
            kind,
            text: text.into(),
            replies: convert::count(thread.replies.into()),
            last_who: thread.last_who.as_str().into(),
            last_kind,
            last_text: last_text.into(),
            stamp: convert::stamp(stamp::for_list(thread.at_ms, Self::now_ms(), self.zone())),
        }
    }
}
