//! How far a run came: folded from its journal, then held against the world.

use crate::apply::context::Context;
use crate::apply::restore;
use crate::error::{Error, Result, code};
use crate::model::graph::Graph;
use crate::model::journal::{Facts, Record, RunOutcome};
use crate::model::step::{Action, RestoreAction, Step, StepId};
use crate::port::engine::Probe;
use indexmap::IndexMap;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// How far a run came.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Digest of the plan that it began with.
    pub plan_digest: String,
    /// When it first began.
    pub started: Timestamp,
    /// Times it was resumed.
    pub resumed: u32,
    /// Steps that are done.
    pub done: HashSet<StepId>,
    /// Steps that were started and neither succeeded nor failed.
    pub open: HashSet<StepId>,
    /// What steps left behind.
    pub facts: HashMap<StepId, Facts>,
    /// How it ended, if it did.
    pub outcome: Option<RunOutcome>,
}

impl Progress {
    /// A run that begins now.
    pub fn fresh(now: Timestamp) -> Self {
        Progress { started: now, ..Progress::default() }
    }

    /// Reads a journal's records; `None` when the first is not the beginning of a run.
    pub fn fold(records: &[Record]) -> Option<Self> {
        let mut this = match records.first()? {
            Record::RunStarted { at, plan_digest, .. } => {
                Progress { started: *at, plan_digest: plan_digest.clone(), ..Progress::default() }
            }
            _ => return None,
        };
        for record in records {
            match record {
                Record::RunResumed { .. } => {
                    this.resumed += 1;
                    this.outcome = None;
                }
                Record::StepsStarted { steps, .. } => this.open.extend(steps.iter().cloned()),
                Record::StepsSucceeded { steps, .. } => {
                    for (step, facts) in steps {
                        this.open.remove(step);
                        this.done.insert(step.clone());
                        this.facts.insert(step.clone(), facts.clone());
                    }
                }
                Record::StepFailed { step, .. } => {
                    this.open.remove(step);
                }
                Record::RunEnded { outcome, .. } => this.outcome = Some(*outcome),
                // a session's steps count only when its commit is done: see `probe`
                Record::RunStarted { .. }
                | Record::Expanded { .. }
                | Record::StepsSkipped { .. }
                | Record::SessionReset { .. } => {}
            }
        }
        Some(this)
    }

    fn forget(&mut self, step: &str) {
        self.done.remove(step);
        self.facts.remove(step);
    }
}

/// Holds what the journal says against the world: a step that was started may be done, and one that was
/// done may be lost (the loads of a restore commit asynchronously; the target's marks say what is in).
///
/// # Errors
/// When the world cannot be asked.
pub async fn probe(context: &Context, progress: &mut Progress) -> Result<()> {
    let plan = context.plan.clone();
    for (id, facts) in std::mem::take(&mut progress.facts) {
        context.keep(&id, facts.clone());
        progress.facts.insert(id, facts);
    }
    probe_sessions(context, &plan.graph.steps, progress).await?;
    probe_restores(context, &plan.graph.steps, progress).await?;
    forget_after_undone(&plan.graph, progress);
    check_order(&plan.graph, progress)
}

/// What was lost in a crash of the target's server is the end of its log: nothing that is in can rest on
/// something that is not. Where it does, doing the missing part again would not make the rest right.
fn check_order(graph: &Graph, progress: &Progress) -> Result<()> {
    let marked: HashSet<&str> = graph
        .steps
        .iter()
        .filter(|s| matches!(&s.action, Action::Restore { action, .. } if action.leaves_mark()))
        .map(|s| s.id.as_str())
        .collect();
    let wrong = graph.edges.iter().find(|e| {
        !e.whatever
            && marked.contains(e.before.as_str())
            && marked.contains(e.after.as_str())
            && progress.done.contains(&e.after)
            && !progress.done.contains(&e.before)
    });
    match wrong {
        None => Ok(()),
        Some(edge) => Err(Error::new(code::RESTORE_STATE, "the target holds a later step without an earlier one")
            .cause(format!("{} is in, {} is not", edge.after, edge.before))
            .fix("Drop the half-restored database and begin anew: dbb apply RUNBOOK")),
    }
}

