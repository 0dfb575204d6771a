//! The card of a person, and one's own.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};

use super::{convert, ui, window::View, wiring};
use crate::model::{
    command::Command,
    person,
    profile::{Card, News, Wish},
};

impl View {
    /// Shows the card of a person: what is known at once, the rest as it comes.
    fn open_profile(&self, id: &str) {
        let card = {
            let model = self.app.borrow();
            let member = model.members.iter().find(|member| member.id == id);
            let account = model.account.as_ref().filter(|account| account.user_id == id);
            let chat = model.rooms.chat_with(id);
            let found = model.people.1.iter().find(|found| found.id == id);
            let (name, avatar) = match (account, member, found) {
                (Some(account), ..) => (account.name.clone(), model.profile.own_avatar.clone()),
                (None, Some(member), _) => (member.name.clone(), member.avatar.clone()),
                (None, None, Some(found)) => (found.name.clone(), found.avatar.clone()),
                (None, None, None) => chat.map_or_else(
                    || (person::localpart(id).to_owned(), String::new()),
                    |chat| (chat.name.clone(), chat.avatar.clone()),
                ),
            };
            Card { id: id.to_owned(), name, avatar, rooms: Vec::new() }
        };
        self.app.borrow_mut().profile.card = Some(card);
        let page = self.window.global::<ui::Profile>();
        page.set_busy(false);
        page.set_failure(ui::Failure::None);
        self.show_profile();
        self.window.global::<ui::App>().set_overlay(ui::Overlay::Profile);
        self.send(Command::Profile(Wish::Look(id.to_owned())));
        self.look_at_keys(id);
        self.ask_presence(id);
    }

    /// Shows what is known of the person on the card, and the own picture.
    pub(super) fn show_profile(&self) {
        let model = self.app.borrow();
        let page = self.window.global::<ui::Profile>();
        page.set_own_avatar(model.profile.own_avatar.as_str().into());
        let Some(card) = &model.profile.card else { return };
        let own = card.id == model.own_id();
        let here = model.members.iter().any(|member| member.id == card.id && !member.invited);
        page.set_id(card.id.as_str().into());
        page.set_name(card.name.as_str().into());
        page.set_initials(person::initials(&card.name).into());
        page.set_tint(person::tint(&card.id));
        page.set_avatar(card.avatar.as_str().into());
        page.set_own(own);
        page.set_can_mention(!own && here && model.details.can_write);
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let rooms: Vec<ui::CommonRoom> = card
            .rooms
            .iter()
            .filter_map(|room| model.rooms.get(room))
            // The chat with the person is where "Write" leads.
            .filter(|room| !room.direct)
            .map(|room| {
                let name = if room.name.is_empty() { unnamed.as_str() } else { &room.name };
                ui::CommonRoom {
                    id: room.id.as_str().into(),
                    name: name.into(),
                    initials: person::initials(name).into(),
                    tint: person::tint(&room.id),
                    avatar: room.avatar.as_str().into(),
                }
            })
            .collect();
        page.set_rooms(ModelRc::new(VecModel::from(rooms)));
    }

    /// What was told of people's cards, beside what the model keeps of it.
    pub(super) fn profile_news(&self, news: &News) {
        let page = self.window.global::<ui::Profile>();
        match news {
            News::Own { .. } => page.set_busy(false),
            News::Failed(failure) => {
                page.set_busy(false);
                page.set_failure(convert::failure(*failure));
            }
            News::Person { .. } | News::Common { .. } => {}
        }
    }

    fn change_profile(&self, wish: Wish) {
        let page = self.window.global::<ui::Profile>();
        page.set_busy(true);
        page.set_failure(ui::Failure::None);
        self.send(Command::Profile(wish));
    }

    /// Puts the name of the person on the card into what is being written.
    fn mention(&self) {
        let name = self.window.global::<ui::Profile>().get_name();
        self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        let talk = self.window.global::<ui::Talk>();
        let draft = talk.get_draft();
        let gap = if draft.is_empty() || draft.ends_with(char::is_whitespace) { "" } else { " " };
        talk.set_draft(format!("{draft}{gap}{name}, ").into());
        talk.set_draft_version(talk.get_draft_version() + 1);
    }
}

/// Connects everything.
pub(super) fn wire(view: &Rc<View>) {
    let page = view.window.global::<ui::Profile>();
    let on = |work: fn(&Rc<View>)| {
        let weak = Rc::downgrade(view);
        move || {
            if let Some(this) = weak.upgrade() {
                work(&this);
            }
        }
    };
    let told = |work: fn(&View, &str)| {
        let weak = Rc::downgrade(view);
        move |words: slint::SharedString| {
            if let Some(this) = weak.upgrade() {
                work(&this, &words);
            }
        }
    };
    page.on_open(told(|this, id| this.open_profile(id)));
    page.on_go(told(|this, room| {
        this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        this.open(room);
    }));
    page.on_rename(told(|this, name| this.change_profile(Wish::Rename(name.to_owned()))));
    page.on_remove_picture(on(|this| this.change_profile(Wish::RemovePicture)));
    page.on_mention(on(|this| this.mention()));
    page.on_write(on(|this| {
        let person = this.window.global::<ui::Profile>().get_id();
        this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        this.send(Command::StartChat(person.into()));
    }));
    page.on_copy_id(on(|this| {
        let id = this.window.global::<ui::Profile>().get_id();
        wiring::copy(this, id.into());
    }));
    page.on_choose_picture(on(|this| {
        let weak = Rc::downgrade(this);
        let asked = slint::spawn_local(async move {
            let pictures = ["png", "jpg", "jpeg", "webp", "gif", "bmp"];
            let file = rfd::AsyncFileDialog::new().add_filter("PNG, JPEG, WebP, GIF, BMP", &pictures).pick_file().await;
            if let (Some(this), Some(file)) = (weak.upgrade(), file) {
                this.change_profile(Wish::Picture(file.path().to_path_buf()));
            }
        });
        if let Err(error) = asked {
            tracing::warn!(%error, "a picture cannot be asked for");
        }
    }));
}
