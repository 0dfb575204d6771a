//! What came with reports: everything but the bytes.

use std::collections::BTreeMap;

use ruma::UserId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::storage::db::{Db, On, Query, Row, Tx, sql};

/// An attachment of a report.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FeedbackAttachment)]
pub struct Attachment {
    /// Which of the report's, counted from one.
    pub n: i64,
    /// What the sender calls it.
    pub name: String,
    /// What it is, as the server has found.
    pub media_type: String,
    /// Bytes.
    pub size: i64,
    /// Under what id its bytes lie.
    #[serde(skip)]
    pub id: String,
}

/// The bytes of an attachment, once they are there.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it is.
    pub media_type: &'static str,
    /// Bytes.
    pub size: u64,
    /// Their hash.
    pub sha256: Vec<u8>,
}

fn attachment(row: &Row) -> sqlx::Result<Attachment> {
    Ok(Attachment {
        n: row.get("n")?,
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        size: row.get("size")?,
        id: row.get("id")?,
    })
}

/// The attachments of these reports.
pub(super) async fn of_reports(db: &Db, ids: &[i64]) -> sqlx::Result<BTreeMap<i64, Vec<Attachment>>> {
    let mut all: BTreeMap<i64, Vec<Attachment>> = BTreeMap::new();
    let rows = sql("SELECT feedback_id, n, name, media_type, size, id FROM feedback_attachments \
                    WHERE feedback_id IN (…) ORDER BY feedback_id, n");
    for row in rows.bind_list(ids.iter().copied()).all(db).await? {
        all.entry(row.get("feedback_id")?).or_default().push(attachment(&row)?);
    }
    Ok(all)
}

/// One attachment of a report.
pub async fn get(db: &Db, report: i64, n: i64) -> sqlx::Result<Option<Attachment>> {
    let row = sql("SELECT n, name, media_type, size, id FROM feedback_attachments WHERE feedback_id = $1 AND n = $2");
    row.bind(report).bind(n).optional(db).await?.as_ref().map(attachment).transpose()
}

/// Makes room for an attachment whose bytes are about to come.
pub async fn reserve(tx: &mut Tx, id: &str, uploader: &UserId, now: i64) -> sqlx::Result<()> {
    let query = sql("INSERT INTO feedback_attachments (id, created_at, uploader) VALUES ($1, $2, $3)");
    query.bind(id).bind(now).bind(uploader).run(tx).await.map(drop)
}

/// How many attachments somebody has uploaded that are on no report.
pub async fn waiting<'a>(on: impl Into<On<'a>>, uploader: &UserId) -> sqlx::Result<i64> {
    let row = sql("SELECT COUNT(*) AS n FROM feedback_attachments WHERE uploader = $1");
    row.bind(uploader).one(on).await?.get("n")
}

/// The statement that says what the bytes of an attachment are.
pub fn fill(id: &str, stored: &Stored) -> Query {
    sql("UPDATE feedback_attachments SET media_type = $2, size = $3, sha256 = $4 WHERE id = $1")
        .bind(id)
        .bind(stored.media_type)
        .bind(stored.size as i64)
        .bind(stored.sha256.clone())
}

/// Puts an attachment on a report, and tells whether that could be done: it is the sender's, whole, and came after `since`.
pub async fn claim(
    tx: &mut Tx,
    (id, uploader, since): (&str, &UserId, i64),
    (report, n, name): (i64, i64, &str),
) -> sqlx::Result<bool> {
    sql("UPDATE feedback_attachments SET uploader = NULL, feedback_id = $4, n = $5, name = $6 \
         WHERE id = $1 AND uploader = $2 AND created_at > $3 AND feedback_id IS NULL AND size IS NOT NULL")
    .bind(id)
    .bind(uploader)
    .bind(since)
    .bind(report)
    .bind(n)
    .bind(name)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// Takes the attachments off a report, for [`expired`] to find.
pub(super) async fn let_go(tx: &mut Tx, report: i64) -> sqlx::Result<()> {
    let query =
        sql("UPDATE feedback_attachments SET feedback_id = NULL, n = NULL, created_at = 0 WHERE feedback_id = $1");
    query.bind(report).run(tx).await.map(drop)
}

/// Attachments that are on no report and came before a time.
pub async fn expired(db: &Db, until: i64, limit: i64) -> sqlx::Result<Vec<String>> {
    let rows =
        sql("SELECT id FROM feedback_attachments WHERE feedback_id IS NULL AND created_at <= $1 ORDER BY id LIMIT $2");
    rows.bind(until).bind(limit).all(db).await?.iter().map(|row| row.get("id")).collect()
}

/// The statement that forgets attachments.
pub fn forget(ids: &[String]) -> Query {
    sql("DELETE FROM feedback_attachments WHERE id IN (…)").bind_list(ids)
}

/// All attachments whose bytes are there, a page of them in the order of their ids, after `after`: with their hashes.
pub async fn page(db: &Db, after: &str, limit: i64) -> sqlx::Result<Vec<(String, Vec<u8>)>> {
    let rows =
        sql("SELECT id, sha256 FROM feedback_attachments WHERE id > $1 AND sha256 IS NOT NULL ORDER BY id LIMIT $2");
    let rows = rows.bind(after).bind(limit).all(db).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("sha256")?))).collect()
}
