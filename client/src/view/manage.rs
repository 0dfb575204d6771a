//! The page with the settings of a room or a space.

use std::rc::Rc;

use slint::{ComponentHandle, Model, ModelRc, VecModel};

use super::{
    convert,
    images::Thumbnail,
    ui,
    window::View,
    wiring::{copy, on},
};
use crate::model::{
    command::Command,
    manage::{self, Change, History, Joining, Manage, Part, Right, RoomSettings, Wish},
    person,
    update::Failure,
};

/// Pixels of the picture on a side.
const PICTURE: u32 = 216;

impl View {
    /// Opens the settings of a room or a space.
    pub(super) fn open_settings(&self, room: &str) {
        let wish = self.app.borrow_mut().manage.open(room);
        self.window.global::<ui::App>().set_overlay(ui::Overlay::Manage);
        self.show_settings();
        self.send(Command::Manage(wish));
    }

    fn close_settings(&self) {
        let (wish, space) = {
            let mut app = self.app.borrow_mut();
            (app.manage.close(), !app.space_page.space().is_empty())
        };
        // They were opened from the page of the space.
        let overlay = if space { ui::Overlay::Space } else { ui::Overlay::None };
        self.window.global::<ui::App>().set_overlay(overlay);
        wish.into_iter().for_each(|wish| self.send(Command::Manage(wish)));
    }

    /// Takes what the Matrix side told of them.
    pub(super) fn take_settings(&self, news: &manage::News) {
        self.app.borrow_mut().manage.apply(news.clone());
        self.show_settings();
    }

    fn change(&self, change: Change) {
        let wish = self.app.borrow_mut().manage.change(change);
        self.show_settings();
        wish.into_iter().for_each(|wish: Wish| self.send(Command::Manage(wish)));
    }

    /// Shows the settings that are open.
    pub(super) fn show_settings(&self) {
        let app = self.app.borrow();
        let page = self.window.global::<ui::Manage>();
        page.set_failure(app.manage.refused.map_or(ui::Failure::None, convert::failure));
        let Some(settings) = app.manage.shown() else {
            page.set_loaded(false);
            page.set_picture(slint::Image::default());
            return;
        };
        page.set_room(room(&settings, &app.manage));
        put(&page.get_joining(), joining(&settings), |rows| page.set_joining(rows));
        let addresses = settings
            .addresses
            .iter()
            .map(|address| ui::AddressEntry { address: address.into(), main: *address == settings.address });
        put(&page.get_addresses(), addresses.collect(), |rows| page.set_addresses(rows));
        put(&page.get_rights(), rights(&settings, &app.manage), |rows| page.set_rights(rows));
        page.set_picture(self.room_picture(&settings.picture).unwrap_or_default());
        page.set_loaded(true);
    }

    /// The picture of a room, asked for if it is not here yet.
    fn room_picture(&self, mxc: &str) -> Option<slint::Image> {
        if mxc.is_empty() {
            return None;
        }
        // A file that is not encrypted, as messages name theirs.
        let source = serde_json::json!({ "url": mxc }).to_string();
        match self.images.borrow_mut().get(&source) {
            Some(Thumbnail::Ready(picture)) => return Some(picture),
            Some(Thumbnail::Loading | Thumbnail::Failed) => return None,
            None => {}
        }
        self.send(Command::Thumbnail { source, thumbnail: None, size: (PICTURE, PICTURE) });
        None
    }

    fn add_address(&self, typed: &str) {
        let whole = {
            let app = self.app.borrow();
            manage::whole_address(typed, app.own_id())
        };
        if let Some(address) = whole {
            self.change(Change::AddAddress(address));
        } else {
            self.app.borrow_mut().manage.refused = Some(Failure::AddressInvalid);
            self.show_settings();
        }
    }
}

/// Puts rows where they are shown, in place where there are as many as before: what has the focus keeps it.
pub(super) fn put<T: Clone + PartialEq + 'static>(shown: &ModelRc<T>, rows: Vec<T>, set: impl FnOnce(ModelRc<T>)) {
    if shown.row_count() != rows.len() {
        return set(ModelRc::new(VecModel::from(rows)));
    }
    for (index, row) in rows.into_iter().enumerate() {
        if shown.row_data(index).as_ref() != Some(&row) {
            shown.set_row_data(index, row);
        }
    }
}

fn room(settings: &RoomSettings, manage: &Manage) -> ui::ManagedRoom {
    let may = settings.may;
    ui::ManagedRoom {
        id: settings.room.as_str().into(),
        space: settings.space,
        direct: settings.direct,
        name: settings.name.as_str().into(),
        topic: settings.topic.as_str().into(),
        initials: person::initials(&settings.name).into(),
        tint: person::tint(&settings.room),
        pictured: !settings.picture.is_empty(),
        listed: settings.listed.unwrap_or_default(),
        listed_known: settings.listed.is_some(),
        history: match settings.history {
            History::Invited => ui::HistoryFrom::Invited,
            History::Joined => ui::HistoryFrom::Joined,
            History::Shared => ui::HistoryFrom::Shared,
            History::World => ui::HistoryFrom::World,
        },
        encrypted: settings.encrypted,
        guests: settings.guests,
        limited: may.is_limited(),
        may_name: may.name,
        may_topic: may.topic,
        may_picture: may.picture,
        may_address: may.address,
        may_joining: may.joining,
        may_history: may.history,
        may_encryption: may.encryption,
        may_guests: may.guests,
        saving_name: manage.saves(Part::Name),
        saving_topic: manage.saves(Part::Topic),
        saving_picture: manage.saves(Part::Picture),
        saving_address: manage.saves(Part::Address),
        saving_listed: manage.saves(Part::Listed),
        saving_joining: manage.saves(Part::Joining),
        saving_history: manage.saves(Part::History),
        saving_encryption: manage.saves(Part::Encryption),
        saving_guests: manage.saves(Part::Guests),
    }
}

