//! The plan: everything apply needs, and everything a reader wants to see.

use crate::error::Failure;
use crate::model::address::Address;
use crate::model::desired::{OnError, RepositorySpec, ServerSpec, SuccessRule};
use crate::model::graph::Graph;
use crate::model::step::RestoreSpec;
use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `dbb-plan`
    pub format: String,
    /// Version of this format: 1.
    pub version: u32,
    /// Version of dbb that made it.
    pub dbb: String,
    /// `project:` of the config.
    pub project: String,
    /// What it is a plan of.
    pub kind: PlanKind,
    /// When it was made.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// Until when it may be applied.
    #[schemars(with = "String")]
    pub expires: Timestamp,
    /// Digest of the resolved config (and runbook) it was made from.
    pub config_digest: String,
    /// What it read of the world, by resource.
    pub fingerprints: Vec<Fingerprint>,
    /// How it is run.
    pub settings: RunSettings,
    /// Servers by name, for connecting.
    pub servers: IndexMap<String, ServerSpec>,
    /// Repositories by name.
    pub repositories: IndexMap<String, RepositorySpec>,
    /// Restores by key.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub restores: IndexMap<String, RestoreSpec>,
    /// What would change, for people.
    pub changes: Vec<Change>,
    /// What to know beforehand.
    pub notices: Vec<Notice>,
    /// How long observing took, in milliseconds.
    pub observed_ms: u64,
    /// How much was looked at.
    pub scope: Scope,
    /// The graph.
    pub graph: Graph,
}

/// What a plan is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// Backups by the config.
    Backup,
    /// A restore by a runbook.
    Restore,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// Servers.
    pub servers: u32,
    /// Databases.
    pub databases: u32,
    /// Repositories.
    pub repositories: u32,
}

/// How a plan is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunSettings {
    /// Workers.
    pub jobs: u32,
    /// What to do with the rest when something fails.
    pub on_error: OnError,
    /// Tries after the first, of a step that failed for a transient reason.
    pub retries: u32,
    /// When the run counts as done.
    pub success: SuccessRule,
}

/// What a plan read of one resource: when it differs at apply time, the plan is stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fingerprint {
    /// Of what: `server.pg-main`, `database.orders`, `snapshot.orders/2026...`, `target.pg2/orders`.
    pub resource: Address,
    /// Digest of what was seen.
    pub digest: String,
    /// The same in words, so that a stale plan can say what moved.
    pub seen: String,
}

/// How a thing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// `+`
    Create,
    /// `~`
    Update,
    /// `-`
    Remove,
    /// `-/+`
    Replace,
    /// `=` nothing changes
    Keep,
}

/// A change, for people: a heading and lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Of what.
    pub address: Address,
    /// How.
    pub kind: ChangeKind,
    /// True when something that exists is lost.
    pub destructive: bool,
    /// Where it is defined: `dbb.yaml:41`.
    pub place: String,
    /// Why, in one line: `due: never backed up`.
    pub reason: String,
    /// Labelled lines: `backup`, `roles`, `space` ...
    pub lines: Vec<ChangeLine>,
    /// Bytes to read, when that is known.
    pub bytes: u64,
}

/// One labelled line of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeLine {
    /// The sign in front: how this detail changes.
    pub kind: Option<ChangeKind>,
    /// Label, empty when the line goes on from the one above.
    pub label: String,
    /// Text.
    pub text: String,
    /// Marks the line with `!`.
    pub destructive: bool,
}

/// Something to know beforehand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// How grave.
    pub level: NoticeLevel,
    /// Of what.
    pub about: Option<Address>,
    /// What.
    pub failure: Failure,
}

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Better look at it.
    Warning,
    /// This part of the plan cannot be made or would fail.
    Error,
}
