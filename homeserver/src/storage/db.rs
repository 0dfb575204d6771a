//! The facade over SQLite and PostgreSQL: the only file that names either engine.
//!
//! A statement is written once with `$1`-style parameters and runs on the engine that is open. What works on both:
//! `$1` used twice, `RETURNING`, `ON CONFLICT`, common table expressions, window functions, row values,
//! `UPDATE … FROM`, `FILTER`, `NULLS LAST`. Avoid `GREATEST`, `DISTINCT ON`, `= ANY` and the JSON operators; cast `SUM`
//! to `BIGINT`. Columns are `BIGINT` (times in milliseconds), `TEXT`, `BOOLEAN` and `BYTEA`.

use std::{
    borrow::Cow,
    collections::HashSet,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Executor as _, Postgres, Row as _, Sqlite, ValueRef as _,
    postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow},
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};

/// An open database.
///
/// On SQLite, reads go to a pool of read connections and every transaction to the one write connection, so a reader
/// never waits for a writer (WAL) and two writers never collide.
#[derive(Clone, Debug)]
pub enum Db {
    /// The embedded engine.
    Sqlite {
        /// Connections for reading.
        read: SqlitePool,
        /// The one connection for writing.
        write: SqlitePool,
    },
    /// A PostgreSQL server.
    Postgres(PgPool),
}

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded engine.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// A transaction; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub enum Tx {
    /// On the write connection.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// On a connection of its own.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// One row of an answer.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

/// A parameter of a statement. `None` is a typed SQL `NULL`.
#[derive(Clone, Debug)]
pub enum Value {
    /// `BIGINT`.
    Int(Option<i64>),
    /// `TEXT`.
    Text(Option<String>),
    /// `BOOLEAN`.
    Bool(Option<bool>),
    /// `BYTEA`.
    Bytes(Option<Vec<u8>>),
}

macro_rules! into_value {
    ($variant:ident: $($from:ty),+) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(Some(value.into()))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )+};
}
into_value!(Int: i64, i32, u32);
into_value!(Text: String, &str, ruma::OwnedUserId, &ruma::UserId, ruma::OwnedRoomId, &ruma::RoomId, ruma::OwnedEventId,
    &ruma::EventId, ruma::OwnedDeviceId, &ruma::DeviceId, Box<str>);
into_value!(Bool: bool);
into_value!(Bytes: Vec<u8>, &[u8]);

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

/// Where a statement runs: on the database (its own implicit transaction, for reading) or in a transaction.
#[derive(Debug)]
pub enum On<'a> {
    /// Outside any transaction: for reading.
    Db(&'a Db),
    /// Inside a transaction.
    Tx(&'a mut Tx),
}

impl<'a> From<&'a Db> for On<'a> {
    fn from(db: &'a Db) -> Self {
        On::Db(db)
    }
}

impl<'a> From<&'a mut Tx> for On<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        On::Tx(tx)
    }
}

/// A statement and its parameters.
#[derive(Clone, Debug)]
pub struct Query {
    sql: Cow<'static, str>,
    values: Vec<Value>,
}

/// A statement of fixed text. Parameters are `$1`, `$2`, … in the order of [`Query::bind`].
pub fn sql(text: &'static str) -> Query {
    Query { sql: Cow::Borrowed(text), values: Vec::new() }
}

/// A multi-row insert: `INSERT INTO table (columns) VALUES ($1, …), … suffix`, in as many statements as the engines'
/// limit of parameters asks for.
#[derive(Clone, Debug)]
pub struct InsertMany {
    /// `INSERT INTO table (columns)`.
    head: &'static str,
    /// Number of columns.
    columns: usize,
    /// `ON CONFLICT …` or nothing.
    suffix: &'static str,
    /// How many of the first columns tell rows apart; of rows alike in them the last one counts. Zero: all count.
    key: usize,
    /// Row after row.
    values: Vec<Value>,
}

/// How long one waits for a connection. Who asks is told to come back before they lose patience.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Parameters in one statement: SQLite allows 32,766, PostgreSQL 65,535; smaller statements plan faster.
const MAX_PARAMETERS: usize = 8_000;

impl InsertMany {
    /// An insert without rows as yet. `head` is `INSERT INTO table (columns)`, `suffix` may be empty.
    pub fn new(head: &'static str, columns: usize, suffix: &'static str) -> Self {
        Self { head, columns, suffix, key: 0, values: Vec::new() }
    }

