//! The feedback button: the picture of the window and the details of the program as they will be sent, and the list of
//! what was sent before.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, HashSet},
    rc::Rc,
};

use slint::{ComponentHandle, Image, Model, ModelRc, Rgba8Pixel, SharedPixelBuffer, SharedString, VecModel};

use super::{convert, ui, window::View, wiring::on};
use crate::{
    logs,
    model::{
        command::Command,
        feedback::{
            self, Answer, Draft, Kind, Known, News, Picture, Shade, State, Wish,
            details::{self, Machine},
            queue::{Refusal, Waiting},
        },
        stamp,
        update::{Connection, Pixels},
    },
};

/// What the dialog shows.
#[derive(Default)]
pub(super) struct Desk {
    /// The window before the dialog opened
    taken: RefCell<Option<SharedPixelBuffer<Rgba8Pixel>>>,
    shades: Rc<VecModel<ui::FeedbackShade>>,
    /// What the program said of itself when the dialog opened
    machine: RefCell<Machine>,
    log: RefCell<Vec<String>>,
    waiting: RefCell<Vec<Waiting>>,
    known: RefCell<Option<Known>>,
    /// Answers that were new when the list opened, by report and time: they stay marked until it closes
    fresh: RefCell<HashSet<(i64, i64)>>,
    /// What the server was told to be read, by report, with what it had counted
    told: RefCell<HashMap<i64, u64>>,
    /// One was sent off while the server answered: the person waits for its word
    expecting: Cell<bool>,
}

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    let page = view.window.global::<ui::Feedback>();
    page.set_shades(ModelRc::from(Rc::clone(&view.feedback.shades)));
    page.set_with_details(true);
    on!(view, Feedback, on_open, |this| this.open_feedback());
    on!(view, Feedback, on_close, |this| this.close_feedback());
    on!(view, Feedback, on_list, |this| {
        this.window.global::<ui::Feedback>().set_listing(true);
        this.send(Command::Feedback(Wish::Look));
        this.read_feedback();
        this.show_feedback();
    });
    on!(view, Feedback, on_typed, |this, text| this.count_feedback(text));
    on!(view, Feedback, on_chosen, |this| this.show_details());
    on!(view, Feedback, on_paint, |this, x, y, to_x, to_y| {
        if let Some(shade) = Shade::between((x, y), (to_x, to_y)) {
            let Shade { x, y, width, height } = shade;
            this.feedback.shades.push(ui::FeedbackShade { x, y, width, height });
        }
    });
    on!(view, Feedback, on_unpaint, |this| {
        let shades = &this.feedback.shades;
        if shades.row_count() > 0 {
            shades.remove(shades.row_count() - 1);
        }
    });
    on!(view, Feedback, on_send, |this| this.send_feedback());
    on!(view, Feedback, on_edit, |this, id| this.edit_feedback(&id));
    on!(view, Feedback, on_drop, |this, id| this.send(Command::Feedback(Wish::Drop(id.into()))));
}

impl View {
    fn open_feedback(&self) {
        // Another page may have opened over it before.
        self.tidy_feedback();
        let window = self.window.window();
        // Before anything of the dialog is there.
        let taken = window.take_snapshot();
        let taken = taken.inspect_err(|error| tracing::info!(%error, "no picture of the window")).ok();
        let page = self.window.global::<ui::Feedback>();
        page.set_pictured(taken.is_some());
        page.set_picture(taken.clone().map(Image::from_rgba8).unwrap_or_default());
        page.set_with_picture(false);
        page.set_with_room(false);
        page.set_failed(false);
        self.feedback.taken.replace(taken);
        self.feedback.shades.clear();
        let room = {
            let app = self.app.borrow();
            app.open.as_ref().and_then(|id| app.rooms.get(id)).map(|room| room.name.clone())
        };
        page.set_room(room.unwrap_or_default().into());
        self.feedback.machine.replace(self.machine());
        self.feedback.log.replace(logs::last(details::LINES));
        self.show_details();
        self.window.global::<ui::App>().set_overlay(ui::Overlay::Feedback);
        // Who comes for an answer finds it.
        if page.get_unread() > 0 {
            page.invoke_list();
        } else {
            page.set_listing(false);
        }
    }

