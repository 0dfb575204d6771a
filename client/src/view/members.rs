//! Those in the open room, and the card of one of them.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};

use super::{
    convert,
    manage::put,
    ui,
    window::View,
    wiring::{copy, on},
};
use crate::model::{
    command::Command,
    manage,
    members::{self, Act, Crowd, Group, Member, Row, Standing, Wish},
    person,
};

impl View {
    /// Takes what the Matrix side told.
    pub(super) fn take_crowd(&self, news: &members::News) {
        let done = {
            let mut app = self.app.borrow_mut();
            let open = app.open.clone();
            app.crowd.apply(news.clone(), open.as_deref())
        };
        self.show_crowd();
        let overlay = self.window.global::<ui::App>().get_overlay();
        let refused = self.app.borrow().crowd.refused;
        if done && overlay == ui::Overlay::Member {
            self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        }
        // From the list, where there is no card to say it on.
        if let (Some(refused), members::News::Refused { .. }) = (refused, news)
            && overlay != ui::Overlay::Member
        {
            self.complain(convert::failure(refused));
        }
    }

    /// Shows the list and the card.
    pub(super) fn show_crowd(&self) {
        let app = self.app.borrow();
        let crowd = &app.crowd;
        let page = self.window.global::<ui::Crowd>();
        let rows: Vec<ui::CrowdRow> = crowd
            .rows()
            .into_iter()
            .map(|row| match row {
                Row::Heading(group, count) => ui::CrowdRow {
                    heading: true,
                    group: kind(group),
                    count: i32::try_from(count).unwrap_or(i32::MAX),
                    ..ui::CrowdRow::default()
                },
                Row::Member(member) => row_of(member, crowd),
            })
            .collect();
        put(&page.get_rows(), rows, |rows| page.set_rows(rows));
        page.set_loaded(crowd.is_loaded());
        page.set_large(crowd.is_large());
        page.set_may_admit(crowd.may_admit());
        page.set_failure(crowd.refused.map_or(ui::Failure::None, convert::failure));
        match crowd.card() {
            Some(member) => page.set_card(card(member, crowd)),
            // Removed or gone while the card was open.
            None if self.window.global::<ui::App>().get_overlay() == ui::Overlay::Member => {
                self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
            }
            None => {}
        }
    }

    /// Another room is open: its list is still to come.
    pub(super) fn forget_crowd(&self) {
        let page = self.window.global::<ui::Crowd>();
        page.set_term(slint::SharedString::default());
        page.set_rows(ModelRc::new(VecModel::default()));
        self.show_crowd();
    }

    fn with_member(&self, user: &str, act: Act) {
        let wish = self.app.borrow_mut().crowd.act(user, act);
        self.show_crowd();
        wish.into_iter().for_each(|wish: Wish| self.send(Command::Members(wish)));
    }
}

fn kind(group: Group) -> ui::MemberGroup {
    match group {
        Group::Knocking => ui::MemberGroup::Knocking,
        Group::Administrators => ui::MemberGroup::Administrators,
        Group::Moderators => ui::MemberGroup::Moderators,
        Group::Members => ui::MemberGroup::Members,
        Group::Invited => ui::MemberGroup::Invited,
        Group::Banned => ui::MemberGroup::Banned,
    }
}

fn row_of(member: &Member, crowd: &Crowd) -> ui::CrowdRow {
    ui::CrowdRow {
        heading: false,
        group: kind(member.group()),
        count: 0,
        id: member.id.as_str().into(),
        name: member.name.as_str().into(),
        initials: person::initials(&member.name).into(),
        tint: person::tint(&member.id),
        avatar: member.avatar.as_str().into(),
        reason: if member.standing == Standing::Joined { "".into() } else { member.reason.as_str().into() },
        own: member.own,
        ignored: member.ignored,
        busy: crowd.is_busy(&member.id),
    }
}

fn card(member: &Member, crowd: &Crowd) -> ui::MemberCard {
    let role = manage::role_of(member.level);
    let may_get = |wanted: usize| member.may.level && role != wanted && crowd.may_give(wanted);
    ui::MemberCard {
        id: member.id.as_str().into(),
        name: member.name.as_str().into(),
        initials: person::initials(&member.name).into(),
        tint: person::tint(&member.id),
        avatar: member.avatar.as_str().into(),
        group: kind(member.group()),
        reason: if member.standing == Standing::Joined { "".into() } else { member.reason.as_str().into() },
        own: member.own,
        ignored: member.ignored,
        role: i32::try_from(role).unwrap_or(0),
        may_member: may_get(0),
        may_moderator: may_get(1),
        may_administrator: may_get(2),
        moderator_for_good: crowd.is_for_good(1),
        administrator_for_good: crowd.is_for_good(2),
        may_remove: member.may.remove,
        may_ban: member.may.ban,
        may_unban: member.may.unban,
        may_admit: member.standing == Standing::Knocking && crowd.may_admit(),
        busy: crowd.is_busy(&member.id),
    }
}

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Crowd, on_search, |this, words| {
        this.app.borrow_mut().crowd.search(&words);
        this.show_crowd();
    });
    on!(view, Crowd, on_open, |this, user| {
        this.app.borrow_mut().crowd.open(&user);
        this.show_crowd();
        this.window.global::<ui::App>().set_overlay(ui::Overlay::Member);
    });
    on!(view, Crowd, on_close, |this| this.window.global::<ui::App>().set_overlay(ui::Overlay::None));
    on!(view, Crowd, on_write, |this, user| this.send(Command::StartChat(user.into())));
    on!(view, Crowd, on_copy_id, |this, user| copy(&this, user.into()));
    on!(view, Crowd, on_admit, |this, user| this.with_member(&user, Act::Admit));
    on!(view, Crowd, on_remove, |this, user, reason| this.with_member(&user, Act::Remove(reason.into())));
    on!(view, Crowd, on_ban, |this, user, reason| this.with_member(&user, Act::Ban(reason.into())));
    on!(view, Crowd, on_unban, |this, user| this.with_member(&user, Act::Unban));
    on!(view, Crowd, on_set_role, |this, user, role| {
        let level = manage::level_of(usize::try_from(role).unwrap_or_default());
        this.with_member(&user, Act::Level(level));
    });
    on!(view, Crowd, on_ignore, |this, user, ignore| {
        let wish = this.app.borrow_mut().crowd.ignore(&user, ignore);
        this.show_crowd();
        wish.into_iter().for_each(|wish| this.send(Command::Members(wish)));
    });
}
