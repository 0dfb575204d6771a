//! Passwords: which ones people may choose, and their hashes: argon2id, off the asynchronous threads, a bounded number at
//! once.

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

/// The commonest passwords, one a line, in small letters.
const COMMON: &str = include_str!("common_passwords.txt");
/// The longest password: a hash of more costs us and protects nobody.
const MAX_LENGTH: usize = 512;

/// Computes and checks hashes.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    params: Params,
    at_once: Arc<Semaphore>,
    policy: config::PasswordPolicy,
    /// What an unknown user's password is compared with, so that refusing one takes as long as refusing another.
    dummy: OnceLock<String>,
}

impl Passwords {
    /// Hashes by the configured costs, and checks by the configured policy.
    pub fn new(config: &config::Login) -> anyhow::Result<Self> {
        let params = Params::new(config.argon2_memory_kib, config.argon2_iterations, 1, None)
            .map_err(|e| anyhow::anyhow!("login.argon2_memory_kib, login.argon2_iterations: {e}"))?;
        let at_once = Arc::new(Semaphore::new(config.argon2_parallel_hashes));
        let policy = config.password_policy.clone();
        Ok(Self(Arc::new(Inner { params, at_once, policy, dummy: OnceLock::new() })))
    }

    /// Whether the user whose localpart is `name` may choose a password.
    ///
    /// # Errors
    ///
    /// `M_WEAK_PASSWORD`, as the specification names it, with all that must be mended.
    pub fn check(&self, name: &str, password: &str) -> Result<()> {
        let policy = &self.0.policy;
        let length = password.chars().count();
        let lower = password.to_lowercase();
        let has = |is: fn(char) -> bool| password.chars().any(is);
        let problem = if length < policy.minimum_length {
            format!("A password has at least {} characters. Choose a longer one.", policy.minimum_length)
        } else if length > MAX_LENGTH {
            format!("A password has at most {MAX_LENGTH} characters. Choose a shorter one.")
        } else if policy.require_digit && !has(|c| c.is_numeric()) {
            "A password needs a digit. Add one.".to_owned()
        } else if policy.require_letter_case && !(has(char::is_lowercase) && has(char::is_uppercase)) {
            "A password needs a small and a capital letter. Add what is missing.".to_owned()
        } else if policy.require_symbol && !has(|c| !c.is_alphanumeric()) {
            "A password needs a character that is neither a letter nor a digit. Add one, for example a dash.".to_owned()
        } else if policy.refuse_obvious && lower == name.to_lowercase() {
            "Your own name is no password. Choose one that nobody can guess.".to_owned()
        } else if policy.refuse_obvious && COMMON.lines().any(|common| common == lower) {
            "That is one of the passwords that everybody tries first. Choose one that nobody can guess.".to_owned()
        } else {
            return Ok(());
        };
        Err(ApiError::new(http::StatusCode::BAD_REQUEST, ruma::api::error::ErrorKind::WeakPassword, problem))
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
        let passwords = Passwords::new(&config::Login::cheapest()).unwrap();
        let hash = passwords.hash("wonderland".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert_ne!(hash, passwords.hash("wonderland".into()).await.unwrap(), "each has a salt of its own");
        assert!(passwords.verify("wonderland".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("Wonderland".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify(String::new(), None).await.unwrap(), "nobody has the dummy's password");
    }

    fn refused(policy: config::PasswordPolicy, password: &str) -> bool {
        let login = config::Login { password_policy: policy, ..config::Login::cheapest() };
        Passwords::new(&login).unwrap().check("anna.petrova", password).is_err()
    }

    #[test]
    fn short_endless_and_obvious_passwords_are_refused() {
        let policy = config::PasswordPolicy::default();
        for bad in ["семь123", &"a".repeat(513), "Anna.Petrova", "password", "QWERTYUIOP", "йцукенгш", "Пароль123"]
        {
            assert!(refused(policy.clone(), bad), "{bad}");
        }
        for good in ["восемь12", "wonderland", "anna.petrova.1"] {
            assert!(!refused(policy.clone(), good), "{good}");
        }
        assert!(!refused(config::PasswordPolicy { refuse_obvious: false, ..policy }, "password"));
    }

    #[test]
    fn a_policy_asks_for_more_where_it_is_configured() {
        let policy = config::PasswordPolicy::default();
        let digit = config::PasswordPolicy { require_digit: true, ..policy.clone() };
        assert!(refused(digit.clone(), "страначудес") && !refused(digit, "страна-чудес-7"));
        let case = config::PasswordPolicy { require_letter_case: true, ..policy.clone() };
        assert!(refused(case.clone(), "страначудес") && !refused(case, "СтранаЧудес"));
        let symbol = config::PasswordPolicy { require_symbol: true, ..policy.clone() };
        assert!(refused(symbol.clone(), "СтранаЧудес7") && !refused(symbol, "страна чудес"));
        let long = config::PasswordPolicy { minimum_length: 12, ..policy };
        assert!(refused(long.clone(), "страначудес") && !refused(long, "страна чудес"));
    }

    #[test]
    fn the_list_of_common_passwords_is_short_and_well_formed() {
        let mut seen = std::collections::HashSet::new();
        for word in COMMON.lines() {
            assert!(
                !word.is_empty() && word.to_lowercase() == word && word.trim() == word && seen.insert(word),
                "{word:?}"
            );
        }
        assert!(seen.len() <= 200);
    }
}
