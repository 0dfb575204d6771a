//! The list of rooms, the rail of spaces, the header and the members of the open room.

use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::View;
use crate::{
    model::{
        patch::{self, Step},
        person,
        rooms::{RoomSummary, Scope},
        update::Connection,
    },
    view::{convert, ui},
};

impl View {
    pub(in crate::view) fn show_rooms(&self) {
        let model = self.app.borrow();
        let now = Self::now_ms();
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let open = model.open.as_deref();
        let visible: Vec<(RoomSummary, bool)> =
            model.rooms.visible().into_iter().map(|room| (room.clone(), open == Some(&room.id))).collect();
        let mut before = self.shown_rooms.borrow_mut();
        let entry = |index: usize| convert::room(&visible[index].0, &unnamed, open, now, &self.zone);
        for step in patch::steps(&before, &visible, |a, b| a.0.id == b.0.id) {
            match step {
                Step::Remove(index) => {
                    self.rooms.remove(index);
                }
                Step::Insert(index) => self.rooms.insert(index, entry(index)),
                Step::Set(index) => self.rooms.set_row_data(index, entry(index)),
            }
        }
        let rooms = self.window.global::<ui::Rooms>();
        rooms.set_total(i32::try_from(model.rooms.len()).unwrap_or(i32::MAX));
        rooms.set_loaded(model.rooms_loaded && model.connection != Connection::Connecting || !model.rooms.is_empty());
        *before = visible;
    }

    pub(super) fn show_spaces(&self) {
        let model = self.app.borrow();
        let unread = |scope: &Scope| i32::try_from(model.rooms.unread(scope)).unwrap_or(i32::MAX);
        let chosen = model.rooms.scope();
        let mut entries = vec![
            ui::SpaceEntry { selected: *chosen == Scope::All, ..ui::SpaceEntry::default() },
            ui::SpaceEntry {
                id: "direct".into(),
                unread: unread(&Scope::Direct),
                selected: *chosen == Scope::Direct,
                ..ui::SpaceEntry::default()
            },
        ];
        let mut title = SharedString::default();
        if *chosen == Scope::Direct {
            title = "direct".into();
        }
        for space in model.rooms.spaces() {
            let scope = Scope::Space(space.id.clone());
            let selected = *chosen == scope;
            if selected {
                title = space.name.as_str().into();
            }
            entries.push(ui::SpaceEntry {
                id: space.id.as_str().into(),
                name: space.name.as_str().into(),
                initials: person::initials(&space.name).into(),
                tint: person::tint(&space.id),
                unread: unread(&scope),
                selected,
            });
        }
        let rooms = self.window.global::<ui::Rooms>();
        rooms.set_scope_title(title);
        let shown = rooms.get_spaces();
        if shown.row_count() == entries.len() && shown.iter().zip(&entries).all(|(a, b)| a == *b) {
            return;
        }
        rooms.set_spaces(ModelRc::new(VecModel::from(entries)));
    }

    pub(super) fn show_header(&self) {
        let model = self.app.borrow();
        let talk = self.window.global::<ui::Talk>();
        let room = model.open.as_ref().and_then(|open| model.rooms.get(open).map(|room| (open, room)));
        talk.set_open(model.open.is_some());
        let (loading, filling) = model
            .timeline()
            .map_or((true, true), |timeline| (timeline.loading && !timeline.is_empty(), !timeline.at_start));
        talk.set_loading_older(loading);
        talk.set_filling(filling);
        let Some(open) = &model.open else {
            self.window.global::<ui::Panel>().set_side(ui::Side::None);
            return;
        };
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let name = room.map(|(_, room)| room.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(&unnamed);
        let details = &model.details;
        talk.set_room(ui::RoomHeader {
            id: open.as_str().into(),
            name: name.into(),
            initials: person::initials(name).into(),
            tint: person::tint(open),
            topic: details.topic.as_str().into(),
            address: details.address.as_str().into(),
            direct: room.is_some_and(|(_, room)| room.direct),
            encrypted: details.encrypted,
            public: details.public,
            members: i32::try_from(details.members).unwrap_or(i32::MAX),
            invited: room.is_some_and(|(_, room)| room.invited),
            inviter: room.map(|(_, room)| room.inviter.as_str().into()).unwrap_or_default(),
            can_invite: details.can_invite,
            can_write: details.can_write,
        });
    }

    pub(super) fn show_members(&self) {
        let model = self.app.borrow();
        let own = model.account.as_ref().map(|account| account.user_id.as_str());
        let members: Vec<ui::MemberEntry> = model
            .members
            .iter()
            .map(|member| ui::MemberEntry {
                id: member.id.as_str().into(),
                name: member.name.as_str().into(),
                initials: person::initials(&member.name).into(),
                tint: person::tint(&member.id),
                role: i32::try_from(member.level).unwrap_or(100),
                invited: member.invited,
                own: own == Some(&member.id),
            })
            .collect();
        self.window.global::<ui::Panel>().set_members(ModelRc::new(VecModel::from(members)));
    }
}
