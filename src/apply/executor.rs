//! The executor: workers over the scheduler, the journal around each of them.

use crate::apply::context::Context;
use crate::apply::scheduler::Scheduler;
use crate::apply::{capture, check, restore};
use crate::base::{limits, units};
use crate::error::{Error, Failure, Result, code};
use crate::model::desired::OnError;
use crate::model::event::Event;
use crate::model::journal::{Facts, Record};
use crate::model::step::{Action, RestoreAction, Step, StepId};
use backon::{BackoffBuilder, ExponentialBuilder};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What a person asked for while the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interrupt {
    /// Nothing.
    None,
    /// Finish what runs, start nothing.
    Finish,
    /// Stop at once.
    Now,
}

/// How the executor came to its end.
pub struct Ended {
    /// Where each step is.
    pub scheduler: Scheduler,
    /// Why steps failed for good.
    pub failures: HashMap<StepId, Failure>,
    /// Whether a person interrupted it.
    pub interrupted: bool,
}

/// What one worker brings back.
struct Done {
    steps: Vec<Step>,
    attempt: u32,
    results: Vec<Result<(Facts, Option<capture::Expansion>)>>,
}

/// Runs everything that can run.
///
/// # Errors
/// Only when the journal cannot be written: then nothing more may be done.
pub async fn execute(
    context: Arc<Context>,
    scheduler: Scheduler,
    mut interrupt: watch::Receiver<Interrupt>,
) -> Result<Ended> {
    let mut run = Run {
        retries: context.plan.settings.retries,
        on_error: context.plan.settings.on_error,
        jobs: context.plan.settings.jobs.max(1) as usize,
        context,
        scheduler,
        workers: JoinSet::new(),
        attempts: HashMap::new(),
        resting: Vec::new(),
        resetting: HashMap::new(),
        session_tries: HashMap::new(),
        failures: HashMap::new(),
        stopping: false,
    };
    let mut interrupted = false;
    let mut give_up: Option<Instant> = None;
    loop {
        if *interrupt.borrow_and_update() > Interrupt::None && !interrupted {
            interrupted = true;
            run.stopping = true;
            give_up = Some(Instant::now() + limits::INTERRUPT_WAIT);
            run.context.world.reporter.report(Event::Interrupting);
        }
        if *interrupt.borrow() == Interrupt::Now {
            break;
        }
        run.start_workers();
        if run.workers.is_empty() && (run.stopping || run.resting.is_empty()) {
            break;
        }
        let next_wake = run.resting.iter().map(|(at, _)| *at).min();
        tokio::select! {
            Some(joined) = run.workers.join_next(), if !run.workers.is_empty() => match joined {
                Ok(done) => run.take_results(done?).await?,
                Err(error) => return Err(Error::bug("a worker ended without an answer").cause(error.to_string())),
            },
            () = sleep_until(next_wake), if next_wake.is_some() && !run.stopping => run.wake(),
            () = sleep_until(give_up), if give_up.is_some() => break,
            Ok(()) = interrupt.changed() => {}
        }
    }
    // what still runs is abandoned: its transactions roll back, its uploads vanish
    run.workers.shutdown().await;
    Ok(Ended { scheduler: run.scheduler, failures: run.failures, interrupted })
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Run {
    context: Arc<Context>,
    scheduler: Scheduler,
    workers: JoinSet<Result<Done>>,
    attempts: HashMap<StepId, u32>,
    resting: Vec<(Instant, StepId)>,
    /// Sessions that start over as soon as their running steps have ended, and why.
    resetting: HashMap<String, Failure>,
    session_tries: HashMap<String, u32>,
    failures: HashMap<StepId, Failure>,
    jobs: usize,
    retries: u32,
    on_error: OnError,
    stopping: bool,
}

impl Run {
    fn start_workers(&mut self) {
        while !self.stopping && self.workers.len() < self.jobs {
            let Some(steps) = self.scheduler.take() else { return };
            let attempt = steps.iter().map(|s| self.attempts.get(&s.id).copied().unwrap_or(0)).max().unwrap_or(0) + 1;
            for step in &steps {
                self.context
                    .world
                    .reporter
                    .report(Event::StepStarted { step: step.id.clone(), unit: step.unit.clone() });
            }
            self.workers.spawn(work(self.context.clone(), steps, attempt));
        }
    }

    fn wake(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = self.resting.drain(..).partition(|(at, _)| *at <= now);
        self.resting = later;
        for (_, step) in due {
            self.scheduler.wake(&step);
        }
    }

    async fn take_results(&mut self, done: Done) -> Result<()> {
        let reporter = self.context.world.reporter.clone();
        for (step, result) in done.steps.iter().zip(done.results) {
            match result {
                Ok((facts, expansion)) => {
                    if let Some((steps, edges)) = expansion {
                        reporter.report(Event::Expanded {
                            unit: step.unit.clone(),
                            steps: steps.len() as u64,
                            bytes: steps.iter().map(|s| s.bytes).sum(),
                        });
                        self.scheduler.expand(&step.id, &steps, &edges);
                    }
                    self.scheduler.succeeded(&step.id);
                    self.attempts.remove(&step.id);
                    if let Some(summary) = summary(step, &facts) {
                        reporter.report(Event::UnitFinished { unit: step.unit.clone(), ok: true, summary });
                    }
                    reporter.report(Event::StepSucceeded {
                        step: step.id.clone(),
                        unit: step.unit.clone(),
                        bytes: step.bytes,
                    });
                }
                Err(error) => self.take_failure(step, done.attempt, error).await?,
            }
        }
        self.reset_quiet_sessions().await
    }

    async fn take_failure(&mut self, step: &Step, attempt: u32, error: Error) -> Result<()> {
        let attempts_max = self.retries + 1;
        // storage trouble concerns this part alone; anything else may have cost the session its view
        let session = step.session.clone().filter(|_| error.code() != code::STORAGE_IO);
        let attempt = match &session {
            Some(session) => self.session_tries.get(session).copied().unwrap_or(0) + 1,
            None => attempt,
        };
        let again = error.is_transient() && attempt < attempts_max && !self.stopping;
        let failure = error.failure();
        let at = self.context.world.clock.now();
        let record = Record::StepFailed { step: step.id.clone(), failure: failure.clone(), again, at };
        self.context.journal.append(vec![record]).await?;
        if again {
            let pause = pause(attempt);
            self.context.world.reporter.report(Event::Retry {
                step: step.id.clone(),
                attempt,
                attempts_max,
                pause_ms: pause.as_millis() as u64,
                failure: failure.clone(),
            });
            self.scheduler.rest(&step.id);
            match session {
                Some(session) => {
                    self.scheduler.hold_session(&session);
                    self.resetting.insert(session, failure);
                }
                None => {
                    self.attempts.insert(step.id.clone(), attempt);
                    self.resting.push((Instant::now() + pause, step.id.clone()));
                }
            }
            return Ok(());
        }
        self.context.world.reporter.report(Event::StepFailed {
            step: step.id.clone(),
            unit: step.unit.clone(),
            failure: failure.clone(),
        });
        self.failures.insert(step.id.clone(), failure);
        if let Some(session) = &step.session {
            self.resetting.remove(session);
            self.context.close_capture(session);
        }
        let skipped = self.scheduler.failed(&step.id);
        if !skipped.is_empty() {
            self.context
                .world
                .reporter
                .report(Event::Skipped { count: skipped.len() as u64, because: step.id.clone() });
            let record = Record::StepsSkipped { steps: skipped, because: step.id.clone() };
            self.context.journal.append(vec![record]).await?;
        }
        if self.on_error == OnError::Stop {
            self.stopping = true;
        }
        Ok(())
    }

    /// Starts sessions over whose running steps have all ended.
    async fn reset_quiet_sessions(&mut self) -> Result<()> {
        let quiet: Vec<String> = self.resetting.keys().filter(|s| self.scheduler.running_in(s) == 0).cloned().collect();
        for session in quiet {
            let Some(failure) = self.resetting.remove(&session) else { continue };
            self.context.close_capture(&session);
            let Some(opening) = self.scheduler.reset_session(&session) else { continue };
            self.resting.retain(|(_, step)| self.scheduler.status(step).is_some());
            let tries = self.session_tries.entry(session.clone()).or_default();
            *tries += 1;
            let tries = *tries;
            let record = Record::SessionReset { session, because: format!("{}: {}", failure.code, failure.message) };
            self.context.journal.append(vec![record]).await?;
            self.resting.push((Instant::now() + pause(tries), opening));
        }
        Ok(())
    }
}

/// What to say when a step was the last of its unit: a snapshot is there, a database is back.
fn summary(step: &Step, facts: &Facts) -> Option<String> {
    match &step.action {
        Action::CaptureCommit { .. } => {
            let number = |name: &str| facts.detail[name].as_u64().unwrap_or(0);
            Some(format!(
                "snapshot {}: {} tables, {} rows, {} stored",
                facts.detail["snapshot"].as_str().unwrap_or_default(),
                units::count(number("tables")),
                units::count(number("rows")),
                units::bytes(number("stored_bytes").saturating_sub(number("shared_bytes")))
            ))
        }
        Action::Restore { action: RestoreAction::Finish, .. } => Some("restored".into()),
        _ => None,
    }
}

/// The pause before the try after `attempt`: doubles, with jitter, up to a limit.
fn pause(attempt: u32) -> Duration {
    ExponentialBuilder::default()
        .with_min_delay(limits::RETRY_PAUSE_FIRST)
        .with_max_delay(limits::RETRY_PAUSE_MAX)
        .with_max_times(attempt as usize)
        .with_jitter()
        .build()
        .last()
        .unwrap_or(limits::RETRY_PAUSE_FIRST)
}

/// One worker's work: the journal knows of it before any effect, and of its
/// success after the effect is durable.
async fn work(context: Arc<Context>, steps: Vec<Step>, attempt: u32) -> Result<Done> {
    let ids: Vec<StepId> = steps.iter().map(|s| s.id.clone()).collect();
    let at = context.world.clock.now();
    context.journal.append(vec![Record::StepsStarted { steps: ids, attempt, at }]).await?;
    let results = act(&context, &steps).await;
    let ended = context.world.clock.now();
    for step in &steps {
        context.keep_time(&step.id, at, ended);
    }
    let mut records = Vec::new();
    let mut succeeded = Vec::new();
    for (step, result) in steps.iter().zip(&results) {
        if let Ok((facts, expansion)) = result {
            if let Some((steps, edges)) = expansion {
                records.push(Record::Expanded { by: step.id.clone(), steps: steps.clone(), edges: edges.clone() });
            }
            context.keep(&step.id, facts.clone());
            for warning in &facts.warnings {
                context.world.reporter.report(Event::Warning { code: None, message: warning.clone() });
            }
            succeeded.push((step.id.clone(), facts.clone()));
        }
    }
    if !succeeded.is_empty() {
        records.push(Record::StepsSucceeded { steps: succeeded, at: ended });
        context.journal.append(records).await?;
    }
    Ok(Done { steps, attempt, results })
}

type Acted = Vec<Result<(Facts, Option<capture::Expansion>)>>;

async fn act(context: &Context, steps: &[Step]) -> Acted {
    if let Some(Step { action: Action::Restore { restore: key, .. }, .. }) = steps.first() {
        return restore::run(context, key, steps).await.into_iter().map(|r| r.map(|facts| (facts, None))).collect();
    }
    let mut results = Vec::with_capacity(steps.len());
    for step in steps {
        results.push(act_alone(context, step).await);
    }
    results
}

async fn act_alone(context: &Context, step: &Step) -> Result<(Facts, Option<capture::Expansion>)> {
    let facts = match &step.action {
        Action::CaptureOpen(spec) => {
            let (facts, more) = capture::open(context, step, spec).await?;
            return Ok((facts, Some(more)));
        }
        Action::CapturePart { part, .. } => capture::part(context, step, *part).await?,
        Action::CaptureCommit { .. } => capture::commit(context, step).await?,
        Action::Check { restore } => check::check(context, restore, &step.unit).await?,
        Action::Restore { .. } => return Err(Error::bug("steps of different kinds in one batch")),
    };
    Ok((facts, None))
}
