//! The report at the end of a run.

use crate::error::Failure;
use crate::model::journal::RunOutcome;
use crate::model::plan::PlanKind;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `dbb-report`
    pub format: String,
    /// Version of this format: 1.
    pub version: u32,
    /// The run.
    pub run: String,
    /// Project.
    pub project: String,
    /// Of what.
    pub kind: PlanKind,
    /// How it ended.
    pub outcome: RunOutcome,
    /// When it first began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When it ended.
    #[schemars(with = "String")]
    pub ended: Timestamp,
    /// Times it was resumed.
    pub resumed: u32,
    /// What became of each unit, in the plan's order.
    pub units: Vec<UnitReport>,
    /// Warnings, in sentences.
    pub warnings: Vec<String>,
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnitReport {
    /// Name: a database, or `roles on pg2`.
    pub unit: String,
    /// How it ended.
    pub status: UnitStatus,
    /// Steps done.
    pub steps_done: u64,
    /// Steps failed.
    pub steps_failed: u64,
    /// Steps skipped because of those.
    pub steps_skipped: u64,
    /// Steps that were never started.
    pub steps_open: u64,
    /// Bytes moved.
    pub bytes: u64,
    /// Bytes stored.
    pub stored_bytes: u64,
    /// Rows moved.
    pub rows: u64,
    /// Tables whose rows were proven equal.
    pub tables_verified: u64,
    /// The snapshot made or restored.
    pub snapshot: Option<String>,
    /// Seconds from its first step to its last.
    pub seconds: f64,
    /// What failed: step and why, the first ones.
    pub failures: Vec<StepFailure>,
    /// What to do next, as commands or sentences.
    pub next: Vec<String>,
}

/// A failed step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepFailure {
    /// Which.
    pub step: String,
    /// Why.
    pub failure: Failure,
}

/// How a unit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitStatus {
    /// All steps done.
    Succeeded,
    /// At least one failed.
    Failed,
    /// Nothing of its own failed, but it depends on something that did.
    Skipped,
    /// Not all steps were started.
    NotStarted,
}
