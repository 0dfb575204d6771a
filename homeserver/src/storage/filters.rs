//! Uploaded filters.

use ruma::{UserId, api::client::filter::FilterDefinition};

use super::db::{Db, Query, sql};

/// A user's filter by its id.
pub async fn get(db: &Db, user_id: &UserId, filter_id: &str) -> sqlx::Result<Option<FilterDefinition>> {
    sql("SELECT definition FROM filters WHERE user_id = $1 AND filter_id = $2")
        .bind(user_id)
        .bind(filter_id)
        .optional(db)
        .await?
        .map(|row| serde_json::from_str(&row.get::<String>("definition")?).map_err(|e| sqlx::Error::Decode(e.into())))
        .transpose()
}

/// The statement that keeps a filter under its id.
pub fn insert(user_id: &UserId, filter_id: &str, definition: &str) -> Query {
    sql("INSERT INTO filters (user_id, filter_id, definition) VALUES ($1, $2, $3) ON CONFLICT (user_id, filter_id) DO NOTHING")
        .bind(user_id)
        .bind(filter_id)
        .bind(definition)
}
