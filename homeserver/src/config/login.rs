use serde::{Deserialize, Serialize};

use super::ConfigError;

/// How people sign in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// Whether people sign in by password.
    pub password: bool,
    /// The academy's own sign-on (`org.matrix.login.jwt`); off unless set.
    pub jwt: Option<Jwt>,
    /// Memory of the password hash argon2id in KiB. OWASP's minimum is 19,456.
    pub argon2_memory_kib: u32,
    /// Passes of the password hash.
    pub argon2_iterations: u32,
    /// Password hashes computed at the same time.
    pub argon2_parallel_hashes: usize,
    /// How many seconds an access token lives for clients that can refresh theirs.
    pub access_token_lifetime_seconds: u64,
    /// What passwords people may choose.
    pub password_policy: PasswordPolicy,
}

/// What passwords people may choose. Those that they have already keep working.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordPolicy {
    /// The least number of characters.
    pub minimum_length: usize,
    /// Whether there must be a digit.
    pub require_digit: bool,
    /// Whether there must be a small and a capital letter.
    pub require_letter_case: bool,
    /// Whether there must be a character that is neither a letter nor a digit.
    pub require_symbol: bool,
    /// Whether the user's own name and the commonest passwords are refused.
    pub refuse_obvious: bool,
}

impl PasswordPolicy {
    /// More than this nobody could be asked for.
    const LONGEST_MINIMUM: usize = 128;
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum_length: 8,
            require_digit: false,
            require_letter_case: false,
            require_symbol: false,
            refuse_obvious: true,
        }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self {
            password: true,
            jwt: None,
            argon2_memory_kib: 19_456,
            argon2_iterations: 2,
            argon2_parallel_hashes: 2,
            access_token_lifetime_seconds: 3600,
            password_policy: PasswordPolicy::default(),
        }
    }
}

/// The academy's own sign-on: a signed JSON Web Token whose subject is the user's localpart.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The shared secret (`HS256` to `HS512`) or the public key in PEM (`RS…`, `PS…`, `ES…`, `EdDSA`).
    pub secret: String,
    /// The algorithm, as in RFC 7518.
    pub algorithm: String,
    /// The claim with the localpart.
    #[serde(default = "default_subject")]
    pub subject_claim: String,
    /// The claim with a display name for an account made at its first sign-on.
    #[serde(default)]
    pub display_name_claim: Option<String>,
    /// The issuer that must have signed it.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Audiences of which one must be named.
    #[serde(default)]
    pub audiences: Vec<String>,
}

fn default_subject() -> String {
    "sub".to_owned()
}

impl Login {
    /// The cheapest hash that argon2id allows, and any password: the developer's mode.
    pub fn cheapest() -> Self {
        let password_policy = PasswordPolicy { minimum_length: 1, refuse_obvious: false, ..PasswordPolicy::default() };
        Self { argon2_memory_kib: 8, argon2_iterations: 1, password_policy, ..Self::default() }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.argon2_memory_kib < 8 || self.argon2_iterations < 1 || self.argon2_parallel_hashes < 1 {
            return Err(ConfigError::Value {
                key: "login.argon2_memory_kib",
                problem: "memory is at least 8 KiB, iterations and parallel hashes at least 1".into(),
            });
        }
        if !(1..=PasswordPolicy::LONGEST_MINIMUM).contains(&self.password_policy.minimum_length) {
            return Err(ConfigError::Value {
                key: "login.password_policy.minimum_length",
                problem: format!("write a number from 1 to {}", PasswordPolicy::LONGEST_MINIMUM),
            });
        }
        if let Some(jwt) = &self.jwt
            && jwt.algorithm.parse::<jsonwebtoken::Algorithm>().is_err()
        {
            return Err(ConfigError::Value {
                key: "login.jwt.algorithm",
                problem: format!(
                    "\"{}\" is no algorithm of RFC 7518; write HS256, RS256 or another of its names",
                    jwt.algorithm
                ),
            });
        }
        Ok(())
    }
}
