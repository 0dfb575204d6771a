//! What the dialogs found, and what went wrong in them.

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::View;
use crate::{
    model::{person, update::Failure},
    view::{convert, ui},
};

impl View {
    pub(in crate::view) fn show_found(&self) {
        let model = self.app.borrow();
        let people = self.window.global::<ui::People>();
        if people.get_term() == model.people.0.as_str() {
            let found: Vec<ui::PersonEntry> = model
                .people
                .1
                .iter()
                .map(|found| ui::PersonEntry {
                    id: found.id.as_str().into(),
                    name: found.name.as_str().into(),
                    initials: person::initials(&found.name).into(),
                    tint: person::tint(&found.id),
                    avatar: found.avatar.as_str().into(),
                })
                .collect();
            people.set_found(ModelRc::new(VecModel::from(found)));
            people.set_searching(false);
            people.set_searched(!model.people.0.is_empty());
        }
        let directory = self.window.global::<ui::Directory>();
        if directory.get_term() != model.public_rooms.0.as_str() {
            return;
        }
        let found: Vec<ui::DirectoryEntry> = model
            .public_rooms
            .1
            .iter()
            .map(|room| ui::DirectoryEntry {
                id: room.id.as_str().into(),
                address: room.address.as_str().into(),
                name: room.name.as_str().into(),
                topic: room.topic.as_str().into(),
                initials: person::initials(&room.name).into(),
                tint: person::tint(&room.id),
                avatar: room.avatar.as_str().into(),
                members: i32::try_from(room.members).unwrap_or(i32::MAX),
                joined: model.rooms.is_space(&room.id) || model.rooms.get(&room.id).is_some_and(|room| !room.invited),
                entry: convert::entry(room.entry),
            })
            .collect();
        directory.set_found(ModelRc::new(VecModel::from(found)));
        directory.set_searching(false);
        directory.set_busy_with(SharedString::default());
    }

    pub(super) fn dialog_failed(&self, failure: Failure) {
        let failure = convert::failure(failure);
        self.free_dialogs();
        match self.window.global::<ui::App>().get_overlay() {
            ui::Overlay::NewChat | ui::Overlay::Invite => self.window.global::<ui::People>().set_failure(failure),
            ui::Overlay::NewRoom | ui::Overlay::NewSpace => {
                self.window.global::<ui::NewPlace>().set_failure(failure);
            }
            ui::Overlay::Directory => self.window.global::<ui::Directory>().set_failure(failure),
            _ => self.complain(failure),
        }
    }

    /// Nothing asked from a dialog is under way any more.
    pub(in crate::view) fn free_dialogs(&self) {
        let people = self.window.global::<ui::People>();
        people.set_busy(false);
        people.set_searching(false);
        let directory = self.window.global::<ui::Directory>();
        directory.set_busy_with(SharedString::default());
        directory.set_searching(false);
        self.window.global::<ui::NewPlace>().set_busy(false);
        self.app.borrow_mut().space_page.free();
        self.show_space();
    }
}
