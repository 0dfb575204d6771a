//! Closing an account for good.
//! <https://spec.matrix.org/v1.18/client-server-api/#deactivating-an-account>

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedRoomId, UserId,
    events::{StateEventType, room::member::MembershipState},
};

use super::Accounts;
use crate::{
    domain::{
        encryption,
        event::Draft,
        journal::{Batch, Change},
        rooms::Rooms,
    },
    error::{ApiError, Result},
    storage,
};

impl Accounts {
    /// Closes an account: it leaves every room, its devices, keys and tokens go, nobody can sign in to it and nobody else
    /// can have its name. With `erase` its profile and its name on feedback go too,
    /// and it is marked to have what it wrote hidden.
    ///
    /// It leaves first: should the server stop in between, the account is still open and can be closed again.
    pub async fn close(&self, rooms: &Rooms, user_id: &UserId, erase: bool) -> Result<()> {
        self.users.require(user_id).await?;
        self.leave_rooms(rooms, user_id).await?;
        let (devices, user_id) = (self.devices.clone(), user_id.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    storage::accounts::close(&mut w.tx, &user_id, erase).await?;
                    if erase {
                        storage::feedback::erase(&mut w.tx, &user_id).await?;
                    }
                    devices.remove_all(w, &user_id, None).await?;
                    encryption::forget_user(w, &user_id).await?;
                    w.changed(Change::Profile(user_id));
                    Ok(())
                })
            })
            .await
    }

    async fn leave_rooms(&self, rooms: &Rooms, user_id: &UserId) -> Result<()> {
        let of_user = rooms.of_user(user_id).await?;
        let present: Vec<OwnedRoomId> = of_user
            .iter()
            .filter(|(_, m)| {
                matches!(m.membership, MembershipState::Join | MembershipState::Invite | MembershipState::Knock)
            })
            .map(|(room_id, _)| room_id.clone())
            .collect();
        let ids: Vec<_> = present.iter().map(|id| &**id).collect();
        let (user_id, leave) = (user_id.to_owned(), present.clone());
        self.journal
            .decide(&ids, move |batch| {
                for room_id in &leave {
                    leave_room(batch, room_id, &user_id);
                }
                Ok(())
            })
            .await
    }

    /// Opens a closed account again, with a password or for the academy's sign-on.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn reopen(&self, user_id: &UserId) -> Result<()> {
        let user_id = user_id.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if !storage::accounts::reopen(&mut w.tx, &user_id).await? {
                        return Err(ApiError::not_found("There is no such user."));
                    }
                    w.changed(Change::Account(user_id));
                    Ok(())
                })
            })
            .await
    }
}

/// A room that cannot be left (its rules may have been broken by its own members) must not keep an account open.
fn leave_room(batch: &mut Batch<'_>, room_id: &OwnedRoomId, user_id: &UserId) {
    let membership = CanonicalJsonValue::String(MembershipState::Leave.to_string());
    let content = CanonicalJsonObject::from([("membership".to_owned(), membership)]);
    let draft = Draft::state(user_id, StateEventType::RoomMember, user_id.as_str(), content);
    if let Err(error) = batch.append(room_id, draft) {
        tracing::warn!(%room_id, %error, "a closed account could not leave a room");
    }
}
