//! Accounts: making them, passwords, closing them.

pub mod closing;
pub mod jwt;
pub mod login_tokens;
pub mod names;
pub mod passwords;

use std::{collections::HashMap, sync::Arc, time::Duration};

use ruma::{OwnedServerName, OwnedUserId, UserId};

use self::{jwt::Jwt, passwords::Passwords};
use super::{
    appservices::{Appservice, Appservices},
    devices::{Devices, Issued, SignIn},
    directory::searchable,
    journal::{Change, Journal},
    users::{Account, Users},
};
pub use crate::storage::accounts::NewAccount;
use crate::{
    clock::{Clock, Millis},
    config::Config,
    error::{ApiError, Result},
    limits::Limits,
    storage::{
        self,
        db::{Db, Query},
    },
};

/// How long an OpenID token lives.
const OPENID_LIFETIME: Duration = Duration::from_hours(1);
/// How often the server looks for notices of commands.
const NOTICES_EVERY: Duration = Duration::from_secs(5);

/// Makes and changes accounts.
#[derive(Debug)]
pub struct Accounts {
    server_name: OwnedServerName,
    db: Db,
    clock: Clock,
    journal: Journal,
    users: Arc<Users>,
    devices: Arc<Devices>,
    limits: Arc<Limits>,
    /// Password hashes.
    pub passwords: Passwords,
    /// The academy's own sign-on, if it is configured.
    pub jwt: Option<Jwt>,
}

impl Accounts {
    /// The service.
    pub fn new(
        config: &Config,
        db: Db,
        clock: Clock,
        journal: Journal,
        users: Arc<Users>,
        devices: Arc<Devices>,
        limits: Arc<Limits>,
    ) -> anyhow::Result<Self> {
        let server_name = config.server.name.clone();
        let passwords = Passwords::new(&config.login)?;
        let jwt = config.login.jwt.as_ref().map(|jwt| Jwt::new(jwt, server_name.clone())).transpose()?;
        Ok(Self { server_name, db, clock, journal, users, devices, limits, passwords, jwt })
    }

