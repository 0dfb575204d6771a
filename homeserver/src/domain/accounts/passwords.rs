//! Password hashes: argon2id, off the asynchronous threads, a bounded number at once.

use std::sync::{Arc, OnceLock};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::{self, SaltString},
};
use tokio::sync::Semaphore;

use crate::{
    clock, config,
    error::{ApiError, Result},
};

/// The shortest password that people may choose.
pub const MIN_LENGTH: usize = 8;
/// The longest: a hash of more costs us and protects nobody.
const MAX_LENGTH: usize = 512;

/// Computes and checks hashes.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    params: Params,
    at_once: Arc<Semaphore>,
    min_length: usize,
    /// What an unknown user's password is compared with, so that refusing one takes as long as refusing another.
    dummy: OnceLock<String>,
}

impl Passwords {
    /// Hashes by the configured costs; `min_length` is what people may choose at least.
    pub fn new(config: &config::Login, min_length: usize) -> anyhow::Result<Self> {
        let params = Params::new(config.argon2_memory_kib, config.argon2_iterations, 1, None)
            .map_err(|e| anyhow::anyhow!("login.argon2_memory_kib, login.argon2_iterations: {e}"))?;
        let at_once = Arc::new(Semaphore::new(config.argon2_parallel_hashes));
        Ok(Self(Arc::new(Inner { params, at_once, min_length, dummy: OnceLock::new() })))
    }

    /// Whether people may choose a password.
    ///
    /// # Errors
    ///
    /// `M_WEAK_PASSWORD`, as the specification names it.
    pub fn check(&self, password: &str) -> Result<()> {
        let length = password.chars().count();
        if (self.0.min_length..=MAX_LENGTH).contains(&length) {
            return Ok(());
        }
        Err(ApiError::new(
            http::StatusCode::BAD_REQUEST,
            ruma::api::error::ErrorKind::WeakPassword,
            format!("A password has {} to {MAX_LENGTH} characters.", self.0.min_length.max(1)),
        ))
    }

    /// The hash of a password, as a PHC string.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.bounded(move |inner| inner.hash(&password).map_err(|e| ApiError::internal(e.to_string()))).await
    }

    /// Whether a password has a hash. Without a hash it has not, but finding that out takes as long.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        if password.len() > MAX_LENGTH * 4 {
            return Ok(false);
        }
        self.bounded(move |inner| {
            let dummy = || inner.dummy.get_or_init(|| inner.hash("").unwrap_or_default());
            let is_real = hash.is_some();
            let hash = hash.as_deref().unwrap_or_else(|| dummy());
            let parsed = PasswordHash::new(hash).map_err(|e| ApiError::internal(e.to_string()))?;
            Ok(inner.argon2().verify_password(password.as_bytes(), &parsed).is_ok() && is_real)
        })
        .await
    }

    async fn bounded<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = self.0.clone();
        let permit = self.0.at_once.clone().acquire_owned().await.map_err(ApiError::internal)?;
        // The permit goes with the work: a caller that gives up does not make room for a further hash.
        let work = move || {
            let _permit = permit;
            work(&inner)
        };
        tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?
    }
}

impl Inner {
    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    fn hash(&self, password: &str) -> password_hash::Result<String> {
        let salt = SaltString::encode_b64(&clock::random_bytes::<16>())?;
        Ok(self.argon2().hash_password(password.as_bytes(), &salt)?.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_knows_its_password_alone() {
        let passwords = Passwords::new(&config::Login::cheapest(), MIN_LENGTH).unwrap();
        let hash = passwords.hash("wonderland".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert_ne!(hash, passwords.hash("wonderland".into()).await.unwrap(), "each has a salt of its own");
        assert!(passwords.verify("wonderland".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("Wonderland".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify(String::new(), None).await.unwrap(), "nobody has the dummy's password");
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        let passwords = Passwords::new(&config::Login::cheapest(), MIN_LENGTH).unwrap();
        assert!(passwords.check("семь123").is_err());
        assert!(passwords.check("восемь12").is_ok());
        assert!(passwords.check(&"a".repeat(513)).is_err());
    }
}