    /// An insert that replaces, by `ON CONFLICT … DO UPDATE` in `suffix`, rows alike in the first `key` columns. One
    /// statement must not touch a row twice (PostgreSQL), so of several rows with one key only the last is written.
    pub fn upsert(head: &'static str, columns: usize, key: usize, suffix: &'static str) -> Self {
        Self { key, ..Self::new(head, columns, suffix) }
    }

    fn take(&mut self) -> Vec<Value> {
        let values = std::mem::take(&mut self.values);
        if self.key == 0 {
            return values;
        }
        let mut seen = HashSet::new();
        let mut kept: Vec<&[Value]> =
            values.chunks(self.columns).rev().filter(|row| seen.insert(format!("{:?}", &row[..self.key]))).collect();
        kept.reverse();
        kept.concat()
    }

    /// Adds a row; it must have as many values as there are columns.
    pub fn row<const N: usize>(&mut self, values: [Value; N]) {
        debug_assert_eq!(N, self.columns, "a value for every column");
        self.values.extend(values);
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.columns
    }

    /// Whether there is nothing to insert.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Forgets all rows past the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.values.truncate(len * self.columns);
    }

    /// Inserts all rows and leaves the list empty.
    pub async fn flush(&mut self, tx: &mut Tx) -> sqlx::Result<()> {
        let rows_a_statement = (MAX_PARAMETERS / self.columns).max(1);
        let mut values = self.take().into_iter();
        loop {
            let chunk: Vec<Value> = values.by_ref().take(rows_a_statement * self.columns).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            let mut text = String::with_capacity(self.head.len() + chunk.len() * 5);
            text.push_str(self.head);
            text.push_str(" VALUES ");
            for index in 0..chunk.len() {
                text.push_str(match index % self.columns {
                    0 if index == 0 => "(",
                    0 => "), (",
                    _ => ", ",
                });
                text.push('$');
                text.push_str(&(index + 1).to_string());
            }
            text.push_str(") ");
            text.push_str(self.suffix);
            Query { sql: Cow::Owned(text), values: chunk }.run(&mut *tx).await?;
        }
    }
}

/// Runs a bound statement by one of sqlx's methods on whichever engine and place it goes to: always on a connection, so
/// that what sqlx makes of it is compiled once an engine, and not once more for its pool.
macro_rules! execute {
    ($query:expr, $on:expr, $method:ident) => {{
        let query: Query = $query;
        // Statements of varying length would only push the fixed ones out of the cache of prepared statements.
        let persistent = matches!(query.sql, Cow::Borrowed(_));
        let (text, values) = (AssertSqlSafe(query.sql), query.values);
        match $on {
            On::Db(Db::Sqlite { read, .. }) => {
                let q = sqlx::query_with::<Sqlite, _>(text, sqlite_arguments(values)?).persistent(persistent);
                let mut connection = read.acquire().await?;
                Answer::Sqlite(q.$method(&mut *connection).await?)
            }
            On::Tx(Tx::Sqlite(tx)) => {
                let q = sqlx::query_with::<Sqlite, _>(text, sqlite_arguments(values)?).persistent(persistent);
                Answer::Sqlite(q.$method(&mut **tx).await?)
            }
            On::Db(Db::Postgres(pool)) => {
                let q = sqlx::query_with::<Postgres, _>(text, postgres_arguments(values)?).persistent(persistent);
                let mut connection = pool.acquire().await?;
                Answer::Postgres(q.$method(&mut *connection).await?)
            }
            On::Tx(Tx::Postgres(tx)) => {
                let q = sqlx::query_with::<Postgres, _>(text, postgres_arguments(values)?).persistent(persistent);
                Answer::Postgres(q.$method(&mut **tx).await?)
            }
        }
    }};
}

enum Answer<S, P> {
    Sqlite(S),
    Postgres(P),
}

