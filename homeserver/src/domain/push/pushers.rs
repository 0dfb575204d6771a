//! Pushers: where a person's devices want to be told of notifications.
//! <https://spec.matrix.org/v1.18/client-server-api/#push-notifications>

use ruma::{
    DeviceId, UserId,
    api::client::push::{Pusher, PusherIds, PusherKind},
};
use url::Url;

use super::gateway::Gateways;
use crate::{
    domain::journal::{Change, Journal},
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// The longest `pushkey`, in bytes.
const MAX_PUSHKEY: usize = 512;
/// The longest `app_id`, in bytes.
const MAX_APP_ID: usize = 64;
/// Pushers of one person: each costs a call for every notification.
const MAX_PUSHERS: i64 = 32;
/// The path that every push gateway has.
/// <https://spec.matrix.org/v1.18/push-gateway-api/#post_matrixpushv1notify>
const GATEWAY_PATH: &str = "/_matrix/push/v1/notify";

/// Checks what the types of the protocol leave open.
fn check(gateways: &Gateways, pusher: &Pusher) -> Result<()> {
    if pusher.ids.pushkey.len() > MAX_PUSHKEY || pusher.ids.app_id.len() > MAX_APP_ID {
        return Err(ApiError::invalid_param("A pushkey has at most 512 bytes and an app_id at most 64."));
    }
    let PusherKind::Http(data) = &pusher.kind else {
        return Err(ApiError::invalid_param("This server has pushers of the kind http only."));
    };
    let url: Url =
        data.url.parse().map_err(|_| ApiError::invalid_param("data.url is not a URL. Give that of a push gateway."))?;
    if !matches!(url.scheme(), "http" | "https") || url.path() != GATEWAY_PATH {
        return Err(ApiError::invalid_param(format!("data.url must end in {GATEWAY_PATH}.")));
    }
    if !gateways.allows(&url) {
        return Err(ApiError::invalid_param(
            "This push gateway is in the academy's own network. Ask IT to list it in push.allowed_gateways.",
        ));
    }
    Ok(())
}

/// Sets a pusher. Unless it is to be added beside others (`append`), those of other people with its ids go.
///
/// # Errors
///
/// `M_INVALID_PARAM` for what is no pusher of a push gateway that may be told, `M_FORBIDDEN` for one too many.
pub async fn set(
    journal: &Journal,
    gateways: &Gateways,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
    pusher: Pusher,
    append: bool,
) -> Result<()> {
    check(gateways, &pusher)?;
    let json = serde_json::to_string(&pusher)?;
    let (user_id, device_id) = (user_id.to_owned(), device_id.map(ToOwned::to_owned));
    journal
        .write(move |w| {
            Box::pin(async move {
                if !append {
                    for other in storage::push::delete_pushers_of_others(&mut w.tx, &user_id, &pusher.ids).await? {
                        w.changed(Change::Pushers(other));
                    }
                }
                let from = (w.now, w.position());
                storage::push::keep_pusher(&mut w.tx, &user_id, device_id.as_deref(), &pusher.ids, json, from).await?;
                if storage::push::count_pushers(&mut w.tx, &user_id).await? > MAX_PUSHERS {
                    return Err(ApiError::forbidden("You have too many pushers. Remove those that you no longer use."));
                }
                w.changed(Change::Pushers(user_id));
                Ok(())
            })
        })
        .await
}

/// Removes a pusher; one that is not there is no error.
pub async fn remove(journal: &Journal, user_id: &UserId, ids: PusherIds) -> Result<()> {
    let user_id = user_id.to_owned();
    journal
        .write(move |w| {
            Box::pin(async move {
                storage::push::delete_pusher(&mut w.tx, &user_id, &ids).await?;
                w.changed(Change::Pushers(user_id));
                Ok(())
            })
        })
        .await
}

/// A person's pushers, oldest first.
pub async fn of_user(db: &Db, user_id: &UserId) -> Result<Vec<Pusher>> {
    let stored = storage::push::pushers(db, user_id).await?;
    Ok(stored.iter().map(|json| serde_json::from_str(json)).collect::<Result<_, _>>()?)
}
