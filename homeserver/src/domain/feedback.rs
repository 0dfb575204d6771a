//! What people send by the feedback button: its way from the sender to the administrators and the answers' way back.
//!
//! A report is told apart from [`super::reports`], in which people report each other. What is done with one is an act of an
//! administrator with a name and a time. Of answers and of decisions the sender hears: see [`news`].

pub mod attachments;
pub mod export;
pub mod news;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde_json::json;

use self::attachments::{Attachments, NewAttachment};
use super::journal::{self, Journal, Writing};
pub use crate::storage::feedback::{
    Act, ActKind, Attachment, Kind, News, NoSuchWord, Order, Priority, Report, State, Wanted,
};
use crate::{
    clock::{Clock, Millis},
    config,
    error::{ApiError, Result},
    limits::Limits,
    storage::{self, db::Db},
};

/// The account data by which clients hear how much their user has not read: `{"unread": 2}`.
pub const UNREAD: &str = "org.parta.feedback";
/// The longest report, answer or note, in characters.
const MAX_TEXT: usize = 4_000;
/// The longest that a client may say of itself, in bytes of JSON.
const MAX_DIAGNOSTICS: usize = 16 * 1024;
/// The longest id of a client's own, in bytes.
const MAX_CLIENT_ID: usize = 128;
const DAY: Millis = 24 * 60 * 60 * 1000;
/// How often is looked for what is to go.
const TIDY_EVERY: Duration = Duration::from_hours(1);
/// Reports that go in one commit.
const PAGE: i64 = 200;

/// A report that is to be sent.
#[derive(Clone, Debug)]
pub struct NewReport {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub text: String,
    /// The room that it is sent from.
    pub room_id: Option<OwnedRoomId>,
    /// What the client says of itself and of the machine.
    pub diagnostics: BTreeMap<String, String>,
    /// What comes with it.
    pub attachments: Vec<NewAttachment>,
    /// What the client calls it: one that is sent again under the same id is the first one.
    pub client_id: Option<String>,
}

/// What an administrator does with a report.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Answers its sender.
    Answer(String),
    /// Gives it another state.
    State(State),
    /// Writes a note in place of the one before.
    Note(String),
    /// Gives it another priority.
    Priority(Priority),
}

/// The service.
#[derive(Debug)]
pub struct Feedback {
    config: config::Feedback,
    db: Db,
    clock: Clock,
    journal: Journal,
    limits: Arc<Limits>,
}

impl Feedback {
    /// The service.
    pub fn new(config: &config::Feedback, db: Db, clock: Clock, journal: Journal, limits: Arc<Limits>) -> Self {
        Self { config: config.clone(), db, clock, journal, limits }
    }

    /// Whether people may send something.
    pub fn is_enabled(&self) -> bool {
        self.config.enabled
    }

    /// Refuses to take anything where that is switched off: `M_FORBIDDEN`.
    pub fn require_enabled(&self) -> Result<()> {
        if self.config.enabled {
            return Ok(());
        }
        Err(ApiError::forbidden("Feedback is switched off on this server. Ask an administrator."))
    }

    /// Keeps a report. One that is sent again under the same id has the first one's answer.
    ///
    /// # Errors
    ///
    /// `M_FORBIDDEN` where that is switched off; `M_INVALID_PARAM` for a text, an id or attachments that are too many or too
    /// long; `M_NOT_FOUND` for an attachment that is not the sender's or no longer there; `M_LIMIT_EXCEEDED`.
    pub async fn send(&self, reporter: &UserId, new: NewReport) -> Result<Report> {
        self.require_enabled()?;
        let new = checked(new)?;
        if let Some(client_id) = &new.client_id
            && let Some(first) = storage::feedback::repeated(&self.db, reporter, client_id).await?
        {
            return self.require(first).await;
        }
        self.limits.feedback(reporter)?;
        let (reporter, max_per_day) = (reporter.to_owned(), i64::from(self.config.max_per_day));
        let id =
            self.journal.write(move |w| Box::pin(async move { insert(w, reporter, new, max_per_day).await })).await?;
        self.require(id).await
    }

    /// A report, or `M_NOT_FOUND`.
    pub async fn require(&self, id: i64) -> Result<Report> {
        storage::feedback::get(&self.db, id).await?.ok_or_else(no_report)
    }

