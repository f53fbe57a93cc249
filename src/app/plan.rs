//! Plans: what would happen, by looking and without changing anything.

use crate::app::{App, find, observe, registry};
use crate::base::{files, limits};
use crate::error::{Error, Result, code};
use crate::model::address::Address;
use crate::model::desired::{Compression, Desired, OnError, RestoreSource, Runbook, SnapshotAt};
use crate::model::manifest::Header;
use crate::model::observed::Observed;
use crate::model::plan::Plan;
use crate::plan::{BackupOptions, RestoreInput, RestoreOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the command line adds to config and runbook.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// `--target`
    pub targets: Vec<Address>,
    /// `--exclude`
    pub excludes: Vec<Address>,
    /// `--now`
    pub now: bool,
    /// `--jobs`
    pub jobs: Option<u32>,
    /// `--compression`
    pub compression: Option<Compression>,
    /// `--on-error`
    pub on_error: Option<OnError>,
    /// `--lock-timeout`
    pub lock_timeout: Option<Duration>,
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u32)
}

/// The config with the command line's lock timeout.
fn adjusted(desired: &Desired, wishes: &Wishes) -> Desired {
    let mut desired = desired.clone();
    if let Some(limit) = wishes.lock_timeout {
        for server in desired.servers.values_mut() {
            server.lock_timeout = limit;
        }
    }
    desired
}

/// Plans the config's backups.
///
/// # Errors
/// `DBB-PLAN-ADDRESS`; what cannot be reached is a notice in the plan.
pub async fn backup(app: &App, desired: &Desired, wishes: &Wishes) -> Result<Plan> {
    let desired = adjusted(desired, wishes);
    let observed = observe::everything(app, &desired).await;
    let options = BackupOptions {
        targets: wishes.targets.clone(),
        excludes: wishes.excludes.clone(),
        now: wishes.now,
        jobs: wishes.jobs,
        processors: processors(),
        compression: wishes.compression,
        on_error: wishes.on_error,
    };
    crate::plan::backup(&desired, &observed, &options)
}

/// Plans a restore by a runbook.
///
/// # Errors
/// `DBB-SNAPSHOT-*`, `DBB-RESTORE-*`, the engine's codes for connecting.
pub async fn restore(app: &App, desired: &Desired, runbook: &Runbook, wishes: &Wishes) -> Result<Plan> {
    let desired = adjusted(desired, wishes);
    let mut runbook = runbook.clone();
    if let Some(limit) = wishes.lock_timeout {
        runbook.lock_timeout = limit;
    }
    let target = desired
        .targets
        .get(&runbook.target)
        .ok_or_else(|| Error::bug(format!("the config has no target \"{}\"", runbook.target)))?;
    let server = desired
        .servers
        .get(&target.server)
        .ok_or_else(|| Error::bug(format!("the config has no server \"{}\"", target.server)))?;
    let observed = observe::observe(app, std::iter::once(server), desired.repositories.iter()).await;
    // without the target or a repository there is nothing to plan
    for result in observed.servers.values() {
        if let Err(failure) = result {
            return Err(failure.clone().into());
        }
    }
    let chosen = crate::plan::choose(&desired, &runbook, &observed)?;
    let engine = registry::engine(app, server.engine)?;
    let mut inputs = Vec::with_capacity(chosen.len());
    for one in chosen {
        let spec = desired
            .repositories
            .get(&one.repository)
            .ok_or_else(|| Error::bug(format!("the config has no repository \"{}\"", one.repository)))?;
        let catalog = find::open(spec).await?.catalog(&one.header).await?;
        let restore = crate::plan::restore_spec(&desired, &runbook, &observed, &one, &catalog)?;
        let preflight = engine.preflight(server, &restore, &catalog).await?;
        inputs.push(RestoreInput { chosen: one, catalog: Arc::new(catalog), preflight });
    }
    let options = RestoreOptions {
        targets: wishes.targets.clone(),
        excludes: wishes.excludes.clone(),
        jobs: wishes.jobs,
        processors: processors(),
        on_error: wishes.on_error,
        capabilities: engine.capabilities(),
    };
    crate::plan::restore(&desired, &runbook, &observed, &inputs, &options)
}

