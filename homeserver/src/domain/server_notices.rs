//! Notices from the server to single people: one room for each, by which clients know them.
//! <https://spec.matrix.org/v1.18/client-server-api/#server-notices>

use std::sync::Arc;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedEventId, OwnedRoomId, OwnedTransactionId, OwnedUserId, RoomId,
    RoomVersionId, UserId,
    api::{client::room::create_room::v3::RoomPreset, error::ErrorKind},
    events::{StateEventType, TimelineEventType, room::member::MembershipState, tag::TagInfo},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    account_data::AccountData,
    accounts::{Accounts, NewAccount, names},
    cache::Turns,
    rooms::{RoomActions, Rooms, create::NewRoom},
    sessions::Requester,
    users::Users,
};
use crate::{
    config::Config,
    error::{ApiError, Result},
};

/// The tag of the room.
const TAG: &str = "m.server_notice";
/// In whose name transaction ids of notices are kept: the sender has no device.
const DEVICE: &str = "server notices";
/// What kind of account the sender has.
const KIND: &str = "bot";
/// Who is at this level may not write: a notice has no answer.
const SILENT: i32 = -10;

/// A notice.
#[derive(Debug)]
pub struct Notice<'a> {
    /// Its type, `m.room.message` as a rule.
    pub kind: TimelineEventType,
    /// For a state event, its key.
    pub state_key: Option<String>,
    /// Its content.
    pub content: &'a RawValue,
    /// A request repeated with the same id has the first one's answer.
    pub txn_id: OwnedTransactionId,
}

/// The service.
#[derive(Debug)]
pub struct ServerNotices {
    sender: OwnedUserId,
    display_name: String,
    room_name: String,
    version: RoomVersionId,
    accounts: Arc<Accounts>,
    users: Arc<Users>,
    rooms: Arc<Rooms>,
    actions: Arc<RoomActions>,
    account_data: AccountData,
    /// One room for each, however many notices come at once.
    turns: Turns,
}

impl ServerNotices {
    /// The service.
    ///
    /// # Errors
    ///
    /// A configured name that no user can have.
    pub fn new(
        config: &Config,
        accounts: Arc<Accounts>,
        users: Arc<Users>,
        rooms: Arc<Rooms>,
        actions: Arc<RoomActions>,
        account_data: AccountData,
    ) -> anyhow::Result<Self> {
        let notices = &config.server_notices;
        let sender = names::new_user_id(&notices.localpart, &config.server.name)
            .map_err(|error| anyhow::anyhow!("server_notices.localpart: {error}"))?;
        Ok(Self {
            sender,
            display_name: notices.display_name.clone(),
            room_name: notices.room_name.clone(),
            version: config.rooms.default_version.clone(),
            accounts,
            users,
            rooms,
            actions,
            account_data,
            turns: Turns::default(),
        })
    }

    /// Sends a notice to a user, into their room for them, which is made for the first.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` where there is no such user.
    pub async fn send(&self, user_id: &UserId, notice: Notice<'_>) -> Result<OwnedEventId> {
        self.users.require(user_id).await?;
        let room_id = self.room_for(user_id).await?;
        let sender = Requester {
            user_id: self.sender.clone(),
            device_id: Some(DEVICE.into()),
            appservice: None,
            token: None,
            oauth: false,
            suspended: false,
        };
        match notice.state_key {
            Some(key) => {
                let kind = StateEventType::from(notice.kind.to_string());
                self.actions.send_state(&sender, &room_id, kind, key, notice.content, None).await
            }
            None => self.actions.send(&sender, &room_id, notice.kind, notice.txn_id, notice.content, None).await,
        }
    }

    /// Whether a user may turn down an invitation or leave. The invitation to one's notices may not be turned down; who has
    /// seen them may leave, and is invited again to the next.
    ///
    /// # Errors
    ///
    /// `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM`.
    pub async fn may_leave(&self, user_id: &UserId, room_id: &RoomId) -> Result<()> {
        let Some(room) = self.rooms.get(room_id).await? else { return Ok(()) };
        if self.is_own(room_id).await? && room.membership(user_id) == Some(&MembershipState::Invite) {
            return Err(ApiError::new(
                http::StatusCode::FORBIDDEN,
                ErrorKind::CannotLeaveServerNoticeRoom,
                "The server's notices come to this room. Accept the invitation; you may leave afterwards.",
            ));
        }
        Ok(())
    }

    /// The same for those who set their membership by hand.
    ///
    /// # Errors
    ///
    /// `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM`.
    pub async fn may_set_membership(&self, user_id: &UserId, room_id: &RoomId, content: &RawValue) -> Result<()> {
        #[derive(Deserialize)]
        struct Wanted {
            membership: MembershipState,
        }
        match serde_json::from_str(content.get()) {
            Ok(Wanted { membership: MembershipState::Leave }) => self.may_leave(user_id, room_id).await,
            _ => Ok(()),
        }
    }

    /// A user's room, to which they are at least invited.
    async fn room_for(&self, user_id: &UserId) -> Result<OwnedRoomId> {
        let _turn = self.turns.take(user_id).await;
        let rooms = self.rooms.of_user(user_id).await?;
        for (room_id, membership) in rooms.iter() {
            if !self.is_own(room_id).await? {
                continue;
            }
            if matches!(membership.membership, MembershipState::Leave | MembershipState::Knock) {
                self.actions.invite(&self.sender, room_id, user_id, None).await?;
            }
            return Ok(room_id.clone());
        }
        self.make_sender().await?;
        let silent = CanonicalJsonValue::Integer(SILENT.into());
        let room = NewRoom {
            version: self.version.clone(),
            preset: RoomPreset::PrivateChat,
            is_public: false,
            name: Some(self.room_name.clone()),
            topic: None,
            alias: None,
            creation_content: CanonicalJsonObject::new(),
            initial_state: Vec::new(),
            power_levels: CanonicalJsonObject::from([("users_default".to_owned(), silent)]),
            invite: vec![user_id.to_owned()],
            is_direct: false,
        };
        let room_id = self.actions.create(&self.sender, room).await?;
        self.account_data.tag(user_id.to_owned(), room_id.clone(), TAG.to_owned(), Some(TagInfo::new())).await?;
        Ok(room_id)
    }

    /// Whether a room is one for notices: the sender is in no other.
    async fn is_own(&self, room_id: &RoomId) -> Result<bool> {
        let rooms = self.rooms.of_user(&self.sender).await?;
        Ok(rooms.get(room_id).is_some_and(|own| own.membership == MembershipState::Join))
    }

    /// Makes the account of the sender, which nobody can sign in to.
    async fn make_sender(&self) -> Result<()> {
        match self.users.get(&self.sender).await? {
            Some(account) if account.user_type.as_deref() == Some(KIND) && !account.deactivated => Ok(()),
            Some(_) => Err(ApiError::unknown(format!(
                "{} is somebody's account. Configure another name (server_notices.localpart).",
                self.sender
            ))),
            None => {
                let display_name = Some(self.display_name.clone());
                let new =
                    NewAccount { display_name, user_type: Some(KIND.into()), ..NewAccount::new(self.sender.clone()) };
                match self.accounts.create(new, None).await {
                    // Two first notices at once make one account.
                    Err(ApiError::Matrix { kind, .. }) if matches!(*kind, ErrorKind::UserInUse) => Ok(()),
                    result => result.map(drop),
                }
            }
        }
    }
}
