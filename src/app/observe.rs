//! Looks at everything that planning needs. Changes nothing: storages are
//! wrapped so that a write is refused, engines only read.

use crate::app::{App, registry};
use crate::error::{Failure, Result};
use crate::model::desired::{Desired, RepositorySpec, ServerSpec};
use crate::model::observed::{Observed, RepositoryState, ServerState};
use crate::repository::Repository;
use indexmap::IndexMap;

/// Looks at the named servers and repositories side by side.
pub async fn observe<'a>(
    app: &App,
    servers: impl Iterator<Item = &'a ServerSpec>,
    repositories: impl Iterator<Item = (&'a String, &'a RepositorySpec)>,
) -> Observed {
    let began = tokio::time::Instant::now();
    let servers = servers.map(|spec| async move { (spec.name.clone(), server(app, spec).await) });
    let repositories = repositories.map(|(name, spec)| async move { (name.clone(), repository(spec).await) });
    let (servers, repositories) =
        tokio::join!(futures_util::future::join_all(servers), futures_util::future::join_all(repositories));
    Observed {
        now: app.clock.now(),
        servers: collect(servers),
        repositories: collect(repositories),
        took_ms: began.elapsed().as_millis() as u64,
    }
}

/// Looks at all that a config names.
pub async fn everything(app: &App, desired: &Desired) -> Observed {
    let used = desired.servers.values().filter(|s| desired.databases.values().any(|d| d.server == s.name));
    observe(app, used, desired.repositories.iter()).await
}

fn collect<T>(all: Vec<(String, Result<T>)>) -> IndexMap<String, Result<T, Failure>> {
    all.into_iter().map(|(name, result)| (name, result.map_err(|e| e.failure()))).collect()
}

async fn server(app: &App, spec: &ServerSpec) -> Result<ServerState> {
    registry::engine(app, spec.engine)?.observe(spec).await
}

/// Looks at one repository.
///
/// # Errors
/// `DBB-STORAGE-*`, `DBB-REPO-*`; one that does not exist yet is no error.
pub async fn repository(spec: &RepositorySpec) -> Result<RepositoryState> {
    let storage = registry::storage_read_only(spec);
    if !Repository::exists(&storage).await? {
        return Ok(RepositoryState { free_bytes: storage.free_bytes().await?, ..RepositoryState::default() });
    }
    let repository = Repository::open(storage.clone()).await?;
    let (snapshots, damaged) = repository.headers().await?;
    Ok(RepositoryState {
        exists: true,
        snapshots,
        damaged: damaged.iter().map(|e| e.failure()).collect(),
        free_bytes: storage.free_bytes().await?,
        encrypted: false,
    })
}
