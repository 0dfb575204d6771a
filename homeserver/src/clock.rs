//! Time and randomness as parameters: the only file that reaches for the system's clock or its random numbers.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngCore as _;
use ruma::MilliSecondsSinceUnixEpoch;

/// Milliseconds since the Unix epoch, as columns hold them.
pub type Millis = i64;

/// Tells the time: the system's, or in tests the time it was told.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn manual(now: Millis) -> Self {
        Self(Some(Arc::new(AtomicI64::new(now))))
    }

    /// Moves a manual clock on; the system's clock takes no notice.
    pub fn advance(&self, by: Millis) {
        if let Some(now) = &self.0 {
            now.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Now.
    pub fn now(&self) -> Millis {
        match &self.0 {
            Some(now) => now.load(Ordering::SeqCst),
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64),
        }
    }
}

/// A column's milliseconds as the type of the protocol.
pub fn to_matrix(millis: Millis) -> MilliSecondsSinceUnixEpoch {
    MilliSecondsSinceUnixEpoch(ruma::UInt::try_from(millis.max(0)).unwrap_or(ruma::UInt::MAX))
}

/// Random bytes: salts.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A random string of 256 bits, safe in URLs: tokens and sessions.
pub fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// A random string of `length` letters and digits that read well aloud (no 0/O, 1/l/I): device ids, invitations.
pub fn random_word(length: usize, alphabet: &[u8]) -> String {
    let mut bytes = vec![0u8; length];
    rand::rng().fill_bytes(&mut bytes);
    // The alphabets have 32 letters, so the remainder is even.
    bytes.iter().map(|b| char::from(alphabet[usize::from(*b) % alphabet.len()])).collect()
}

/// Capital letters and digits, 32 of them.
pub const UPPERCASE: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Small letters and digits, 32 of them.
pub const LOWERCASE: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