fn joining(settings: &RoomSettings) -> Vec<ui::JoinOption> {
    let plain = |kind, chosen| ui::JoinOption { kind, chosen, ..ui::JoinOption::default() };
    let mut options = vec![
        plain(ui::Joining::Invite, settings.joining == Joining::Invite),
        plain(ui::Joining::Knock, settings.joining == Joining::Knock),
    ];
    options.extend(settings.spaces.iter().map(|(id, name)| ui::JoinOption {
        kind: ui::Joining::Space,
        space: id.into(),
        name: name.into(),
        chosen: settings.joining == Joining::Space && settings.through.contains(id),
    }));
    options.push(plain(ui::Joining::Public, settings.joining == Joining::Public));
    options
}

fn rights(settings: &RoomSettings, manage: &Manage) -> Vec<ui::RightEntry> {
    Right::ALL
        .into_iter()
        // A space has no messages.
        .filter(|right| !settings.space || matches!(right, Right::Invite | Right::Change))
        .map(|right| ui::RightEntry {
            kind: match right {
                Right::Write => ui::RightKind::Write,
                Right::Invite => ui::RightKind::Invite,
                Right::Remove => ui::RightKind::Remove,
                Right::Change => ui::RightKind::Change,
                Right::Pin => ui::RightKind::Pin,
                Right::Everyone => ui::RightKind::Everyone,
            },
            role: i32::try_from(manage::role_of(settings.level(right))).unwrap_or(2),
            may: settings.may_give(right),
            saving: manage.saves(Part::Right(right)),
        })
        .collect()
}

fn right(kind: ui::RightKind) -> Right {
    match kind {
        ui::RightKind::Write => Right::Write,
        ui::RightKind::Invite => Right::Invite,
        ui::RightKind::Remove => Right::Remove,
        ui::RightKind::Change => Right::Change,
        ui::RightKind::Pin => Right::Pin,
        ui::RightKind::Everyone => Right::Everyone,
    }
}

/// Who may join, as the model has it.
pub(super) fn joining_kind(kind: ui::Joining) -> Joining {
    match kind {
        ui::Joining::Invite => Joining::Invite,
        ui::Joining::Knock => Joining::Knock,
        ui::Joining::Space => Joining::Space,
        ui::Joining::Public => Joining::Public,
    }
}

/// Asks for a picture on disk, then does something with it.
pub(super) fn choose_picture(view: &Rc<View>, then: impl FnOnce(&View, std::path::PathBuf) + 'static) {
    let weak = Rc::downgrade(view);
    let asked = slint::spawn_local(async move {
        let file = rfd::AsyncFileDialog::new()
            .add_filter("PNG, JPEG, WebP, GIF", &["png", "jpg", "jpeg", "webp", "gif"])
            .pick_file()
            .await;
        if let (Some(this), Some(file)) = (weak.upgrade(), file) {
            then(&this, file.path().to_path_buf());
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "a picture cannot be asked for");
    }
}

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Manage, on_open, |this, room| this.open_settings(&room));
    on!(view, Manage, on_close, |this| this.close_settings());
    on!(view, Manage, on_set_name, |this, name| this.change(Change::Name(name.trim().to_owned())));
    on!(view, Manage, on_set_topic, |this, topic| this.change(Change::Topic(topic.trim().to_owned())));
    on!(view, Manage, on_choose_picture, |this| {
        let room = this.app.borrow().manage.room().to_owned();
        choose_picture(&this, move |this, path| {
            // Another room's settings may be open by now.
            let same = this.app.borrow().manage.room() == room;
            if same {
                this.change(Change::Picture(path));
            }
        });
    });
    on!(view, Manage, on_remove_picture, |this| this.change(Change::Pictured(String::new())));
    on!(view, Manage, on_add_address, |this, address| this.add_address(&address));
    on!(view, Manage, on_remove_address, |this, address| this.change(Change::RemoveAddress(address.into())));
    on!(view, Manage, on_main_address, |this, address| this.change(Change::MainAddress(address.into())));
    on!(view, Manage, on_copy, |this, words| copy(&this, words.into()));
    on!(view, Manage, on_copy_link, |this| {
        let link = this.app.borrow().manage.shown().map(|settings| settings.link);
        if let Some(link) = link.filter(|link| !link.is_empty()) {
            copy(&this, link);
        }
    });
    on!(view, Manage, on_set_listed, |this, listed| this.change(Change::Listed(listed)));
    on!(view, Manage, on_set_joining, |this, kind, space| {
        let space = Some(String::from(space)).filter(|space| !space.is_empty());
        this.change(Change::Joining(joining_kind(kind), space));
    });
    on!(view, Manage, on_set_history, |this, from| {
        this.change(Change::History(match from {
            ui::HistoryFrom::Invited => History::Invited,
            ui::HistoryFrom::Joined => History::Joined,
            ui::HistoryFrom::Shared => History::Shared,
            ui::HistoryFrom::World => History::World,
        }));
    });
    on!(view, Manage, on_encrypt, |this| this.change(Change::Encrypt));
    on!(view, Manage, on_set_guests, |this, guests| this.change(Change::Guests(guests)));
    on!(view, Manage, on_set_right, |this, kind, role| {
        let level = manage::level_of(usize::try_from(role).unwrap_or_default());
        this.change(Change::Right(right(kind), level));
    });
}
