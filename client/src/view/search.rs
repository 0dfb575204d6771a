//! The search panel: what is written into it, what was found, and the calendar.

use std::{cell::RefCell, rc::Rc, time::Duration};

use jiff::Timestamp;
use slint::{ComponentHandle, ModelRc, SharedString, StyledText, Timer, TimerMode, VecModel};

use super::{convert, ui, window::View, wiring::on};
use crate::model::{
    calendar::Calendar,
    command::Command,
    jump, person,
    search::{Ask, Hit, News, Server, marked},
    stamp,
};

/// How long after the last letter the search begins.
const QUIET: Duration = Duration::from_millis(300);

/// What the panel keeps.
#[derive(Default)]
pub(super) struct Panel {
    quiet: Timer,
    calendar: RefCell<Option<Calendar>>,
}

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Search, on_begin, |this| this.begin_search(None));
    on!(view, Search, on_everywhere, |this, words| this.begin_search(Some(words)));
    on!(view, Search, on_edited, |this| {
        this.window.global::<ui::Calendar>().set_open(false);
        let weak = Rc::downgrade(&this);
        this.search.quiet.start(TimerMode::SingleShot, QUIET, move || {
            if let Some(this) = weak.upgrade() {
                this.search_now();
            }
        });
    });
    on!(view, Search, on_again, |this| this.search_now());
    on!(view, Search, on_load_more, |this| {
        let wish = this.app.borrow_mut().search_state.more();
        wish.into_iter().for_each(|wish| this.send(Command::Search(wish)));
        this.show_search();
    });
    on!(view, Search, on_show, |this, key| this.show_hit(&key));
    on!(view, Calendar, on_show, |this| {
        let today = Timestamp::now().to_zoned(this.zone().clone()).date();
        *this.search.calendar.borrow_mut() = Some(Calendar::new(today));
        this.window.global::<ui::Calendar>().set_open(true);
        this.show_calendar();
    });
    on!(view, Calendar, on_step, |this, days| this.walk_calendar(|calendar| calendar.step(days)));
    on!(view, Calendar, on_turn, |this, months| this.walk_calendar(|calendar| calendar.turn(months)));
    on!(view, Calendar, on_choose, |this, day| this.choose_day(day));
}

impl View {
    /// Opens the panel: for the open room, or for words in all rooms.
    pub(super) fn begin_search(&self, everywhere: Option<SharedString>) {
        let page = self.window.global::<ui::Search>();
        let in_room = self.app.borrow().is_inside();
        page.set_only_here(everywhere.is_none() && in_room);
        if let Some(words) = everywhere {
            page.set_words(words);
            self.search_now();
        } else if !page.get_words().is_empty() {
            self.search_now();
        }
        self.window.global::<ui::Calendar>().set_open(false);
        self.window.global::<ui::Panel>().set_side(ui::Side::Search);
        page.set_focus(page.get_focus() + 1);
    }

    fn search_now(&self) {
        self.search.quiet.stop();
        let page = self.window.global::<ui::Search>();
        let wish = {
            let mut app = self.app.borrow_mut();
            let room = app.open.clone().filter(|_| page.get_only_here() && app.is_inside());
            let encrypted = room.is_some() && app.details.encrypted;
            let ask = Ask { words: page.get_words().into(), room, from: page.get_from().into() };
            app.search_state.begin(ask, encrypted)
        };
        self.send(Command::Search(wish));
        self.show_search();
    }

    /// Takes news of the search.
    pub(super) fn search_news(&self, news: News) {
        if self.app.borrow_mut().search_state.take(news) {
            self.show_search();
        }
    }

    /// Another room is open: what is searched only in the one before no longer fits.
    pub(super) fn leave_search(&self) {
        self.window.global::<ui::Calendar>().set_open(false);
        let panel = self.window.global::<ui::Panel>();
        let of_room = self.app.borrow().search_state.ask.room.is_some();
        if panel.get_side() == ui::Side::Search && self.window.global::<ui::Search>().get_only_here() {
            panel.set_side(ui::Side::None);
        }
        if of_room {
            self.forget_search();
        }
    }

