use serde::{Deserialize, Serialize};

/// Limits against floods.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest body of a request in bytes, uploads apart.
    pub max_request_bytes: usize,
    /// Connections open at the same time.
    pub connections: usize,
    /// Connections open at the same time from one address; a school may sit behind one. Trusted proxies have no limit
    /// but `connections`.
    pub connections_per_address: usize,
    /// How many seconds a client has for the handshake of TLS, and to send the head of a request, the next one on an open
    /// connection too.
    pub header_seconds: u64,
    /// How many seconds a client may stand still while it sends the body of a request or takes in an answer.
    pub idle_seconds: u64,
    /// Sign-ins a minute from one address; a school sits behind one, so thirty at the bell must pass.
    pub login_per_address: Option<Bucket>,
    /// Failed sign-ins a minute for one account.
    pub login_failures_per_account: Option<Bucket>,
    /// Registrations from one address.
    pub registration_per_address: Option<Bucket>,
    /// Messages of one account.
    pub messages_per_account: Option<Bucket>,
    /// What one account sends by the feedback button.
    pub feedback_per_account: Option<Bucket>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// How many may come at once.
    pub burst: u32,
    /// How many come back every minute.
    pub per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_bytes: 4 * 1024 * 1024,
            connections: 10_000,
            connections_per_address: 4_000,
            header_seconds: 60,
            idle_seconds: 30,
            login_per_address: Some(Bucket { burst: 100, per_minute: 120 }),
            login_failures_per_account: Some(Bucket { burst: 10, per_minute: 6 }),
            registration_per_address: Some(Bucket { burst: 100, per_minute: 60 }),
            messages_per_account: Some(Bucket { burst: 50, per_minute: 300 }),
            feedback_per_account: Some(Bucket { burst: 3, per_minute: 3 }),
        }
    }
}

impl Limits {
    /// None at all but those on the size of a request and on standing still: the developer's mode.
    pub fn none() -> Self {
        Self {
            connections: usize::MAX,
            connections_per_address: usize::MAX,
            login_per_address: None,
            login_failures_per_account: None,
            registration_per_address: None,
            messages_per_account: None,
            feedback_per_account: None,
            ..Self::default()
        }
    }
}
