//! The report of a run, from where its steps ended.

use crate::apply::scheduler::Status;
use crate::error::Failure;
use crate::model::address::Address;
use crate::model::desired::SuccessRule;
use crate::model::journal::{Facts, RunOutcome};
use crate::model::plan::{NoticeLevel, Plan, PlanKind};
use crate::model::report::{Report, StepFailure, UnitReport, UnitStatus};
use crate::model::step::{Action, RestoreAction, Step, StepId};
use indexmap::IndexMap;
use jiff::Timestamp;
use std::collections::HashMap;

/// How many failures of a unit the report lists.
const FAILURES_MAX: usize = 20;

/// What is known of a run besides its steps.
pub struct RunFacts<'a> {
    /// Its id.
    pub run: &'a str,
    /// When it first began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Times it was resumed.
    pub resumed: u32,
    /// Whether a person interrupted it.
    pub interrupted: bool,
    /// `--require-all`: every database must succeed, whatever the runbook says.
    pub require_all: bool,
    /// Start and end of each step, where known.
    pub times: &'a HashMap<StepId, (Timestamp, Timestamp)>,
}

/// Makes the report.
pub fn report<'a>(
    plan: &Plan,
    run: &RunFacts<'_>,
    steps: impl Iterator<Item = (&'a Step, Status)>,
    facts: &HashMap<StepId, Facts>,
    failures: &HashMap<StepId, Failure>,
) -> Report {
    let mut units: IndexMap<String, UnitReport> = IndexMap::new();
    let mut spans: HashMap<String, (Timestamp, Timestamp)> = HashMap::new();
    let mut warnings = Vec::new();
    for (step, status) in steps {
        let unit = units.entry(step.unit.clone()).or_insert_with(|| empty(&step.unit));
        match status {
            Status::Done => unit.steps_done += 1,
            Status::Failed => unit.steps_failed += 1,
            Status::Skipped => unit.steps_skipped += 1,
            _ => unit.steps_open += 1,
        }
        if let Some(failure) = failures.get(&step.id)
            && status == Status::Failed
            && unit.failures.len() < FAILURES_MAX
        {
            unit.failures.push(StepFailure { step: step.id.clone(), failure: failure.clone() });
        }
        if let Some(&(from, to)) = run.times.get(&step.id) {
            let span = spans.entry(step.unit.clone()).or_insert((from, to));
            *span = (span.0.min(from), span.1.max(to));
        }
        if let (Status::Done, Some(facts)) = (status, facts.get(&step.id)) {
            tally(unit, step, facts);
            for warning in &facts.warnings {
                if !warnings.contains(warning) {
                    warnings.push(warning.clone());
                }
            }
        }
    }
    for unit in units.values_mut() {
        unit.status = status_of(unit);
        if let Some((from, to)) = spans.get(&unit.unit) {
            unit.seconds = to.duration_since(*from).as_secs_f64();
        }
        unit.next = next(unit, run.run, plan.kind);
    }
    add_unplanned(plan, &mut units);
    let outcome = outcome(plan, run, units.values());
    Report {
        format: "dbb-report".into(),
        version: 1,
        run: run.run.into(),
        project: plan.project.clone(),
        kind: plan.kind,
        outcome,
        started: run.started,
        ended: run.ended,
        resumed: run.resumed,
        units: units.into_values().collect(),
        warnings,
    }
}

/// Databases that could not even be planned have failed like any other: the success rule counts them.
fn add_unplanned(plan: &Plan, units: &mut IndexMap<String, UnitReport>) {
    for notice in plan.notices.iter().filter(|notice| notice.level == NoticeLevel::Error) {
        let Some(about) = notice.about.as_ref().filter(|about| **about == Address::database(about.name())) else {
            continue;
        };
        let unit = units.entry(about.name().to_owned()).or_insert_with(|| empty(about.name()));
        unit.status = UnitStatus::Failed;
        unit.failures.push(StepFailure { step: "plan".into(), failure: notice.failure.clone() });
        unit.next.extend(notice.failure.fixes.iter().cloned());
        unit.next.push("then make a new plan: dbb plan".into());
    }
}

fn empty(name: &str) -> UnitReport {
    UnitReport {
        unit: name.to_owned(),
        status: UnitStatus::NotStarted,
        steps_done: 0,
        steps_failed: 0,
        steps_skipped: 0,
        steps_open: 0,
        bytes: 0,
        stored_bytes: 0,
        rows: 0,
        tables_verified: 0,
        snapshot: None,
        seconds: 0.0,
        failures: Vec::new(),
        next: Vec::new(),
    }
}

fn tally(unit: &mut UnitReport, step: &Step, facts: &Facts) {
    match &step.action {
        Action::CapturePart { .. } => {
            unit.bytes += facts.bytes;
            unit.stored_bytes += facts.stored_bytes;
            unit.rows += facts.rows;
        }
        Action::CaptureCommit { .. } => {
            unit.snapshot = facts.detail.get("snapshot").and_then(|s| s.as_str()).map(str::to_owned);
        }
        Action::Restore { action: RestoreAction::Load { .. }, .. } => {
            unit.bytes += facts.bytes;
            unit.rows += facts.rows;
        }
        Action::Restore { action: RestoreAction::Compare { tables, count_only: false, .. }, .. } => {
            unit.tables_verified += tables.len() as u64;
        }
        _ => {}
    }
}

fn status_of(unit: &UnitReport) -> UnitStatus {
    if unit.steps_failed > 0 {
        UnitStatus::Failed
    } else if unit.steps_skipped > 0 {
        UnitStatus::Skipped
    } else if unit.steps_open > 0 {
        UnitStatus::NotStarted
    } else {
        UnitStatus::Succeeded
    }
}

fn next(unit: &UnitReport, run: &str, kind: PlanKind) -> Vec<String> {
    let mut next: Vec<String> = Vec::new();
    for failed in &unit.failures {
        for fix in &failed.failure.fixes {
            if !next.contains(fix) && next.len() < 4 {
                next.push(fix.clone());
            }
        }
    }
    match unit.status {
        UnitStatus::Succeeded => {}
        _ => next.push(match kind {
            PlanKind::Restore => format!("then go on where it stopped: dbb resume {run}"),
            PlanKind::Backup => format!("then capture what is missing: dbb resume {run}"),
        }),
    }
    next
}

fn outcome<'a>(plan: &Plan, run: &RunFacts<'_>, units: impl Iterator<Item = &'a UnitReport>) -> RunOutcome {
    let (mut all, mut well) = (0u64, 0u64);
    for unit in units {
        all += 1;
        well += u64::from(unit.status == UnitStatus::Succeeded);
    }
    if well == all {
        return RunOutcome::Succeeded;
    }
    if run.interrupted {
        return RunOutcome::Interrupted;
    }
    match plan.settings.success {
        SuccessRule::AtLeastPercent(percent) if !run.require_all && well * 100 >= all * u64::from(percent) => {
            RunOutcome::Partial
        }
        _ => RunOutcome::Failed,
    }
}
