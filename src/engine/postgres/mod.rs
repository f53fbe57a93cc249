//! PostgreSQL, versions 12 to 18.

mod alive;
pub mod archive;
pub mod bytes;
pub mod capture;
pub mod connect;
pub mod doctor;
pub mod error;
pub mod observe;
pub mod preflight;
pub mod quote;
pub mod restore;
pub mod session;
pub mod sniff;
pub mod tls;
pub mod tools;

use crate::error::Result;
use crate::model::catalog::Catalog;
use crate::model::desired::{DatabaseSpec, EngineKind, ServerSpec};
use crate::model::observed::ServerState;
use crate::model::step::RestoreSpec;
use crate::port::clock::Clock;
use crate::port::engine::{Capabilities, Capture, Check, Engine, Preflight, Restore};
use crate::port::secret::SecretSource;
use crate::port::snapshots::SnapshotSource;
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;

/// PostgreSQL as an engine.
#[derive(Clone)]
pub struct Postgres {
    /// Where passwords come from.
    pub secrets: Arc<dyn SecretSource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// A private directory for pg_dump's archives and password files.
    pub scratch: PathBuf,
    /// Directories to look for client tools in: the search path of the environment.
    pub tools_path: Vec<PathBuf>,
}

#[async_trait]
impl Engine for Postgres {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: EngineKind::Postgres,
            transactional_ddl: true,
            not_valid_foreign_keys: true,
            constraint_using_index: true,
            shared_read_back: true,
        }
    }

    async fn observe(&self, server: &ServerSpec) -> Result<ServerState> {
        observe::observe(self, server).await
    }

    async fn doctor(&self, server: &ServerSpec) -> Vec<Check> {
        doctor::doctor(self, server).await
    }

    async fn open_capture(&self, server: &ServerSpec, database: &DatabaseSpec) -> Result<Arc<dyn Capture>> {
        capture::open(self, server, database).await
    }

    async fn open_restore(
        &self,
        server: &ServerSpec,
        spec: &RestoreSpec,
        source: Arc<dyn SnapshotSource>,
    ) -> Result<Arc<dyn Restore>> {
        restore::open(self, server, spec, source).await
    }

    async fn preflight(&self, server: &ServerSpec, spec: &RestoreSpec, catalog: &Catalog) -> Result<Preflight> {
        preflight::preflight(self, server, spec, catalog).await
    }
}
