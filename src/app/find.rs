//! Finds what a person names by the beginning of an id.

use crate::app::observe;
use crate::error::{Error, Result, code};
use crate::journal::Runs;
use crate::model::desired::{Desired, RepositorySpec};
use crate::model::journal::RunOutcome;
use crate::model::manifest::Header;
use crate::repository::Repository;

/// A snapshot and where it lies.
pub struct Found {
    /// The repository's name.
    pub repository: String,
    /// Where that is.
    pub spec: RepositorySpec,
    /// The snapshot.
    pub header: Header,
}

/// Opens a repository for reading only.
///
/// # Errors
/// `DBB-REPO-*`, `DBB-STORAGE-*`
pub async fn open(spec: &RepositorySpec) -> Result<Repository> {
    Repository::open(crate::app::registry::storage_read_only(spec)).await
}

/// All snapshots of all repositories, oldest first, and what could not be read.
///
/// # Errors
/// When a repository cannot be read at all.
pub async fn snapshots(desired: &Desired) -> Result<(Vec<Found>, Vec<Error>)> {
    let mut found = Vec::new();
    let mut damaged = Vec::new();
    for (name, spec) in &desired.repositories {
        let state = observe::repository(spec).await?;
        damaged.extend(state.damaged.into_iter().map(Error::from));
        found.extend(state.snapshots.into_iter().map(|header| Found {
            repository: name.clone(),
            spec: spec.clone(),
            header,
        }));
    }
    found.sort_by(|a, b| (a.header.taken, &a.header.id).cmp(&(b.header.taken, &b.header.id)));
    Ok((found, damaged))
}

/// The snapshot that `what` names: the beginning of an id, or a database for its newest.
///
/// # Errors
/// `DBB-SNAPSHOT-UNKNOWN`
pub async fn snapshot(desired: &Desired, what: &str) -> Result<Found> {
    let (all, damaged) = snapshots(desired).await?;
    let mut by_id: Vec<usize> = (0..all.len()).filter(|&i| all[i].header.id.starts_with(what)).collect();
    if by_id.len() > 1 {
        let ids: Vec<&str> = by_id.iter().take(5).map(|&i| all[i].header.id.as_str()).collect();
        return Err(Error::new(
            code::SNAPSHOT_UNKNOWN,
            format!("\"{what}\" is the beginning of {} snapshots", by_id.len()),
        )
        .cause(ids.join(", "))
        .fix("give more of the id"));
    }
    let at = by_id.pop().or_else(|| all.iter().rposition(|f| f.header.database == what));
    match at {
        Some(at) => all.into_iter().nth(at).ok_or_else(|| Error::bug("a snapshot got lost")),
        None => {
            let mut error = Error::new(
                code::SNAPSHOT_UNKNOWN,
                format!("there is no snapshot \"{what}\", nor one of a database of that name"),
            )
            .fix("list them: dbb snapshots");
            for one in damaged {
                error = error.cause(one.to_string());
            }
            Err(error)
        }
    }
}

/// The run whose id begins with `what`.
///
/// # Errors
/// `DBB-RUN-UNKNOWN`
pub fn run(runs: &Runs, what: &str) -> Result<String> {
    let mut found: Vec<String> = runs.list()?.into_iter().filter(|id| id.starts_with(what)).collect();
    match (found.pop(), found.is_empty()) {
        (Some(id), true) => Ok(id),
        (Some(_), false) => Err(Error::new(code::RUN_UNKNOWN, format!("\"{what}\" is the beginning of several runs"))
            .fix("give more of the id: dbb runs")),
        (None, _) => {
            Err(Error::new(code::RUN_UNKNOWN, format!("there is no run \"{what}\"")).fix("list them: dbb runs"))
        }
    }
}

/// The newest run that did not succeed.
///
/// # Errors
/// `DBB-RUN-NOTHING`
pub fn unfinished_run(runs: &Runs) -> Result<String> {
    for id in runs.list()?.into_iter().rev() {
        let outcome =
            runs.read(&id).map(|records| crate::apply::resume::Progress::fold(&records).and_then(|p| p.outcome));
        // one that cannot be read is named, not passed over
        if !matches!(outcome, Ok(Some(RunOutcome::Succeeded | RunOutcome::Partial))) {
            return Ok(id);
        }
    }
    Err(Error::new(code::RUN_NOTHING, "every run succeeded: there is nothing to go on with")
        .fix("start a new one: dbb apply"))
}
