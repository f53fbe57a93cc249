//! Goes on with a run that was interrupted or failed.

use crate::app::apply::{Options, carry_on, crash_hook};
use crate::app::{App, find};
use crate::apply::resume::Progress;
use crate::base::digest::Digest;
use crate::error::{Error, Result, code};
use crate::journal::Runs;
use crate::journal::lock::StateLock;
use crate::model::event::Event;
use crate::model::journal::{Record, RunOutcome};
use crate::model::plan::Plan;
use crate::model::report::Report;
use std::path::Path;

/// Goes on with `run`, or with the newest run that did not succeed.
///
/// # Errors
/// `DBB-RUN-UNKNOWN`, `DBB-RUN-NOTHING`, `DBB-JOURNAL-DAMAGED`, `DBB-STATE-*`
pub async fn resume(app: &App, state_dir: &Path, run: Option<&str>, options: Options) -> Result<Report> {
    let runs = Runs::new(state_dir);
    let lock = StateLock::acquire(state_dir, &app.environment.who, "resume", app.clock.clone()).await?;
    for warning in lock.warnings() {
        app.reporter.report(Event::Warning { code: None, message: warning });
    }
    let report = go_on(app, &runs, run, options).await;
    lock.release().await;
    report
}

async fn go_on(app: &App, runs: &Runs, run: Option<&str>, options: Options) -> Result<Report> {
    let id = match run {
        Some(run) => find::run(runs, run)?,
        None => find::unfinished_run(runs)?,
    };
    let opened = runs.open(&id, crash_hook(app)).await?;
    if let Some(warning) = opened.warning {
        app.reporter.report(Event::Warning { code: Some(code::JOURNAL_DAMAGED.name.into()), message: warning });
    }
    let progress = Progress::fold(&opened.records)
        .ok_or_else(|| Error::new(code::JOURNAL_DAMAGED, format!("the journal of run {id} has no beginning")))?;
    if progress.plan_digest != Digest::of(&opened.plan).to_string() {
        return Err(Error::new(code::PLAN_TAMPERED, format!("the plan of run {id} is not the one it began with"))
            .fix("make a new plan: dbb plan"));
    }
    if progress.outcome == Some(RunOutcome::Succeeded) {
        return Err(Error::new(code::RUN_NOTHING, format!("run {id} succeeded: there is nothing to go on with"))
            .fix("start a new one: dbb apply"));
    }
    let plan: Plan = serde_json::from_slice(&opened.plan).map_err(|e| {
        Error::new(code::PLAN_FORMAT, format!("the plan of run {id} cannot be read")).cause(e.to_string())
    })?;
    let at = app.clock.now();
    let by = format!("{} pid {}", app.environment.who, std::process::id());
    opened.journal.append(vec![Record::RunResumed { at, by }]).await?;
    let progress = Progress { resumed: progress.resumed + 1, ..progress };
    carry_on(app, runs, id, plan, opened.journal, progress, options).await
}
