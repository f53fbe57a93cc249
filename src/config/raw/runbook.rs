//! The runbook of a restore.

use crate::model::desired::{CheckLevel, Existing, OnError, RoleMode, VerifyMode};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is restored, where to, and how it is proven.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dbb runbook")]
pub struct RawRunbook {
    /// What the runbook does.
    #[schemars(required)]
    pub kind: Option<RawKind>,
    /// Version of the runbook format: 1, the default.
    #[serde(default)]
    #[schemars(schema_with = "super::version_schema")]
    pub version: Option<u32>,
    /// Its name, shown in plans and reports; the file's name when absent.
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// Which snapshots are restored.
    #[schemars(required)]
    pub from: Option<RawFrom>,
    /// Where they are restored to.
    #[schemars(required)]
    pub to: Option<RawTo>,
    /// What happens to roles.
    pub roles: Option<RawRoles>,
    /// What happens to a database that exists on the target; "fail" when absent.
    pub existing: Option<Existing>,
    /// Only these schemas and tables; everything when absent.
    pub include: Option<RawSelection>,
    /// Not these schemas and tables.
    pub exclude: Option<RawSelection>,
    /// Workers; by the profile when absent.
    #[schemars(range(min = 1, max = 64))]
    pub jobs: Option<usize>,
    /// Time to wait for a lock, e.g. 60s, the default.
    pub lock_timeout: Option<String>,
    /// How far objects are checked before anything is touched; full for small snapshots, quick for large
    /// ones when absent.
    pub check: Option<CheckLevel>,
    /// What happens when something fails.
    pub on_error: Option<RawOnError>,
    /// When a run with failed databases still counts as done.
    pub success: Option<RawSuccess>,
    /// Every database must be restored: true is the default; for less say "success".
    pub require_all: Option<bool>,
    /// How the result is proven; "rows" when absent.
    pub verify: Option<VerifyMode>,
}

/// What a runbook does.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawKind {
    /// Restores snapshots to a target.
    Restore,
}

/// Which snapshots are restored: a database's or a whole server's.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFrom {
    /// Name of the database's entry in the config.
    pub database: Option<String>,
    /// Which of its snapshots: latest (the default), an instant with its zone, or a snapshot's id.
    pub at: Option<String>,
    /// The snapshots of one server made by one run.
    pub set: Option<RawSet>,
}

/// The snapshots of one server made by one run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSet {
    /// Name of the server in the config.
    #[schemars(required)]
    pub server: Option<String>,
    /// Which set: latest (the default), or an instant with its zone.
    pub at: Option<String>,
}

/// Where a restore goes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTo {
    /// Name of the target in the config.
    #[schemars(required)]
    pub target: Option<String>,
    /// Names of databases on the target, by their names in the snapshot.
    pub rename: Option<IndexMap<String, String>>,
}

/// What happens to roles.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRoles {
    /// Which are made or changed; "create_missing" when absent.
    pub mode: Option<RoleMode>,
    /// Names of roles on the target, by their names in the snapshot.
    pub map: Option<IndexMap<String, String>>,
}

/// Schemas and tables.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSelection {
    /// Globs over schema names.
    pub schemas: Option<Vec<String>>,
    /// Globs over schema.table.
    pub tables: Option<Vec<String>>,
}

/// What happens when something fails.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOnError {
    /// What happens to the rest; "continue" when absent.
    pub mode: Option<OnError>,
    /// Tries after the first, of a step that failed for a reason that may pass; 3 when absent.
    #[schemars(range(min = 0, max = 20))]
    pub retries: Option<u32>,
}

/// When a run with failed databases still counts as done.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSuccess {
    /// Share of the databases that must be restored, e.g. 80%.
    #[schemars(required)]
    pub at_least: Option<String>,
}