    /// Nothing of the search stays.
    pub(super) fn forget_search(&self) {
        self.search.quiet.stop();
        let page = self.window.global::<ui::Search>();
        page.set_words(SharedString::default());
        page.set_from(SharedString::default());
        if self.app.borrow().search_state.asked() {
            let wish = self.app.borrow_mut().search_state.begin(Ask::default(), false);
            self.send(Command::Search(wish));
        }
        self.show_search();
    }

    fn show_search(&self) {
        let app = self.app.borrow();
        let search = &app.search_state;
        let page = self.window.global::<ui::Search>();
        let now = Self::now_ms();
        let unnamed = self.window.global::<ui::Words>().invoke_unnamed();
        let entry = |hit: &Hit| {
            let room = app.rooms.get(&hit.room).map(|room| room.name.as_str()).unwrap_or_default();
            let text = hit.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let room = match (&search.ask.room, room) {
                (Some(_), _) => "",
                (None, "") => unnamed.as_str(),
                (None, room) => room,
            };
            ui::HitEntry {
                key: hit.key.as_str().into(),
                who: hit.who.as_str().into(),
                initials: person::initials(&hit.who).into(),
                tint: person::tint(&hit.sender),
                room: room.into(),
                stamp: convert::stamp(stamp::for_list(hit.at_ms, now, self.zone())),
                rich: StyledText::from_markdown(&marked(&hit.text, &search.ask.words))
                    .unwrap_or_else(|_| StyledText::from_plain_text(&text)),
                text: text.into(),
            }
        };
        let hits: Vec<ui::HitEntry> = search.hits().iter().map(entry).collect();
        page.set_hits(ModelRc::new(VecModel::from(hits)));
        page.set_asked(search.asked());
        page.set_busy(search.busy());
        page.set_more(matches!(search.server, Server::More(_)));
        let only = search.asked() && search.ask.room.is_some() && app.details.encrypted;
        page.set_on_computer(only || search.local.1 > 0);
        page.set_done(convert::count(search.local.0.into()));
        page.set_all(convert::count(search.local.1.into()));
        page.set_failure(match search.server {
            Server::Failed(failure) => convert::failure(failure),
            _ => ui::Failure::None,
        });
    }

    fn show_hit(&self, key: &str) {
        let hit = self.app.borrow().search_state.hit(key).cloned();
        let Some(hit) = hit else { return };
        if self.app.borrow().open.as_ref() != Some(&hit.room) {
            self.open(&hit.room);
        }
        match hit.thread {
            Some(root) => self.open_thread(&root),
            None => self.jump(&hit.key),
        }
    }

    fn walk_calendar(&self, walk: impl FnOnce(&mut Calendar)) {
        if let Some(calendar) = self.search.calendar.borrow_mut().as_mut() {
            walk(calendar);
        }
        self.show_calendar();
    }

    fn choose_day(&self, day: i32) {
        let room = self.app.borrow().open.clone();
        let at_ms = self.search.calendar.borrow_mut().as_mut().and_then(|calendar| {
            let chosen = i8::try_from(day).is_ok_and(|day| calendar.choose(day));
            chosen.then(|| calendar.begins(self.zone()))
        });
        if let (Some(room), Some(at_ms)) = (room, at_ms) {
            self.send(Command::Jump(jump::Wish::Day { room, at_ms }));
            self.show_calendar();
            self.window.global::<ui::Calendar>().set_busy(true);
        }
    }

    fn show_calendar(&self) {
        let Some(calendar) = self.search.calendar.borrow().clone() else { return };
        let page = self.window.global::<ui::Calendar>();
        let (year, month, day) = calendar.at();
        page.set_year(year.into());
        page.set_month(month.into());
        page.set_at(day.into());
        page.set_later(calendar.has_later());
        page.set_nothing(false);
        page.set_busy(false);
        let days: Vec<ui::DayEntry> = calendar
            .days()
            .into_iter()
            .map(|day| ui::DayEntry { day: day.day.into(), past: day.past, today: day.today })
            .collect();
        page.set_days(ModelRc::new(VecModel::from(days)));
    }

    /// The chosen day or the last message read was found, or nothing since that day.
    pub(super) fn found_in(&self, room: &str, key: Option<&str>) {
        let page = self.window.global::<ui::Calendar>();
        page.set_busy(false);
        match key {
            Some(key) => self.jump_in(room, key),
            None => page.set_nothing(true),
        }
    }
}
