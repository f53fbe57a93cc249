//! Carries a plan out: takes the lock, starts a journal, runs, reports.

use crate::app::{App, registry};
use crate::apply::report::RunFacts;
use crate::apply::resume::Progress;
use crate::apply::scheduler::Scheduler;
use crate::apply::{Context, Interrupt, World, execute};
use crate::base::{digest::Digest, files};
use crate::error::{Error, Exit, Result, code};
use crate::journal::lock::StateLock;
use crate::journal::{Journal, Runs};
use crate::model::event::Event;
use crate::model::journal::{Record, RunOutcome};
use crate::model::plan::Plan;
use crate::model::report::{Report, UnitStatus};
use crate::repository::Repository;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// How to carry it out.
pub struct Options {
    /// A person's Ctrl+C.
    pub interrupt: watch::Receiver<Interrupt>,
    /// `--require-all`
    pub require_all: bool,
}

/// Carries `plan` out as a new run.
///
/// # Errors
/// When the run could not be started or its journal not be written; what fails inside is in the report.
pub async fn apply(app: &App, state_dir: &Path, plan: Plan, options: Options) -> Result<Report> {
    let runs = Runs::new(state_dir);
    let lock = StateLock::acquire(state_dir, &app.environment.who, "apply", app.clock.clone()).await?;
    for warning in lock.warnings() {
        app.reporter.report(Event::Warning { code: None, message: warning });
    }
    let plan_bytes = serde_json::to_vec(&plan).map_err(|e| Error::bug(e.to_string()))?;
    let now = app.clock.now();
    let started = Record::RunStarted {
        at: now,
        plan_digest: Digest::of(&plan_bytes).to_string(),
        by: format!("{} pid {}", app.environment.who, std::process::id()),
    };
    let (run, journal) = runs.create(now, &plan_bytes, started, crash_hook(app)).await?;
    let progress = Progress::fresh(now);
    let report = carry_on(app, &runs, run, plan, journal, progress, options).await;
    lock.release().await;
    report
}

/// Kills this process after so many records, for crash tests: a real SIGKILL.
pub(crate) fn crash_hook(app: &App) -> Option<Arc<dyn Fn(u64) + Send + Sync>> {
    let after = app.environment.crash_after_records?;
    Some(Arc::new(move |records| {
        if records >= after {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }))
}

/// The outside, for this plan.
///
/// # Errors
/// `DBB-REPO-*`, `DBB-STORAGE-*`
pub(crate) async fn world(app: &App, plan: &Plan) -> Result<World> {
    let mut repositories = HashMap::new();
    for (name, spec) in &plan.repositories {
        let storage = registry::storage(spec);
        let repository = match plan.kind {
            crate::model::plan::PlanKind::Backup => Repository::open_or_init(storage, app.clock.now()).await?,
            crate::model::plan::PlanKind::Restore => Repository::open(storage).await?,
        };
        repositories.insert(name.clone(), Arc::new(repository));
    }
    Ok(World {
        engines: registry::engines(app),
        repositories,
        clock: app.clock.clone(),
        reporter: app.reporter.clone(),
    })
}

/// Runs what is open and writes the report.
pub(crate) async fn carry_on(
    app: &App,
    runs: &Runs,
    run: String,
    plan: Plan,
    journal: Journal,
    mut progress: Progress,
    options: Options,
) -> Result<Report> {
    let plan = Arc::new(plan);
    let journal = Arc::new(journal);
    let world = world(app, &plan).await?;
    let context =
        Arc::new(Context::new(run.clone(), plan.clone(), world, journal.clone(), std::mem::take(&mut progress.facts)));
    if progress.resumed > 0 {
        crate::apply::resume::probe(&context, &mut progress).await?;
    }
    let graph = &plan.graph;
    let scheduler = Scheduler::new(graph, plan.settings.jobs as usize, &progress.done);
    app.reporter.report(Event::RunStarted {
        run: run.clone(),
        steps: graph.steps.len() as u64,
        done: progress.done.len() as u64,
        bytes: graph.steps.iter().filter(|s| !progress.done.contains(&s.id)).map(|s| s.bytes).sum(),
        jobs: plan.settings.jobs,
    });
    let ended = execute(context.clone(), scheduler, options.interrupt).await?;
    let now = app.clock.now();
    let report = crate::apply::report::report(
        &plan,
        &RunFacts {
            run: &run,
            started: progress.started,
            ended: now,
            resumed: progress.resumed,
            interrupted: ended.interrupted,
            require_all: options.require_all,
            times: &context.times(),
        },
        ended.scheduler.statuses(),
        &context.all_facts(),
        &ended.failures,
    );
    let text = serde_json::to_vec_pretty(&report).map_err(|e| Error::bug(e.to_string()))?;
    let path = runs.folder(&run).join("report.json");
    files::write(&path, &text).map_err(|e| {
        Error::new(code::STORAGE_IO, format!("the report could not be written to {}", path.display()))
            .cause(e.to_string())
    })?;
    // last: a run that has ended has a report
    journal.append(vec![Record::RunEnded { outcome: report.outcome, at: now }]).await?;
    app.reporter.report(Event::RunEnded { run, outcome: report.outcome });
    Ok(report)
}

/// The exit status that a report means.
pub fn exit(report: &Report) -> Exit {
    match report.outcome {
        RunOutcome::Succeeded | RunOutcome::Partial => Exit::Done,
        RunOutcome::Failed => shared_reason(report).unwrap_or(Exit::Failed),
        RunOutcome::Interrupted => Exit::Temporary,
    }
}

/// Where all was tried, nothing went well and all of it failed for one kind of reason, scripts are told that: a server or a
/// disk that is not there is no different from one that was missed while planning.
fn shared_reason(report: &Report) -> Option<Exit> {
    if report.units.iter().any(|unit| matches!(unit.status, UnitStatus::Succeeded | UnitStatus::NotStarted)) {
        return None;
    }
    let mut reasons = report.units.iter().flat_map(|unit| &unit.failures).map(|f| code::find(&f.failure.code));
    let first = reasons.next()??.exit;
    reasons.all(|code| code.is_some_and(|code| code.exit == first)).then_some(first)
}