    fn close_feedback(&self) {
        self.tidy_feedback();
        self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
    }

    /// The dialog is closed, whichever way. A text that was not sent stays, unless it belongs to a refused report.
    pub(super) fn tidy_feedback(&self) {
        let page = self.window.global::<ui::Feedback>();
        if !page.get_replaces().is_empty() {
            self.write_anew();
        }
        // The picture does not stay in memory.
        page.set_picture(Image::default());
        page.set_pictured(false);
        page.set_with_picture(false);
        self.feedback.taken.take();
        self.feedback.shades.clear();
        self.feedback.fresh.take();
        self.feedback.told.take();
    }

    /// An empty form.
    fn write_anew(&self) {
        let page = self.window.global::<ui::Feedback>();
        page.set_replaces(SharedString::default());
        page.set_old_picture(false);
        page.set_with_picture(false);
        page.set_with_room(false);
        self.feedback.shades.clear();
        self.write_feedback("");
    }

    fn write_feedback(&self, text: &str) {
        let page = self.window.global::<ui::Feedback>();
        self.count_feedback(text.into());
        page.set_version(page.get_version() + 1);
    }

    fn count_feedback(&self, text: SharedString) {
        let page = self.window.global::<ui::Feedback>();
        page.set_length(convert::count(text.trim().chars().count() as u64));
        page.set_fits(feedback::fits(&text));
        page.set_text(text);
    }

    fn machine(&self) -> Machine {
        use slint::winit_030::WinitWindowAccessor;
        let window = self.window.window();
        let size = window.size();
        let screen = window.with_winit_window(|window| window.current_monitor().map(|screen| screen.size())).flatten();
        let screen = screen.map(|screen| format!(", screen {}×{}", screen.width, screen.height)).unwrap_or_default();
        let connection = match self.app.borrow().connection {
            Connection::Connecting => "connecting",
            Connection::Online => "online",
            Connection::Away => "away",
        };
        Machine {
            version: env!("CARGO_PKG_VERSION").into(),
            os: system(),
            language: self.language_code().into(),
            screen: format!("window {}×{}{screen}", size.width, size.height),
            scale: format!("{} × {} %", window.scale_factor(), self.settings.borrow().text_size),
            renderer: std::env::var("SLINT_BACKEND").unwrap_or_else(|_| "winit-software".into()),
            connection: connection.into(),
        }
    }

    /// All words that go along, by what is chosen.
    fn details(&self) -> BTreeMap<String, String> {
        let page = self.window.global::<ui::Feedback>();
        let mut details = if page.get_with_details() {
            self.feedback.machine.borrow().details(&self.feedback.log.borrow())
        } else {
            BTreeMap::from([("language".to_owned(), self.language_code().to_owned())])
        };
        if page.get_with_room() {
            details.insert("room".into(), page.get_room().into());
        }
        details
    }

    fn show_details(&self) {
        self.window.global::<ui::Feedback>().set_details(details::shown(&self.details()).into());
    }

    fn send_feedback(&self) {
        let page = self.window.global::<ui::Feedback>();
        if !page.get_fits() || page.get_busy() {
            return;
        }
        let with_picture = page.get_with_picture();
        let old_picture = page.get_old_picture();
        let taken = self.feedback.taken.borrow();
        let picture = taken.as_ref().filter(|_| with_picture && !old_picture).map(|taken| Picture {
            pixels: Pixels { width: taken.width(), height: taken.height(), rgba: taken.as_bytes().to_vec() },
            shades: self.feedback.shades.iter().map(|shade| of_shade(&shade)).collect(),
        });
        let draft = Draft {
            kind: of_kind(page.get_kind()),
            text: page.get_text().trim().to_owned(),
            diagnostics: self.details(),
            picture,
            replaces: Some(String::from(page.get_replaces())).filter(|id| !id.is_empty()),
            keeps_picture: with_picture && old_picture,
        };
        page.set_busy(true);
        page.set_failed(false);
        self.send(Command::Feedback(Wish::Send(Box::new(draft))));
    }