impl Query {
    /// Adds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds a list of parameters and puts `($4, $5, …)` for them where the text says `(…)`: for `IN (…)`, which
    /// stands once and last. An empty list matches nothing.
    #[must_use]
    pub fn bind_list<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let start = self.values.len();
        self.values.extend(values.into_iter().map(Into::into));
        self.listed_from(start)
    }

    fn listed_from(mut self, start: usize) -> Self {
        let mut list = String::from("(");
        for index in start..self.values.len() {
            if index > start {
                list.push_str(", ");
            }
            list.push('$');
            list.push_str(&(index + 1).to_string());
        }
        if self.values.len() == start {
            list.push_str("NULL");
        }
        list.push(')');
        self.sql = Cow::Owned(self.sql.replacen("(…)", &list, 1));
        self
    }

    /// Adds rows of parameters and puts `(VALUES ($4, $5), ($6, $7), …)` for them where the text says `(…)`: for
    /// `(a, b) IN (…)` and `WITH wanted (a, b) AS (…)`, once and after all other parameters. No rows match nothing.
    #[must_use]
    pub fn bind_rows<const N: usize>(mut self, rows: impl IntoIterator<Item = [Value; N]>) -> Self {
        let mut list = String::from("(VALUES ");
        for (index, row) in rows.into_iter().enumerate() {
            list.push_str(if index == 0 { "(" } else { "), (" });
            for (column, value) in row.into_iter().enumerate() {
                self.values.push(value);
                list.push_str(if column == 0 { "$" } else { ", $" });
                list.push_str(&self.values.len().to_string());
            }
        }
        if list.ends_with(' ') {
            list.push('(');
            list.push_str(&["NULL"; N].join(", "));
        }
        list.push_str("))");
        self.sql = Cow::Owned(self.sql.replacen("(…)", &list, 1));
        self
    }

    /// All rows.
    pub fn all<'a>(self, on: impl Into<On<'a>>) -> impl Future<Output = sqlx::Result<Vec<Row>>> {
        self.fetch_all(on.into())
    }

    /// The first row, if there is one.
    pub fn optional<'a>(self, on: impl Into<On<'a>>) -> impl Future<Output = sqlx::Result<Option<Row>>> {
        self.fetch_optional(on.into())
    }

    /// The first row; its absence is an error.
    pub async fn one<'a>(self, on: impl Into<On<'a>>) -> sqlx::Result<Row> {
        self.optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    async fn fetch_all(self, on: On<'_>) -> sqlx::Result<Vec<Row>> {
        Ok(match execute!(self, on, fetch_all) {
            Answer::Sqlite(rows) => rows.into_iter().map(Row::Sqlite).collect(),
            Answer::Postgres(rows) => rows.into_iter().map(Row::Postgres).collect(),
        })
    }

    async fn fetch_optional(self, on: On<'_>) -> sqlx::Result<Option<Row>> {
        Ok(match execute!(self, on, fetch_optional) {
            Answer::Sqlite(row) => row.map(Row::Sqlite),
            Answer::Postgres(row) => row.map(Row::Postgres),
        })
    }

    /// Runs the statement and tells how many rows it touched.
    pub async fn run(self, tx: &mut Tx) -> sqlx::Result<u64> {
        Ok(match execute!(self, On::Tx(tx), execute) {
            Answer::Sqlite(done) => done.rows_affected(),
            Answer::Postgres(done) => done.rows_affected(),
        })
    }
}

fn sqlite_arguments(values: Vec<Value>) -> sqlx::Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Bool(v) => arguments.add(v),
            Value::Bytes(v) => arguments.add(v),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: Vec<Value>) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(v),
            // PostgreSQL has no U+0000 in text; JSON carries it escaped, and identifiers must not hold it.
            Value::Text(v) => {
                arguments.add(v.map(|text| if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }))
            }
            Value::Bool(v) => arguments.add(v),
            Value::Bytes(v) => arguments.add(v),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A type that a column is read as. `NULL` read as anything but an `Option` is an error on both engines.
pub trait FromSql: Sized {
    /// Reads a column of a SQLite row.
    fn from_sqlite(row: &SqliteRow, column: &str) -> sqlx::Result<Self>;
    /// Reads a column of a PostgreSQL row.
    fn from_postgres(row: &PgRow, column: &str) -> sqlx::Result<Self>;
}

macro_rules! from_sql {
    ($($t:ty),+) => {$(
        impl FromSql for $t {
            fn from_sqlite(row: &SqliteRow, column: &str) -> sqlx::Result<Self> {
                // sqlx's SQLite driver reads NULL as zero where it should complain.
                if row.try_get_raw(column)?.is_null() {
                    return Err(sqlx::Error::ColumnDecode { index: column.to_owned(), source: "NULL".into() });
                }
                row.try_get(column)
            }
            fn from_postgres(row: &PgRow, column: &str) -> sqlx::Result<Self> {
                row.try_get(column)
            }
        }
        impl FromSql for Option<$t> {
            fn from_sqlite(row: &SqliteRow, column: &str) -> sqlx::Result<Self> {
                row.try_get(column)
            }
            fn from_postgres(row: &PgRow, column: &str) -> sqlx::Result<Self> {
                row.try_get(column)
            }
        }
    )+};
}
from_sql!(i64, String, bool, Vec<u8>);