/// A session counts when its commit is done; else all of it starts over.
async fn probe_sessions(context: &Context, steps: &[Step], progress: &mut Progress) -> Result<()> {
    let mut sessions: IndexMap<&str, Vec<&Step>> = IndexMap::new();
    for step in steps {
        if let Some(session) = &step.session {
            sessions.entry(session).or_default().push(step);
        }
    }
    for members in sessions.values() {
        let Some(commit) = members.iter().find(|s| matches!(s.action, Action::CaptureCommit { .. })) else { continue };
        if progress.done.contains(&commit.id) {
            continue;
        }
        if progress.open.contains(&commit.id)
            && let Some(opening) = members.iter().find(|s| matches!(s.action, Action::CaptureOpen(_)))
            && let Action::CaptureOpen(spec) = &opening.action
            && let Some(snapshot) =
                context.facts(&opening.id).and_then(|f| f.detail["snapshot"].as_str().map(str::to_owned))
        {
            let repository = context.repository(&spec.database.repository)?;
            if repository.header(&spec.database.name, &snapshot).await.is_ok() {
                progress.done.extend(members.iter().map(|s| s.id.clone()));
                let facts = Facts { detail: serde_json::json!({"snapshot": snapshot}), ..Facts::default() };
                context.keep(&commit.id, facts);
                continue;
            }
        }
        for member in members {
            progress.forget(&member.id);
        }
    }
    Ok(())
}

/// Asks each target which steps have left their mark.
async fn probe_restores(context: &Context, steps: &[Step], progress: &mut Progress) -> Result<()> {
    let mut restores: IndexMap<&str, Vec<&Step>> = IndexMap::new();
    let mut finished: HashSet<&str> = HashSet::new();
    for step in steps {
        let Action::Restore { restore, action } = &step.action else { continue };
        if *action == RestoreAction::Finish && progress.done.contains(&step.id) {
            finished.insert(restore);
        }
        let reads_only = matches!(
            action,
            RestoreAction::ReadBack { .. } | RestoreAction::Compare { .. } | RestoreAction::CompareLargeObjects { .. }
        );
        let done = progress.done.contains(&step.id);
        // a drop that is done stays done: what stands there now is what this run made
        let dropped = done && *action == RestoreAction::DropDatabase;
        let touched = done || progress.open.contains(&step.id);
        if touched && !reads_only && !dropped {
            restores.entry(restore).or_default().push(step);
        }
    }
    for (key, steps) in restores {
        if finished.contains(key) {
            continue;
        }
        let asked = steps.iter().map(|s| restore::engine_step(context, s)).collect::<Result<Vec<_>>>()?;
        let answers = context.restore(key).await?.probe(&asked).await?;
        for (step, answer) in steps.iter().zip(answers) {
            match answer {
                Probe::Done(facts) => {
                    progress.done.insert(step.id.clone());
                    if context.facts(&step.id).is_none() {
                        context.keep(&step.id, facts);
                    }
                }
                Probe::NotDone => progress.forget(&step.id),
            }
        }
    }
    Ok(())
}

/// What was only read or compared does not count when something before it has to be done again.
fn forget_after_undone(graph: &Graph, progress: &mut Progress) {
    let reads: HashSet<&str> = graph
        .steps
        .iter()
        .filter(|s| match &s.action {
            Action::Restore { action, .. } => matches!(
                action,
                RestoreAction::ReadBack { .. }
                    | RestoreAction::Compare { .. }
                    | RestoreAction::CompareLargeObjects { .. }
            ),
            _ => false,
        })
        .map(|s| s.id.as_str())
        .collect();
    loop {
        let lost: Vec<&str> = graph
            .edges
            .iter()
            .filter(|e| {
                reads.contains(e.after.as_str())
                    && progress.done.contains(&e.after)
                    && !progress.done.contains(&e.before)
            })
            .map(|e| e.after.as_str())
            .collect();
        if lost.is_empty() {
            return;
        }
        for step in lost {
            progress.forget(step);
        }
    }
}
