//! The scheduler: a pure state machine over the graph. It says what may run
//! now and what a result means for the rest; it knows no time, no tasks and
//! no databases.

use crate::base::limits;
use crate::model::graph::{Edge, Graph};
use crate::model::step::{Action, Step, StepId};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Where a step is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something it needs is not done.
    Waiting,
    /// It may run.
    Ready,
    /// It runs.
    Running,
    /// It failed and waits to be tried again.
    Resting,
    /// Done.
    Done,
    /// Failed for good.
    Failed,
    /// Something it needs failed.
    Skipped,
}

struct Node {
    step: Step,
    status: Status,
    /// Steps that must end first and have not.
    missing: usize,
    after: Vec<(usize, bool)>,
    /// The step that added this one at run time.
    added_by: Option<usize>,
    gone: bool,
}

/// What comes first among the ready: quick things that others wait for,
/// then the largest, then the order of the source.
type Key = (u8, Reverse<u64>, u32, usize);

/// The state machine.
pub struct Scheduler {
    nodes: Vec<Node>,
    index: HashMap<StepId, usize>,
    ready: BTreeSet<Key>,
    batches: HashMap<String, BTreeSet<Key>>,
    lanes: HashMap<String, BTreeSet<Key>>,
    /// Running steps by lane.
    busy: HashMap<String, usize>,
    jobs: usize,
    running: usize,
    resting: usize,
}

impl Scheduler {
    /// Takes a graph whose `done` steps count as done.
    pub fn new(graph: &Graph, jobs: usize, done: &HashSet<StepId>) -> Self {
        let mut this = Scheduler {
            nodes: Vec::with_capacity(graph.steps.len()),
            index: HashMap::with_capacity(graph.steps.len()),
            ready: BTreeSet::new(),
            batches: HashMap::new(),
            lanes: HashMap::new(),
            busy: HashMap::new(),
            jobs: jobs.max(1),
            running: 0,
            resting: 0,
        };
        this.add(&graph.steps, &graph.edges, None, done);
        this
    }

    /// Adds steps found out by step `by` while it ran. Edges may lead to and from steps that are there.
    pub fn expand(&mut self, by: &str, steps: &[Step], edges: &[Edge]) {
        let by = self.index.get(by).copied();
        self.add(steps, edges, by, &HashSet::new());
    }

    fn add(&mut self, steps: &[Step], edges: &[Edge], by: Option<usize>, done: &HashSet<StepId>) {
        let first = self.nodes.len();
        for step in steps {
            let status = if done.contains(&step.id) { Status::Done } else { Status::Waiting };
            self.index.insert(step.id.clone(), self.nodes.len());
            self.nodes.push(Node {
                step: step.clone(),
                status,
                missing: 0,
                after: Vec::new(),
                added_by: by,
                gone: false,
            });
        }
        for edge in edges {
            let (Some(&before), Some(&after)) = (self.index.get(&edge.before), self.index.get(&edge.after)) else {
                continue;
            };
            self.nodes[before].after.push((after, edge.whatever));
            if !matches!(self.nodes[before].status, Status::Done) {
                self.unready(after);
                self.nodes[after].missing += 1;
            }
        }
        for node in first..self.nodes.len() {
            self.settle(node);
        }
    }

    fn key(&self, node: usize) -> Key {
        let step = &self.nodes[node].step;
        let class = match &step.action {
            Action::CaptureOpen(_) => 2,
            _ if step.lane.is_some() || matches!(step.action, Action::CaptureCommit { .. }) => 0,
            _ => 1,
        };
        (class, Reverse(step.bytes), step.order, node)
    }

    /// Makes a waiting step ready when nothing is missing any more.
    fn settle(&mut self, node: usize) {
        if self.nodes[node].status == Status::Waiting && self.nodes[node].missing == 0 && !self.nodes[node].gone {
            self.nodes[node].status = Status::Ready;
            let key = self.key(node);
            if let Some(batch) = self.nodes[node].step.batch.clone() {
                self.batches.entry(batch).or_default().insert(key);
            }
            match self.nodes[node].step.lane.clone() {
                Some(lane) => {
                    self.lanes.entry(lane.clone()).or_default().insert(key);
                    self.offer(&lane);
                }
                None => {
                    self.ready.insert(key);
                }
            }
        }
    }