impl Row {
    /// The value of a column.
    pub fn get<T: FromSql>(&self, column: &str) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => T::from_sqlite(row, column),
            Self::Postgres(row) => T::from_postgres(row, column),
        }
    }

    /// A text column parsed into an identifier; a value that no longer parses is a decoding error.
    pub fn parse<T>(&self, column: &str) -> sqlx::Result<T>
    where
        T: TryFrom<String>,
        T::Error: std::error::Error + Send + Sync + 'static,
    {
        T::try_from(self.get::<String>(column)?)
            .map_err(|e| sqlx::Error::ColumnDecode { index: column.to_owned(), source: e.into() })
    }
}

impl Db {
    /// Opens `sqlite:PATH`, a `postgres://…` URL, or `sqlite::memory:` for tests of one connection.
    pub async fn open(url: &str, connections: u32) -> sqlx::Result<Self> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .pragma("cache_size", "-16000")
                .pragma("temp_store", "memory")
                .statement_cache_capacity(256);
            let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
            let read = SqlitePoolOptions::new()
                .max_connections(connections.max(1))
                .acquire_timeout(LONGEST_WAIT)
                .connect_with(options.pragma("query_only", "on"))
                .await?;
            Ok(Self::Sqlite { read, write })
        } else {
            let options = PgConnectOptions::from_str(url)?.statement_cache_capacity(256);
            let pool = PgPoolOptions::new().max_connections(connections.max(2)).acquire_timeout(LONGEST_WAIT);
            Ok(Self::Postgres(pool.connect_with(options).await?))
        }
    }

    /// The file of an embedded database, by its URL; `None` for any other.
    pub fn file(url: &str) -> Option<PathBuf> {
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url))?.ok()?;
        Some(options.get_filename().to_owned())
    }

    /// The URL of an embedded database in a file.
    pub fn sqlite_url(file: &Path) -> String {
        format!("sqlite:{}", file.display())
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Connections that are open for reading, and how many of them are idle.
    pub fn connections(&self) -> (usize, usize) {
        match self {
            Self::Sqlite { read, .. } => (read.size() as usize, read.num_idle()),
            Self::Postgres(pool) => (pool.size() as usize, pool.num_idle()),
        }
    }

    /// Begins a transaction for writing.
    pub async fn begin(&self) -> sqlx::Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Writes a consistent copy of an embedded database into a new file while it is in use (`VACUUM INTO`).
    pub async fn copy_to(&self, file: &Path) -> sqlx::Result<()> {
        match self {
            Self::Sqlite { write, .. } => {
                let text = format!("VACUUM INTO '{}'", file.display().to_string().replace('\'', "''"));
                // A connection of its own: a copy of a large database must not hold up the writer.
                let mut connection = sqlx::SqliteConnection::connect_with(&write.connect_options()).await?;
                connection.execute(AssertSqlSafe(text)).await?;
                connection.close().await
            }
            Self::Postgres(_) => {
                Err(sqlx::Error::Configuration("only an embedded database is copied by the server".into()))
            }
        }
    }

    /// Checks an embedded database page by page (`PRAGMA integrity_check`); the answer is `ok` or what is wrong.
    pub async fn integrity(&self) -> sqlx::Result<String> {
        match self {
            Self::Sqlite { read, .. } => sqlx::query("PRAGMA integrity_check").fetch_one(read).await?.try_get(0),
            Self::Postgres(_) => Ok("ok".to_owned()),
        }
    }

    /// Closes all connections, after which the files of an embedded database may be moved.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes all of it durable.
    pub async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// Undoes all of it.
    pub async fn rollback(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await,
            Self::Postgres(tx) => tx.rollback().await,
        }
    }

    /// Runs statements without parameters, several of them separated by semicolons: migrations and savepoints.
    pub async fn batch(&mut self, text: Cow<'static, str>) -> sqlx::Result<()> {
        let raw = sqlx::raw_sql(AssertSqlSafe(text));
        match self {
            Self::Sqlite(tx) => raw.execute(&mut **tx).await.map(drop),
            Self::Postgres(tx) => raw.execute(&mut **tx).await.map(drop),
        }
    }

    /// Which engine this runs on.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(..) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}