    /// A refused one comes back into the form.
    fn edit_feedback(&self, id: &str) {
        let waiting = self.feedback.waiting.borrow();
        let Some(report) = waiting.iter().find(|report| report.client_id == id) else { return };
        let page = self.window.global::<ui::Feedback>();
        let pictured = report.picture && report.refused != Some(Refusal::Picture);
        page.set_kind(kind(report.kind));
        page.set_replaces(report.client_id.as_str().into());
        page.set_old_picture(pictured);
        page.set_with_picture(pictured);
        page.set_with_details(report.diagnostics.contains_key("version"));
        page.set_listing(false);
        self.write_feedback(&report.text);
        self.show_details();
    }

    /// Takes news of feedback.
    pub(super) fn feedback_news(&self, news: News) {
        let page = self.window.global::<ui::Feedback>();
        match news {
            News::Absent => {
                page.set_offered(false);
                page.set_unread(0);
                self.feedback.known.take();
                if self.window.global::<ui::App>().get_overlay() == ui::Overlay::Feedback {
                    self.close_feedback();
                }
            }
            News::Known(known) => {
                // Where nothing is taken and nothing was sent, there is nothing to press the button for.
                page.set_offered(known.enabled || !known.reports.is_empty());
                page.set_taken(known.enabled);
                page.set_unread(convert::count(known.unread));
                self.feedback.known.replace(Some(known));
                self.read_feedback();
                self.show_feedback();
            }
            News::Waiting(waiting) => {
                let refused = |all: &[Waiting]| all.iter().filter(|report| report.refused.is_some()).count();
                let more = refused(&waiting) > refused(&self.feedback.waiting.borrow());
                let held_up = waiting.last().is_some_and(|report| report.limited || report.tries > 0);
                if more {
                    self.feedback.expecting.set(false);
                    self.tell(ui::Done::RefusedReport);
                } else if held_up && self.feedback.expecting.take() {
                    self.tell(ui::Done::KeptReport);
                }
                self.feedback.waiting.replace(waiting);
                self.show_feedback();
            }
            News::Kept => {
                page.set_busy(false);
                self.write_anew();
                if self.window.global::<ui::App>().get_overlay() == ui::Overlay::Feedback && !page.get_listing() {
                    self.close_feedback();
                }
                let online = self.app.borrow().connection == Connection::Online;
                self.feedback.expecting.set(online);
                if !online {
                    self.tell(ui::Done::KeptReport);
                }
            }
            News::Sent => {
                self.feedback.expecting.set(false);
                self.tell(ui::Done::Reported);
            }
            News::Answered => self.tell(ui::Done::Answered),
            News::NotKept => {
                page.set_busy(false);
                page.set_failed(true);
            }
        }
    }

    /// Answers on screen are read.
    fn read_feedback(&self) {
        let page = self.window.global::<ui::Feedback>();
        if self.window.global::<ui::App>().get_overlay() != ui::Overlay::Feedback || !page.get_listing() {
            return;
        }
        let known = self.feedback.known.borrow();
        let reports = known.iter().flat_map(|known| &known.reports).filter(|report| report.unread > 0);
        let mut ids = Vec::new();
        for report in reports {
            let new = report.answers.iter().filter(|answer| !answer.read);
            self.feedback.fresh.borrow_mut().extend(new.map(|answer| (report.id, answer.at)));
            // Once: a server that does not get the word would be asked without end.
            if self.feedback.told.borrow_mut().insert(report.id, report.unread) != Some(report.unread) {
                ids.push(report.id);
            }
        }
        if !ids.is_empty() {
            self.send(Command::Feedback(Wish::Read(ids)));
        }
    }