    /// Offers the first of a free lane to the workers.
    fn offer(&mut self, lane: &str) {
        let Some(waiting) = self.lanes.get(lane) else { return };
        for key in waiting {
            self.ready.remove(key);
        }
        if !self.busy.contains_key(lane)
            && let Some(first) = waiting.first()
        {
            self.ready.insert(*first);
        }
    }

    /// Takes a ready step back to waiting.
    fn unready(&mut self, node: usize) {
        if self.nodes[node].status != Status::Ready {
            return;
        }
        self.nodes[node].status = Status::Waiting;
        self.withdraw(node);
    }

    fn withdraw(&mut self, node: usize) {
        let key = self.key(node);
        self.ready.remove(&key);
        if let Some(batch) = &self.nodes[node].step.batch
            && let Some(set) = self.batches.get_mut(batch)
        {
            set.remove(&key);
        }
        if let Some(lane) = self.nodes[node].step.lane.clone()
            && let Some(set) = self.lanes.get_mut(&lane)
        {
            set.remove(&key);
            self.offer(&lane);
        }
    }

    /// The next steps for one worker: one, or several that belong in one transaction, in their order.
    pub fn take(&mut self) -> Option<Vec<Step>> {
        let &(.., first) = self.ready.first()?;
        let step = self.nodes[first].step.clone();
        let mut taken = Vec::new();
        let limit = match (&step.batch, &step.lane) {
            (None, _) => 1,
            (Some(_), Some(_)) => limits::BATCH_STEPS_MAX,
            // leave something for the other workers
            (Some(batch), None) => {
                let waiting = self.batches.get(batch).map_or(1, BTreeSet::len);
                waiting.div_ceil(self.jobs).clamp(1, limits::BATCH_STEPS_MAX)
            }
        };
        let mut candidates: BTreeSet<Key> = match &step.batch {
            Some(batch) => self.batches.get(batch).cloned().unwrap_or_default(),
            None => BTreeSet::from([self.key(first)]),
        };
        let mut inside: HashMap<usize, usize> = HashMap::new();
        while taken.len() < limit
            && let Some((.., node)) = candidates.pop_first()
        {
            if self.nodes[node].step.lane != step.lane {
                continue;
            }
            taken.push(node);
            // in one lane, what depends only on steps of this batch may come along behind them
            if step.lane.is_some() {
                for &(after, _) in &self.nodes[node].after {
                    let done = inside.entry(after).or_default();
                    *done += 1;
                    let next = &self.nodes[after];
                    if next.status == Status::Waiting
                        && *done == next.missing
                        && next.step.batch == step.batch
                        && next.step.lane == step.lane
                    {
                        candidates.insert(self.key(after));
                    }
                }
            }
        }
        for &node in &taken {
            if self.nodes[node].status == Status::Ready {
                self.withdraw(node);
            }
            self.nodes[node].status = Status::Running;
        }
        self.running += taken.len();
        if let Some(lane) = &step.lane {
            *self.busy.entry(lane.clone()).or_default() += taken.len();
            self.offer(lane);
        }
        Some(taken.into_iter().map(|node| self.nodes[node].step.clone()).collect())
    }

    fn end(&mut self, node: usize, status: Status) {
        let before = std::mem::replace(&mut self.nodes[node].status, status);
        match before {
            Status::Running => self.running -= 1,
            Status::Resting => self.resting -= 1,
            _ => return,
        }
        if before == Status::Running
            && let Some(lane) = self.nodes[node].step.lane.clone()
            && let Some(count) = self.busy.get_mut(&lane)
        {
            // the lane is free when the last of its batch has ended
            *count -= 1;
            if *count == 0 {
                self.busy.remove(&lane);
                self.offer(&lane);
            }
        }
    }

    fn release(&mut self, node: usize, only_whatever: bool) {
        for (after, whatever) in self.nodes[node].after.clone() {
            if whatever || !only_whatever {
                self.nodes[after].missing = self.nodes[after].missing.saturating_sub(1);
                self.settle(after);
            }
        }
    }

    /// A step is done.
    pub fn succeeded(&mut self, id: &str) {
        if let Some(&node) = self.index.get(id) {
            self.end(node, Status::Done);
            self.release(node, false);
        }
    }