    /// A report of one's own, or `M_NOT_FOUND`.
    pub async fn require_own(&self, reporter: &UserId, id: i64) -> Result<Report> {
        let report = self.require(id).await?;
        if report.reporter.as_deref() == Some(reporter) { Ok(report) } else { Err(no_report()) }
    }

    /// Up to `limit` of one's own reports with a smaller id than `before`, the newest first.
    pub async fn own(&self, reporter: &UserId, before: i64, limit: usize) -> Result<Vec<Report>> {
        Ok(storage::feedback::own(&self.db, reporter, before, limit as i64).await?)
    }

    /// How much of what was done with their reports somebody has not read.
    pub async fn unread(&self, reporter: &UserId) -> Result<i64> {
        Ok(storage::feedback::unread(&self.db, reporter).await?)
    }

    /// Notes that somebody has read all that was done with a report of theirs.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn read(&self, reporter: &UserId, id: i64) -> Result<()> {
        let reporter = reporter.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if !storage::feedback::read(&mut w.tx, id, &reporter).await? {
                        return Err(no_report());
                    }
                    signal(w, reporter).await
                })
            })
            .await
    }

    /// Up to `limit` reports past the first `offset`, and how many fit in all.
    pub async fn list(
        &self,
        wanted: &Wanted,
        order: Order,
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<Report>, usize)> {
        let total = self.counts(wanted).await?.iter().map(|(_, _, n)| *n as usize).sum();
        if offset >= total {
            return Ok((Vec::new(), total));
        }
        let reports = storage::feedback::list(&self.db, wanted, order, offset as i64, limit as i64).await?;
        Ok((reports, total))
    }

    /// How many reports fit, by state and kind.
    pub async fn counts(&self, wanted: &Wanted) -> Result<Vec<(State, Kind, i64)>> {
        Ok(storage::feedback::counts(&self.db, wanted).await?)
    }

    /// Does something with a report in the name of `who`, and answers what it is then. What changes nothing is no act. Draws
    /// no position of the stream, so that a command may do it beside a running server.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`; `M_INVALID_PARAM` for a text that is empty or too long.
    pub async fn act(&self, id: i64, who: &str, deeds: Vec<Deed>) -> Result<Report> {
        let deeds = deeds.into_iter().map(well_formed).collect::<Result<Vec<_>>>()?;
        let who = who.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let report = storage::feedback::touch(&mut w.tx, id, w.now).await?.ok_or_else(no_report)?;
                    for deed in deeds {
                        act(w, &report, &who, deed).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.require(id).await
    }

    /// Deletes a report.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn delete(&self, id: i64) -> Result<()> {
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let report = storage::feedback::touch(&mut w.tx, id, w.now).await?.ok_or_else(no_report)?;
                    delete(w, id, report.reporter).await
                })
            })
            .await
    }

    /// Deletes the reports to which nothing has happened for as long as is configured.
    pub async fn forget_old(&self) -> Result<()> {
        let Some(days) = self.config.keep_days else { return Ok(()) };
        let since = self.clock.now() - Millis::from(days) * DAY;
        loop {
            let gone = self.journal.write(move |w| {
                Box::pin(async move {
                    let old = storage::feedback::untouched(&mut w.tx, since, PAGE).await?;
                    let gone = old.len();
                    for (id, reporter) in old {
                        delete(w, id, reporter).await?;
                    }
                    Ok(gone)
                })
            });
            match gone.await? {
                0 => return Ok(()),
                gone => tracing::info!(gone, "deleted feedback to which nothing has happened for long"),
            }
        }
    }
}

/// Removes what is to go, until the server stops.
pub async fn upkeep(feedback: Arc<Feedback>, attachments: Arc<Attachments>) {
    let mut tidy = tokio::time::interval(TIDY_EVERY);
    loop {
        tidy.tick().await;
        let done = async {
            feedback.forget_old().await?;
            attachments.tidy().await
        };
        if let Err(e) = done.await {
            tracing::warn!(error = &e as &dyn std::error::Error, "the upkeep of feedback failed; it is tried again");
        }
    }
}

fn no_report() -> ApiError {
    ApiError::not_found("There is no such report.")
}

/// A text within its limits, without the space around it.
fn text(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ApiError::invalid_param("The text is empty. Write something."));
    }
    within(text)?;
    Ok(text.to_owned())
}

fn within(text: &str) -> Result<()> {
    if text.chars().count() > MAX_TEXT {
        return Err(ApiError::invalid_param("The text is longer than 4,000 characters. Make it shorter."));
    }
    Ok(())
}

