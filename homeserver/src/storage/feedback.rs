//! What people send by the feedback button, and what administrators did with it.

use std::{collections::BTreeMap, str::FromStr};

use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::db::{Db, On, Query, Row, Tx, sql};

pub mod attachments;

pub use attachments::Attachment;

/// A word that is none of those that can stand in its place.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{word} is none of these: {}", .words.join(", "))]
pub struct NoSuchWord {
    word: String,
    words: Vec<&'static str>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ToSchema)]
        $(#[$doc])*
        #[serde(rename_all = "lowercase")]
        pub enum $name {
            $($(#[$word_doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = NoSuchWord;

            fn from_str(word: &str) -> Result<Self, NoSuchWord> {
                let found = Self::ALL.iter().copied().find(|one| one.as_str() == word);
                found.ok_or_else(|| NoSuchWord {
                    word: word.to_owned(),
                    words: Self::ALL.iter().map(|one| one.as_str()).collect(),
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = NoSuchWord;

            fn try_from(word: String) -> Result<Self, NoSuchWord> {
                word.parse()
            }
        }
    };
}

words! {
    /// What a report is.
    #[schema(as = FeedbackKind)]
    Kind {
        /// Something does not work.
        Problem = "problem",
        /// Something could be better.
        Idea = "idea",
        /// Somebody does not know how.
        Question = "question",
        /// Something is good.
        Praise = "praise",
    }
}

words! {
    /// How far a report has come.
    #[schema(as = FeedbackState)]
    State {
        /// Nobody has looked at it yet.
        New = "new",
        /// An administrator has seen it.
        Seen = "seen",
        /// It will be done.
        Planned = "planned",
        /// It is done.
        Done = "done",
        /// It will not be done.
        Declined = "declined",
    }
}

words! {
    /// How pressing a report is.
    #[schema(as = FeedbackPriority)]
    Priority {
        /// It can wait.
        Low = "low",
        /// As any other.
        Normal = "normal",
        /// First of all.
        High = "high",
    }
}

words! {
    /// What an administrator did with a report.
    #[schema(as = FeedbackActKind)]
    ActKind {
        /// Answered its sender.
        Answer = "answer",
        /// Gave it another state.
        State = "state",
        /// Wrote a note for other administrators.
        Note = "note",
        /// Gave it another priority.
        Priority = "priority",
    }
}

/// A report, as administrators see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FeedbackReport)]
pub struct Report {
    /// Its id, larger than those of all before it.
    pub id: i64,
    /// When it came, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When something last happened to it, likewise.
    pub updated_at: i64,
    /// Who sent it; nobody once the account was erased.
    #[schema(value_type = Option<String>)]
    pub reporter: Option<OwnedUserId>,
    /// What the client calls it.
    pub client_id: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub text: String,
    /// The room that it was sent from, if the sender says so.
    #[schema(value_type = Option<String>)]
    pub room_id: Option<OwnedRoomId>,
    /// What the client says of itself and of the machine.
    pub diagnostics: BTreeMap<String, String>,
    /// How far it has come.
    pub state: State,
    /// Since when, in milliseconds since the Unix epoch.
    pub state_at: i64,
    /// How pressing it is.
    pub priority: Priority,
    /// What administrators write for each other.
    pub note: String,
    /// How far its sender has read of the acts.
    pub read_up_to: i64,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// What administrators did with it, the oldest first.
    pub acts: Vec<Act>,
}

/// What an administrator did with a report.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FeedbackAct)]
pub struct Act {
    /// Which of the report's, counted from one.
    pub n: i64,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Who: a user's id, or who stood at the server's terminal.
    pub who: String,
    /// What.
    pub kind: ActKind,
    /// The answer, the note, or the new state or priority.
    pub value: String,
    /// Whether the sender was told of it; `null` for what does not concern them.
    pub told: Option<bool>,
}

/// Which reports are wanted; an empty text fits all.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The state.
    pub state: Option<State>,
    /// The kind.
    pub kind: Option<Kind>,
    /// A part of the id of who sent it.
    pub user: String,
    /// A part of what it says.
    pub text: String,
    /// It came at this time or after it.
    pub from: i64,
    /// It came before this time.
    pub to: i64,
    /// Its id is smaller.
    pub before: i64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            state: None,
            kind: None,
            user: String::new(),
            text: String::new(),
            from: 0,
            to: i64::MAX,
            before: i64::MAX,
        }
    }
}

words! {
    /// How a list of reports is ordered.
    Order {
        /// The newest first.
        Newest = "newest",
        /// The oldest first.
        Oldest = "oldest",
        /// The most pressing first, of those the newest.
        Priority = "priority",
    }
}

/// An act that its report's sender is to be told of.
#[derive(Clone, Debug)]
pub struct News {
    /// The report.
    pub report: i64,
    /// Which of its acts.
    pub n: i64,
    /// What was done.
    pub kind: ActKind,
    /// The answer or the new state.
    pub value: String,
    /// Who is to be told.
    pub reporter: OwnedUserId,
    /// What the report says.
    pub text: String,
    /// What its client said of itself.
    pub diagnostics: BTreeMap<String, String>,
}

/// The columns of a [`Report`].
macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT id, created_at, updated_at, reporter, client_id, kind, text, room_id, diagnostics, state, state_at, \
             priority, note, read_up_to FROM feedback ",
            $rest
        )
    };
}

