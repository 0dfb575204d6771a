//! The panel of emoji. Its pictures are decoded as their rows come into view, a few in each turn of the event loop.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
    time::{Duration, Instant},
};

use emojis::Group;
use slint::{ComponentHandle, Model, ModelNotify, ModelRc, ModelTracker, Timer, TimerMode, VecModel};

use super::{
    convert,
    images::{self, Images},
    ui,
    window::View,
    wiring::on,
};
use crate::model::{
    command::Command,
    emoji::{self, Row, Way},
};

/// Longest time that decoding takes in one turn.
const TURN: Duration = Duration::from_millis(6);
/// Time left to everything else between two turns.
const PAUSE: Duration = Duration::from_millis(8);
/// Rows that wait for their pictures at most: those asked for longest ago are out of view by then.
const WAITING: usize = 24;

/// The panel's rows and what it is open for.
#[derive(Default)]
pub(super) struct Picker {
    rows: RefCell<Option<Rc<Rows>>>,
    place: Cell<Option<(usize, usize)>>,
    /// The message to react to; none while it is for what is being written.
    key: RefCell<Option<String>>,
}

/// Rows for the view, with those pictures that are there.
struct Rows {
    rows: Vec<Row>,
    russian: bool,
    images: Rc<RefCell<Images>>,
    waiting: RefCell<VecDeque<usize>>,
    timer: Timer,
    notify: ModelNotify,
    own: Weak<Rows>,
}

impl Rows {
    fn new(rows: Vec<Row>, russian: bool, images: Rc<RefCell<Images>>) -> Rc<Self> {
        Rc::new_cyclic(|own| Self {
            rows,
            russian,
            images,
            waiting: RefCell::default(),
            timer: Timer::default(),
            notify: ModelNotify::default(),
            own: own.clone(),
        })
    }

    /// The pictures of a row are wanted.
    fn want(&self, row: usize) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.contains(&row) {
            return;
        }
        waiting.push_back(row);
        if waiting.len() > WAITING {
            waiting.pop_front();
        }
        if !self.timer.running() {
            let own = self.own.clone();
            self.timer.start(TimerMode::Repeated, PAUSE, move || {
                if let Some(rows) = own.upgrade() {
                    rows.turn();
                }
            });
        }
    }

    /// Decodes for a while.
    fn turn(&self) {
        let begun = Instant::now();
        while begun.elapsed() < TURN {
            let Some(row) = self.waiting.borrow_mut().pop_front() else {
                self.timer.stop();
                return;
            };
            if self.decode(row, begun) {
                self.notify.row_changed(row);
            } else {
                self.waiting.borrow_mut().push_front(row);
            }
        }
    }

    /// Decodes the pictures of a row; false if the time is over before.
    fn decode(&self, row: usize, begun: Instant) -> bool {
        let Some(Row::Emoji(keys)) = self.rows.get(row) else { return true };
        let mut images = self.images.borrow_mut();
        for key in keys {
            if images.known_emoji(key, convert::REACTION).is_none() {
                if begun.elapsed() >= TURN {
                    return false;
                }
                images.emoji(key, convert::REACTION);
            }
        }
        true
    }

    fn cell(&self, key: &str, missing: &mut bool) -> ui::EmojiCell {
        let picture = self.images.borrow_mut().known_emoji(key, convert::REACTION);
        *missing |= picture.is_none();
        let picture = picture.flatten();
        ui::EmojiCell {
            key: key.into(),
            name: emoji::name(key, self.russian).into(),
            ready: picture.is_some(),
            picture: images::or_clear(picture),
        }
    }
}

impl Model for Rows {
    type Data = ui::EmojiRow;

    fn row_count(&self) -> usize {
        self.rows.len()
    }

    fn row_data(&self, row: usize) -> Option<Self::Data> {
        let shown = match self.rows.get(row)? {
            Row::Recent => ui::EmojiRow { heading: ui::EmojiGroup::Recent, ..ui::EmojiRow::default() },
            Row::Group(group) => ui::EmojiRow { heading: heading(*group), ..ui::EmojiRow::default() },
            Row::Emoji(keys) => {
                let mut missing = false;
                let cells: Vec<ui::EmojiCell> = keys.iter().map(|key| self.cell(key, &mut missing)).collect();
                if missing {
                    self.want(row);
                }
                ui::EmojiRow { heading: ui::EmojiGroup::None, cells: ModelRc::new(VecModel::from(cells)) }
            }
        };
        Some(shown)
    }

    fn model_tracker(&self) -> &dyn ModelTracker {
        &self.notify
    }
}

