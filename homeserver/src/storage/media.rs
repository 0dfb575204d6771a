//! Uploaded files, their thumbnails and previews of web pages: everything but the bytes.

use ruma::{OwnedUserId, UserId};

use super::db::{Db, On, Query, Row, sql};
use crate::clock::Millis;

/// What is known of an id.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The id, the last part of the `mxc://` URI.
    pub media_id: String,
    /// Who uploaded it, or reserved the id.
    pub uploader: OwnedUserId,
    /// When.
    pub created_at: Millis,
    /// For a reserved id, until when it waits for its bytes.
    pub expires_at: Option<Millis>,
    /// Whether it was taken out of circulation.
    pub quarantined: bool,
    /// The file; `None` while a reserved id waits for it.
    pub content: Option<Content>,
}

/// An uploaded file.
#[derive(Clone, Debug)]
pub struct Content {
    /// Bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub sha256: Vec<u8>,
    /// What the uploader said it is.
    pub content_type: String,
    /// What the uploader called it.
    pub filename: Option<String>,
}

/// A file as administrators see it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The id.
    pub media_id: String,
    /// When it was uploaded, or its id reserved.
    pub created_at: Millis,
    /// When it was last read.
    pub last_access: Option<Millis>,
    /// Bytes.
    pub size: i64,
    /// What the uploader said it is.
    pub content_type: String,
    /// What the uploader called it.
    pub filename: Option<String>,
    /// Who took it out of circulation.
    pub quarantined_by: Option<String>,
}

/// How much somebody has stored.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Who.
    pub user_id: OwnedUserId,
    /// What they call themselves.
    pub display_name: Option<String>,
    /// How many files.
    pub files: i64,
    /// Bytes of all of them.
    pub bytes: i64,
}

/// The columns of an [`Entry`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT media_id, uploader, created_at, expires_at, size, sha256, content_type, filename, quarantined_by ",
            $rest
        )
    };
}

fn entry(row: &Row) -> sqlx::Result<Entry> {
    let content = match row.get::<Option<i64>>("size")? {
        None => None,
        Some(size) => Some(Content {
            size: size as u64,
            sha256: row.get("sha256")?,
            content_type: row.get("content_type")?,
            filename: row.get("filename")?,
        }),
    };
    Ok(Entry {
        media_id: row.get("media_id")?,
        uploader: row.parse("uploader")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        quarantined: row.get::<Option<String>>("quarantined_by")?.is_some(),
        content,
    })
}

/// What is known of an id.
pub async fn find(db: &Db, media_id: &str) -> sqlx::Result<Option<Entry>> {
    sql(select!("FROM media WHERE media_id = $1")).bind(media_id).optional(db).await?.as_ref().map(entry).transpose()
}

/// All files whose bytes are there, a page of them in the order of their ids, after `after`.
pub async fn page(db: &Db, after: &str, limit: i64) -> sqlx::Result<Vec<Entry>> {
    sql(select!("FROM media WHERE media_id > $1 AND size IS NOT NULL ORDER BY media_id LIMIT $2"))
        .bind(after)
        .bind(limit)
        .all(db)
        .await?
        .iter()
        .map(entry)
        .collect()
}

/// Which of these ids are known.
pub async fn known(db: &Db, ids: &[String]) -> sqlx::Result<Vec<String>> {
    sql("SELECT media_id FROM media WHERE media_id IN (…)")
        .bind_list(ids)
        .all(db)
        .await?
        .iter()
        .map(|row| row.get("media_id"))
        .collect()
}

/// How many ids a user has reserved that still wait for their bytes.
pub async fn reserved(db: &Db, uploader: &UserId, now: Millis) -> sqlx::Result<i64> {
    sql("SELECT COUNT(*) AS n FROM media WHERE uploader = $1 AND size IS NULL AND expires_at > $2")
        .bind(uploader)
        .bind(now)
        .one(db)
        .await?
        .get("n")
}

/// The bytes of all files of a user.
pub async fn stored_by(on: impl Into<On<'_>>, uploader: &UserId) -> sqlx::Result<u64> {
    let row = sql("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS n FROM media WHERE uploader = $1")
        .bind(uploader)
        .one(on)
        .await?;
    Ok(row.get::<i64>("n")? as u64)
}

/// The files of a user, in the order of their ids.
pub async fn of_user(db: &Db, uploader: &UserId) -> sqlx::Result<Vec<Listed>> {
    let rows =
        sql("SELECT media_id, created_at, last_access, size, content_type, filename, quarantined_by FROM media \
                    WHERE uploader = $1 AND size IS NOT NULL ORDER BY media_id")
        .bind(uploader)
        .all(db)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                media_id: row.get("media_id")?,
                created_at: row.get("created_at")?,
                last_access: row.get("last_access")?,
                size: row.get("size")?,
                content_type: row.get("content_type")?,
                filename: row.get("filename")?,
                quarantined_by: row.get("quarantined_by")?,
            })
        })
        .collect()
}

