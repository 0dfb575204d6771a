//! Keys of devices and users.

use axum::extract::State;
use ruma::api::client::keys::{
    claim_keys, get_key_changes, get_keys, upload_keys, upload_signatures, upload_signing_keys,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::encryption::{
        cross_signing::{self, Verdict},
        device_keys::Upload,
    },
    error::Result,
    sync::token::Token,
};

/// `POST /_matrix/client/v3/keys/upload`
pub async fn upload(
    State(app): State<App>,
    request: Ruma<upload_keys::v3::Request>,
) -> Result<upload_keys::v3::Response> {
    let upload_keys::v3::Request { device_keys, one_time_keys, fallback_keys, .. } = request.body;
    let upload = Upload { device_keys, one_time_keys, fallback_keys };
    let counts = app.encryption.upload_keys(&request.caller.user_id, request.caller.device()?, upload).await?;
    Ok(upload_keys::v3::Response::new(counts))
}

/// `POST /_matrix/client/v3/keys/query`
pub async fn query(State(app): State<App>, request: Ruma<get_keys::v3::Request>) -> Result<get_keys::v3::Response> {
    let queried = app.encryption.query(&request.caller.user_id, &request.body.device_keys).await?;
    let mut response = get_keys::v3::Response::new();
    response.device_keys = queried.devices;
    response.master_keys = queried.master;
    response.self_signing_keys = queried.self_signing;
    response.user_signing_keys = queried.user_signing;
    Ok(response)
}

/// `POST /_matrix/client/v3/keys/claim`
pub async fn claim(State(app): State<App>, request: Ruma<claim_keys::v3::Request>) -> Result<claim_keys::v3::Response> {
    Ok(claim_keys::v3::Response::new(app.encryption.claim_keys(request.body.one_time_keys).await?))
}

/// `GET /_matrix/client/v3/keys/changes`
pub async fn changes(
    State(app): State<App>,
    request: Ruma<get_key_changes::v3::Request>,
) -> Result<get_key_changes::v3::Response> {
    let (from, to): (Token, Token) = (request.body.from.parse()?, request.body.to.parse()?);
    // A token from after this moment is of no stream of ours; waiting for it would be in vain.
    let to = to.position.min(app.journal.position());
    let lists = app.encryption.device_lists(&request.caller.user_id, from.position, to).await?;
    Ok(get_key_changes::v3::Response::new(lists.changed.into_iter().collect(), lists.left.into_iter().collect()))
}

/// `POST /_matrix/client/v3/keys/device_signing/upload`
pub async fn upload_signing(
    State(app): State<App>,
    request: Ruma<upload_signing_keys::v3::Request>,
) -> Result<upload_signing_keys::v3::Response> {
    let user_id = &request.caller.user_id;
    let upload_signing_keys::v3::Request { auth, master_key, self_signing_key, user_signing_key, .. } = request.body;
    let upload =
        cross_signing::Upload { master: master_key, self_signing: self_signing_key, user_signing: user_signing_key };
    let verdict = app.encryption.judge_cross_signing(user_id, &upload).await?;
    let replaces = verdict == Verdict::Replaces;
    let allowed = replaces && app.oauth.may_reset(user_id).await?;
    if replaces && !allowed {
        let base = app.config.base_url();
        let page = request.caller.oauth.then(|| format!("{base}/account?action=org.matrix.cross_signing_reset"));
        app.uiaa.require_or_page(&request.caller, "upload_signing_keys", auth.as_ref(), page).await?;
    }
    app.encryption.put_cross_signing(user_id, &upload, replaces).await?;
    if allowed {
        app.oauth.end_reset(user_id).await?;
    }
    Ok(upload_signing_keys::v3::Response::new())
}

/// `POST /_matrix/client/v3/keys/signatures/upload`
pub async fn upload_signatures(
    State(app): State<App>,
    request: Ruma<upload_signatures::v3::Request>,
) -> Result<upload_signatures::v3::Response> {
    let keys = request.body.signed_keys.iter();
    let signed: Vec<_> = keys.flat_map(|(of, keys)| keys.iter().map(move |(id, json)| (&**of, id, json))).collect();
    let failures = app.encryption.add_signatures(&request.caller.user_id, &signed).await?;
    let mut response = upload_signatures::v3::Response::new();
    // ruma's type of a failure can only be read from JSON.
    response.failures = serde_json::from_value(serde_json::to_value(failures)?)?;
    Ok(response)
}
