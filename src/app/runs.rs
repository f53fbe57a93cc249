//! The runs of a state directory.

use crate::apply::resume::Progress;
use crate::error::{Failure, Result};
use crate::journal::Runs;
use crate::model::journal::RunOutcome;
use crate::model::plan::{Plan, PlanKind};
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;

/// One run, in a line.
#[derive(Clone, Debug, Serialize)]
pub struct RunLine {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// Of what.
    pub kind: Option<PlanKind>,
    /// How it ended; absent while it runs or when it was cut off.
    pub outcome: Option<RunOutcome>,
    /// Steps done.
    pub done: u64,
    /// Steps of the plan.
    pub steps: u64,
    /// Times it was resumed.
    pub resumed: u32,
    /// Databases.
    pub units: Vec<String>,
    /// Why it cannot be read.
    pub failure: Option<Failure>,
}

/// Lists them, oldest first.
///
/// # Errors
/// `DBB-STATE-DAMAGED`
pub fn list(state_dir: &Path) -> Result<Vec<RunLine>> {
    let runs = Runs::new(state_dir);
    Ok(runs.list()?.into_iter().map(|id| line(&runs, id)).collect())
}

fn line(runs: &Runs, id: String) -> RunLine {
    let empty = RunLine {
        id: id.clone(),
        started: None,
        kind: None,
        outcome: None,
        done: 0,
        steps: 0,
        resumed: 0,
        units: Vec::new(),
        failure: None,
    };
    let progress = match runs.read(&id) {
        Ok(records) => Progress::fold(&records),
        Err(error) => return RunLine { failure: Some(error.failure()), ..empty },
    };
    let Some(progress) = progress else { return empty };
    let plan: Option<Plan> = runs.plan(&id).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut units: Vec<String> = Vec::new();
    let mut planned = 0;
    let mut done = 0;
    if let Some(plan) = &plan {
        planned = plan.graph.steps.len() as u64;
        for step in &plan.graph.steps {
            done += u64::from(progress.done.contains(&step.id));
            if !units.contains(&step.unit) {
                units.push(step.unit.clone());
            }
        }
    }
    RunLine {
        started: Some(progress.started),
        kind: plan.map(|p| p.kind),
        outcome: progress.outcome,
        done,
        steps: planned,
        resumed: progress.resumed,
        units,
        ..empty
    }
}
