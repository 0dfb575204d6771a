//! The page of a space, and making rooms and spaces.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};

use super::{
    convert,
    manage::{choose_picture, joining_kind, put},
    ui,
    window::View,
    wiring::on,
};
use crate::model::{
    command::Command,
    person,
    rooms::Scope,
    spaces::{Child, Draft, Entry, NewRoom, News, Wish},
    update::Person,
};

impl View {
    /// Takes what the Matrix side told.
    pub(super) fn take_space_news(&self, news: &News) {
        let app = self.window.global::<ui::App>();
        match news {
            News::Asked(room) => {
                self.free_dialogs();
                {
                    let mut model = self.app.borrow_mut();
                    model.public_rooms.1.iter_mut().filter(|found| found.id == *room).for_each(|found| {
                        found.entry = Entry::Asked;
                    });
                }
                self.show_found();
                self.tell(ui::Done::Asked);
            }
            News::Entered(space) => {
                self.free_dialogs();
                self.close_space();
                let changed = self.app.borrow_mut().choose_space(space);
                self.show(changed);
            }
            News::Left(space) if app.get_overlay() == ui::Overlay::Space && self.is_space_open(space) => {
                self.close_space();
            }
            News::Outside(failure) => self.complain(convert::failure(*failure)),
            _ => {}
        }
        self.app.borrow_mut().space_page.apply(news);
        self.show_space();
    }

    fn is_space_open(&self, space: &str) -> bool {
        self.app.borrow().space_page.space() == space
    }

    /// Nothing of a space is open any more.
    pub(super) fn close_space(&self) {
        self.app.borrow_mut().space_page.close();
        self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
    }

    fn open_space(&self, space: &str) {
        let wish = {
            let mut app = self.app.borrow_mut();
            let known = app.rooms.spaces().iter().find(|known| known.id == space).map(|known| known.name.clone());
            let child = app.space_page.contents().and_then(|contents| {
                contents.children.iter().find(|child| child.id == space).map(|child| child.name.clone())
            });
            let name = known.or(child).unwrap_or_default();
            app.space_page.open(space, &name)
        };
        self.window.global::<ui::SpacePage>().set_term(SharedString::default());
        self.window.global::<ui::App>().set_overlay(ui::Overlay::Space);
        self.show_space();
        self.send(Command::Spaces(wish));
    }

    /// Shows the page of the space that is open.
    pub(super) fn show_space(&self) {
        let app = self.app.borrow();
        let page = self.window.global::<ui::SpacePage>();
        let space = &app.space_page;
        page.set_id(space.space().into());
        page.set_name(space.name().into());
        page.set_way_back(space.has_way_back());
        page.set_failure(space.refused.map_or(ui::Failure::None, convert::failure));
        let contents = space.contents();
        page.set_loaded(contents.is_some());
        page.set_joined(contents.is_some_and(|contents| contents.joined));
        page.set_may_change(contents.is_some_and(|contents| contents.may_change));
        let children = contents.map_or(&[][..], |contents| &contents.children);
        let rows = children.iter().map(|child| entry_of(child, space.is_busy(&child.id))).collect();
        put(&page.get_children(), rows, |rows| page.set_children(rows));
        let term = page.get_term().trim().to_lowercase();
        let others: Vec<ui::PlaceEntry> = if contents.is_some() {
            app.rooms
                .all()
                .filter(|room| !room.direct && !room.invited && room.name.to_lowercase().contains(&term))
                .map(|room| (&room.id, &room.name, false))
                .chain(
                    app.rooms
                        .spaces()
                        .iter()
                        .filter(|other| other.id != space.space() && other.name.to_lowercase().contains(&term))
                        .map(|other| (&other.id, &other.name, true)),
                )
                .filter(|(id, ..)| !children.iter().any(|child| child.id == **id))
                .map(|(id, name, is_space)| place(id, name, is_space, space.is_busy(id)))
                .collect()
        } else {
            Vec::new()
        };
        put(&page.get_others(), others, |rows| page.set_others(rows));
    }

    /// Everything for a new room or space, as it is when the dialog opens: in the space that is looked at.
    pub(super) fn begin_new_place(&self) {
        let page = self.window.global::<ui::NewPlace>();
        let mut app = self.app.borrow_mut();
        app.draft_place = Draft::default();
        let spaces: Vec<ui::PlaceEntry> = app
            .rooms
            .spaces()
            .iter()
            .filter(|space| space.may_change)
            .map(|space| place(&space.id, &space.name, true, false))
            .collect();
        let looked_at = match (app.space_page.space(), app.rooms.scope()) {
            ("", Scope::Space(space)) => space.as_str(),
            (space, _) => space,
        };
        let within = spaces.iter().find(|space| space.id == looked_at).map(|space| space.id.clone());
        page.set_within(within.unwrap_or_default());
        page.set_spaces(ModelRc::new(VecModel::from(spaces)));
        page.set_failure(ui::Failure::None);
        drop(app);
        self.show_new_place();
    }

