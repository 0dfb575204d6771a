//! What names an account may have. <https://spec.matrix.org/v1.18/appendices/#user-identifiers>

use ruma::{OwnedUserId, ServerName, UserId};

use crate::error::{ApiError, Result};

/// The longest id of a user in bytes, with the `@` and the server's name.
const MAX_BYTES: usize = 255;

/// The id of a new account. Capital letters become small ones, as the specification asks of a server.
///
/// # Errors
///
/// `M_INVALID_USERNAME` for anything but `a-z 0-9 . _ = - / +` or an id that is too long.
pub fn new_user_id(localpart: &str, server: &ServerName) -> Result<OwnedUserId> {
    let localpart = localpart.to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._=-/+".contains(c);
    if localpart.is_empty() || !localpart.chars().all(allowed) {
        return Err(ApiError::invalid_username(
            "A name is made of the letters a to z, digits, and the characters . _ = - / +",
        ));
    }
    let id = format!("@{localpart}:{server}");
    if id.len() > MAX_BYTES {
        return Err(ApiError::invalid_username("That name is too long. Choose a shorter one."));
    }
    UserId::parse(id).map_err(|_| ApiError::invalid_username("That name cannot be used."))
}

/// The id that is meant by a whole id of this server or a bare localpart.
pub fn existing_user_id(name: &str, server: &ServerName) -> Option<OwnedUserId> {
    let id = if name.starts_with('@') { name.to_owned() } else { format!("@{name}:{server}") };
    UserId::parse(id).ok().filter(|user_id| user_id.server_name() == server)
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    #[test]
    fn names_follow_the_grammar() {
        let server = server_name!("parta.test");
        for good in ["anna", "anna.b", "_anna", "a=b-c/d+e", "7b", "0"] {
            assert_eq!(new_user_id(good, server).unwrap().localpart(), good);
        }
        assert_eq!(new_user_id("Anna", server).unwrap().as_str(), "@anna:parta.test");
        for bad in ["", "anna b", "@anna:parta.test", "анна", "a:b", "a!", "a\0", "a\n"] {
            assert!(new_user_id(bad, server).is_err(), "{bad:?}");
        }
        assert!(new_user_id(&"a".repeat(243), server).is_ok());
        assert!(new_user_id(&"a".repeat(244), server).is_err());
    }

    #[test]
    fn a_person_may_type_the_whole_id_or_the_name() {
        let server = server_name!("parta.test");
        assert_eq!(existing_user_id("anna", server).unwrap(), "@anna:parta.test");
        assert_eq!(existing_user_id("@anna:parta.test", server).unwrap(), "@anna:parta.test");
        assert_eq!(existing_user_id("@anna:elsewhere", server), None);
    }
}
