//! The runs of a state directory, as text.

use crate::app::runs::RunLine;
use crate::base::units;
use crate::cli::view::clean;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::table::{self, Cell};
use crate::cli::view::text::{instant, labelled, some_of};
use crate::model::journal::RunOutcome;
use crate::model::plan::PlanKind;

/// Databases named in a line.
const UNITS_NAMED_MAX: usize = 3;

/// One run a line, in the order given; below, why some cannot be read, and how to go on with the last.
pub fn text(runs: &[RunLine], style: &Style) -> String {
    if runs.is_empty() {
        return "There are no runs yet. Start one: dbb apply\n".into();
    }
    let rows: Vec<Vec<Cell>> = runs.iter().map(row).collect();
    let headers = ["run", "of", "began", "outcome", "steps", "resumed", "databases"];
    let mut out = table::cells(&headers, &rows, 0, style);
    for run in runs {
        if let Some(failure) = &run.failure {
            out.push_str(&format!("\n{}: {}\n", clean(&run.id), style.paint(Paint::Bad, &clean(&failure.code))));
            labelled(&mut out, 2, "", 0, &failure.message, style);
            for cause in &failure.causes {
                labelled(&mut out, 2, "", 0, cause, style);
            }
        }
    }
    if let Some(last) = runs.last().filter(|run| run.failure.is_none())
        && matches!(last.outcome, Some(RunOutcome::Failed | RunOutcome::Interrupted) | None)
    {
        let command = format!("dbb resume {}", clean(&last.id));
        out.push_str(&format!("\nGo on with the last: {}\n", style.paint(Paint::Move, &command)));
    }
    out
}

fn row(run: &RunLine) -> Vec<Cell> {
    let known = run.failure.is_none();
    vec![
        run.id.as_str().into(),
        run.kind.map_or("", kind).into(),
        run.started.map(instant).unwrap_or_default().into(),
        outcome(run),
        if known { steps(run) } else { String::new() }.into(),
        if run.resumed > 0 { format!("{}x", run.resumed) } else { String::new() }.into(),
        some_of(run.units.iter().map(String::as_str), UNITS_NAMED_MAX).into(),
    ]
}

/// How far it came.
pub(crate) fn steps(run: &RunLine) -> String {
    format!("{}/{}", units::count(run.done), units::count(run.steps))
}

/// The word for what a run was of.
pub(crate) fn kind(kind: PlanKind) -> &'static str {
    match kind {
        PlanKind::Backup => "backup",
        PlanKind::Restore => "restore",
    }
}

/// The word for how it ended.
pub(crate) fn outcome(run: &RunLine) -> Cell {
    match run.outcome {
        _ if run.failure.is_some() => Cell::painted("unreadable", Paint::Bad),
        Some(RunOutcome::Succeeded) => Cell::painted("succeeded", Paint::Good),
        Some(RunOutcome::Partial) => Cell::painted("partial", Paint::Change),
        Some(RunOutcome::Failed) => Cell::painted("failed", Paint::Bad),
        Some(RunOutcome::Interrupted) => Cell::painted("interrupted", Paint::Change),
        None => Cell::painted("running or cut off", Paint::Change),
    }
}
