//! What the server speaks and where it is.

use std::collections::BTreeMap;

use axum::extract::State;
use ruma::api::client::discovery::get_capabilities::v3::{
    AccountModerationCapability, Capabilities, ChangePasswordCapability, GetLoginTokenCapability,
    ProfileFieldsCapability, RoomVersionStability, RoomVersionsCapability, ThirdPartyIdChangesCapability,
};
use ruma::api::client::discovery::{
    discover_homeserver,
    discover_support::{self, Contact, ContactRole},
    get_capabilities, get_supported_versions,
};
use serde_json::json;

use super::{delayed_events, membership::mutual_rooms, oauth::rendezvous, ruma::Ruma, sync, threads};
use crate::{
    app::App,
    config,
    error::{ApiError, Result},
};

/// `GET /_matrix/client/versions`
pub async fn versions(
    _: State<App>,
    _: Ruma<get_supported_versions::Request>,
) -> Result<get_supported_versions::Response> {
    // What each asks for, and where it holds, is in tests/api/versions.txt.
    let versions = [
        "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12",
        "v1.13", "v1.14", "v1.15", "v1.16", "v1.17", "v1.18", "v1.19",
    ];
    let mut response = get_supported_versions::Response::new(versions.map(str::to_owned).into());
    let features = [
        mutual_rooms::FEATURE,
        mutual_rooms::STABLE,
        sync::SLIDING_SYNC,
        rendezvous::FEATURE,
        rendezvous::json::FEATURE,
        delayed_events::FEATURE,
        threads::SUBSCRIPTIONS,
        threads::SUBSCRIPTIONS_IN_SYNC,
    ];
    for feature in features {
        response.unstable_features.insert(feature.to_owned(), true);
    }
    Ok(response)
}

/// `GET /.well-known/matrix/client`
pub async fn homeserver(
    State(app): State<App>,
    _: Ruma<discover_homeserver::Request>,
) -> Result<discover_homeserver::Response> {
    if !app.config.knows_its_address() {
        return Err(ApiError::not_found("This server is where you found it."));
    }
    Ok(discover_homeserver::Response::new(discover_homeserver::HomeserverInfo::new(app.config.base_url())))
}

/// `GET /.well-known/matrix/support`
pub async fn support(State(app): State<App>, _: Ruma<discover_support::Request>) -> Result<discover_support::Response> {
    let config = &app.config.support;
    let contact = match (&config.email, &config.matrix_id) {
        (Some(email), matrix_id) => {
            let mut contact = Contact::with_email_address(ContactRole::Admin, email.clone());
            contact.matrix_id.clone_from(matrix_id);
            Some(contact)
        }
        (None, Some(matrix_id)) => Some(Contact::with_matrix_id(ContactRole::Admin, matrix_id.clone())),
        (None, None) => None,
    };
    if contact.is_none() && config.page.is_none() {
        return Err(ApiError::not_found("Nobody is named here for help. Ask whoever gave you your account."));
    }
    let mut response = discover_support::Response::with_contacts(contact.into_iter().collect());
    response.support_page = config.page.as_ref().map(ToString::to_string);
    Ok(response)
}

/// `GET /_matrix/client/v3/capabilities`
pub async fn capabilities(
    State(app): State<App>,
    request: Ruma<get_capabilities::v3::Request>,
) -> Result<get_capabilities::v3::Response> {
    let available: BTreeMap<_, _> =
        config::Rooms::VERSIONS.into_iter().map(|version| (version, RoomVersionStability::Stable)).collect();
    let mut capabilities = Capabilities::new();
    capabilities.room_versions = RoomVersionsCapability::new(app.config.rooms.default_version.clone(), available);
    capabilities.change_password = ChangePasswordCapability::new(app.config.login.password);
    // Left out, clients read it as yes, and offer e-mail addresses that go nowhere.
    capabilities.thirdparty_id_changes = ThirdPartyIdChangesCapability::new(false);
    capabilities.profile_fields = Some(ProfileFieldsCapability::new(true));
    let limits = &app.config.delayed_events;
    let max_delay_ms = limits.max_delay_seconds.saturating_mul(1000);
    let limits = json!({ "max_delay_ms": max_delay_ms, "max_scheduled": limits.max_per_user });
    capabilities.set(delayed_events::CAPABILITY, limits)?;
    // It asks for proof of who one is, which needs a password or the academy's sign-on.
    let account = app.users.get(&request.caller.user_id).await?;
    let has_password = account.as_ref().is_some_and(|account| account.password_hash.is_some());
    capabilities.get_login_token = GetLoginTokenCapability::new(app.accounts.jwt.is_some() || has_password);
    let moderates = account.is_some_and(|account| account.admin);
    capabilities.account_moderation = AccountModerationCapability::new(moderates, moderates);
    Ok(get_capabilities::v3::Response::new(capabilities))
}
