//! The index of words: on SQLite a full-text table (FTS5) without the texts, on PostgreSQL an inverted index (GIN) over
//! lists of words. Words come here as they are compared, so both engines find the same.

use super::db::{Db, Engine, Query, sql};
use crate::event::Position;

/// Which entries are wanted. No word here has a space or a quotation mark.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Words that all must be there. There must be one at least.
    pub all: &'a [String],
    /// Words of which one must be there; none ask for nothing.
    pub any: &'a [String],
    /// Only entries before this position.
    pub before: Position,
}

/// The positions of up to `limit` entries, newest first.
pub async fn matching(db: &Db, wanted: &Wanted<'_>, limit: i64) -> sqlx::Result<Vec<Position>> {
    let bound = |text: &'static str| sql(text).bind(wanted.before).bind(limit);
    let (all, any) = (wanted.all.join(" "), wanted.any.join(" "));
    let query = match db.engine() {
        Engine::Sqlite => bound(
            "SELECT rowid AS position FROM message_words WHERE message_words MATCH $3 AND rowid < $1 \
             ORDER BY rowid DESC LIMIT $2",
        )
        .bind(expression(wanted)),
        // The sum keeps the engine from reading all entries by position for the sake of the order.
        Engine::Postgres if any.is_empty() => bound(
            "SELECT rowid AS position FROM message_words WHERE string_to_array(words, ' ') @> string_to_array($3, ' ') \
             AND rowid < $1 ORDER BY rowid + 0 DESC LIMIT $2",
        )
        .bind(all),
        Engine::Postgres => bound(
            "SELECT rowid AS position FROM message_words WHERE string_to_array(words, ' ') @> string_to_array($3, ' ') \
             AND string_to_array(words, ' ') && string_to_array($4, ' ') AND rowid < $1 \
             ORDER BY rowid + 0 DESC LIMIT $2",
        )
        .bind(all)
        .bind(any),
    };
    query.all(db).await?.iter().map(|row| row.get("position")).collect()
}

/// What is wanted in the language of FTS5: `"a" AND "b" AND ("c" OR "d")`.
fn expression(wanted: &Wanted<'_>) -> String {
    let quoted = |words: &[String], between: &str| {
        words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(between)
    };
    let all = quoted(wanted.all, " AND ");
    if wanted.any.is_empty() { all } else { format!("{all} AND ({})", quoted(wanted.any, " OR ")) }
}

/// The statement that takes an event out of the index.
pub fn forget(position: Position) -> Query {
    sql("DELETE FROM message_words WHERE rowid = $1").bind(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_said_in_the_engines_language() {
        let words = |words: &[&str]| -> Vec<String> { words.iter().map(|&word| word.to_owned()).collect() };
        for (all, any, expected) in [
            (words(&["урок"]), words(&[]), r#""урок""#),
            (words(&["урок", "and"]), words(&["§a"]), r#""урок" AND "and" AND ("§a")"#),
            (words(&["урок"]), words(&["§a", "§b"]), r#""урок" AND ("§a" OR "§b")"#),
        ] {
            assert_eq!(expression(&Wanted { all: &all, any: &any, before: 1 }), expected);
        }
    }
}
