//! The only file that names concrete adapters: one line each.

use crate::app::App;
use crate::engine::postgres::Postgres;
use crate::error::{Error, Result, code};
use crate::model::desired::{EngineKind, RepositorySpec};
use crate::port::clock::Clock;
use crate::port::engine::Engine;
use crate::port::storage::Storage;
use crate::storage::local::LocalStorage;
use crate::storage::read_only::ReadOnly;
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that asks
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Every engine, by kind.
pub fn engines(app: &App) -> HashMap<EngineKind, Arc<dyn Engine>> {
    let postgres = Postgres {
        secrets: app.secrets.clone(),
        clock: app.clock.clone(),
        scratch: app.environment.temp.clone(),
        tools_path: app.environment.path.clone(),
    };
    HashMap::from([(EngineKind::Postgres, Arc::new(postgres) as Arc<dyn Engine>)])
}

/// The engine of a kind.
///
/// # Errors
/// `DBB-BUG` when it was not registered.
pub fn engine(app: &App, kind: EngineKind) -> Result<Arc<dyn Engine>> {
    engines(app).remove(&kind).ok_or_else(|| Error::new(code::BUG, format!("no engine for {kind:?}")))
}

/// The storage that a repository lives in.
pub fn storage(spec: &RepositorySpec) -> Arc<dyn Storage> {
    match spec {
        RepositorySpec::Local { path } => Arc::new(LocalStorage::new(path)),
    }
}

/// The same, for planning: every write is refused.
pub fn storage_read_only(spec: &RepositorySpec) -> Arc<dyn Storage> {
    Arc::new(ReadOnly::new(storage(spec)))
}

/// Where a repository is, for people.
pub fn display(spec: &RepositorySpec) -> String {
    match spec {
        RepositorySpec::Local { path } => show_path(path),
    }
}

fn show_path(path: &Path) -> String {
    path.display().to_string()
}