/// Which reports are wanted, with seven parameters. What replaces a text by nothing and so changes the column finds it there,
/// on both engines and without wildcards.
macro_rules! wanted {
    ($rest:literal) => {
        concat!(
            "WHERE ($1 = '' OR state = $1) AND ($2 = '' OR kind = $2) \
             AND ($3 = '' OR REPLACE(reporter, $3, '') <> reporter) \
             AND ($4 = '' OR REPLACE(folded, $4, '') <> folded) \
             AND created_at >= $5 AND created_at < $6 AND id < $7 ",
            $rest
        )
    };
}

fn bound(query: Query, wanted: &Wanted) -> Query {
    query
        .bind(wanted.state.map_or("", State::as_str))
        .bind(wanted.kind.map_or("", Kind::as_str))
        .bind(&wanted.user)
        .bind(wanted.text.to_lowercase())
        .bind(wanted.from)
        .bind(wanted.to)
        .bind(wanted.before)
}

/// An identifier in a column that may be empty.
fn optional<T>(row: &Row, column: &str) -> sqlx::Result<Option<T>>
where
    T: TryFrom<String>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    row.get::<Option<String>>(column)?.map(T::try_from).transpose().map_err(|e| sqlx::Error::Decode(e.into()))
}

fn diagnostics(row: &Row) -> sqlx::Result<BTreeMap<String, String>> {
    serde_json::from_str(&row.get::<String>("diagnostics")?).map_err(|e| sqlx::Error::Decode(e.into()))
}

fn report(row: &Row) -> sqlx::Result<Report> {
    Ok(Report {
        id: row.get("id")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        reporter: optional(row, "reporter")?,
        client_id: row.get("client_id")?,
        kind: row.parse("kind")?,
        text: row.get("text")?,
        room_id: optional(row, "room_id")?,
        diagnostics: diagnostics(row)?,
        state: row.parse("state")?,
        state_at: row.get("state_at")?,
        priority: row.parse("priority")?,
        note: row.get("note")?,
        read_up_to: row.get("read_up_to")?,
        attachments: Vec::new(),
        acts: Vec::new(),
    })
}

fn act(row: &Row) -> sqlx::Result<Act> {
    Ok(Act {
        n: row.get("n")?,
        at: row.get("at")?,
        who: row.get("who")?,
        kind: row.parse("kind")?,
        value: row.get("value")?,
        told: row.get("told")?,
    })
}

/// Reports with what belongs to them.
async fn whole(db: &Db, rows: Vec<Row>) -> sqlx::Result<Vec<Report>> {
    let mut reports: Vec<Report> = rows.iter().map(report).collect::<sqlx::Result<_>>()?;
    let ids: Vec<i64> = reports.iter().map(|report| report.id).collect();
    let mut attachments = attachments::of_reports(db, &ids).await?;
    let mut acts: BTreeMap<i64, Vec<Act>> = BTreeMap::new();
    let rows = sql("SELECT feedback_id, n, at, who, kind, value, told FROM feedback_acts WHERE feedback_id IN (…) \
                    ORDER BY feedback_id, n");
    for row in rows.bind_list(ids).all(db).await? {
        acts.entry(row.get("feedback_id")?).or_default().push(act(&row)?);
    }
    for report in &mut reports {
        report.attachments = attachments.remove(&report.id).unwrap_or_default();
        report.acts = acts.remove(&report.id).unwrap_or_default();
    }
    Ok(reports)
}

