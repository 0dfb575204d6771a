//! The list of rooms, the rail of spaces, the header and the members of the open room.

use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::View;
use crate::{
    model::{
        item::{Preview, one_line},
        patch::{self, Step},
        person,
        rooms::{Listed, RoomSummary, Scope},
    },
    view::{convert, ui},
};

impl View {
    pub(in crate::view) fn show_rooms(&self) {
        let model = self.app.borrow();
        let now = Self::now_ms();
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let open = model.open.as_deref();
        let watched = model.watched();
        let visible: Vec<(RoomSummary, bool)> = model
            .rooms
            .listed()
            .into_iter()
            .map(|row| {
                let mut room = match row {
                    Listed::Room(room) => room.clone(),
                    Listed::Heading(space) => RoomSummary {
                        id: space.id.clone(),
                        name: space.name.clone(),
                        unread: model.rooms.unread(&Scope::Space(space.id.clone()), watched),
                        ..RoomSummary::default()
                    },
                };
                if let Some(words) = model.waits(&room.id) {
                    room.preview = Preview::Draft(one_line(words));
                }
                if watched == Some(&room.id) {
                    // It is being read, whatever the server has heard of that by now.
                    (room.unread, room.mentions) = (0, 0);
                }
                let is_open = open == Some(&room.id);
                (room, is_open)
            })
            .collect();
        let mut before = self.shown_rooms.borrow_mut();
        let entry = |index: usize| {
            let room = &visible[index].0;
            let heading = !room.invited && model.rooms.spaces().iter().any(|space| space.id == room.id);
            ui::RoomEntry { heading, ..convert::room(room, &unnamed, open, now, &self.zone) }
        };
        for step in patch::steps(&before, &visible, |a, b| a.0.id == b.0.id) {
            match step {
                Step::Remove(index) => {
                    self.rooms.remove(index);
                }
                Step::Insert(index) => self.rooms.insert(index, entry(index)),
                Step::Set(index) => self.rooms.set_row_data(index, entry(index)),
            }
        }
        let below = open.and_then(|open| model.rooms.get(open)).map_or(0, |room| room.unread);
        self.window.global::<ui::Talk>().set_unread_below(convert::count(below));
        let rooms = self.window.global::<ui::Rooms>();
        rooms.set_total(i32::try_from(model.rooms.len()).unwrap_or(i32::MAX));
        rooms.set_loaded(model.knows_rooms());
        *before = visible;
    }

    pub(super) fn show_spaces(&self) {
        let model = self.app.borrow();
        let unread = |scope: &Scope| convert::count(model.rooms.unread(scope, model.watched()));
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
        let chosen_space = match chosen {
            Scope::Space(id) => id.as_str(),
            Scope::All | Scope::Direct => "",
        };
        if let Some(space) = model.rooms.spaces().iter().find(|space| space.id == chosen_space) {
            title = space.name.as_str().into();
        }
        for space in model.rooms.top_spaces() {
            let scope = Scope::Space(space.id.clone());
            // A space within another one is on the rail as the one it is in.
            let selected = model.rooms.within(&space.id).iter().any(|inner| inner.id == chosen_space);
            entries.push(ui::SpaceEntry {
                id: space.id.as_str().into(),
                name: space.name.as_str().into(),
                initials: person::initials(&space.name).into(),
                tint: person::tint(&space.id),
                avatar: space.avatar.as_str().into(),
                unread: unread(&scope),
                selected,
            });
        }
        let rooms = self.window.global::<ui::Rooms>();
        rooms.set_scope_title(title);
        rooms.set_scope_space(chosen_space.into());
        let shown = rooms.get_spaces();
        if shown.row_count() == entries.len() && shown.iter().zip(&entries).all(|(a, b)| a == *b) {
            return;
        }
        rooms.set_spaces(ModelRc::new(VecModel::from(entries)));
    }

    pub(in crate::view) fn show_header(&self) {
        let model = self.app.borrow();
        let talk = self.window.global::<ui::Talk>();
        let room = model.open.as_ref().and_then(|open| model.rooms.get(open).map(|room| (open, room)));
        talk.set_open(model.open.is_some());
        talk.set_searching(model.searches());
        let jump = self.window.global::<ui::Jump>();
        jump.set_past(model.in_past());
        jump.set_fresh(convert::count(model.fresh()));
        if let Some(timeline) = model.timeline() {
            talk.set_loading_older(timeline.loading && !timeline.is_empty());
            talk.set_filling(!timeline.at_start && !timeline.stalled);
            talk.set_stalled(timeline.stalled);
        }
        let Some(open) = &model.open else {
            let panel = self.window.global::<ui::Panel>();
            // Messages of all rooms are searched without one that is open.
            if panel.get_side() != ui::Side::Search {
                panel.set_side(ui::Side::None);
            }
            return;
        };
        self.window.global::<ui::Pins>().set_may_pin(model.details.can_pin);
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let name = room.map(|(_, room)| room.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(&unnamed);
        let details = &model.details;
        talk.set_room(ui::RoomHeader {
            id: open.as_str().into(),
            name: name.into(),
            initials: person::initials(name).into(),
            tint: person::tint(room.map_or(open, |(_, room)| room.face())),
            avatar: room.map(|(_, room)| room.avatar.as_str().into()).unwrap_or_default(),
            peer: room.map(|(_, room)| room.peer.as_str().into()).unwrap_or_default(),
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

    pub(in crate::view) fn show_members(&self) {
        // Those who have read are known by name only now.
        self.redraw(|shown| shown.readers.row_count() > 0);
    }
}