/// Writes a plan for later.
///
/// # Errors
/// `DBB-STORAGE-*`
pub fn save(plan: &Plan, path: &Path) -> Result<String> {
    let (bytes, digest) = crate::plan::saved::save(plan)?;
    files::write(path, &bytes).map_err(|e| {
        Error::new(code::STORAGE_IO, format!("the plan could not be written to {}", path.display()))
            .cause(e.to_string())
            .fix("choose a place that can be written to: -o FILE")
    })?;
    Ok(digest)
}

/// Reads a saved plan and holds it against the world as it is now.
///
/// # Errors
/// `DBB-PLAN-MISSING`, `DBB-PLAN-FORMAT`, `DBB-PLAN-TAMPERED`, `DBB-PLAN-EXPIRED`, `DBB-PLAN-STALE`
pub async fn load(app: &App, desired: &Desired, path: &Path) -> Result<Plan> {
    let bytes = files::read(path, limits::MANIFEST_BYTES_MAX).map_err(|e| {
        Error::new(code::PLAN_MISSING, format!("the plan {} cannot be read", path.display())).cause(e.to_string())
    })?;
    let plan = crate::plan::saved::load(&bytes)?;
    crate::plan::saved::check_age(&plan, app.clock.now())?;
    crate::plan::saved::check_config(&plan, desired)?;
    let fresh = fingerprints(app, desired, &plan).await?;
    crate::plan::saved::check_world(&plan, &fresh)?;
    Ok(plan)
}

/// What the plan's resources look like now.
async fn fingerprints(app: &App, desired: &Desired, plan: &Plan) -> Result<Vec<crate::model::plan::Fingerprint>> {
    let observed = observe::observe(app, plan.servers.values(), plan.repositories.iter()).await;
    let servers = observed.servers.values().filter_map(|s| s.as_ref().err());
    let repositories = observed.repositories.values().filter_map(|r| r.as_ref().err());
    if let Some(failure) = servers.chain(repositories).next() {
        return Err(failure.clone().into());
    }
    let mut preflights = Vec::new();
    for (key, spec) in &plan.restores {
        let header = header(&observed, &spec.repository, &spec.database, &spec.snapshot)?;
        let repository = plan
            .repositories
            .get(&spec.repository)
            .ok_or_else(|| Error::bug(format!("the plan has no repository \"{}\"", spec.repository)))?;
        let server = plan
            .servers
            .get(&spec.server)
            .ok_or_else(|| Error::bug(format!("the plan has no server \"{}\"", spec.server)))?;
        let catalog = find::open(repository).await?.catalog(&header).await?;
        let preflight = registry::engine(app, server.engine)?.preflight(server, spec, &catalog).await?;
        preflights.push((key.clone(), preflight));
    }
    crate::plan::saved::fingerprints(desired, plan, &observed, &preflights)
}

fn header(observed: &Observed, repository: &str, database: &str, snapshot: &str) -> Result<Header> {
    observed
        .repositories
        .get(repository)
        .and_then(|r| r.as_ref().ok())
        .and_then(|r| r.snapshots.iter().find(|h| h.database == database && h.id == snapshot))
        .cloned()
        .ok_or_else(|| {
            Error::new(code::PLAN_STALE, format!("snapshot {snapshot} of \"{database}\" is gone"))
                .fix("make a new plan: dbb plan")
        })
}

/// What a restore takes, in words, for a runbook that is made for a person.
pub fn describe(from: &RestoreSource) -> String {
    let at = |at: &SnapshotAt| match at {
        SnapshotAt::Latest => "latest".to_owned(),
        SnapshotAt::Time(time) => time.to_string(),
        SnapshotAt::Id(id) => id.clone(),
    };
    match from {
        RestoreSource::Database { name, at: when } => format!("{name} @ {}", at(when)),
        RestoreSource::Set { server, at: when } => format!("all of {server} @ {}", at(when)),
    }
}