/// A report whose every part is within its limits.
fn checked(new: NewReport) -> Result<NewReport> {
    let wrong = |id: &String| !(1..=MAX_CLIENT_ID).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_graphic());
    if new.client_id.as_ref().is_some_and(wrong) {
        return Err(ApiError::invalid_param("A report's id has 1 to 128 letters, digits and signs. A UUID is one."));
    }
    if serde_json::to_string(&new.diagnostics)?.len() > MAX_DIAGNOSTICS {
        return Err(ApiError::invalid_param("The diagnostics are longer than 16 KiB. Send less."));
    }
    attachments::check(&new.attachments)?;
    Ok(NewReport { text: text(&new.text)?, ..new })
}

fn well_formed(deed: Deed) -> Result<Deed> {
    Ok(match deed {
        Deed::Answer(answer) => Deed::Answer(text(&answer)?),
        Deed::Note(note) => {
            within(&note)?;
            Deed::Note(note)
        }
        deed => deed,
    })
}

async fn insert(w: &mut Writing, reporter: OwnedUserId, new: NewReport, max_per_day: i64) -> Result<i64> {
    if let Some(client_id) = &new.client_id
        && let Some(first) = storage::feedback::repeated(&mut w.tx, &reporter, client_id).await?
    {
        return Ok(first);
    }
    if max_per_day > 0
        && let Some(at) = storage::feedback::nth_newest(&mut w.tx, &reporter, w.now - DAY, max_per_day).await?
    {
        return Err(ApiError::limit_exceeded(Duration::from_millis((at + DAY - w.now).max(0) as u64)));
    }
    let id = w.next_position();
    attachments::claim(w, &reporter, id, &new.attachments).await?;
    let report = Report {
        id,
        created_at: w.now,
        updated_at: w.now,
        reporter: Some(reporter),
        client_id: new.client_id,
        kind: new.kind,
        text: new.text,
        room_id: new.room_id,
        diagnostics: new.diagnostics,
        state: State::New,
        state_at: w.now,
        priority: Priority::Normal,
        note: String::new(),
        read_up_to: 0,
        attachments: Vec::new(),
        acts: Vec::new(),
    };
    storage::feedback::insert(&mut w.tx, &report).await?;
    Ok(id)
}

async fn act(w: &mut Writing, report: &Report, who: &str, deed: Deed) -> Result<()> {
    let (id, now) = (report.id, w.now);
    let (kind, value, is_news) = match deed {
        Deed::Answer(answer) => (ActKind::Answer, answer, true),
        Deed::State(state) if state != report.state => {
            storage::feedback::set_state(&mut w.tx, id, state, now).await?;
            let decided = matches!(state, State::Planned | State::Done | State::Declined);
            (ActKind::State, state.as_str().to_owned(), decided)
        }
        Deed::Note(note) if note != report.note => {
            storage::feedback::set_note(&mut w.tx, id, &note).await?;
            (ActKind::Note, note, false)
        }
        Deed::Priority(priority) if priority != report.priority => {
            storage::feedback::set_priority(&mut w.tx, id, priority).await?;
            (ActKind::Priority, priority.as_str().to_owned(), false)
        }
        Deed::State(_) | Deed::Note(_) | Deed::Priority(_) => return Ok(()),
    };
    // Whose name was taken off cannot be told any more.
    let told = (is_news && report.reporter.is_some()).then_some(false);
    let act = Act { n: 0, at: now, who: who.to_owned(), kind, value, told };
    Ok(storage::feedback::insert_act(&mut w.tx, id, &act).await?)
}

async fn delete(w: &mut Writing, id: i64, reporter: Option<OwnedUserId>) -> Result<()> {
    storage::feedback::delete(&mut w.tx, id).await?;
    match reporter {
        Some(reporter) => signal(w, reporter).await,
        None => Ok(()),
    }
}

/// Lets a user's clients hear how much they have not read.
async fn signal(w: &mut Writing, user_id: OwnedUserId) -> Result<()> {
    let unread = storage::feedback::unread(&mut w.tx, &user_id).await?;
    let content = json!({ "unread": unread }).to_string();
    let position = w.next_position();
    storage::account_data::put(&mut w.tx, &user_id, None, UNREAD, &content, position).await?;
    w.changed(journal::Change::AccountData { user_id, room_id: None });
    Ok(())
}
