use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Application services, each by its registration file (YAML, as in the specification).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Appservices {
    /// A folder whose `*.yaml` files are all read.
    pub folder: Option<PathBuf>,
    /// Single files.
    pub files: Vec<PathBuf>,
}
