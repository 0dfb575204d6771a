//! Errors of the SDK as what a person can do something about.

use matrix_sdk::{
    Error, HttpError, RefreshTokenError,
    event_cache::EventCacheError,
    paginators::PaginatorError,
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
        HttpError::Reqwest(error) => of_certificate(error).unwrap_or(Failure::ServerAway),
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

/// What is wrong with a server's certificate, if that is why there is no connection.
fn of_certificate(error: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    use rustls::CertificateError as Why;
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            tracing::warn!(%why, "the server's certificate is refused");
            return Some(match why {
                Why::Expired | Why::ExpiredContext { .. } | Why::NotValidYet | Why::NotValidYetContext { .. } => {
                    Failure::CertificateDate
                }
                Why::NotValidForName | Why::NotValidForNameContext { .. } => Failure::OtherCertificate,
                _ => Failure::NotTrusted,
            });
        }
        // What an error of the system holds is not among its sources.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| error.source());
    }
    None
}

/// What went wrong with a timeline. Of most of it a person learns no more than that it went wrong; the log has the rest.
pub(super) fn of_timeline(error: &TimelineError) -> Failure {
    tracing::info!(%error, "timeline");
    match error {
        TimelineError::EventCacheError(error) | TimelineError::PaginationError(PaginationError::EventCache(error)) => {
            match error {
                EventCacheError::PaginationError(error)
                | EventCacheError::InitialPaginationError(PaginatorError::SdkError(error)) => of(error),
                EventCacheError::InitialPaginationError(PaginatorError::EventNotFound(_)) => Failure::NotFound,
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

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_that_is_refused_is_told_from_a_server_that_is_away() {
        let of = |why: CertificateError| {
            let refused = std::io::Error::other(rustls::Error::InvalidCertificate(why));
            // As the layers of a client wrap it.
            of_certificate(&std::io::Error::other(refused))
        };
        assert_eq!(of(CertificateError::UnknownIssuer), Some(Failure::NotTrusted));
        assert_eq!(of(CertificateError::BadSignature), Some(Failure::NotTrusted));
        assert_eq!(of(CertificateError::Expired), Some(Failure::CertificateDate));
        assert_eq!(of(CertificateError::NotValidForName), Some(Failure::OtherCertificate));
        assert_eq!(of_certificate(&std::io::Error::from(std::io::ErrorKind::ConnectionRefused)), None);
    }
}
