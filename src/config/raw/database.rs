//! `databases:`

use super::defaults::{RawCompression, RawSchedule};
use schemars::JsonSchema;
use serde::Deserialize;

/// A database to back up, or several by pattern.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDatabase {
    /// Name of the server it is on.
    #[schemars(required)]
    pub server: Option<String>,
    /// Name of the repository its snapshots go to; the one of "defaults" when absent.
    pub repository: Option<String>,
    /// Its real name on the server; the entry's name when absent.
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// A glob: each database of the server whose name matches is an entry of its own.
    #[schemars(length(min = 1))]
    pub r#match: Option<String>,
    /// When it is backed up.
    pub schedule: Option<RawSchedule>,
    /// How its snapshots are compressed.
    pub compression: Option<RawCompression>,
    /// What is left out.
    pub exclude: Option<RawExclude>,
}

/// What a backup leaves out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawExclude {
    /// Globs over schema.table: left out whole.
    pub tables: Option<Vec<String>>,
    /// Globs over schema.table: captured without rows.
    pub data: Option<Vec<String>>,
}
