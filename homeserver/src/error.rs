//! The one error of the client-server API: a Matrix `errcode` that the client is shown, or an internal error whose
//! cause is logged once, here, and never leaves the server.
//!
//! Which to use when: a caller's mistake is one of the constructors named after its `errcode`; a failure of ours
//! (database, disk) converts with `?` into [`ApiError::Internal`]; user-interactive authentication that is not yet
//! complete is [`ApiError::Uiaa`].

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use ruma::api::client::uiaa::UiaaInfo;
use ruma::api::error::{
    ErrorKind, LimitExceededErrorData, RetryAfter, StandardErrorBody, UnknownTokenErrorData,
    UserLimitExceededErrorData, WrongRoomKeysVersionErrorData,
};
use std::time::Duration;

/// After what time one is to come back whose request waited too long for the database.
const BUSY: Duration = Duration::from_secs(5);

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The caller's mistake, in the specification's own terms.
    #[error("{message}")]
    Matrix {
        /// The HTTP status.
        status: StatusCode,
        /// The `errcode` and its data.
        kind: Box<ErrorKind>,
        /// One plain sentence and, where there is one, the mend.
        message: String,
    },
    /// The caller's mistake, 400, in the terms of a proposal that is not specified yet: `M_UNKNOWN`, with further fields by
    /// which clients tell what it is.
    #[error("{message}")]
    Proposed {
        /// One plain sentence and, where there is one, the mend.
        message: String,
        /// The further fields, a JSON object.
        fields: serde_json::Value,
    },
    /// The caller must authenticate further.
    #[error("user-interactive authentication is not complete")]
    Uiaa(Box<UiaaInfo>),
    /// Our failure. The cause goes to the log, never to the caller.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The result of a domain service or a handler.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident: $status:ident, $kind:ident;)+) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(StatusCode::$status, ErrorKind::$kind, message)
        }
    )+};
}

impl ApiError {
    /// An error with any status and kind.
    pub fn new(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Matrix { status, kind: Box::new(kind), message: message.into() }
    }

    constructors! {
        /// `M_FORBIDDEN`, 403.
        forbidden: FORBIDDEN, Forbidden;
        /// `M_NOT_FOUND`, 404.
        not_found: NOT_FOUND, NotFound;
        /// `M_INVALID_PARAM`, 400.
        invalid_param: BAD_REQUEST, InvalidParam;
        /// `M_MISSING_PARAM`, 400.
        missing_param: BAD_REQUEST, MissingParam;
        /// `M_BAD_JSON`, 400.
        bad_json: BAD_REQUEST, BadJson;
        /// `M_NOT_JSON`, 400.
        not_json: BAD_REQUEST, NotJson;
        /// `M_BAD_STATE`, 400… 403 by the specification's table of room state problems.
        bad_state: FORBIDDEN, BadState;
        /// `M_INVALID_ROOM_STATE`, 400.
        invalid_room_state: BAD_REQUEST, InvalidRoomState;
        /// `M_UNKNOWN`, 400.
        unknown: BAD_REQUEST, Unknown;
        /// `M_TOO_LARGE`, 413.
        too_large: PAYLOAD_TOO_LARGE, TooLarge;
        /// `M_UNRECOGNIZED`, 404.
        unrecognized: NOT_FOUND, Unrecognized;
        /// `M_USER_IN_USE`, 400.
        user_in_use: BAD_REQUEST, UserInUse;
        /// `M_INVALID_USERNAME`, 400.
        invalid_username: BAD_REQUEST, InvalidUsername;
        /// `M_ROOM_IN_USE`, 400.
        room_in_use: BAD_REQUEST, RoomInUse;
        /// `M_EXCLUSIVE`, 400.
        exclusive: BAD_REQUEST, Exclusive;
        /// `M_NOT_IN_THREAD`, 400, by its name as long as it is proposed (MSC4306).
        not_in_thread: BAD_REQUEST, NotInThread;
        /// `M_CONFLICTING_UNSUBSCRIPTION`, 409, likewise.
        conflicting_unsubscription: CONFLICT, ConflictingUnsubscription;
        /// `M_MISSING_TOKEN`, 401.
        missing_token: UNAUTHORIZED, MissingToken;
        /// `M_USER_DEACTIVATED`, 403.
        user_deactivated: FORBIDDEN, UserDeactivated;
    }