    /// A step failed for good. Returns what is skipped because of it.
    pub fn failed(&mut self, id: &str) -> Vec<StepId> {
        let Some(&node) = self.index.get(id) else { return Vec::new() };
        self.end(node, Status::Failed);
        self.release(node, true);
        let mut skipped = self.skip_after(node);
        if let Some(session) = self.nodes[node].step.session.clone() {
            // the rest of a session is of no use without this one
            for other in 0..self.nodes.len() {
                if self.nodes[other].step.session.as_deref() == Some(&session)
                    && matches!(self.nodes[other].status, Status::Waiting | Status::Ready | Status::Resting)
                {
                    self.skip(other, &mut skipped);
                    skipped.extend(self.skip_after(other));
                }
            }
        }
        skipped
    }

    fn skip(&mut self, node: usize, skipped: &mut Vec<StepId>) {
        if self.nodes[node].status == Status::Ready {
            self.withdraw(node);
        }
        self.end(node, Status::Skipped);
        skipped.push(self.nodes[node].step.id.clone());
        self.release(node, true);
    }

    fn skip_after(&mut self, node: usize) -> Vec<StepId> {
        let mut skipped = Vec::new();
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            for (after, whatever) in self.nodes[node].after.clone() {
                if !whatever && matches!(self.nodes[after].status, Status::Waiting | Status::Ready) {
                    self.skip(after, &mut skipped);
                    stack.push(after);
                }
            }
        }
        skipped
    }

    /// A step failed and will be tried again later: it rests until [`Scheduler::wake`].
    pub fn rest(&mut self, id: &str) {
        if let Some(&node) = self.index.get(id) {
            self.end(node, Status::Resting);
            self.resting += 1;
        }
    }

    /// A resting step may run again.
    pub fn wake(&mut self, id: &str) {
        if let Some(&node) = self.index.get(id)
            && self.nodes[node].status == Status::Resting
        {
            self.resting -= 1;
            self.nodes[node].status = Status::Waiting;
            self.settle(node);
        }
    }

    /// A session starts over: what its opening step added is forgotten, the rest waits again, and the
    /// opening step rests until it is woken. Returns the opening step. No step of it may be running.
    pub fn reset_session(&mut self, session: &str) -> Option<StepId> {
        let members: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| self.nodes[node].step.session.as_deref() == Some(session) && !self.nodes[node].gone)
            .collect();
        let mut opening = None;
        for &node in &members {
            if self.nodes[node].status == Status::Ready {
                self.withdraw(node);
            }
            self.end(node, Status::Waiting);
            if self.nodes[node].added_by.is_some() {
                self.nodes[node].gone = true;
                self.index.remove(&self.nodes[node].step.id);
            } else if matches!(self.nodes[node].step.action, Action::CaptureOpen(_)) {
                opening = Some(node);
            }
        }
        // count again what each member waits for
        for &node in &members {
            self.nodes[node].missing = 0;
        }
        for before in 0..self.nodes.len() {
            if self.nodes[before].gone || self.nodes[before].status == Status::Done {
                continue;
            }
            for (after, _) in self.nodes[before].after.clone() {
                if members.contains(&after) {
                    self.nodes[after].missing += 1;
                }
            }
        }
        let opening = opening?;
        self.nodes[opening].status = Status::Resting;
        self.resting += 1;
        Some(self.nodes[opening].step.id.clone())
    }

    /// Steps of a session that run now.
    pub fn running_in(&self, session: &str) -> usize {
        self.nodes.iter().filter(|n| n.status == Status::Running && n.step.session.as_deref() == Some(session)).count()
    }

    /// Keeps a session's waiting steps from being taken while its running ones end.
    pub fn hold_session(&mut self, session: &str) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].status == Status::Ready && self.nodes[node].step.session.as_deref() == Some(session) {
                self.unready(node);
                self.nodes[node].missing += 1;
            }
        }
    }

    /// True when nothing runs, rests or may run.
    pub fn is_finished(&self) -> bool {
        self.running == 0 && self.resting == 0 && self.ready.is_empty()
    }

    /// Steps that run now.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Every step that counts, with where it is.
    pub fn statuses(&self) -> impl Iterator<Item = (&Step, Status)> {
        self.nodes.iter().filter(|n| !n.gone).map(|n| (&n.step, n.status))
    }

    /// Where one step is.
    pub fn status(&self, id: &str) -> Option<Status> {
        self.index.get(id).map(|&node| self.nodes[node].status)
    }
}

#[cfg(test)]
mod tests;
