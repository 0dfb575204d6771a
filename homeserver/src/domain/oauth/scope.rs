//! Scopes: what a client asks for. It is always the whole client-server API, for one device.
//! <https://spec.matrix.org/v1.18/client-server-api/#scope>

use ruma::{DeviceId, OwnedDeviceId};

use super::Refusal;

/// The whole client-server API, and what clients called it before the specification did.
const API: [&str; 2] = ["urn:matrix:client:api:*", "urn:matrix:org.matrix.msc2967.client:api:*"];
/// What stands before the device's id, and what stood there before.
const DEVICE: [&str; 2] = ["urn:matrix:client:device:", "urn:matrix:org.matrix.msc2967.client:device:"];
/// The longest id of a device, in bytes.
const MAX_DEVICE_ID: usize = 255;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The device that it is to be.
    pub device_id: OwnedDeviceId,
    /// The tokens of the scope that are granted, in the client's own words.
    pub granted: String,
}

impl Scope {
    /// Reads a scope. What is not known here is left out of what is granted.
    ///
    /// # Errors
    ///
    /// `invalid_scope` unless it is the API and one device.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = |why: &str| Refusal::new("invalid_scope", why);
        let (mut granted, mut devices, mut api) = (Vec::new(), Vec::new(), false);
        for token in text.split_ascii_whitespace() {
            if API.contains(&token) {
                api = true;
                granted.push(token);
            } else if let Some(id) = DEVICE.iter().find_map(|prefix| token.strip_prefix(prefix)) {
                devices.push(id);
                granted.push(token);
            }
        }
        if !api {
            return Err(refused("The scope has urn:matrix:client:api:* in it."));
        }
        // A client may say both the old and the new name of one device.
        devices.dedup();
        let [device_id] = devices[..] else {
            return Err(refused("The scope names one device: urn:matrix:client:device:<id>."));
        };
        // What may stand in a scope at all (RFC 6749 section 3.3): who signs in by a QR code is named after a key, in
        // base64.
        let allowed = |c: char| c.is_ascii_graphic() && !"\"\\".contains(c);
        if device_id.is_empty() || device_id.len() > MAX_DEVICE_ID || !device_id.chars().all(allowed) {
            return Err(refused(
                "The device's id is made of printable ASCII, without quotation marks and backslashes.",
            ));
        }
        Ok(Self { device_id: device_id.into(), granted: granted.join(" ") })
    }
}

/// The scope of a device's session.
pub fn of(device_id: &DeviceId) -> String {
    format!("{} {}{device_id}", API[0], DEVICE[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_the_api_and_one_device() {
        let scope = Scope::parse("openid urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCD").unwrap();
        assert_eq!(scope.device_id, "AAABBBCCCD");
        assert_eq!(scope.granted, "urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCD");
        let both = "urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:client:device:ABC \
                    urn:matrix:org.matrix.msc2967.client:device:ABC";
        assert_eq!(Scope::parse(both).unwrap().device_id, "ABC");
        let key = "urn:matrix:client:api:* urn:matrix:client:device:wjLpTLRqbqBzLs63aYaEv2Boi6cFEbbM/sSRQ2oAKk4+";
        assert_eq!(Scope::parse(key).unwrap().device_id, "wjLpTLRqbqBzLs63aYaEv2Boi6cFEbbM/sSRQ2oAKk4+");
        for wrong in [
            "",
            "urn:matrix:client:api:*",
            "urn:matrix:client:device:ABC",
            "urn:matrix:client:api:* urn:matrix:client:device:",
            "urn:matrix:client:api:* urn:matrix:client:device:A\"B",
            "urn:matrix:client:api:* urn:matrix:client:device:Парта",
            "urn:matrix:client:api:* urn:matrix:client:device:A urn:matrix:client:device:B",
        ] {
            assert_eq!(Scope::parse(wrong).unwrap_err().error, "invalid_scope", "{wrong}");
        }
    }
}
