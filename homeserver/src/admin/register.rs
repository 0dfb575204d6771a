//! Registration by a shared secret: how tools make accounts, the first administrator's among them.

use std::{collections::HashMap, sync::Arc};

use axum::{extract::State, response::Response};
use hmac::{Hmac, Mac as _};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use sha1::Sha1;

use super::{extract::Body, ok};
use crate::{
    app::App,
    clock::{self, Clock, Millis},
    domain::{
        accounts::NewAccount,
        devices::{Issued, SignIn},
        profiles,
    },
    error::{ApiError, Result},
};

/// How long a nonce may be used.
const LIFETIME_MS: Millis = 60_000;
/// Nonces held in memory.
const MAX_NONCES: usize = 1_000;

/// The secret and the nonces that were given out for it.
#[derive(Debug)]
pub struct SharedSecret {
    secret: Option<String>,
    clock: Clock,
    nonces: Mutex<HashMap<String, Millis>>,
}

impl SharedSecret {
    /// Off unless there is a secret.
    pub fn new(secret: Option<String>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { secret: secret.filter(|secret| !secret.is_empty()), clock, nonces: Mutex::default() })
    }

    fn secret(&self) -> Result<&str> {
        self.secret
            .as_deref()
            .ok_or_else(|| ApiError::unknown("Registration by a shared secret is off. Set registration.shared_secret."))
    }

    fn nonce(&self) -> Result<String> {
        self.secret()?;
        let (nonce, now) = (clock::random_token(), self.clock.now());
        let mut nonces = self.nonces.lock();
        nonces.retain(|_, ends_at| *ends_at > now);
        if nonces.len() >= MAX_NONCES {
            return Err(ApiError::limit_exceeded(std::time::Duration::from_millis(LIFETIME_MS as u64)));
        }
        nonces.insert(nonce.clone(), now + LIFETIME_MS);
        Ok(nonce)
    }

    /// Checks a message's code and uses up its nonce.
    fn check(&self, nonce: &str, message: &[&str], mac: &str) -> Result<()> {
        let secret = self.secret()?;
        let known = self.nonces.lock().remove(nonce).is_some_and(|ends_at| ends_at > self.clock.now());
        if !known {
            return Err(ApiError::unknown("That nonce is not known. Ask for another."));
        }
        let refused = || ApiError::forbidden("The code (mac) is not that of the shared secret.");
        let mut hmac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).map_err(|_| refused())?;
        for (index, part) in message.iter().enumerate() {
            if index > 0 {
                hmac.update(b"\0");
            }
            hmac.update(part.as_bytes());
        }
        // In constant time.
        hmac.verify_slice(&unhex(mac).ok_or_else(refused)?).map_err(|_| refused())
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).map(|d| d as u8);
    text.as_bytes().chunks(2).map(|pair| Some(digit(&pair[0])? << 4 | digit(pair.get(1)?)?)).collect()
}

/// `GET /_synapse/admin/v1/register`
pub(super) async fn nonce(State(app): State<App>) -> Result<Response> {
    Ok(ok(&json!({ "nonce": app.shared_secret.nonce()? })))
}

#[derive(Deserialize)]
pub(super) struct Registration {
    nonce: String,
    username: String,
    password: String,
    mac: String,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    displayname: Option<String>,
    #[serde(default)]
    user_type: Option<String>,
    #[serde(default)]
    inhibit_login: bool,
}

/// `POST /_synapse/admin/v1/register`
pub(super) async fn register(State(app): State<App>, Body(body): Body<Registration>) -> Result<Response> {
    let admin = if body.admin { "admin" } else { "notadmin" };
    let mut message = vec![body.nonce.as_str(), &body.username, &body.password, admin];
    message.extend(body.user_type.as_deref());
    app.shared_secret.check(&body.nonce, &message, &body.mac)?;
    let user_id = app.accounts.available(&body.username, &app.appservices, None).await?;
    app.accounts.passwords.check(user_id.localpart(), &body.password)?;
    let new = NewAccount {
        password_hash: Some(app.accounts.passwords.hash(body.password).await?),
        admin: body.admin,
        user_type: body.user_type,
        display_name: profiles::display_name(body.displayname.map(Into::into))?,
        ..NewAccount::new(user_id.clone())
    };
    let issued = app.accounts.create(new, (!body.inhibit_login).then(SignIn::default)).await?;
    let mut answer = json!({ "user_id": user_id, "home_server": app.config.server.name });
    if let Some(Issued { access_token, device_id, .. }) = issued {
        answer["access_token"] = access_token.into();
        answer["device_id"] = device_id.as_str().into();
    }
    Ok(ok(&answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_the_secret_admits_once() {
        let clock = Clock::manual(0);
        let shared = SharedSecret::new(Some("secret".into()), clock.clone());
        // printf 'nonce\0anna\0wonderland\0notadmin' | openssl sha1 -hmac secret
        let message = ["nonce", "anna", "wonderland", "notadmin"];
        let mut hmac = Hmac::<Sha1>::new_from_slice(b"secret").unwrap();
        hmac.update(b"nonce\0anna\0wonderland\0notadmin");
        let mac = format!("{:x}", hmac.finalize().into_bytes());
        assert!(shared.check("nonce", &message, &mac).is_err(), "a nonce of one's own");
        shared.nonces.lock().insert("nonce".into(), 10);
        shared.check("nonce", &message, &mac).unwrap();
        assert!(shared.check("nonce", &message, &mac).is_err(), "a second time");
        shared.nonces.lock().insert("nonce".into(), 10);
        assert!(shared.check("nonce", &["nonce", "anna", "wonderland", "admin"], &mac).is_err(), "another message");
        shared.nonces.lock().insert("nonce".into(), 10);
        clock.advance(10);
        assert!(shared.check("nonce", &message, &mac).is_err(), "too late");
        assert!(SharedSecret::new(None, clock).nonce().is_err());
        for odd in ["", "0", "zz", "é", "00é"] {
            shared.nonces.lock().insert("nonce".into(), i64::MAX);
            assert!(shared.check("nonce", &message, odd).is_err());
        }
    }
}
