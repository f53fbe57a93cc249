//! `repositories:`

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A place where snapshots live.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRepository {
    /// What kind of place it is.
    #[schemars(required)]
    pub r#type: Option<RawRepositoryType>,
    /// The directory, relative to this file.
    #[schemars(required)]
    pub path: Option<PathBuf>,
}

/// What kind of place a repository is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawRepositoryType {
    /// A directory: a disk, or a file system that is mounted.
    Local,
}
