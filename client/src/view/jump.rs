//! Going to messages that are not among the newest.

use std::rc::Rc;

use slint::ComponentHandle;

use super::{ui, window::View, wiring::on};

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Jump, on_to_fresh, |this| {
        let done = this.app.borrow_mut().to_fresh();
        this.follow_up(done);
    });
    on!(view, Jump, on_leave_fresh, |this| {
        let done = this.app.borrow_mut().leave_fresh();
        this.follow_up(done);
    });
}

impl View {
    /// Goes to a message of the open room.
    pub(super) fn jump(&self, key: &str) {
        let done = self.app.borrow_mut().jump(key);
        self.follow_up(done);
    }

    /// Shows the thread in which the message stands that was gone to.
    pub(super) fn found_in_thread(&self, room: &str, root: &str) {
        let is_open = self.app.borrow_mut().found_in_thread(room);
        if is_open {
            self.show_header();
            self.open_thread(root);
        }
    }

    /// Goes to a message that was found in a room, unless another one is open by now.
    pub(super) fn jump_in(&self, room: &str, key: &str) {
        if self.app.borrow().open.as_deref() == Some(room) {
            self.jump(key);
        }
    }
}
