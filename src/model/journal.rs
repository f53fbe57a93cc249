//! Records of a run's journal.

use crate::error::Failure;
use crate::model::graph::Edge;
use crate::model::step::{Step, StepId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One record: one line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The run began. The plan lies beside the journal.
    RunStarted {
        /// When.
        at: Timestamp,
        /// BLAKE3 of the plan file.
        plan_digest: String,
        /// Who: user@host pid.
        by: String,
    },
    /// The run goes on after an interruption.
    RunResumed {
        /// When.
        at: Timestamp,
        /// Who: user@host pid.
        by: String,
    },
    /// Steps found out at run time joined the graph.
    Expanded {
        /// By this step.
        by: StepId,
        /// New nodes.
        steps: Vec<Step>,
        /// New edges.
        edges: Vec<Edge>,
    },
    /// Steps are about to have effects. Written and synced before any.
    StepsStarted {
        /// Which, together in one worker.
        steps: Vec<StepId>,
        /// Try, from 1.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// Steps are done and their effects durable (or marked in the target).
    StepsSucceeded {
        /// Which, with what later steps and the report need of them.
        steps: Vec<(StepId, Facts)>,
        /// When.
        at: Timestamp,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: StepId,
        /// Why.
        failure: Failure,
        /// Whether it will be tried again in this run.
        again: bool,
        /// When.
        at: Timestamp,
    },
    /// Steps never ran, because of another.
    StepsSkipped {
        /// Which.
        steps: Vec<StepId>,
        /// Because this one failed.
        because: StepId,
    },
    /// All steps of a session start over: what was captured under it does not count.
    SessionReset {
        /// Which session.
        session: String,
        /// Why, in words.
        because: String,
    },
    /// The run ended.
    RunEnded {
        /// How.
        outcome: RunOutcome,
        /// When.
        at: Timestamp,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// All is well.
    Succeeded,
    /// Enough is well, by the runbook's word.
    Partial,
    /// Something failed.
    Failed,
    /// Interrupted; can be resumed.
    Interrupted,
}

/// What a step leaves for later steps and for the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Bytes moved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// Bytes stored.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stored_bytes: u64,
    /// Rows moved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: u64,
    /// What the step found, in its own form.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub detail: serde_json::Value,
    /// Warnings, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}
