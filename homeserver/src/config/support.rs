use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};

/// Where people find help; whoever asks is told at `/.well-known/matrix/support`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Support {
    /// A page with help.
    pub page: Option<url::Url>,
    /// The administrators' e-mail address.
    pub email: Option<String>,
    /// The Matrix id of an administrator; it may be one of another server, for when this one is down.
    pub matrix_id: Option<OwnedUserId>,
}
