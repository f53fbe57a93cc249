//! Steps: the nodes of the graph. A step names what it works on; it holds no
//! SQL and no secret: those come from the snapshot and the secret sources
//! at the moment of use.

use crate::model::desired::{CheckLevel, Compression, DatabaseSpec, RolePolicy};
use crate::model::manifest::SnapshotId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step's id: unique in a plan, stable for equal input, readable:
/// `restore.orders/load/public.items/3`.
pub type StepId = String;

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Id.
    pub id: StepId,
    /// The unit it belongs to: what succeeds or fails as a whole in the report (a database, or `roles`).
    pub unit: String,
    /// What it does.
    pub action: Action,
    /// Bytes it moves, 0 when that is not what it does: largest first, and the ETA.
    #[serde(default)]
    pub bytes: u64,
    /// Position among the ready steps of equal weight: the order that the source gives.
    #[serde(default)]
    pub order: u32,
    /// Steps with the same lane never run side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Ready steps with the same batch may run together, in one transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Steps with the same session live and die together: when a run is resumed and
    /// one of them is not done, all start over (a capture's view of the database is gone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Opens a consistent view of a database and finds out what is in it; its parts join the graph.
    CaptureOpen(CaptureSpec),
    /// Captures one part: a chunk of a table, a bundle of small tables, some large objects.
    CapturePart {
        /// The database's entry.
        database: String,
        /// Number of the part in the open capture.
        part: u32,
        /// For people: the table, or how many tables.
        label: String,
    },
    /// Puts the manifest: the commit point of the snapshot.
    CaptureCommit {
        /// The database's entry.
        database: String,
    },
    /// Checks that the objects of a restore's snapshot are whole, before anything is touched.
    Check {
        /// Key into the plan's `restores`.
        restore: String,
    },
    /// A step of a restore.
    Restore {
        /// Key into the plan's `restores`.
        restore: String,
        /// What is to be done there.
        #[serde(flatten)]
        action: RestoreAction,
    },
}

/// What a capture needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaptureSpec {
    /// The entry, with its repository, server, compression and excludes; `select` is a real name.
    pub database: DatabaseSpec,
    /// How objects are compressed.
    pub compression: Compression,
}

/// What is to be done on a restore's target. Numbers refer to the snapshot's catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum RestoreAction {
    /// Creates or alters a role.
    Role {
        /// Its name in the snapshot.
        role: String,
    },
    /// Grants a membership.
    Membership {
        /// Index in the catalog.
        index: u32,
    },
    /// Settings for every role of the server, and privileges on configuration parameters.
    ServerSettings {
        /// Whether the settings for every role, and what PUBLIC may do, are made as in the snapshot.
        settings: bool,
        /// Names in the snapshot of the roles that get their privileges.
        roles: Vec<String>,
    },
    /// Drops the database that is to be replaced.
    DropDatabase,
    /// Creates the database and its progress table.
    CreateDatabase,
    /// Makes a schema entry.
    Define {
        /// The entry's id.
        entry: u32,
        /// Which part of it.
        form: DefineForm,
    },
    /// Loads one chunk of rows or large objects.
    Load {
        /// Index of the chunk.
        chunk: u32,
        /// Load into this entry's table (the partition root) instead of the chunk's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        into: Option<u32>,
    },
    /// Sets all sequences.
    Sequences,
    /// Fills a materialized view.
    Refresh {
        /// The entry's id.
        entry: u32,
    },
    /// Gathers planner statistics of a table.
    Analyze {
        /// The table's id.
        table: u32,
    },
    /// Gathers planner statistics of a whole partition tree, or of a filled materialized view.
    AnalyzeEntry {
        /// The entry's id: the root, or the view.
        entry: u32,
    },
    /// Owner, settings, grants, comment of the database itself.
    DatabaseProperties,
    /// Reads back one share of a table (or partition tree) and sums its rows.
    ReadBack {
        /// Ids of the catalog's tables whose rows are there; more than one for a partition tree.
        tables: Vec<u32>,
        /// Read this entry's table (a partition root) instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<u32>,
        /// Which share, from 0.
        share: u32,
        /// Of how many.
        shares: u32,
        /// Only count.
        count_only: bool,
    },
    /// Compares what was read back with the snapshot.
    Compare {
        /// Ids of the catalog's tables.
        tables: Vec<u32>,
        /// The steps whose sums make up the whole.
        of: Vec<StepId>,
        /// Only count.
        count_only: bool,
    },
    /// Reads back all large objects and compares.
    CompareLargeObjects {
        /// Only count.
        count_only: bool,
    },
    /// Commits durably, drops the progress table.
    Finish,
}

impl RestoreAction {
    /// Whether its effect and its mark in the target commit together: then the mark says whether it is in.
    pub fn leaves_mark(&self) -> bool {
        matches!(
            self,
            RestoreAction::Define { .. }
                | RestoreAction::Load { .. }
                | RestoreAction::Sequences
                | RestoreAction::Refresh { .. }
                | RestoreAction::Analyze { .. }
                | RestoreAction::DatabaseProperties
        )
    }
}

/// Which part of an entry a step makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefineForm {
    /// All of it, as the source defines it.
    Whole,
    /// A foreign key, not yet checked.
    NotValid,
    /// The check of such a foreign key.
    Validate,
    /// The unique index of a constraint.
    UniqueIndex,
    /// The constraint that takes that index.
    UsingIndex,
}

/// One snapshot going to one target database: what its steps have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreSpec {
    /// The entry's name in the config, as the snapshot has it.
    pub database: String,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The repository's name.
    pub repository: String,
    /// The target server's name (a key of the plan's `servers`).
    pub server: String,
    /// Real name of the database on the target.
    pub target_database: String,
    /// Roles.
    pub roles: RolePolicy,
    /// Whether a database of that name is dropped first.
    pub replace: bool,
    /// How far objects are checked before anything is touched.
    pub check: CheckLevel,
    /// Limit for a lock, in milliseconds.
    pub lock_timeout_ms: u64,
    /// True when the login on the target is not a superuser.
    pub limited: bool,
    /// Ids of the catalog's entries that the runbook's selection leaves out, sorted: no step makes
    /// them, and what belongs to them (a sequence's position) is not restored either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<u32>,
}
