use serde::{Deserialize, Serialize};

/// The feedback button: what people tell the administrators, and what they hear of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Feedback {
    /// Whether people may send something. What was sent stays where it is.
    pub enabled: bool,
    /// How much one account may send in a day; 0 for no limit. How fast is in `limits.feedback_per_account`.
    pub max_per_day: u32,
    /// The largest picture or text that comes with it, in bytes.
    pub max_attachment_bytes: u64,
    /// After how many days in which nothing happened to it something that was sent is deleted; never unless set.
    pub keep_days: Option<u32>,
}

impl Default for Feedback {
    fn default() -> Self {
        Self { enabled: true, max_per_day: 10, max_attachment_bytes: 5 * 1024 * 1024, keep_days: None }
    }
}
