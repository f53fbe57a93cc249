//! The report of a run, as text.

use crate::base::units;
use crate::cli::view::clean;
use crate::cli::view::error::reasons;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::table::{self, Cell};
use crate::cli::view::text::{labelled, numbered, plural, some_of};
use crate::error::Failure;
use crate::model::journal::RunOutcome;
use crate::model::plan::PlanKind;
use crate::model::report::{Report, UnitReport, UnitStatus};
use std::time::Duration;

/// Different failures told of one unit; the report as JSON has more.
const FAILURES_SHOWN_MAX: usize = 5;
/// Steps named that failed alike.
const STEPS_NAMED_MAX: usize = 2;

/// The report: a line for each unit, what failed and what to do, the sum of it.
pub fn text(report: &Report, style: &Style) -> String {
    let mut out = units_table(report, style);
    for unit in &report.units {
        if !unit.failures.is_empty() || unit.status == UnitStatus::Failed {
            failed(unit, report, &mut out, style);
        }
    }
    if !report.warnings.is_empty() {
        out.push('\n');
    }
    for warning in &report.warnings {
        let label = style.paint(Paint::Caution, "warning");
        let mut block = String::new();
        labelled(&mut block, 2, "", "warning".len(), warning, style);
        out.push_str(&block.replacen("         ", &format!("  {label}"), 1));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&summary(report, style));
    out
}

/// The word for how a unit ended.
fn word(status: UnitStatus) -> Cell {
    match status {
        UnitStatus::Succeeded => Cell::painted("succeeded", Paint::Good),
        UnitStatus::Failed => Cell::painted("failed", Paint::Bad),
        UnitStatus::Skipped => Cell::painted("skipped", Paint::Change),
        UnitStatus::NotStarted => Cell::painted("not started", Paint::Change),
    }
}

fn units_table(report: &Report, style: &Style) -> String {
    let restore = report.kind == PlanKind::Restore;
    let rows: Vec<Vec<Cell>> = report.units.iter().map(|unit| row(unit, restore)).collect();
    let last = if restore { "proven" } else { "snapshot" };
    table::cells(&["", "", "steps", "rows", "size", "stored", "time", last], &rows, 2, style)
}

fn row(unit: &UnitReport, restore: bool) -> Vec<Cell> {
    let shown = |there: bool, text: String| if there { text } else { String::new() };
    let all = unit.steps_done + unit.steps_failed + unit.steps_skipped + unit.steps_open;
    let started = unit.steps_done + unit.steps_failed > 0;
    let moved = unit.rows > 0 || unit.bytes > 0;
    let last = match restore {
        true => shown(unit.tables_verified > 0, plural(unit.tables_verified, "table")),
        false => unit.snapshot.clone().unwrap_or_default(),
    };
    vec![
        word(unit.status),
        unit.unit.as_str().into(),
        // how far it came is of interest only where it did not arrive
        shown(unit.status != UnitStatus::Succeeded, format!("{}/{all}", unit.steps_done)).into(),
        shown(moved, units::count(unit.rows)).into(),
        shown(moved, units::bytes(unit.bytes)).into(),
        shown(!restore && moved, units::bytes(unit.stored_bytes)).into(),
        shown(started, units::duration(Duration::from_secs_f64(unit.seconds.clamp(0.0, 1e9)))).into(),
        last.into(),
    ]
}

fn failed(unit: &UnitReport, report: &Report, out: &mut String, style: &Style) {
    out.push_str(&format!(
        "\n{} {}\n",
        style.paint(Paint::Alarm, "failed:"),
        style.paint(Paint::Bold, &clean(&unit.unit))
    ));
    // one cause often fails many steps: it is told once
    let mut told: Vec<(&Failure, Vec<&str>)> = Vec::new();
    for one in &unit.failures {
        match told.iter_mut().find(|(failure, _)| **failure == one.failure) {
            Some((_, steps)) => steps.push(&one.step),
            None => told.push((&one.failure, vec![&one.step])),
        }
    }
    told.truncate(FAILURES_SHOWN_MAX);
    for (failure, steps) in &told {
        let code = style.paint(Paint::Bad, &clean(&failure.code));
        out.push_str(&format!("  {code}: {}\n", clean(failure.message.trim_end())));
        labelled(out, 4, "step", 6, &some_of(steps.iter().copied(), STEPS_NAMED_MAX), style);
        // what to do is told once for the unit, below
        reasons(out, 4, &failure.causes, &[], style);
    }
    let told = told.iter().map(|(_, steps)| steps.len() as u64).sum();
    if unit.steps_failed > told {
        let more = plural(unit.steps_failed - told, "more step");
        out.push_str(&format!("  and {more} failed: dbb show {} --format json\n", clean(&report.run)));
    }
    numbered(out, 2, "next", 4, &unit.next, style);
}

fn summary(report: &Report, style: &Style) -> String {
    let count = |status| report.units.iter().filter(|unit| unit.status == status).count() as u64;
    let all = report.units.len() as u64;
    let well = count(UnitStatus::Succeeded);
    let mut parts = match well == all {
        true => vec![style.paint(Paint::Good, &format!("{} succeeded", units::count(well)))],
        false => {
            let words = [
                (well, "succeeded", Paint::Good),
                (count(UnitStatus::Failed), "failed", Paint::Bad),
                (count(UnitStatus::Skipped), "skipped", Paint::Change),
                (count(UnitStatus::NotStarted), "not started", Paint::Change),
            ];
            let painted = words.map(|(count, word, paint)| {
                let paint = if count > 0 { paint } else { Paint::Plain };
                style.paint(paint, &format!("{} {word}", units::count(count)))
            });
            vec![painted.join(", ")]
        }
    };
    let took = Duration::try_from(report.ended.duration_since(report.started)).unwrap_or_default();
    parts.push(units::duration(took));
    if report.resumed > 0 {
        parts.push(format!("resumed {}", plural(report.resumed.into(), "time")));
    }
    parts.push(format!("run {}", clean(&report.run)));
    let mut out = parts.join(" · ") + "\n";
    match report.outcome {
        RunOutcome::Partial => out.push_str("Enough succeeded by the runbook's word: the run counts as done.\n"),
        RunOutcome::Interrupted => out.push_str("Interrupted: what is done stays done.\n"),
        RunOutcome::Succeeded | RunOutcome::Failed => {}
    }
    if well != all || matches!(report.outcome, RunOutcome::Failed | RunOutcome::Interrupted) {
        let command = format!("dbb resume {}", clean(&report.run));
        out.push_str(&format!("Go on with: {}\n", style.paint(Paint::Move, &command)));
    }
    out
}