    /// The id that a person means who types a name: a whole id of this server or a localpart, in the case that was
    /// typed or, as names are small letters, in small ones. `None` if it can be nobody's here.
    pub async fn find(&self, typed: &str) -> Result<Option<Arc<Account>>> {
        for name in [typed.trim(), &typed.trim().to_lowercase()] {
            let Some(user_id) = names::existing_user_id(name, &self.server_name) else { continue };
            if let Some(account) = self.users.get(&user_id).await? {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    /// Checks that a new account may have a name: well-formed, not taken, and not in a namespace that belongs to an
    /// application service other than the one asking.
    ///
    /// # Errors
    ///
    /// `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`.
    pub async fn available(
        &self,
        name: &str,
        appservices: &Appservices,
        asking: Option<&Appservice>,
    ) -> Result<OwnedUserId> {
        let user_id = names::new_user_id(name, &self.server_name)?;
        if appservices.owns_user(&user_id, asking) || asking.is_some_and(|a| !a.has_user(&user_id)) {
            return Err(ApiError::exclusive("That name is reserved for an application service. Choose another."));
        }
        if self.users.get(&user_id).await?.is_some() {
            return Err(in_use());
        }
        Ok(user_id)
    }

    /// Makes an account and, where asked, signs its first device in: both or neither.
    ///
    /// # Errors
    ///
    /// `M_USER_IN_USE`; `M_FORBIDDEN` where the registration token was used up meanwhile.
    pub async fn create(&self, new: NewAccount, sign_in: Option<SignIn>) -> Result<Option<Issued>> {
        let devices = self.devices.clone();
        let search_text = searchable(&new.user_id, new.display_name.as_deref());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if let Some(token) = &new.registration_token
                        && !storage::accounts::use_registration_token(&mut w.tx, token, w.now).await?
                    {
                        return Err(ApiError::forbidden(
                            "That registration token is no longer valid. Ask for another.",
                        ));
                    }
                    if !storage::accounts::insert(&mut w.tx, &new, &search_text, w.now).await? {
                        return Err(in_use());
                    }
                    storage::terms::insert(&mut w.tx, &new.user_id, &new.accepted_terms, w.now).await?;
                    w.changed(Change::Account(new.user_id.clone()));
                    match sign_in {
                        Some(sign_in) => devices.issue(w, &new.user_id, sign_in).await.map(Some),
                        None => Ok(None),
                    }
                })
            })
            .await
    }

    /// Whether a registration token may be used now.
    pub async fn registration_token_is_valid(&self, token: &str) -> Result<bool> {
        Ok(storage::accounts::registration_token_is_valid(&self.db, token, self.clock.now()).await?)
    }

    /// A token by which another service learns who a user is, and how long it lives.
    pub async fn openid_token(&self, user_id: &UserId) -> Result<(String, Duration)> {
        let token = crate::clock::random_token();
        let (hash, user_id) = (super::sessions::hash(&token), user_id.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let ends_at = w.now + OPENID_LIFETIME.as_millis() as i64;
                    Ok(storage::accounts::insert_openid_token(&mut w.tx, &hash, &user_id, ends_at, w.now).await?)
                })
            })
            .await?;
        Ok((token, OPENID_LIFETIME))
    }

    /// Who stands behind an OpenID token.
    pub async fn by_openid_token(&self, token: &str) -> Result<Option<OwnedUserId>> {
        let hash = super::sessions::hash(token);
        Ok(storage::accounts::by_openid_token(&self.db, &hash, self.clock.now()).await?)
    }

    /// Every account, by id.
    pub async fn all(&self) -> Result<Vec<Account>> {
        Ok(storage::accounts::all(&self.db).await?)
    }

    /// When each user was last seen, where that is known.
    pub async fn last_seen(&self) -> Result<HashMap<OwnedUserId, Millis>> {
        Ok(storage::accounts::last_seen(&self.db).await?)
    }

    /// Gives or takes the right to administer the server.
    pub async fn set_admin(&self, user_id: &UserId, admin: bool) -> Result<()> {
        self.change(user_id, storage::accounts::set_admin(user_id, admin)).await
    }

    /// Locks or unlocks an account.
    pub async fn set_locked(&self, user_id: &UserId, locked: bool) -> Result<()> {
        self.change(user_id, storage::accounts::set_locked(user_id, locked)).await
    }

    /// Suspends an account or lets it take part again.
    pub async fn set_suspended(&self, user_id: &UserId, suspended: bool) -> Result<()> {
        self.change(user_id, storage::accounts::set_suspended(user_id, suspended)).await
    }

    /// Says what kind of account it is.
    pub async fn set_user_type(&self, user_id: &UserId, kind: Option<String>) -> Result<()> {
        self.change(user_id, storage::accounts::set_user_type(user_id, kind.as_deref())).await
    }

    async fn change(&self, user_id: &UserId, statement: Query) -> Result<()> {
        self.journal.run(vec![statement], Some(Change::Account(user_id.to_owned()))).await
    }

    /// Sets a password from a command beside a running server, and signs every device out. The server is told by a
    /// notice, which it looks for every few seconds: see [`Accounts::heed_notices`].
    pub async fn set_password_beside(&self, user_id: &UserId, password: String) -> Result<()> {
        let hash = self.passwords.hash(password).await?;
        let user_id = user_id.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    storage::accounts::set_password(&mut w.tx, &user_id, Some(&hash)).await?;
                    storage::sessions::delete_tokens(&mut w.tx, &user_id, None).await?;
                    storage::login_tokens::delete_of_user(&mut w.tx, &user_id).await?;
                    storage::oauth::delete_of_user(&mut w.tx, &user_id).await?;
                    storage::accounts::insert_notice(&mut w.tx, &user_id, w.now).await?;
                    w.changed(Change::Account(user_id));
                    Ok(())
                })
            })
            .await
    }

    /// Forgets, as soon as a command says so, what is in memory of the accounts that it changed.
    pub async fn heed_notices(self: Arc<Self>) {
        let mut since = self.clock.now();
        loop {
            tokio::time::sleep(NOTICES_EVERY).await;
            let now = self.clock.now();
            match storage::accounts::notices(&self.db, since).await {
                Ok(changed) if changed.is_empty() => {}
                Ok(changed) => {
                    let forgotten = self
                        .journal
                        .write(move |w| {
                            Box::pin(async move {
                                changed.into_iter().for_each(|user_id| w.changed(Change::Account(user_id)));
                                Ok(())
                            })
                        })
                        .await;
                    if let Err(error) = forgotten {
                        tracing::warn!(error = &error as &dyn std::error::Error, "notices were not heeded");
                        continue;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "notices could not be read");
                    continue;
                }
            }
            // A command's commit may come a little after the time that its notice bears.
            since = now - 2 * NOTICES_EVERY.as_millis() as Millis;
        }
    }

    /// Makes the users that application services act as by themselves, so that they are there from the first start.
    pub async fn make_senders(&self, appservices: &Appservices) -> Result<()> {
        for appservice in appservices.iter() {
            if self.users.get(&appservice.sender).await?.is_none() {
                let appservice_id = Some(appservice.id.clone());
                let new = NewAccount { appservice_id, ..NewAccount::new(appservice.sender.clone()) };
                self.create(new, None).await?;
            }
        }
        Ok(())
    }

    /// Whether a password is an account's. An account that there is not, or that has no password, takes as long to
    /// refuse as a wrong password.
    ///
    /// # Errors
    ///
    /// `M_LIMIT_EXCEEDED` after too many wrong ones.
    pub async fn check_password(&self, account: Option<&Account>, password: String) -> Result<bool> {
        if let Some(account) = account {
            self.limits.may_try(&account.user_id)?;
        }
        let hash = account.filter(|a| !a.deactivated).and_then(|a| a.password_hash.clone());
        let is_right = self.passwords.verify(password, hash).await?;
        if let Some(account) = account.filter(|_| !is_right) {
            self.limits.failed(&account.user_id);
        }
        Ok(is_right)
    }

    /// Sets a password. With `sign_out`, every device but `keep` is signed out.
    pub async fn set_password(
        &self,
        user_id: &UserId,
        password: String,
        sign_out: bool,
        keep: Option<ruma::OwnedDeviceId>,
    ) -> Result<()> {
        let hash = self.passwords.hash(password).await?;
        let user_id = user_id.to_owned();
        let devices = self.devices.clone();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    storage::accounts::set_password(&mut w.tx, &user_id, Some(&hash)).await?;
                    // Whoever has a page of the account open in a browser signs in by the new one.
                    storage::oauth::delete_of_user(&mut w.tx, &user_id).await?;
                    w.changed(Change::Account(user_id.clone()));
                    if sign_out {
                        devices.remove_all(w, &user_id, keep.as_deref()).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

fn in_use() -> ApiError {
    ApiError::user_in_use("That name is taken. Choose another.")
}