    /// `M_UNKNOWN_TOKEN`, 401. With `soft_logout` the client may refresh or sign in again and keep its keys.
    pub fn unknown_token(soft_logout: bool) -> Self {
        let mut data = UnknownTokenErrorData::new();
        data.soft_logout = soft_logout;
        Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorKind::UnknownToken(data),
            "The access token is not known here. Sign in again.",
        )
    }

    /// `M_LIMIT_EXCEEDED`, 429, with the time after which to try again.
    pub fn limit_exceeded(retry_after: Duration) -> Self {
        let message = "Too many requests. Wait a moment and try again.";
        Self::later(StatusCode::TOO_MANY_REQUESTS, retry_after, message)
    }

    /// `M_USER_LIMIT_EXCEEDED`, 403, with an address at which the user reads more.
    pub fn user_limit_exceeded(message: impl Into<String>, info_uri: String) -> Self {
        let kind = ErrorKind::UserLimitExceeded(UserLimitExceededErrorData::new(info_uri));
        Self::new(StatusCode::FORBIDDEN, kind, message)
    }

    /// `M_LIMIT_EXCEEDED`, 503: more is asked than the server can answer.
    fn busy() -> Self {
        Self::later(StatusCode::SERVICE_UNAVAILABLE, BUSY, "The server is busy. Try again in a moment.")
    }

    fn later(status: StatusCode, retry_after: Duration, message: &str) -> Self {
        let mut data = LimitExceededErrorData::new();
        data.retry_after = Some(RetryAfter::Delay(retry_after));
        Self::new(status, ErrorKind::LimitExceeded(data), message)
    }

    /// A code, 400, that ruma's type does not list and so has no constructor for.
    fn unlisted(errcode: &str, message: impl Into<String>) -> Self {
        let kind = serde_json::from_value(serde_json::json!({ "errcode": errcode }));
        Self::new(StatusCode::BAD_REQUEST, kind.unwrap_or(ErrorKind::Unknown), message)
    }

    /// `M_INVALID_SIGNATURE`, 400.
    pub fn invalid_signature(message: impl Into<String>) -> Self {
        Self::unlisted("M_INVALID_SIGNATURE", message)
    }

    /// `M_UNKNOWN_DEVICE`, 400.
    pub fn unknown_device(message: impl Into<String>) -> Self {
        Self::unlisted("M_UNKNOWN_DEVICE", message)
    }

    /// `M_PROFILE_TOO_LARGE`, 400.
    pub fn profile_too_large(message: impl Into<String>) -> Self {
        Self::unlisted("M_PROFILE_TOO_LARGE", message)
    }

    /// `M_KEY_TOO_LARGE`, 400.
    pub fn key_too_large(message: impl Into<String>) -> Self {
        Self::unlisted("M_KEY_TOO_LARGE", message)
    }

    /// `M_WRONG_ROOM_KEYS_VERSION`, 403, with the version that is current.
    pub fn wrong_room_keys_version(current: String) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorKind::WrongRoomKeysVersion(WrongRoomKeysVersionErrorData::new(current)),
            "This is not the current version of your key backup. Read the current one and use it.",
        )
    }

    /// `M_UNKNOWN`, 400, with further fields.
    pub fn proposed(message: impl Into<String>, fields: serde_json::Value) -> Self {
        Self::Proposed { message: message.into(), fields }
    }

    /// A failure of ours.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

macro_rules! internal_from {
    ($($t:ty),+ $(,)?) => {$(
        impl From<$t> for ApiError {
            fn from(cause: $t) -> Self {
                Self::Internal(cause.into())
            }
        }
    )+};
}
internal_from!(sqlx::Error, std::io::Error, serde_json::Error, ruma::api::error::IntoHttpError);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Matrix { status, kind, message } => {
                let retry = match &*kind {
                    ErrorKind::LimitExceeded(LimitExceededErrorData {
                        retry_after: Some(RetryAfter::Delay(d)),
                        ..
                    }) => Some(d.as_secs_f64().ceil() as u64),
                    _ => None,
                };
                let mut response = json(status, &StandardErrorBody::new(*kind, message));
                if let Some(seconds) = retry {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
            Self::Proposed { message, mut fields } => {
                fields["errcode"] = "M_UNKNOWN".into();
                fields["error"] = message.into();
                json(StatusCode::BAD_REQUEST, &fields)
            }
            Self::Uiaa(info) => json(StatusCode::UNAUTHORIZED, &info),
            Self::Internal(cause) => {
                tracing::error!(error = &*cause as &dyn std::error::Error, "a request failed for a reason of ours");
                if let Some(sqlx::Error::PoolTimedOut) = cause.downcast_ref() {
                    return Self::busy().into_response();
                }
                json(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &StandardErrorBody::new(
                        ErrorKind::Unknown,
                        "The server could not do this. Try again later.".to_owned(),
                    ),
                )
            }
        }
    }
}

/// A JSON answer.
pub fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
        }
        Err(e) => {
            tracing::error!(error = &e as &dyn std::error::Error, "an answer could not be serialised");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_too_long_for_the_database_is_told_to_come_back() {
        let busy = ApiError::from(sqlx::Error::PoolTimedOut).into_response();
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(busy.headers()[header::RETRY_AFTER], "5");
        let broken = ApiError::from(sqlx::Error::RowNotFound).into_response();
        assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!broken.headers().contains_key(header::RETRY_AFTER));
    }
}
