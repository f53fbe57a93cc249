//! What happens while something runs: views render these, for people or machines.

use crate::error::Failure;
use crate::model::journal::RunOutcome;
use crate::model::step::StepId;
use serde::Serialize;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began or goes on.
    RunStarted {
        /// Its id.
        run: String,
        /// Steps known so far.
        steps: u64,
        /// Steps done before (a resume).
        done: u64,
        /// Bytes to move, as far as known.
        bytes: u64,
        /// Workers.
        jobs: u32,
    },
    /// More work was found.
    Expanded {
        /// Unit.
        unit: String,
        /// Additional steps.
        steps: u64,
        /// Additional bytes.
        bytes: u64,
    },
    /// A step starts.
    StepStarted {
        /// Which.
        step: StepId,
        /// Unit.
        unit: String,
    },
    /// Bytes moved since the last such event.
    Progress {
        /// Unit.
        unit: String,
        /// Bytes of plaintext.
        bytes: u64,
    },
    /// A step is done.
    StepSucceeded {
        /// Which.
        step: StepId,
        /// Unit.
        unit: String,
        /// Its share of the bytes announced.
        bytes: u64,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: StepId,
        /// Unit.
        unit: String,
        /// Why.
        failure: Failure,
    },
    /// A step failed and will be tried again.
    Retry {
        /// Which.
        step: StepId,
        /// Which try failed, from 1.
        attempt: u32,
        /// Of how many.
        attempts_max: u32,
        /// Until the next, in milliseconds.
        pause_ms: u64,
        /// Why.
        failure: Failure,
    },
    /// Steps were skipped because one failed.
    Skipped {
        /// How many.
        count: u64,
        /// Which failed.
        because: StepId,
    },
    /// A whole unit (database) is finished.
    UnitFinished {
        /// Which.
        unit: String,
        /// Whether it went well.
        ok: bool,
        /// For people.
        summary: String,
    },
    /// Something to know.
    Warning {
        /// Code, where it has one.
        code: Option<String>,
        /// Text.
        message: String,
    },
    /// An interruption was asked for.
    Interrupting,
    /// The run ended.
    RunEnded {
        /// Its id.
        run: String,
        /// How.
        outcome: RunOutcome,
    },
}
