//! The academy's own sign-on: a JSON Web Token that names a user of this server.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ruma::{OwnedServerName, OwnedUserId};
use serde_json::{Map, Value};

use super::names;
use crate::{
    config,
    error::{ApiError, Result},
};

/// Whom a token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOn {
    /// The user.
    pub user_id: OwnedUserId,
    /// A display name for an account that is made now.
    pub display_name: Option<String>,
}

/// Checks tokens.
pub struct Jwt {
    key: DecodingKey,
    validation: Validation,
    subject_claim: String,
    display_name_claim: Option<String>,
    server_name: OwnedServerName,
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwt").field("validation", &self.validation).finish_non_exhaustive()
    }
}

impl Jwt {
    /// Reads the key.
    pub fn new(config: &config::Jwt, server_name: OwnedServerName) -> anyhow::Result<Self> {
        let algorithm: Algorithm = config.algorithm.parse()?;
        let secret = config.secret.as_bytes();
        let key = match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Ok(DecodingKey::from_secret(secret)),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => DecodingKey::from_rsa_pem(secret),
            Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(secret),
            Algorithm::EdDSA => DecodingKey::from_ed_pem(secret),
        }
        .map_err(|e| anyhow::anyhow!("login.jwt.secret is no key for {}: {e}", config.algorithm))?;
        // One algorithm, and not the one that the token names: its author must not choose how it is checked.
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = true;
        validation.validate_nbf = true;
        validation.required_spec_claims.clear();
        if let Some(issuer) = &config.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        validation.validate_aud = !config.audiences.is_empty();
        if validation.validate_aud {
            validation.set_audience(&config.audiences);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        let (subject_claim, display_name_claim) = (config.subject_claim.clone(), config.display_name_claim.clone());
        Ok(Self { key, validation, subject_claim, display_name_claim, server_name })
    }

    /// Whom a token names, if its signature, times, issuer and audience are right.
    ///
    /// # Errors
    ///
    /// `M_FORBIDDEN`, with the reason.
    pub fn check(&self, token: &str) -> Result<SignedOn> {
        let refused = |reason: String| ApiError::forbidden(format!("The sign-on was not accepted: {reason}"));
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &self.key, &self.validation)
            .map_err(|e| refused(e.to_string()))?
            .claims;
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty());
        let subject = text(&self.subject_claim).ok_or_else(|| refused(format!("it has no {}", self.subject_claim)))?;
        let user_id = names::new_user_id(subject, &self.server_name)
            .map_err(|_| refused(format!("{} is no name that a user can have", self.subject_claim)))?;
        let display_name = self.display_name_claim.as_deref().and_then(text).map(str::to_owned);
        Ok(SignedOn { user_id, display_name })
    }
}