/// How much everybody has stored between two moments.
pub async fn usage(db: &Db, from: Millis, until: Millis) -> sqlx::Result<Vec<Usage>> {
    let rows = sql("SELECT m.uploader, u.display_name, COUNT(*) AS files, CAST(SUM(m.size) AS BIGINT) AS bytes \
                    FROM media m LEFT JOIN users u ON u.user_id = m.uploader \
                    WHERE m.size IS NOT NULL AND m.created_at BETWEEN $1 AND $2 GROUP BY m.uploader, u.display_name")
    .bind(from)
    .bind(until)
    .all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Usage {
                user_id: row.parse("uploader")?,
                display_name: row.get("display_name")?,
                files: row.get("files")?,
                bytes: row.get("bytes")?,
            })
        })
        .collect()
}

/// The statements that forget files and their thumbnails.
pub fn delete(ids: &[String]) -> Vec<Query> {
    ["DELETE FROM thumbnails WHERE media_id IN (…)", "DELETE FROM media WHERE media_id IN (…)"]
        .map(|text| sql(text).bind_list(ids))
        .into()
}

/// The statement that records a file, or an id that waits for one.
pub fn insert(entry: &Entry) -> Query {
    let content = entry.content.as_ref();
    sql("INSERT INTO media (media_id, uploader, created_at, expires_at, size, sha256, content_type, filename) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(entry.media_id.as_str())
    .bind(&*entry.uploader)
    .bind(entry.created_at)
    .bind(entry.expires_at)
    .bind(content.map(|c| c.size as i64))
    .bind(content.map(|c| c.sha256.clone()))
    .bind(content.map(|c| c.content_type.clone()))
    .bind(content.and_then(|c| c.filename.clone()))
}

/// The statement that gives a reserved id its file, unless it has one already.
pub fn fill(media_id: &str, content: &Content) -> Query {
    sql("UPDATE media SET size = $2, sha256 = $3, content_type = $4, filename = $5, expires_at = NULL \
         WHERE media_id = $1 AND size IS NULL")
    .bind(media_id)
    .bind(content.size as i64)
    .bind(content.sha256.clone())
    .bind(content.content_type.as_str())
    .bind(content.filename.clone())
}

/// The statement that forgets reserved ids whose time is over.
pub fn forget_expired(now: Millis) -> Query {
    sql("DELETE FROM media WHERE size IS NULL AND expires_at <= $1").bind(now)
}

/// The statement that notes when a file was last read.
pub fn touch(media_id: &str, at: Millis) -> Query {
    sql("UPDATE media SET last_access = $2 WHERE media_id = $1").bind(media_id).bind(at)
}

/// A thumbnail's content type, if it was made.
pub async fn thumbnail(
    db: &Db,
    media_id: &str,
    method: &str,
    width: u32,
    height: u32,
) -> sqlx::Result<Option<(String, u64)>> {
    sql("SELECT content_type, size FROM thumbnails WHERE media_id = $1 AND method = $2 AND width = $3 AND height = $4")
        .bind(media_id)
        .bind(method)
        .bind(width)
        .bind(height)
        .optional(db)
        .await?
        .map(|row| Ok((row.get("content_type")?, row.get::<i64>("size")? as u64)))
        .transpose()
}

/// The statement that records a thumbnail.
pub fn insert_thumbnail(
    media_id: &str,
    method: &'static str,
    (width, height): (u32, u32),
    size: u64,
    content_type: &'static str,
) -> Query {
    sql("INSERT INTO thumbnails (media_id, method, width, height, size, content_type) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (media_id, method, width, height) DO UPDATE SET size = excluded.size, \
         content_type = excluded.content_type")
    .bind(media_id)
    .bind(method)
    .bind(width)
    .bind(height)
    .bind(size as i64)
    .bind(content_type)
}

/// A preview of a web page made after `since`.
pub async fn preview(db: &Db, url: &str, since: Millis) -> sqlx::Result<Option<String>> {
    sql("SELECT response FROM url_previews WHERE url = $1 AND fetched_at > $2")
        .bind(url)
        .bind(since)
        .optional(db)
        .await?
        .map(|row| row.get("response"))
        .transpose()
}

/// The statement that keeps a preview.
pub fn keep_preview(url: &str, fetched_at: Millis, response: &str) -> Query {
    sql("INSERT INTO url_previews (url, fetched_at, response) VALUES ($1, $2, $3) \
         ON CONFLICT (url) DO UPDATE SET fetched_at = excluded.fetched_at, response = excluded.response")
    .bind(url)
    .bind(fetched_at)
    .bind(response)
}

/// The statement that forgets old previews.
pub fn forget_previews(before: Millis) -> Query {
    sql("DELETE FROM url_previews WHERE fetched_at <= $1").bind(before)
}