/// Keeps a report; its attachments are claimed one by one.
pub async fn insert(tx: &mut Tx, report: &Report) -> sqlx::Result<()> {
    let diagnostics = serde_json::to_string(&report.diagnostics).map_err(|e| sqlx::Error::Encode(e.into()))?;
    sql("INSERT INTO feedback (id, created_at, updated_at, reporter, client_id, kind, text, folded, room_id, diagnostics, \
         state, state_at, priority, note, read_up_to) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
    .bind(report.id)
    .bind(report.created_at)
    .bind(report.updated_at)
    .bind(report.reporter.clone())
    .bind(report.client_id.clone())
    .bind(report.kind.as_str())
    .bind(&report.text)
    .bind(report.text.to_lowercase())
    .bind(report.room_id.clone())
    .bind(diagnostics)
    .bind(report.state.as_str())
    .bind(report.state_at)
    .bind(report.priority.as_str())
    .bind(&report.note)
    .bind(report.read_up_to)
    .run(tx)
    .await
    .map(drop)
}

/// The report that a client has sent under an id of its own.
pub async fn repeated<'a>(on: impl Into<On<'a>>, reporter: &UserId, client_id: &str) -> sqlx::Result<Option<i64>> {
    sql("SELECT id FROM feedback WHERE reporter = $1 AND client_id = $2")
        .bind(reporter)
        .bind(client_id)
        .optional(on)
        .await?
        .map(|row| row.get("id"))
        .transpose()
}

/// When the report came that is somebody's `nth` newest since a time, if there are so many.
pub async fn nth_newest<'a>(
    on: impl Into<On<'a>>,
    reporter: &UserId,
    since: i64,
    nth: i64,
) -> sqlx::Result<Option<i64>> {
    sql("SELECT created_at FROM feedback WHERE reporter = $1 AND created_at > $2 \
         ORDER BY created_at DESC LIMIT 1 OFFSET $3")
    .bind(reporter)
    .bind(since)
    .bind(nth - 1)
    .optional(on)
    .await?
    .map(|row| row.get("created_at"))
    .transpose()
}

/// A report by its id.
pub async fn get(db: &Db, id: i64) -> sqlx::Result<Option<Report>> {
    let row = sql(select!("WHERE id = $1")).bind(id).optional(db).await?;
    Ok(whole(db, row.into_iter().collect()).await?.pop())
}

/// Up to `limit` of somebody's reports with a smaller id than `before`, the newest first.
pub async fn own(db: &Db, reporter: &UserId, before: i64, limit: i64) -> sqlx::Result<Vec<Report>> {
    let rows = sql(select!("WHERE reporter = $1 AND id < $2 ORDER BY id DESC LIMIT $3"));
    whole(db, rows.bind(reporter).bind(before).bind(limit).all(db).await?).await
}

/// Up to `limit` reports past the first `offset`.
pub async fn list(db: &Db, wanted: &Wanted, order: Order, offset: i64, limit: i64) -> sqlx::Result<Vec<Report>> {
    let query = match order {
        Order::Newest => sql(select!(wanted!("ORDER BY id DESC LIMIT $8 OFFSET $9"))),
        Order::Oldest => sql(select!(wanted!("ORDER BY id ASC LIMIT $8 OFFSET $9"))),
        Order::Priority => sql(select!(wanted!(
            "ORDER BY CASE priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END, id DESC LIMIT $8 OFFSET $9"
        ))),
    };
    whole(db, bound(query, wanted).bind(limit).bind(offset).all(db).await?).await
}

/// How many reports fit, by state and kind; those of which there are none are left out.
pub async fn counts(db: &Db, wanted: &Wanted) -> sqlx::Result<Vec<(State, Kind, i64)>> {
    let query = sql(concat!("SELECT state, kind, COUNT(*) AS n FROM feedback ", wanted!("GROUP BY state, kind")));
    let rows = bound(query, wanted).all(db).await?;
    rows.iter().map(|row| Ok((row.parse("state")?, row.parse("kind")?, row.get("n")?))).collect()
}

/// Notes that something happens to a report, which nobody else can change before this transaction ends. Answers it without
/// what belongs to it.
pub async fn touch(tx: &mut Tx, id: i64, now: i64) -> sqlx::Result<Option<Report>> {
    sql("UPDATE feedback SET updated_at = $2 WHERE id = $1").bind(id).bind(now).run(tx).await?;
    sql(select!("WHERE id = $1")).bind(id).optional(tx).await?.as_ref().map(report).transpose()
}

