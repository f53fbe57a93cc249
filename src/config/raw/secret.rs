//! Where a secret comes from.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Where a secret comes from: exactly one of these. The secret itself never stands in a file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawSecret {
    /// An environment variable.
    #[schemars(length(min = 1))]
    pub env: Option<String>,
    /// A file that holds it, relative to this file; a newline at the end is not part of it.
    pub file: Option<PathBuf>,
    /// A program and its arguments; the first line that it prints. No shell is involved.
    #[schemars(length(min = 1))]
    pub command: Option<Vec<String>>,
    /// The question to ask on the terminal, once a run.
    #[schemars(length(min = 1))]
    pub prompt: Option<String>,
}
