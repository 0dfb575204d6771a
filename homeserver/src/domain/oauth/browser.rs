//! Who is signed in in a browser, on the server's own pages; and what they allow there.

use std::time::Duration;

use ruma::{OwnedUserId, UserId};

use super::OAuth;
use crate::{
    clock::{self, Millis},
    domain::sessions,
    error::Result,
    storage,
};

/// How long a browser stays signed in: a classroom's computer has many users.
const LIFETIME: Duration = Duration::from_mins(30);
/// How long a client may set new cross-signing keys after its user allowed it.
const RESET: Duration = Duration::from_mins(10);

impl OAuth {
    /// Signs a browser in: what its cookie is to have.
    pub async fn sign_browser_in(&self, user_id: &UserId) -> Result<String> {
        let secret = clock::random_token();
        let (hash, user_id) = (sessions::hash(&secret), user_id.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let ends_at = w.now + LIFETIME.as_millis() as Millis;
                    Ok(storage::oauth::insert_browser_session(&mut w.tx, &hash, &user_id, ends_at, w.now).await?)
                })
            })
            .await?;
        Ok(secret)
    }

    /// Who is signed in in the browser whose cookie has this.
    pub async fn by_browser(&self, secret: &str) -> Result<Option<OwnedUserId>> {
        let hash = sessions::hash(secret);
        Ok(storage::oauth::browser_session(&self.db, &hash, self.clock.now()).await?)
    }

    /// Signs a browser out.
    pub async fn sign_browser_out(&self, secret: &str) -> Result<()> {
        let hash = sessions::hash(secret);
        self.journal
            .write(move |w| {
                Box::pin(async move { Ok(storage::oauth::delete_browser_session(&mut w.tx, &hash).await?) })
            })
            .await
    }

    /// A user allows the next client that asks for it to set new cross-signing keys.
    pub async fn allow_reset(&self, user_id: &UserId) -> Result<()> {
        let user_id = user_id.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let until = w.now + RESET.as_millis() as Millis;
                    Ok(storage::oauth::allow_reset(&mut w.tx, &user_id, until).await?)
                })
            })
            .await
    }

    /// Whether a user has allowed that.
    pub async fn may_reset(&self, user_id: &UserId) -> Result<bool> {
        Ok(storage::oauth::may_reset(&self.db, user_id, self.clock.now()).await?)
    }

    /// It is done: the next one is asked for again.
    pub async fn end_reset(&self, user_id: &UserId) -> Result<()> {
        let user_id = user_id.to_owned();
        self.journal
            .write(move |w| Box::pin(async move { Ok(storage::oauth::end_reset(&mut w.tx, &user_id).await?) }))
            .await
    }
}