/// Keeps what an administrator did; its number is drawn here.
pub async fn insert_act(tx: &mut Tx, id: i64, act: &Act) -> sqlx::Result<()> {
    let last = sql("SELECT COALESCE(MAX(n), 0) AS n FROM feedback_acts WHERE feedback_id = $1");
    let last: i64 = last.bind(id).one(&mut *tx).await?.get("n")?;
    sql("INSERT INTO feedback_acts (feedback_id, n, at, who, kind, value, told) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(id)
        .bind(last + 1)
        .bind(act.at)
        .bind(&act.who)
        .bind(act.kind.as_str())
        .bind(&act.value)
        .bind(act.told)
        .run(tx)
        .await
        .map(drop)
}

/// Gives a report another state.
pub async fn set_state(tx: &mut Tx, id: i64, state: State, now: i64) -> sqlx::Result<()> {
    let query = sql("UPDATE feedback SET state = $2, state_at = $3 WHERE id = $1");
    query.bind(id).bind(state.as_str()).bind(now).run(tx).await.map(drop)
}

/// Gives a report another priority.
pub async fn set_priority(tx: &mut Tx, id: i64, priority: Priority) -> sqlx::Result<()> {
    sql("UPDATE feedback SET priority = $2 WHERE id = $1").bind(id).bind(priority.as_str()).run(tx).await.map(drop)
}

/// Gives a report another note.
pub async fn set_note(tx: &mut Tx, id: i64, note: &str) -> sqlx::Result<()> {
    sql("UPDATE feedback SET note = $2 WHERE id = $1").bind(id).bind(note).run(tx).await.map(drop)
}

/// How much of what was done with their reports somebody has not read.
pub async fn unread<'a>(on: impl Into<On<'a>>, reporter: &UserId) -> sqlx::Result<i64> {
    sql("SELECT COUNT(*) AS n FROM feedback f JOIN feedback_acts a ON a.feedback_id = f.id \
         WHERE f.reporter = $1 AND a.n > f.read_up_to AND a.told IS NOT NULL")
    .bind(reporter)
    .one(on)
    .await?
    .get("n")
}

/// Notes that somebody has read all that was done with a report of theirs, and tells whether it is theirs.
pub async fn read(tx: &mut Tx, id: i64, reporter: &UserId) -> sqlx::Result<bool> {
    sql("UPDATE feedback SET read_up_to = (SELECT COALESCE(MAX(n), 0) FROM feedback_acts WHERE feedback_id = $1) \
         WHERE id = $1 AND reporter = $2")
    .bind(id)
    .bind(reporter)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// What people are to be told, the oldest first.
pub async fn to_tell(db: &Db) -> sqlx::Result<Vec<News>> {
    let rows =
        sql("SELECT a.feedback_id, a.n, a.kind, a.value, f.reporter, f.text, f.diagnostics FROM feedback_acts a \
                    JOIN feedback f ON f.id = a.feedback_id WHERE a.told = FALSE AND f.reporter IS NOT NULL \
                    ORDER BY a.at, a.feedback_id, a.n")
        .all(db)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(News {
                report: row.get("feedback_id")?,
                n: row.get("n")?,
                kind: row.parse("kind")?,
                value: row.get("value")?,
                reporter: row.parse("reporter")?,
                text: row.get("text")?,
                diagnostics: diagnostics(row)?,
            })
        })
        .collect()
}

/// Notes that a sender was told of an act.
pub async fn told(tx: &mut Tx, id: i64, n: i64) -> sqlx::Result<()> {
    let query = sql("UPDATE feedback_acts SET told = TRUE WHERE feedback_id = $1 AND n = $2");
    query.bind(id).bind(n).run(tx).await.map(drop)
}

/// Deletes a report; its attachments belong to none any longer.
pub async fn delete(tx: &mut Tx, id: i64) -> sqlx::Result<()> {
    attachments::let_go(tx, id).await?;
    sql("DELETE FROM feedback_acts WHERE feedback_id = $1").bind(id).run(tx).await?;
    sql("DELETE FROM feedback WHERE id = $1").bind(id).run(tx).await.map(drop)
}

/// Reports to which nothing has happened since a time, and who sent them.
pub async fn untouched(tx: &mut Tx, since: i64, limit: i64) -> sqlx::Result<Vec<(i64, Option<OwnedUserId>)>> {
    let rows = sql("SELECT id, reporter FROM feedback WHERE updated_at < $1 ORDER BY updated_at LIMIT $2");
    let rows = rows.bind(since).bind(limit).all(tx).await?;
    rows.iter().map(|row| Ok((row.get("id")?, optional(row, "reporter")?))).collect()
}

/// Takes somebody's name off their reports.
pub async fn erase(tx: &mut Tx, reporter: &UserId) -> sqlx::Result<()> {
    sql("UPDATE feedback_attachments SET uploader = NULL WHERE uploader = $1").bind(reporter).run(tx).await?;
    let query = sql("UPDATE feedback SET reporter = NULL, client_id = NULL WHERE reporter = $1");
    query.bind(reporter).run(tx).await.map(drop)
}
