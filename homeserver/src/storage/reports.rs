//! What people report to the administrators.

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};

use super::db::{Db, Query, Row, Tx, sql};

/// A report: of an event, which is in a room and has a sender; of a room; or of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its id, larger than those of all before it.
    pub id: i64,
    /// When it came in, in milliseconds.
    pub received_at: i64,
    /// Who reports.
    pub reporter: OwnedUserId,
    /// The room that is reported, or whose event is.
    pub room_id: Option<OwnedRoomId>,
    /// The event that is reported.
    pub event_id: Option<OwnedEventId>,
    /// The user who is reported, or whose event is.
    pub reported: Option<OwnedUserId>,
    /// Why, in the reporter's words.
    pub reason: Option<String>,
}

/// Which reports are wanted, each by a part of an id; an empty one fits all.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Who reports.
    pub reporter: String,
    /// The room.
    pub room_id: String,
    /// The user who is reported, or whose event is.
    pub reported: String,
}

/// A statement on the reports that are wanted. What replaces a text by nothing and so changes the column finds it there,
/// on both engines and without wildcards.
macro_rules! wanted_reports {
    ($what:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM reports WHERE ($1 = '' OR REPLACE(reporter, $1, '') <> reporter) ",
            "AND ($2 = '' OR REPLACE(room_id, $2, '') <> room_id) ",
            "AND ($3 = '' OR REPLACE(reported, $3, '') <> reported) ",
            $rest
        )
    };
}

fn bound(query: Query, wanted: &Wanted) -> Query {
    query.bind(&wanted.reporter).bind(&wanted.room_id).bind(&wanted.reported)
}

/// An identifier in a column that may be empty.
fn optional<T>(row: &Row, column: &str) -> sqlx::Result<Option<T>>
where
    T: TryFrom<String>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    row.get::<Option<String>>(column)?.map(T::try_from).transpose().map_err(|e| sqlx::Error::Decode(e.into()))
}

fn report(row: &Row) -> sqlx::Result<Report> {
    Ok(Report {
        id: row.get("id")?,
        received_at: row.get("received_at")?,
        reporter: row.parse("reporter")?,
        room_id: optional(row, "room_id")?,
        event_id: optional(row, "event_id")?,
        reported: optional(row, "reported")?,
        reason: row.get("reason")?,
    })
}

/// Keeps a report.
pub async fn insert(tx: &mut Tx, report: Report) -> sqlx::Result<()> {
    sql("INSERT INTO reports (id, received_at, reporter, room_id, event_id, reported, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(report.id)
    .bind(report.received_at)
    .bind(report.reporter)
    .bind(report.room_id)
    .bind(report.event_id)
    .bind(report.reported)
    .bind(report.reason)
    .run(tx)
    .await
    .map(drop)
}

/// Up to `limit` reports past the first `from`, by when they came in.
pub async fn list(db: &Db, wanted: &Wanted, newest_first: bool, from: i64, limit: i64) -> sqlx::Result<Vec<Report>> {
    let query = if newest_first {
        sql(wanted_reports!(
            "id, received_at, reporter, room_id, event_id, reported, reason",
            "ORDER BY id DESC LIMIT $4 OFFSET $5"
        ))
    } else {
        sql(wanted_reports!(
            "id, received_at, reporter, room_id, event_id, reported, reason",
            "ORDER BY id ASC LIMIT $4 OFFSET $5"
        ))
    };
    bound(query, wanted).bind(limit).bind(from).all(db).await?.iter().map(report).collect()
}

/// How many reports fit.
pub async fn count(db: &Db, wanted: &Wanted) -> sqlx::Result<i64> {
    bound(sql(wanted_reports!("COUNT(*) AS n", "")), wanted).one(db).await?.get("n")
}

/// A report by its id.
pub async fn get(db: &Db, id: i64) -> sqlx::Result<Option<Report>> {
    sql("SELECT id, received_at, reporter, room_id, event_id, reported, reason FROM reports WHERE id = $1")
        .bind(id)
        .optional(db)
        .await?
        .as_ref()
        .map(report)
        .transpose()
}

/// Deletes a report, and tells whether there was one.
pub async fn delete(tx: &mut Tx, id: i64) -> sqlx::Result<bool> {
    sql("DELETE FROM reports WHERE id = $1").bind(id).run(tx).await.map(|rows| rows > 0)
}