    fn show_new_place(&self) {
        let app = self.app.borrow();
        let page = self.window.global::<ui::NewPlace>();
        let picture = app.draft_place.picture.as_ref().and_then(|path| path.file_name());
        page.set_picture(picture.map(|name| name.to_string_lossy().as_ref().into()).unwrap_or_default());
        let invited: Vec<ui::PersonEntry> = app
            .draft_place
            .invited
            .iter()
            .map(|person| ui::PersonEntry {
                id: person.id.as_str().into(),
                name: person.name.as_str().into(),
                initials: person::initials(&person.name).into(),
                tint: person::tint(&person.id),
                avatar: person.avatar.as_str().into(),
            })
            .collect();
        page.set_invited(ModelRc::new(VecModel::from(invited)));
    }

    fn with_space(&self, wish: Option<Wish>) {
        self.show_space();
        wish.into_iter().for_each(|wish| self.send(Command::Spaces(wish)));
    }
}

fn place(id: &str, name: &str, space: bool, busy: bool) -> ui::PlaceEntry {
    ui::PlaceEntry {
        id: id.into(),
        name: name.into(),
        initials: person::initials(name).into(),
        tint: person::tint(id),
        avatar: SharedString::default(),
        space,
        busy,
    }
}

fn entry_of(child: &Child, busy: bool) -> ui::ChildEntry {
    ui::ChildEntry {
        id: child.id.as_str().into(),
        name: child.name.as_str().into(),
        topic: child.topic.as_str().into(),
        initials: person::initials(&child.name).into(),
        tint: person::tint(&child.id),
        avatar: child.avatar.as_str().into(),
        members: i32::try_from(child.members).unwrap_or(i32::MAX),
        space: child.space,
        entry: convert::entry(child.entry),
        busy,
    }
}

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, SpacePage, on_open, |this, space| this.open_space(&space));
    on!(view, SpacePage, on_close, |this| this.close_space());
    on!(view, SpacePage, on_back, |this| {
        let wish = this.app.borrow_mut().space_page.back();
        this.with_space(wish);
    });
    on!(view, SpacePage, on_enter, |this, room| {
        let joined = this.app.borrow().rooms.get(&room).is_some_and(|room| !room.invited);
        if joined {
            this.close_space();
            this.open(&room);
        } else {
            let wish = this.app.borrow_mut().space_page.enter(&room);
            this.with_space(wish);
        }
    });
    on!(view, SpacePage, on_add, |this, room| {
        let wish = this.app.borrow_mut().space_page.add(&room);
        this.with_space(wish);
    });
    on!(view, SpacePage, on_remove, |this, room| {
        let wish = this.app.borrow_mut().space_page.remove(&room);
        this.with_space(wish);
    });
    on!(view, SpacePage, on_leave, |this| {
        let space = this.app.borrow().space_page.space().to_owned();
        this.send(Command::Spaces(Wish::Leave(space)));
    });
    on!(view, SpacePage, on_search, |this, term| {
        this.window.global::<ui::SpacePage>().set_term(term);
        this.show_space();
    });
    on!(view, NewPlace, on_choose_picture, |this| {
        choose_picture(&this, |this, path| {
            this.app.borrow_mut().draft_place.picture = Some(path);
            this.show_new_place();
        });
    });
    on!(view, NewPlace, on_drop_picture, |this| {
        this.app.borrow_mut().draft_place.picture = None;
        this.show_new_place();
    });
    on!(view, NewPlace, on_invite, |this, person| {
        let person = Person { id: person.id.into(), name: person.name.into(), avatar: person.avatar.into() };
        this.app.borrow_mut().draft_place.invite(person);
        this.show_new_place();
    });
    on!(view, NewPlace, on_uninvite, |this, user| {
        this.app.borrow_mut().draft_place.invited.retain(|person| person.id != user.as_str());
        this.show_new_place();
    });
    on!(view, NewPlace, on_create, |this, space, name, topic, kind, encrypted, alias| {
        let page = this.window.global::<ui::NewPlace>();
        page.set_busy(true);
        page.set_failure(ui::Failure::None);
        let new = {
            let app = this.app.borrow();
            NewRoom {
                space,
                name: name.into(),
                topic: topic.into(),
                picture: app.draft_place.picture.clone(),
                within: Some(String::from(page.get_within())).filter(|within| !within.is_empty()),
                joining: joining_kind(kind),
                alias: alias.into(),
                encrypted,
                invite: app.draft_place.invited.iter().map(|person| person.id.clone()).collect(),
            }
        };
        this.send(Command::Spaces(Wish::Create(new)));
    });
}
