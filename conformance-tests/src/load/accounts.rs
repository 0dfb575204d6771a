//! Accounts for the load: made quickly, a bounded number at once.

use anyhow::{Context, Result};
use hmac::{Hmac, Mac};
use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::{Value, json};
use sha1::Sha1;

use super::client::Http;
use super::options::Registration;

/// The password of every account that the load makes.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A signed-in account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Full Matrix user id.
    pub(crate) user_id: String,
    /// The ready `Authorization` header.
    pub(crate) authorization: HeaderValue,
}

/// Registers `username` and signs it in.
pub(crate) async fn register(http: &Http, how: &Registration, username: &str) -> Result<Account> {
    let answer = match how {
        Registration::Dummy => {
            let body = json!({ "username": username, "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
            http.must(Method::POST, "/_matrix/client/v3/register", None, &body).await?
        }
        Registration::SharedSecret(secret) => {
            let path = "/_synapse/admin/v1/register";
            let nonce = http.must(Method::GET, path, None, &Value::Null).await?;
            let nonce = nonce["nonce"].as_str().context("no nonce for shared-secret registration")?;
            let body = json!({
                "nonce": nonce,
                "username": username,
                "password": PASSWORD,
                "admin": false,
                "mac": mac(secret, nonce, username, PASSWORD),
            });
            http.must(Method::POST, path, None, &body).await?
        }
    };
    let user_id = answer["user_id"].as_str().context("no user_id in the answer")?.to_owned();
    let token = answer["access_token"].as_str().context("no access_token in the answer")?;
    Ok(Account { user_id, authorization: HeaderValue::try_from(format!("Bearer {token}"))? })
}

/// The proof that shared-secret registration asks for: HMAC-SHA1 over the fields joined by NUL.
fn mac(secret: &str, nonce: &str, username: &str, password: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update([nonce, username, password, "notadmin"].join("\0").as_bytes());
    format!("{:x}", mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::mac;

    /// Computed with Python's `hmac` module from the fields as documented for shared-secret registration.
    #[test]
    fn mac_matches_an_independent_implementation() {
        assert_eq!(
            mac("shared_secret", "thisisanonce", "pepper_roni", "pizza"),
            "cf2391885316861a8e3871bfdcd223ab3913221d"
        );
    }
}
