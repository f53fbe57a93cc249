//! What happens while a run goes on: a bar on a terminal, lines in a pipe.

use crate::base::units;
use crate::cli::arguments::Global;
use crate::cli::output::Output;
use crate::cli::view;
use crate::error::Failure;
use crate::model::event::Event;
use crate::port::reporter::Reporter;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Shows events.
pub(crate) struct Progress {
    output: Output,
    quiet: bool,
    bar: Mutex<Option<ProgressBar>>,
    steps: AtomicU64,
    steps_done: AtomicU64,
    moved: AtomicU64,
}

/// The reporter that fits the options and the stream.
pub(crate) fn reporter(global: &Global, output: &Output) -> Arc<Progress> {
    Arc::new(Progress {
        output: output.clone(),
        quiet: global.quiet,
        bar: Mutex::new(None),
        steps: AtomicU64::new(0),
        steps_done: AtomicU64::new(0),
        moved: AtomicU64::new(0),
    })
}

/// Writes what happens inside to stderr, when asked for.
pub(crate) fn start_log(verbose: u8, output: &Output) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    let subscriber =
        tracing_subscriber::fmt().with_max_level(level).with_ansi(output.err.color).with_writer(std::io::stderr);
    // a second call, in tests, keeps the first
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
}

impl Progress {
    fn bar(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the bar off the screen.
    pub fn finish(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &*self.bar() {
            Some(bar) => bar.suspend(|| self.output.message(text)),
            None => self.output.message(text),
        }
    }

    fn failure(&self, sign: &str, step: &str, failure: &Failure, more: &str) {
        let cause = failure.causes.first().map(|c| format!(": {c}")).unwrap_or_default();
        self.line(&format!("  {sign} {step}  {}: {}{cause}{more}", failure.code, failure.message));
    }

    fn update(&self, bar: &ProgressBar) {
        bar.set_message(format!(
            "{} of {} steps, {} moved",
            units::count(self.steps_done.load(Ordering::Relaxed)),
            units::count(self.steps.load(Ordering::Relaxed)),
            units::bytes(self.moved.load(Ordering::Relaxed))
        ));
    }

    fn start_bar(&self, bytes: u64) {
        if !self.output.err_is_terminal || self.quiet {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(bytes.max(1)), ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) =
            ProgressStyle::with_template("  {bar:30} {percent:>3}%  {msg}  {elapsed} elapsed, {eta} left")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        self.update(&bar);
        *self.bar() = Some(bar);
    }
}

impl Reporter for Progress {
    fn report(&self, event: Event) {
        match &event {
            Event::RunStarted { run, steps, done, bytes, jobs } => {
                self.steps.store(*steps, Ordering::Relaxed);
                self.steps_done.store(*done, Ordering::Relaxed);
                if !self.quiet {
                    let before =
                        if *done > 0 { format!(", {} done before", units::count(*done)) } else { String::new() };
                    self.line(&format!("run {run}: {} steps{before}, {jobs} jobs", units::count(*steps)));
                }
                self.start_bar(*bytes);
            }
            Event::Expanded { steps, bytes, .. } => {
                self.steps.fetch_add(*steps, Ordering::Relaxed);
                if let Some(bar) = &*self.bar() {
                    bar.inc_length(*bytes);
                    self.update(bar);
                }
            }
            Event::Progress { bytes, .. } => {
                self.moved.fetch_add(*bytes, Ordering::Relaxed);
            }
            Event::StepSucceeded { bytes, .. } => {
                self.steps_done.fetch_add(1, Ordering::Relaxed);
                if let Some(bar) = &*self.bar() {
                    bar.inc(*bytes);
                    self.update(bar);
                }
            }
            Event::StepFailed { step, failure, .. } => self.failure("failed ", step, failure, ""),
            Event::Retry { step, attempt, attempts_max, pause_ms, failure } => {
                let pause = units::duration(Duration::from_millis(*pause_ms));
                self.failure(
                    "retry  ",
                    step,
                    failure,
                    &format!(" (attempt {attempt}/{attempts_max}, next in {pause})"),
                );
            }
            Event::Skipped { count, because } => {
                self.line(&format!("  skipped {} steps that need {because}", units::count(*count)));
            }
            Event::UnitFinished { unit, summary, .. } if !self.quiet => {
                self.line(&format!("  done    {unit}  {summary}"))
            }
            Event::Warning { code, message } => {
                self.line(&view::error::warning_line(code.as_deref(), message, &self.output.err));
            }
            Event::Interrupting => {
                self.line("interrupted: running steps end first (Ctrl+C again stops at once; dbb resume goes on)");
            }
            Event::RunEnded { .. } => self.finish(),
            Event::UnitFinished { .. } | Event::StepStarted { .. } => {}
        }
        tracing::debug!(?event);
    }
}
