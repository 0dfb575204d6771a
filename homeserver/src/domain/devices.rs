//! Devices: signing them in and out, their tokens, their names.

use std::{sync::Arc, time::Duration};

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use super::{
    encryption,
    journal::{Change, Journal, Writing},
    sessions::{self, Requester, Seen, Sessions},
};
pub use crate::storage::sessions::Device;
use crate::{
    clock::{self, Clock, Millis},
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// The longest id that a client may give its device, in bytes.
const MAX_DEVICE_ID: usize = 255;
/// The longest name of a device, in bytes; longer ones are refused.
const MAX_DISPLAY_NAME: usize = 512;

/// A device that signs in.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    /// Its id, if it has one already.
    pub device_id: Option<OwnedDeviceId>,
    /// Its name, if it is new.
    pub display_name: Option<String>,
    /// Whether the client can refresh its access token.
    pub refresh: bool,
    /// The OAuth 2.0 client that it signs in by, if it does not by the legacy API.
    pub client_id: Option<String>,
}

/// What a device that signed in is given.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Whose device.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// Its access token.
    pub access_token: String,
    /// The token to refresh it with.
    pub refresh_token: Option<String>,
    /// How long the access token lives.
    pub expires_in: Option<Duration>,
}

/// What comes of a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// A new pair of tokens.
    Issued(Issued),
    /// It is not known, or it is another client's.
    Unknown,
    /// It was replaced by one that is used since: somebody else has one of them. Both have ended now.
    Reused,
    /// The account is locked.
    Locked,
}

/// The devices of all users.
#[derive(Debug)]
pub struct Devices {
    db: Db,
    clock: Clock,
    journal: Journal,
    sessions: Arc<Sessions>,
    access_token_lifetime: Duration,
}

impl Devices {
    /// The service.
    pub fn new(
        db: Db,
        clock: Clock,
        journal: Journal,
        sessions: Arc<Sessions>,
        access_token_lifetime: Duration,
    ) -> Self {
        Self { db, clock, journal, sessions, access_token_lifetime }
    }

    /// Signs a device in.
    pub async fn sign_in(self: &Arc<Self>, user_id: &UserId, sign_in: SignIn) -> Result<Issued> {
        let (this, user_id) = (self.clone(), user_id.to_owned());
        self.journal.write(move |w| Box::pin(async move { this.issue(w, &user_id, sign_in).await })).await
    }

    /// Signs a device in, within a transaction. A device that is known keeps its name; its old tokens end.
    pub async fn issue(&self, w: &mut Writing, user_id: &UserId, sign_in: SignIn) -> Result<Issued> {
        let device_id = match sign_in.device_id {
            Some(id) => {
                check_id(&id)?;
                id
            }
            None => clock::random_word(10, clock::UPPERCASE).into(),
        };
        check_name(sign_in.display_name.as_deref())?;
        let (name, client_id) = (sign_in.display_name.as_deref(), sign_in.client_id.as_deref());
        // A device without keys concerns nobody else, so a new one is not announced: its first upload is.
        let is_new = storage::sessions::insert_device(&mut w.tx, user_id, &device_id, name, client_id, w.now).await?;
        if !is_new {
            storage::sessions::delete_tokens(&mut w.tx, user_id, Some(&device_id)).await?;
            storage::sessions::set_client(&mut w.tx, user_id, &device_id, client_id).await?;
            w.changed(Change::Account(user_id.to_owned()));
        }
        self.tokens(w, user_id, device_id, sign_in.refresh).await
    }

    async fn tokens(
        &self,
        w: &mut Writing,
        user_id: &UserId,
        device_id: OwnedDeviceId,
        refresh: bool,
    ) -> Result<Issued> {
        let access_token = clock::random_token();
        let refresh_token = refresh.then(clock::random_token);
        let expires_in = refresh.then_some(self.access_token_lifetime);
        let refresh_hash = refresh_token.as_deref().map(sessions::hash);
        if let Some(hash) = &refresh_hash {
            storage::sessions::insert_refresh_token(&mut w.tx, hash, user_id, &device_id, w.now).await?;
        }
        let token = storage::sessions::NewToken {
            hash: sessions::hash(&access_token),
            user_id,
            device_id: Some(&device_id),
            expires_at: expires_in.map(|lifetime| w.now + lifetime.as_millis() as i64),
            refresh_token: refresh_hash.as_ref(),
            puppeted_by: None,
        };
        storage::sessions::insert_token(&mut w.tx, &token, w.now).await?;
        Ok(Issued { user_id: user_id.to_owned(), device_id, access_token, refresh_token, expires_in })
    }