fn heading(group: Group) -> ui::EmojiGroup {
    match group {
        Group::SmileysAndEmotion => ui::EmojiGroup::Smileys,
        Group::PeopleAndBody => ui::EmojiGroup::People,
        Group::AnimalsAndNature => ui::EmojiGroup::Nature,
        Group::FoodAndDrink => ui::EmojiGroup::Food,
        Group::TravelAndPlaces => ui::EmojiGroup::Travel,
        Group::Activities => ui::EmojiGroup::Activities,
        Group::Objects => ui::EmojiGroup::Objects,
        Group::Symbols => ui::EmojiGroup::Symbols,
        Group::Flags => ui::EmojiGroup::Flags,
    }
}

/// Connects the callbacks of the panel.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Emoji, on_show, |this, key, x, y| {
        *this.picker.key.borrow_mut() = Some(String::from(key)).filter(|key| !key.is_empty());
        let panel = this.window.global::<ui::Emoji>();
        panel.set_at_x(x);
        panel.set_at_y(y);
        this.show_emoji("");
        panel.set_shown(true);
    });
    on!(view, Emoji, on_hide, |this| this.hide_emoji());
    on!(view, Emoji, on_search, |this, term| {
        this.show_emoji(&term);
        // What is looked for is found at once: Enter takes the first.
        if !term.trim().is_empty() {
            this.step_emoji(Way::Down);
        }
    });
    on!(view, Emoji, on_step, |this, way| {
        this.step_emoji(match way {
            ui::Way::Left => Way::Left,
            ui::Way::Right => Way::Right,
            ui::Way::Up => Way::Up,
            ui::Way::Down => Way::Down,
        });
    });
    on!(view, Emoji, on_take, |this| {
        if let Some(key) = this.chosen_emoji() {
            this.pick_emoji(&key);
        }
    });
    on!(view, Emoji, on_pick, |this, key| this.pick_emoji(&key));
}

impl View {
    fn show_emoji(&self, term: &str) {
        let rows = emoji::rows(term, &self.own.choices.borrow().emoji);
        let tabs: Vec<ui::EmojiTab> = rows
            .iter()
            .enumerate()
            .filter_map(|(index, row)| {
                let group = match row {
                    Row::Recent => ui::EmojiGroup::Recent,
                    Row::Group(group) => heading(*group),
                    Row::Emoji(_) => return None,
                };
                Some(ui::EmojiTab { group, row: i32::try_from(index).ok()? })
            })
            .collect();
        let rows = Rows::new(rows, self.language_code() == "ru", Rc::clone(&self.images));
        let panel = self.window.global::<ui::Emoji>();
        panel.set_rows(ModelRc::from(Rc::clone(&rows)));
        panel.set_tabs(ModelRc::new(VecModel::from(tabs)));
        panel.set_version(panel.get_version() + 1);
        *self.picker.rows.borrow_mut() = Some(rows);
        self.go_to_emoji(None);
    }

    fn hide_emoji(&self) {
        let panel = self.window.global::<ui::Emoji>();
        panel.set_shown(false);
        panel.set_rows(ModelRc::default());
        *self.picker.rows.borrow_mut() = None;
        if self.picker.key.borrow_mut().take().is_none() {
            self.put_in("");
        }
    }

    fn step_emoji(&self, way: Way) {
        let rows = self.picker.rows.borrow().clone();
        if let Some(rows) = rows {
            self.go_to_emoji(emoji::step(&rows.rows, self.picker.place.get(), way));
        }
    }

    fn go_to_emoji(&self, place: Option<(usize, usize)>) {
        self.picker.place.set(place);
        let index = |at: usize| i32::try_from(at).unwrap_or(-1);
        let panel = self.window.global::<ui::Emoji>();
        panel.set_column(place.map_or(-1, |(_, column)| index(column)));
        panel.set_row(place.map_or(-1, |(row, _)| index(row)));
    }

    fn chosen_emoji(&self) -> Option<String> {
        let (row, column) = self.picker.place.get()?;
        match self.picker.rows.borrow().as_ref()?.rows.get(row)? {
            Row::Emoji(keys) => keys.get(column).cloned(),
            _ => None,
        }
    }

    /// Reacts with an emoji, or puts it into the words; there the panel stays for more.
    fn pick_emoji(&self, key: &str) {
        self.choose_own(|own| emoji::used(&mut own.emoji, key));
        let message = self.picker.key.borrow().clone();
        let Some(message) = message else { return self.put_in(key) };
        let room = self.app.borrow().open.clone();
        if let Some(room) = room {
            self.send(Command::React { room, key: message, reaction: key.to_owned() });
        }
        self.hide_emoji();
    }
}
