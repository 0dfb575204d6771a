//! Registration tokens: who holds one may make an account.
//! <https://spec.matrix.org/v1.18/client-server-api/#token-authenticated-registration>

use super::journal::Journal;
pub use crate::storage::accounts::RegistrationToken;
use crate::{
    clock,
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// The longest token, by the specification.
const MAX_LENGTH: usize = 64;

/// The service.
#[derive(Debug)]
pub struct RegistrationTokens {
    db: Db,
    journal: Journal,
}

impl RegistrationTokens {
    /// The service.
    pub fn new(db: Db, journal: Journal) -> Self {
        Self { db, journal }
    }

    /// All of them.
    pub async fn all(&self) -> Result<Vec<RegistrationToken>> {
        Ok(storage::accounts::registration_tokens(&self.db).await?)
    }

    /// One of them, or `M_NOT_FOUND`.
    pub async fn require(&self, token: &str) -> Result<RegistrationToken> {
        self.all().await?.into_iter().find(|known| known.token == token).ok_or_else(no_token)
    }

    /// Makes a token: of the given text, or of `length` random characters.
    ///
    /// # Errors
    ///
    /// `M_INVALID_PARAM` for a text that cannot be one or is one already.
    pub async fn create(
        &self,
        token: Option<String>,
        length: Option<usize>,
        uses_allowed: Option<i64>,
        expires_at: Option<i64>,
    ) -> Result<RegistrationToken> {
        let length = length.unwrap_or(16);
        if !(1..=MAX_LENGTH).contains(&length) {
            return Err(ApiError::invalid_param("A token has 1 to 64 characters."));
        }
        let token = token.unwrap_or_else(|| clock::random_word(length, clock::LOWERCASE));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
        if token.is_empty() || token.len() > MAX_LENGTH || !token.chars().all(allowed) {
            return Err(ApiError::invalid_param("A token is made of 1 to 64 of A-Z a-z 0-9 . _ ~ -"));
        }
        check(uses_allowed)?;
        let new = RegistrationToken { token, uses_allowed, completed: 0, expires_at };
        let row = new.clone();
        let is_new = self
            .journal
            .write(move |w| {
                Box::pin(async move { Ok(storage::accounts::insert_registration_token(&mut w.tx, &row).await?) })
            })
            .await?;
        if is_new { Ok(new) } else { Err(ApiError::invalid_param("There is such a token already.")) }
    }

    /// Changes how often and until when a token may be used.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn update(&self, changed: RegistrationToken) -> Result<()> {
        check(changed.uses_allowed)?;
        let found = self
            .journal
            .write(move |w| {
                Box::pin(async move { Ok(storage::accounts::update_registration_token(&mut w.tx, &changed).await?) })
            })
            .await?;
        if found { Ok(()) } else { Err(no_token()) }
    }

    /// Deletes a token.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn delete(&self, token: &str) -> Result<()> {
        let token = token.to_owned();
        let found = self
            .journal
            .write(move |w| {
                Box::pin(async move { Ok(storage::accounts::delete_registration_token(&mut w.tx, &token).await?) })
            })
            .await?;
        if found { Ok(()) } else { Err(no_token()) }
    }
}

fn check(uses_allowed: Option<i64>) -> Result<()> {
    match uses_allowed {
        Some(..0) => Err(ApiError::invalid_param("uses_allowed is 0 or more, or null for any number.")),
        _ => Ok(()),
    }
}

fn no_token() -> ApiError {
    ApiError::not_found("There is no such registration token.")
}
