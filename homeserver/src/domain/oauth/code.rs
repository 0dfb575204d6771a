//! Authorization codes: a person let a client in, which now fetches its tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ruma::UserId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    Answer, Grant, Granted, OAuth, Refusal,
    authorization::{Asked, Return},
    client::Client,
};
use crate::{
    clock::{self, Millis},
    domain::sessions,
    error::Result,
    storage::{self, oauth::Code},
};

/// How long a code waits. RFC 6749 section 4.1.2 has ten minutes at most.
const LIFETIME_MS: Millis = 60_000;

impl OAuth {
    /// A code by which a client may fetch tokens once: a person has let it in.
    pub async fn code(&self, client: &Client, user_id: &UserId, asked: Asked, back: &Return) -> Result<String> {
        let secret = clock::random_token();
        let hash = sessions::hash(&secret);
        let code = Code {
            client_id: client.id.clone(),
            user_id: user_id.to_owned(),
            device_id: asked.scope.device_id,
            scope: asked.scope.granted,
            redirect_uri: back.redirect_uri.clone(),
            code_challenge: asked.code_challenge,
        };
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let ends_at = w.now + LIFETIME_MS;
                    Ok(storage::oauth::insert_code(&mut w.tx, &hash, &code, ends_at, w.now).await?)
                })
            })
            .await?;
        Ok(secret)
    }

    /// Tokens for a code. A code that comes a second time has been stolen, so the session of the first time ends (RFC
    /// 6749 section 4.1.2).
    pub async fn redeem(
        &self,
        client: &Client,
        secret: &str,
        redirect_uri: &str,
        code_verifier: &str,
    ) -> Answer<Granted> {
        let devices = self.devices.clone();
        let hash = sessions::hash(secret);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier.as_bytes()));
        let unknown = || Ok(Err(Refusal::grant("The code is not known, or has ended.")));
        // Codes that are made up are refused without the writer's time.
        if storage::oauth::code(&self.db, &hash, self.clock.now()).await?.is_none() {
            return unknown();
        }
        let (client_id, client_name) = (client.id.clone(), client.metadata.client_name.clone());
        let redirect_uri = redirect_uri.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let refused = |why: &str| Ok(Err(Refusal::grant(why)));
                    let Some(found) = storage::oauth::code(&mut w.tx, &hash, w.now).await? else {
                        return unknown();
                    };
                    let code = found.code;
                    if code.client_id != client_id || code.redirect_uri != redirect_uri {
                        return refused("The code was given to another client, or for another redirect_uri.");
                    }
                    if !bool::from(code.code_challenge.as_bytes().ct_eq(challenge.as_bytes())) {
                        return refused("code_verifier does not fit the code_challenge.");
                    }
                    if found.used {
                        devices.end_tokens(w, &code.user_id, &code.device_id).await?;
                        return refused("The code was used before. The session has ended.");
                    }
                    if !found.open {
                        return refused("The account is locked or closed.");
                    }
                    storage::oauth::use_code(&mut w.tx, &hash).await?;
                    let grant = Grant {
                        user_id: code.user_id,
                        device_id: code.device_id,
                        client_id,
                        client_name,
                        scope: code.scope,
                    };
                    grant.issue(w, &devices).await.map(Ok)
                })
            })
            .await
    }
}
