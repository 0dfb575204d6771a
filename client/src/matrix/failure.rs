//! Errors of the SDK as what a person can do something about.

use matrix_sdk::{
    Error, HttpError, RefreshTokenError,
    event_cache::EventCacheError,
    ruma::api::error::{ErrorKind, FromHttpResponseError},
};
use matrix_sdk_ui::timeline::{Error as TimelineError, PaginationError, RedactError};

use crate::model::update::Failure;

/// What went wrong, in general.
pub(super) fn of(error: &Error) -> Failure {
    match error {
        Error::Http(error) => of_http(error),
        Error::StateStore(_) | Error::CryptoStoreError(_) | Error::EventCacheStore(_) | Error::MediaStore(_) => {
            Failure::Store
        }
        Error::Identifier(_) => Failure::NotFound,
        _ => Failure::Other,
    }
}

/// What went wrong with a request.
pub(super) fn of_http(error: &HttpError) -> Failure {
    match error {
        HttpError::Reqwest(_) => Failure::ServerAway,
        HttpError::Cached(error) => of_http(error),
        HttpError::Api(response) => match (error.client_api_error_kind(), response.as_ref()) {
            (Some(kind), _) => of_kind(kind),
            // A gateway in front of the server answers in its own words while the server is down.
            (None, FromHttpResponseError::Server(_)) => Failure::ServerAway,
            (None, _) => Failure::NotAServer,
        },
        // That new tokens could not be fetched for want of an answer ends no session.
        HttpError::RefreshToken(RefreshTokenError::MatrixAuth(error)) => match of_http(error) {
            Failure::Forbidden | Failure::SessionEnded => Failure::SessionEnded,
            failure => failure,
        },
        HttpError::RefreshToken(RefreshTokenError::RefreshTokenRequired) => Failure::SessionEnded,
        _ => Failure::Other,
    }
}

/// What went wrong with a timeline. Of most of it a person learns no more than that it went wrong; the log has the rest.
pub(super) fn of_timeline(error: &TimelineError) -> Failure {
    tracing::info!(%error, "timeline");
    match error {
        TimelineError::EventCacheError(error) | TimelineError::PaginationError(PaginationError::EventCache(error)) => {
            match error {
                EventCacheError::PaginationError(error) => of(error),
                EventCacheError::Storage(_) => Failure::Store,
                _ => Failure::Other,
            }
        }
        TimelineError::RedactError(RedactError::HttpError(error)) => of_http(error),
        _ => Failure::Other,
    }
}

fn of_kind(kind: &ErrorKind) -> Failure {
    match kind {
        ErrorKind::UnknownToken(_) | ErrorKind::MissingToken => Failure::SessionEnded,
        ErrorKind::Forbidden | ErrorKind::GuestAccessForbidden => Failure::Forbidden,
        ErrorKind::NotFound | ErrorKind::Unrecognized | ErrorKind::BadAlias => Failure::NotFound,
        ErrorKind::LimitExceeded(_) | ErrorKind::ResourceLimitExceeded(_) => Failure::TooMany,
        ErrorKind::TooLarge => Failure::TooLarge,
        ErrorKind::UserInUse | ErrorKind::Exclusive | ErrorKind::RoomInUse => Failure::NameTaken,
        ErrorKind::InvalidUsername => Failure::NameInvalid,
        ErrorKind::WeakPassword => Failure::PasswordWeak,
        ErrorKind::UserDeactivated | ErrorKind::UserLocked | ErrorKind::UserSuspended => Failure::AccountClosed,
        _ => Failure::Other,
    }
}

/// What went wrong while signing in, where "forbidden" means the password.
pub(super) fn of_sign_in(error: &Error) -> Failure {
    match of(error) {
        Failure::Forbidden => Failure::WrongPassword,
        failure => failure,
    }
}

/// What went wrong while registering, where "forbidden" means the server lets nobody in.
pub(super) fn of_registration(error: &Error) -> Failure {
    match of(error) {
        Failure::Forbidden => Failure::RegistrationClosed,
        failure => failure,
    }
}
