//! Brings a database to the newest schema: numbered files, each applied once and in a transaction of its own.

use std::{borrow::Cow, collections::HashSet};

use super::db::{Db, Engine, sql};

/// A step of the schema: its name and its statements for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// `NNNN_name`, unique and in order.
    pub name: &'static str,
    common: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            common: include_str!(concat!("../../../migrations/common/", $name, ".sql")),
            sqlite: "",
            postgres: "",
        }
    };
    // Statements of each engine's own.
    ($name:literal, engines) => {
        Migration {
            name: $name,
            common: "",
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
        }
    };
}

/// All steps, oldest first. One file a group of tables; a released file is never changed.
pub const MIGRATIONS: &[Migration] = &[
    migration!("0001_rooms"),
    migration!("0002_accounts"),
    migration!("0003_stream"),
    migration!("0004_accounts"),
    migration!("0005_media"),
    migration!("0006_e2ee"),
    migration!("0007_push"),
    migration!("0008_networks"),
    migration!("0009_reports"),
    migration!("0010_login_tokens"),
    migration!("0011_search", engines),
    migration!("0012_oauth"),
    migration!("0013_push_gateway"),
    migration!("0014_terms_delayed_events"),
    migration!("0015_thread_subscriptions"),
    migration!("0016_growth"),
    migration!("0017_presence_media"),
    migration!("0018_feedback"),
];

/// A database that this binary cannot open.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database has seen a newer Parta.
    #[error(
        "The database was written by a newer Parta (migration {0} is unknown here). Install that version, or restore a \
         backup made by this one."
    )]
    Newer(String),
    /// A step failed; nothing of it was kept.
    #[error("Migration {0} failed and was rolled back: {1}")]
    Step(&'static str, #[source] sqlx::Error),
    /// The database could not be read or written.
    #[error("The database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
}

/// Whether a step was applied to a database.
pub async fn is_applied(db: &Db, name: &str) -> sqlx::Result<bool> {
    sql("SELECT name FROM migrations WHERE name = $1").bind(name).optional(db).await.map(|row| row.is_some())
}

/// Applies what is missing and returns the names of what it applied.
///
/// # Errors
///
/// [`MigrationError`]; steps before the failing one stay applied, the failing one leaves no trace.
pub async fn migrate(db: &Db) -> Result<Vec<&'static str>, MigrationError> {
    let mut tx = db.begin().await?;
    tx.batch(Cow::Borrowed("CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY)")).await?;
    tx.commit().await?;
    let mut done = HashSet::new();
    for row in sql("SELECT name FROM migrations").all(db).await? {
        done.insert(row.get::<String>("name")?);
    }
    if let Some(unknown) = done.iter().find(|name| !MIGRATIONS.iter().any(|m| m.name == name.as_str())) {
        return Err(MigrationError::Newer(unknown.clone()));
    }
    let mut applied = Vec::new();
    for migration in MIGRATIONS.iter().filter(|m| !done.contains(m.name)) {
        let step = async {
            let mut tx = db.begin().await?;
            let own = match db.engine() {
                Engine::Sqlite => migration.sqlite,
                Engine::Postgres => migration.postgres,
            };
            for text in [migration.common, own] {
                if !text.trim().is_empty() {
                    tx.batch(Cow::Borrowed(text)).await?;
                }
            }
            sql("INSERT INTO migrations (name) VALUES ($1)").bind(migration.name).run(&mut tx).await?;
            tx.commit().await
        };
        step.await.map_err(|e| MigrationError::Step(migration.name, e))?;
        applied.push(migration.name);
    }
    Ok(applied)
}
