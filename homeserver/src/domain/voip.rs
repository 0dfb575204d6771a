//! Credentials for TURN servers, which carry calls where there is no direct way between two clients.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use ruma::UserId;
use sha1::Sha1;

/// What a TURN server asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The name, which holds its own end.
    pub username: String,
    /// The password.
    pub password: String,
}

/// Credentials until a time, in seconds since the Unix epoch. The TURN server makes the same of the shared secret, so it
/// needs to know no accounts: <https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00>.
pub fn credentials(secret: &str, user_id: &UserId, ends_at: i64) -> Credentials {
    let username = format!("{ends_at}:{user_id}");
    let mut hmac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    hmac.update(username.as_bytes());
    Credentials { password: STANDARD.encode(hmac.finalize().into_bytes()), username }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn credentials_are_those_of_the_turn_server() {
        // printf '1443779631:@anna:parta.test' | openssl dgst -sha1 -hmac secret -binary | base64
        let expected = Credentials {
            username: "1443779631:@anna:parta.test".into(),
            password: "P5GGxdimXR/2DrzgSvT13ENg+TQ=".into(),
        };
        assert_eq!(credentials("secret", user_id!("@anna:parta.test"), 1_443_779_631), expected);
    }
}
