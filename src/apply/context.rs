//! What all workers of a run share.

use crate::apply::capture::OpenCapture;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::model::desired::EngineKind;
use crate::model::event::Event;
use crate::model::journal::Facts;
use crate::model::plan::Plan;
use crate::model::step::StepId;
use crate::port::clock::Clock;
use crate::port::engine::{Engine, OnBytes, Restore};
use crate::port::reporter::Reporter;
use crate::repository::Repository;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The outside, as far as a run needs it.
#[derive(Clone)]
pub struct World {
    /// Engines by kind.
    pub engines: HashMap<EngineKind, Arc<dyn Engine>>,
    /// Repositories by name.
    pub repositories: HashMap<String, Arc<Repository>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
}

/// A run under way.
pub struct Context {
    /// The run's id.
    pub run: String,
    /// What is carried out.
    pub plan: Arc<Plan>,
    /// The outside.
    pub world: World,
    /// What remembers.
    pub journal: Arc<Journal>,
    facts: Mutex<HashMap<StepId, Facts>>,
    times: Mutex<HashMap<StepId, (Timestamp, Timestamp)>>,
    captures: Mutex<HashMap<String, Arc<OpenCapture>>>,
    restores: Mutex<HashMap<String, Slot>>,
}

/// A restore, once its first step has opened it.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<dyn Restore>>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // the maps stay whole whatever a panicking worker did
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    /// A run that knows `facts` from earlier.
    pub fn new(
        run: String,
        plan: Arc<Plan>,
        world: World,
        journal: Arc<Journal>,
        facts: HashMap<StepId, Facts>,
    ) -> Self {
        Context {
            run,
            plan,
            world,
            journal,
            facts: Mutex::new(facts),
            times: Mutex::default(),
            captures: Mutex::default(),
            restores: Mutex::default(),
        }
    }

    /// Keeps what a step left behind.
    pub fn keep(&self, step: &str, facts: Facts) {
        lock(&self.facts).insert(step.to_owned(), facts);
    }

    /// What a step left behind.
    pub fn facts(&self, step: &str) -> Option<Facts> {
        lock(&self.facts).get(step).cloned()
    }

    /// All that steps left behind.
    pub fn all_facts(&self) -> HashMap<StepId, Facts> {
        lock(&self.facts).clone()
    }

    /// Keeps from when to when a step ran.
    pub fn keep_time(&self, step: &str, from: Timestamp, to: Timestamp) {
        lock(&self.times).insert(step.to_owned(), (from, to));
    }

    /// From when to when steps ran.
    pub fn times(&self) -> HashMap<StepId, (Timestamp, Timestamp)> {
        lock(&self.times).clone()
    }

    /// Keeps an open capture for its parts.
    pub fn open_capture(&self, session: &str, capture: Arc<OpenCapture>) {
        lock(&self.captures).insert(session.to_owned(), capture);
    }

    /// The open capture of a session.
    pub fn capture(&self, session: &str) -> Result<Arc<OpenCapture>> {
        lock(&self.captures)
            .get(session)
            .cloned()
            .ok_or_else(|| Error::bug(format!("no capture is open for {session}")))
    }

    /// Lets go of a session's capture.
    pub fn close_capture(&self, session: &str) {
        lock(&self.captures).remove(session);
    }

    /// The engine of a server of the plan.
    pub fn engine(&self, server: &str) -> Result<(Arc<dyn Engine>, &crate::model::desired::ServerSpec)> {
        let spec =
            self.plan.servers.get(server).ok_or_else(|| Error::bug(format!("the plan has no server \"{server}\"")))?;
        let engine = self
            .world
            .engines
            .get(&spec.engine)
            .ok_or_else(|| Error::bug(format!("no engine for server \"{server}\"")))?;
        Ok((engine.clone(), spec))
    }

    /// A repository of the plan.
    pub fn repository(&self, name: &str) -> Result<Arc<Repository>> {
        self.world
            .repositories
            .get(name)
            .cloned()
            .ok_or_else(|| Error::bug(format!("the plan has no repository \"{name}\"")))
    }

    /// The restore under `key`, opened by the first step that needs it.
    pub async fn restore(&self, key: &str) -> Result<Arc<dyn Restore>> {
        let slot = lock(&self.restores).entry(key.to_owned()).or_default().clone();
        let mut open = slot.lock().await;
        if let Some(restore) = &*open {
            return Ok(restore.clone());
        }
        let restore = self.open_restore(key).await?;
        *open = Some(restore.clone());
        Ok(restore)
    }

    async fn open_restore(&self, key: &str) -> Result<Arc<dyn Restore>> {
        let spec =
            self.plan.restores.get(key).ok_or_else(|| Error::bug(format!("the plan has no restore \"{key}\"")))?;
        let repository = self.repository(&spec.repository)?;
        let header = repository.header(&spec.database, &spec.snapshot).await?;
        let source = repository.open_snapshot(&header).await?;
        let (engine, server) = self.engine(&spec.server)?;
        engine.open_restore(server, spec, source).await
    }

    /// Reports the bytes of a unit as they move.
    pub fn on_bytes(&self, unit: &str) -> OnBytes {
        let reporter = self.world.reporter.clone();
        let unit = unit.to_owned();
        Arc::new(move |bytes| reporter.report(Event::Progress { unit: unit.clone(), bytes }))
    }
}
