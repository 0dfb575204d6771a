//! Finding people by a part of their name, in any alphabet and case.

use ruma::UserId;

pub use crate::storage::accounts::Person;
use crate::{
    error::Result,
    storage::{self, db::Db},
};

/// Words of a search that count.
const MAX_WORDS: usize = 4;

/// The service.
#[derive(Debug)]
pub struct Directory {
    db: Db,
    everybody: bool,
}

impl Directory {
    /// The service. With `everybody` one finds all users, else those in public rooms and in rooms of one's own.
    pub fn new(db: Db, everybody: bool) -> Self {
        Self { db, everybody }
    }

    /// People whose names hold every word of a search, and whether there are more.
    pub async fn search(&self, by: &UserId, term: &str, limit: usize) -> Result<(Vec<Person>, bool)> {
        let words: Vec<String> = folded(term).split_whitespace().take(MAX_WORDS).map(str::to_owned).collect();
        let mut patterns: [String; MAX_WORDS] = Default::default();
        for (pattern, word) in patterns.iter_mut().zip(&words) {
            *pattern = escaped(word.trim_start_matches('@'));
        }
        let mut found =
            storage::accounts::search(&self.db, by, self.everybody, &patterns, limit.saturating_add(1) as i64).await?;
        let limited = found.len() > limit;
        found.truncate(limit);
        Ok((found, limited))
    }
}

/// What is searched in: the localpart and the display name, as [`folded`] leaves them.
pub fn searchable(user_id: &UserId, display_name: Option<&str>) -> String {
    format!("{} {}", folded(user_id.localpart()), folded(display_name.unwrap_or_default()))
}

/// Letters that people take for the same become the same: capitals and small ones, ё and е.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('ё', "е")
}

/// A word as a part of a `LIKE` pattern.
fn escaped(word: &str) -> String {
    word.chars().flat_map(|c| if "%_\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn names_are_searched_without_regard_to_case() {
        let all = searchable(user_id!("@anna:parta.test"), Some("Анна Королёва"));
        assert_eq!(all, "anna анна королева");
        assert_eq!(folded("КОРОЛЁВА"), "королева");
        assert_eq!(escaped("50%_"), "50\\%\\_");
    }
}
