//! `dbb.yaml` and the files it includes.

use super::database::RawDatabase;
use super::defaults::RawDefaults;
use super::repository::RawRepository;
use super::server::RawServer;
use super::target::RawTarget;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// What is backed up, from where, to where, and when.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dbb config")]
pub struct RawConfig {
    /// Version of the config format: 1.
    #[schemars(required, schema_with = "super::version_schema")]
    pub version: Option<u32>,
    /// Name of the whole, shown in plans and reports. Required in the main file.
    #[schemars(length(min = 1))]
    pub project: Option<String>,
    /// What holds for every database that does not say otherwise.
    pub defaults: Option<RawDefaults>,
    /// Places where snapshots live, by name.
    pub repositories: Option<IndexMap<String, RawRepository>>,
    /// Database servers, by name.
    pub servers: Option<IndexMap<String, RawServer>>,
    /// Databases to back up, by name.
    pub databases: Option<IndexMap<String, RawDatabase>>,
    /// Servers that restores may go to, by name.
    pub targets: Option<IndexMap<String, RawTarget>>,
    /// Globs of further files with repositories, servers, databases and targets, relative to this file.
    pub include: Option<Vec<String>>,
    /// Where dbb keeps its own state; ".dbb" beside the main file when absent.
    pub state: Option<RawState>,
}

/// Where dbb keeps its own state.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawState {
    /// A directory, relative to this file.
    #[schemars(required)]
    pub path: Option<PathBuf>,
}