    /// A new pair of tokens for a refresh token, for the client that it was given to (`None`: by the legacy API). The
    /// old pair lives until the new one is used; a token that is shown after that has been stolen from one of the two
    /// who have it, so all of the device's tokens end (RFC 9700 section 4.14).
    pub async fn refresh(self: &Arc<Self>, refresh_token: &str, client_id: Option<String>) -> Result<Refreshed> {
        let (this, old) = (self.clone(), sessions::hash(refresh_token));
        // Tokens that are made up are refused without the writer's time.
        if storage::sessions::refresh_token(&self.db, &old).await?.is_none() {
            return Ok(Refreshed::Unknown);
        }
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let row = storage::sessions::refresh_token(&mut w.tx, &old).await?;
                    let Some(row) = row.filter(|row| row.client_id == client_id) else {
                        return Ok(Refreshed::Unknown);
                    };
                    if row.spent {
                        this.end_tokens(w, &row.user_id, &row.device_id).await?;
                        return Ok(Refreshed::Reused);
                    }
                    if row.locked {
                        return Ok(Refreshed::Locked);
                    }
                    // Using a token ends the one that it replaced.
                    storage::sessions::end_predecessor(&mut w.tx, &old).await?;
                    // Its own answer was lost if it is used a second time: nobody has that pair.
                    if let Some(lost) = row.next {
                        storage::sessions::delete_refresh_token(&mut w.tx, &lost).await?;
                    }
                    w.changed(Change::Account(row.user_id.clone()));
                    let issued = this.tokens(w, &row.user_id, row.device_id, true).await?;
                    if let Some(new) = &issued.refresh_token {
                        storage::sessions::replace_refresh_token(&mut w.tx, &old, &sessions::hash(new)).await?;
                    }
                    Ok(Refreshed::Issued(issued))
                })
            })
            .await
    }

    /// Ends a device's tokens, within a transaction. It keeps its keys, and may sign in again.
    pub async fn end_tokens(&self, w: &mut Writing, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
        storage::sessions::end_tokens(&mut w.tx, user_id, device_id, w.now).await?;
        w.changed(Change::Account(user_id.to_owned()));
        Ok(())
    }

    /// Signs out the device of an access token or a refresh token, which was given to this client. A token that is not
    /// known is passed over (RFC 7009 section 2.2); `false` if it is another client's.
    pub async fn revoke(&self, token: &str, client_id: Option<String>) -> Result<bool> {
        let hash = sessions::hash(token);
        if storage::sessions::device_of_token(&self.db, &hash).await?.is_none() {
            return Ok(true);
        }
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let found = storage::sessions::device_of_token(&mut w.tx, &hash).await?;
                    let Some((user_id, device_id, of)) = found else { return Ok(true) };
                    if of.is_none() || (client_id.is_some() && client_id != of) {
                        return Ok(false);
                    }
                    forget(w, &user_id, &device_id).await?;
                    w.changed(Change::Account(user_id));
                    Ok(true)
                })
            })
            .await
    }

    /// Signs out the device that calls; it is deleted.
    pub async fn sign_out(self: &Arc<Self>, requester: &Requester) -> Result<()> {
        if let Some(device_id) = &requester.device_id {
            return self.remove(&requester.user_id, vec![device_id.clone()]).await;
        }
        let (Some(token), user_id) = (requester.token, requester.user_id.clone()) else { return Ok(()) };
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    storage::sessions::delete_token(&mut w.tx, &token).await?;
                    w.changed(Change::Account(user_id));
                    Ok(())
                })
            })
            .await
    }

    /// Signs out every device of a user but one; they are deleted.
    pub async fn sign_out_all(self: &Arc<Self>, user_id: &UserId, keep: Option<OwnedDeviceId>) -> Result<()> {
        let (this, user_id) = (self.clone(), user_id.to_owned());
        self.journal.write(move |w| Box::pin(async move { this.remove_all(w, &user_id, keep.as_deref()).await })).await
    }

    /// Deletes every device of a user but one, with all tokens and what lets further devices in, within a transaction.
    pub async fn remove_all(&self, w: &mut Writing, user_id: &UserId, keep: Option<&DeviceId>) -> Result<()> {
        for device_id in storage::sessions::device_ids(&mut w.tx, user_id).await? {
            if keep != Some(&*device_id) {
                forget(w, user_id, &device_id).await?;
            }
        }
        storage::sessions::delete_tokens_except(&mut w.tx, user_id, keep).await?;
        storage::login_tokens::delete_of_user(&mut w.tx, user_id).await?;
        storage::oauth::delete_of_user(&mut w.tx, user_id).await?;
        w.changed(Change::Account(user_id.to_owned()));
        Ok(())
    }

    /// Deletes devices with their tokens and all that waits for them. Those that are not there are passed over.
    pub async fn remove(&self, user_id: &UserId, device_ids: Vec<OwnedDeviceId>) -> Result<()> {
        let user_id = user_id.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    for device_id in &device_ids {
                        forget(w, &user_id, device_id).await?;
                    }
                    w.changed(Change::Account(user_id));
                    Ok(())
                })
            })
            .await
    }

    /// A user's devices.
    pub async fn of_user(&self, user_id: &OwnedUserId) -> Result<Vec<Device>> {
        let mut devices = storage::sessions::devices(&self.db, user_id).await?;
        for device in &mut devices {
            self.lay_noted_over(user_id, device);
        }
        Ok(devices)
    }

    /// One device of a user.
    pub async fn get(&self, user_id: &OwnedUserId, device_id: &DeviceId) -> Result<Option<Device>> {
        Ok(storage::sessions::device(&self.db, user_id, device_id).await?.map(|mut device| {
            self.lay_noted_over(user_id, &mut device);
            device
        }))
    }

    fn lay_noted_over(&self, user_id: &OwnedUserId, device: &mut Device) {
        if let Some(seen) = self.sessions.noted(user_id, &device.device_id) {
            device.last_seen_at = Some(seen.at);
            device.last_seen_ip = seen.ip.map(|ip| ip.to_string()).or(device.last_seen_ip.take());
            device.last_seen_user_agent = seen.user_agent.or(device.last_seen_user_agent.take());
        }
    }

    /// Notes that an application service acts as one of a user's devices.
    ///
    /// # Errors
    ///
    /// `M_UNKNOWN_DEVICE`.
    pub async fn act_as(&self, user_id: &OwnedUserId, device_id: &OwnedDeviceId, seen: Seen) -> Result<()> {
        let unknown = || ApiError::unknown_device("This user has no such device. Make it first.");
        let device = self.get(user_id, device_id).await?.ok_or_else(unknown)?;
        self.sessions.saw(user_id, device_id, device.last_seen_at.unwrap_or_default(), seen);
        Ok(())
    }

    /// Gives a device a name; without one it keeps its own.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn rename(&self, user_id: &UserId, device_id: &DeviceId, name: Option<String>) -> Result<()> {
        check_name(name.as_deref())?;
        let (user_id, device_id) = (user_id.to_owned(), device_id.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if !storage::sessions::rename_device(&mut w.tx, &user_id, &device_id, name.as_deref()).await? {
                        return Err(no_device());
                    }
                    Ok(encryption::device_renamed(w, &user_id, &device_id).await?)
                })
            })
            .await
    }

    /// Gives a device a name likewise, or makes it if there is none: for an application service, whose users need not sign
    /// in. Whether it was made.
    pub async fn name_or_make(&self, user_id: &UserId, device_id: &DeviceId, name: Option<String>) -> Result<bool> {
        check_id(device_id)?;
        check_name(name.as_deref())?;
        let (user_id, device_id) = (user_id.to_owned(), device_id.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let name = name.as_deref();
                    if storage::sessions::insert_device(&mut w.tx, &user_id, &device_id, name, None, w.now).await? {
                        return Ok(true);
                    }
                    storage::sessions::rename_device(&mut w.tx, &user_id, &device_id, name).await?;
                    encryption::device_renamed(w, &user_id, &device_id).await?;
                    Ok(false)
                })
            })
            .await
    }

    /// An access token without a device, by which an administrator acts as a user.
    pub async fn puppet(&self, user_id: &UserId, by: &UserId, until: Option<Millis>) -> Result<String> {
        let access_token = clock::random_token();
        let (hash, user_id, by) = (sessions::hash(&access_token), user_id.to_owned(), by.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let token = storage::sessions::NewToken {
                        hash,
                        user_id: &user_id,
                        device_id: None,
                        expires_at: until,
                        refresh_token: None,
                        puppeted_by: Some(&by),
                    };
                    Ok(storage::sessions::insert_token(&mut w.tx, &token, w.now).await?)
                })
            })
            .await?;
        Ok(access_token)
    }

    /// Writes down now and then which devices were seen, until the server stops.
    pub async fn keep_seen(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_mins(1)).await;
            if let Err(error) = self.sessions.write_seen().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "when devices were last seen was not written");
            }
            if let Err(error) = self.delete_expired().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "expired tokens were not deleted");
            }
        }
    }

    /// Deletes access tokens that ended a day ago and more: until then their owners hear that they may refresh. Spent
    /// refresh tokens, which betray a thief, stay for a month.
    async fn delete_expired(&self) -> Result<()> {
        let day = 24 * 60 * 60 * 1000;
        let before = self.clock.now() - day;
        if !storage::sessions::any_expired(&self.db, before).await? {
            return Ok(());
        }
        self.journal.run(storage::sessions::delete_expired(before, before - 30 * day).into(), None).await
    }
}

/// Deletes a device with its keys, its tokens and all that waits for it; one that is not there is passed over.
async fn forget(w: &mut Writing, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
    if storage::sessions::delete_device(&mut w.tx, user_id, device_id).await? {
        encryption::forget_device(w, user_id, device_id).await?;
    }
    Ok(())
}

fn check_id(id: &DeviceId) -> Result<()> {
    let id = id.as_str();
    if id.is_empty() || id.len() > MAX_DEVICE_ID || id.contains('\0') {
        return Err(ApiError::invalid_param("device_id cannot be used: it has from 1 to 255 bytes."));
    }
    Ok(())
}

fn check_name(name: Option<&str>) -> Result<()> {
    match name {
        Some(name) if name.len() > MAX_DISPLAY_NAME => {
            Err(ApiError::too_large("The device's name is too long. Choose a shorter one."))
        }
        _ => Ok(()),
    }
}

/// `M_NOT_FOUND` for a device.
pub fn no_device() -> ApiError {
    ApiError::not_found("You have no such device.")
}
