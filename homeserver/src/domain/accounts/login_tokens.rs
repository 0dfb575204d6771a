//! Tokens by which somebody who is signed in lets another device of theirs in.
//! <https://spec.matrix.org/v1.18/client-server-api/#token-based-login>

use std::{sync::Arc, time::Duration};

use ruma::UserId;

use super::Accounts;
use crate::{
    clock,
    domain::{sessions, users::Account},
    error::{ApiError, Result},
    storage,
};

/// How long a token waits for the other device.
const LIFETIME: Duration = Duration::from_mins(2);

impl Accounts {
    /// A token by which another device signs in as this user, once, and how long it lives.
    pub async fn login_token(&self, user_id: &UserId) -> Result<(String, Duration)> {
        let token = clock::random_token();
        let (hash, user_id) = (sessions::hash(&token), user_id.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let ends_at = w.now + LIFETIME.as_millis() as i64;
                    Ok(storage::login_tokens::insert(&mut w.tx, &hash, &user_id, ends_at, w.now).await?)
                })
            })
            .await?;
        Ok((token, LIFETIME))
    }

    /// Uses a token up, and answers with the account that it was for.
    ///
    /// # Errors
    ///
    /// `M_FORBIDDEN` for a token that was used, has ended, or never was.
    pub async fn by_login_token(&self, token: &str) -> Result<Arc<Account>> {
        let hash = sessions::hash(token);
        let user_id = self
            .journal
            .write(move |w| Box::pin(async move { Ok(storage::login_tokens::take(&mut w.tx, &hash, w.now).await?) }))
            .await?;
        let user_id =
            user_id.ok_or_else(|| ApiError::forbidden("This token is not valid any more. Ask for another one."))?;
        self.users.require(&user_id).await
    }
}