    /// Shows what waits, then what the server has.
    fn show_feedback(&self) {
        let known = self.feedback.known.borrow();
        let waiting = self.feedback.waiting.borrow();
        let reports = known.iter().flat_map(|known| &known.reports);
        let entries: Vec<ui::FeedbackEntry> = waiting
            .iter()
            .rev()
            .map(|report| ui::FeedbackEntry {
                waiting: report.client_id.as_str().into(),
                kind: kind(report.kind),
                state: waiting_state(report),
                stamp: self.stamped(report.written_ms),
                text: report.text.as_str().into(),
                ..ui::FeedbackEntry::default()
            })
            .chain(reports.map(|report| {
                let answers: Vec<_> = report.answers.iter().map(|answer| self.answer(report.id, answer)).collect();
                ui::FeedbackEntry {
                    kind: kind(report.kind),
                    state: state(report.state),
                    stamp: self.stamped(report.created_at),
                    text: report.text.as_str().into(),
                    answers: ModelRc::new(VecModel::from(answers)),
                    ..ui::FeedbackEntry::default()
                }
            }))
            .collect();
        self.window.global::<ui::Feedback>().set_entries(ModelRc::new(VecModel::from(entries)));
    }

    fn answer(&self, report: i64, answer: &Answer) -> ui::FeedbackAnswer {
        ui::FeedbackAnswer {
            stamp: self.stamped(answer.at),
            text: answer.text.as_str().into(),
            new: !answer.read || self.feedback.fresh.borrow().contains(&(report, answer.at)),
        }
    }

    fn stamped(&self, at_ms: i64) -> ui::Stamp {
        convert::stamp(stamp::for_list(at_ms, Self::now_ms(), self.zone()))
    }

    /// The account is another one, or none.
    pub(super) fn forget_feedback(&self) {
        crate::logs::forget();
        self.write_anew();
        self.feedback.known.take();
        self.feedback.waiting.take();
        self.feedback.taken.take();
        self.feedback.expecting.set(false);
        let page = self.window.global::<ui::Feedback>();
        page.set_offered(false);
        page.set_unread(0);
        page.set_busy(false);
        page.set_listing(false);
        page.set_picture(Image::default());
        page.set_room(SharedString::default());
        page.set_details(SharedString::default());
        self.show_feedback();
    }
}

/// The system by the name that it goes by.
fn system() -> String {
    let base = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    match name.map(|name| name.trim_matches('"')) {
        Some(name) if !name.is_empty() => format!("{base}, {name}"),
        _ => base,
    }
}

fn of_shade(shade: &ui::FeedbackShade) -> Shade {
    Shade { x: shade.x, y: shade.y, width: shade.width, height: shade.height }
}

fn kind(kind: Kind) -> ui::FeedbackKind {
    match kind {
        Kind::Problem => ui::FeedbackKind::Problem,
        Kind::Idea => ui::FeedbackKind::Idea,
        Kind::Question => ui::FeedbackKind::Question,
        Kind::Praise => ui::FeedbackKind::Praise,
    }
}

fn of_kind(kind: ui::FeedbackKind) -> Kind {
    match kind {
        ui::FeedbackKind::Problem => Kind::Problem,
        ui::FeedbackKind::Idea => Kind::Idea,
        ui::FeedbackKind::Question => Kind::Question,
        ui::FeedbackKind::Praise => Kind::Praise,
    }
}

fn state(state: State) -> ui::FeedbackState {
    match state {
        State::New => ui::FeedbackState::New,
        State::Seen => ui::FeedbackState::Seen,
        State::Planned => ui::FeedbackState::Planned,
        State::Done => ui::FeedbackState::Done,
        State::Declined => ui::FeedbackState::Declined,
    }
}

fn waiting_state(report: &Waiting) -> ui::FeedbackState {
    match report.refused {
        Some(Refusal::Off) => ui::FeedbackState::Off,
        Some(Refusal::Picture) => ui::FeedbackState::Picture,
        Some(Refusal::Words) => ui::FeedbackState::Words,
        None if report.limited => ui::FeedbackState::Limited,
        None => ui::FeedbackState::Waiting,
    }
}
