//! What a database system must be able to do.

use crate::error::{Failure, Result};
use crate::model::catalog::{Catalog, Chunk};
use crate::model::desired::{DatabaseSpec, EngineKind, ServerSpec};
use crate::model::journal::Facts;
use crate::model::manifest::Consistency;
use crate::model::observed::ServerState;
use crate::model::step::{RestoreAction, RestoreSpec, StepId};
use crate::port::snapshots::{ObjectStore, SnapshotSource, StoredObject};
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;

/// What an engine can do, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Which engine.
    pub kind: EngineKind,
    /// DDL and rows share a transaction with the progress mark.
    pub transactional_ddl: bool,
    /// A foreign key can be added first and checked later.
    pub not_valid_foreign_keys: bool,
    /// A unique constraint can take an index built before.
    pub constraint_using_index: bool,
    /// A table can be read back in shares side by side.
    pub shared_read_back: bool,
}

/// Told about bytes on their way, for progress.
pub type OnBytes = Arc<dyn Fn(u64) + Send + Sync>;

/// A database system.
#[async_trait]
pub trait Engine: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Looks at a server. Changes nothing.
    ///
    /// # Errors
    /// The engine's codes for connecting and logging in.
    async fn observe(&self, server: &ServerSpec) -> Result<ServerState>;

    /// Checks everything that a capture or restore will need, one result a line. Changes nothing.
    async fn doctor(&self, server: &ServerSpec) -> Vec<Check>;

    /// Opens a consistent view of a database.
    ///
    /// # Errors
    /// The engine's codes.
    async fn open_capture(&self, server: &ServerSpec, database: &DatabaseSpec) -> Result<Arc<dyn Capture>>;

    /// Gets ready to restore a snapshot. Touches nothing yet.
    ///
    /// # Errors
    /// The engine's codes.
    async fn open_restore(
        &self,
        server: &ServerSpec,
        spec: &RestoreSpec,
        source: Arc<dyn SnapshotSource>,
    ) -> Result<Arc<dyn Restore>>;

    /// What stands in the way of such a restore, before anything is touched. Changes nothing.
    ///
    /// # Errors
    /// The engine's codes for connecting.
    async fn preflight(&self, server: &ServerSpec, spec: &RestoreSpec, catalog: &Catalog) -> Result<Preflight>;
}

/// One line of `dbb doctor`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What was looked at, e.g. `rights`, `tools`, `pooler`.
    pub topic: String,
    /// What is the case.
    pub finding: String,
    /// What is wrong with that, if anything is.
    pub failure: Option<Failure>,
    /// True when it only might matter.
    pub warning: bool,
}

/// What stands in the way of a restore, and what to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preflight {
    /// Must be mended first.
    pub failures: Vec<Failure>,
    /// Good to know.
    pub warnings: Vec<Failure>,
    /// Names the target's state for the plan's fingerprint.
    pub fingerprint: String,
    /// True when the login is not a superuser.
    pub limited: bool,
    /// Partition trees can be loaded leaf by leaf: encoding, collations and version order rows alike.
    pub same_ordering: bool,
}

/// A part of a capture: what one worker does at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// For people: the table, or how many tables.
    pub label: String,
    /// About how many bytes.
    pub bytes: u64,
}

/// What a captured part left behind.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CapturedPart {
    /// The object, absent when there was nothing to store.
    pub object: Option<StoredObject>,
    /// Chunks in it; `object` is set when the manifest is made.
    pub chunks: Vec<Chunk>,
    /// Warnings, in sentences.
    pub warnings: Vec<String>,
}

/// An open consistent view of a database.
#[async_trait]
pub trait Capture: Send + Sync {
    /// Its parts.
    fn parts(&self) -> &[Part];

    /// Version of the server, e.g. `15.18`.
    fn server_version(&self) -> String;

    /// When the view was taken.
    fn taken(&self) -> Timestamp;

    /// How consistent it is.
    fn consistency(&self) -> Consistency;

    /// Size of the database, as the server tells it.
    fn source_bytes(&self) -> u64;

    /// Captures one part into objects of `store`. May be called side by side for different parts.
    ///
    /// # Errors
    /// The engine's codes; `DBB-PG-LOST` when the view is gone.
    async fn capture_part(&self, part: usize, store: &dyn ObjectStore, on_bytes: OnBytes) -> Result<CapturedPart>;

    /// Everything but the rows, and a last check that the view held to the end. Chunks and sums are not in it yet.
    ///
    /// # Errors
    /// The engine's codes; `DBB-PG-DDL` when definitions moved.
    async fn finish(&self) -> Result<Catalog>;
}

/// A step of a restore together with its id.
#[derive(Clone, Debug)]
pub struct RestoreStep {
    /// The step's id: what is marked in the target.
    pub id: StepId,
    /// What is to be done.
    pub action: RestoreAction,
    /// For `Compare`: the sums of the steps that it names, in that order.
    pub sums: Vec<crate::base::digest::RowSum>,
}

/// What is known of a step that was started and not finished.
#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    /// Its effect is there.
    Done(Facts),
    /// Its effect is not there, or doing it again does no harm.
    NotDone,
}

/// A restore that is under way on one target database.
#[async_trait]
pub trait Restore: Send + Sync {
    /// Does the steps together if that is possible: one transaction with their marks. When that fails
    /// for one of them, the others are done one by one; each step has its own result, in order.
    async fn run(&self, steps: &[RestoreStep], on_bytes: OnBytes) -> Vec<Result<Facts>>;

    /// Finds out whether the effects of steps are there: after a crash, before going on.
    ///
    /// # Errors
    /// The engine's codes.
    async fn probe(&self, steps: &[RestoreStep]) -> Result<Vec<Probe>>;
}
