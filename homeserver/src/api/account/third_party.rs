//! E-mail addresses and telephone numbers of accounts: there are none here, and nobody to send a token to them.
//! <https://spec.matrix.org/v1.18/client-server-api/#adding-account-administrative-contact-information>

use axum::extract::State;
use http::StatusCode;
use ruma::api::{
    client::account::{
        ThirdPartyIdRemovalStatus, add_3pid, bind_3pid, delete_3pid, get_3pids,
        request_3pid_management_token_via_email, request_3pid_management_token_via_msisdn,
        request_password_change_token_via_email, request_password_change_token_via_msisdn,
        request_registration_token_via_email, request_registration_token_via_msisdn, unbind_3pid,
    },
    error::ErrorKind,
};

use crate::{
    api::ruma::Ruma,
    app::App,
    error::{ApiError, Result},
};

const NO_ADDRESSES: &str = "Accounts have no e-mail addresses and telephone numbers here. Leave it out.";
const NO_RESET: &str = "A password is not set anew by e-mail or telephone here. Ask an administrator.";

/// Handlers of what is not possible here.
macro_rules! refused {
    ($($(#[$doc:meta])* $name:ident($endpoint:ident): $status:ident, $kind:ident, $message:expr;)+) => {$(
        $(#[$doc])*
        pub async fn $name(State(_): State<App>, _: Ruma<$endpoint::v3::Request>) -> Result<$endpoint::v3::Response> {
            Err(ApiError::new(StatusCode::$status, ErrorKind::$kind, $message))
        }
    )+};
}

refused! {
    /// `POST /_matrix/client/v3/account/3pid/add`
    add(add_3pid): FORBIDDEN, ThreepidDenied, NO_ADDRESSES;
    /// `POST /_matrix/client/v3/account/3pid/bind`
    bind(bind_3pid): FORBIDDEN, ThreepidDenied, NO_ADDRESSES;
    /// `POST /_matrix/client/v3/account/3pid/email/requestToken`
    email_token(request_3pid_management_token_via_email): BAD_REQUEST, ThreepidMediumNotSupported, NO_ADDRESSES;
    /// `POST /_matrix/client/v3/account/3pid/msisdn/requestToken`
    msisdn_token(request_3pid_management_token_via_msisdn): BAD_REQUEST, ThreepidMediumNotSupported, NO_ADDRESSES;
    /// `POST /_matrix/client/v3/register/email/requestToken`
    register_by_email(request_registration_token_via_email): FORBIDDEN, ThreepidDenied, NO_ADDRESSES;
    /// `POST /_matrix/client/v3/register/msisdn/requestToken`
    register_by_msisdn(request_registration_token_via_msisdn): FORBIDDEN, ThreepidDenied, NO_ADDRESSES;
    /// `POST /_matrix/client/v3/account/password/email/requestToken`
    reset_by_email(request_password_change_token_via_email): FORBIDDEN, ThreepidDenied, NO_RESET;
    /// `POST /_matrix/client/v3/account/password/msisdn/requestToken`
    reset_by_msisdn(request_password_change_token_via_msisdn): FORBIDDEN, ThreepidDenied, NO_RESET;
}

/// `GET /_matrix/client/v3/account/3pid`
pub async fn list(State(_): State<App>, _: Ruma<get_3pids::v3::Request>) -> Result<get_3pids::v3::Response> {
    Ok(get_3pids::v3::Response::new(Vec::new()))
}

/// `POST /_matrix/client/v3/account/3pid/delete`: what is not there is gone, and no identity server was ever told of it.
pub async fn delete(State(_): State<App>, _: Ruma<delete_3pid::v3::Request>) -> Result<delete_3pid::v3::Response> {
    Ok(delete_3pid::v3::Response::new(ThirdPartyIdRemovalStatus::NoSupport))
}

/// `POST /_matrix/client/v3/account/3pid/unbind`
pub async fn unbind(State(_): State<App>, _: Ruma<unbind_3pid::v3::Request>) -> Result<unbind_3pid::v3::Response> {
    Ok(unbind_3pid::v3::Response::new(ThirdPartyIdRemovalStatus::NoSupport))
}
