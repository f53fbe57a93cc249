//! Which snapshots a runbook takes.

use crate::error::{Error, Result, code};
use crate::model::desired::{Desired, RestoreSource, Runbook, SnapshotAt};
use crate::model::manifest::Header;
use crate::model::observed::Observed;
use crate::plan::address::nearest;
use std::collections::{BTreeMap, BTreeSet};

/// A snapshot and the repository it lies in.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The repository's name.
    pub repository: String,
    /// The snapshot.
    pub header: Header,
}

/// The snapshots that a runbook takes, by database name.
///
/// # Errors
/// `DBB-SNAPSHOT-UNKNOWN` when there is none, `DBB-RESTORE-SELECTION` for a `rename:` of nothing or two databases
/// of one name, or why a repository could not be looked at.
pub fn choose(desired: &Desired, runbook: &Runbook, observed: &Observed) -> Result<Vec<Chosen>> {
    let chosen = match &runbook.from {
        RestoreSource::Database { name, at } => vec![one(desired, observed, name, at)?],
        RestoreSource::Set { server, at } => set(observed, server, at)?,
    };
    check_names(runbook, &chosen)?;
    Ok(chosen)
}

/// Everything readable, oldest first.
///
/// # Errors
/// Why a repository could not be read: the newest snapshot could be in it.
fn all<'a>(observed: &'a Observed, only: Option<&str>) -> Result<Vec<(&'a str, &'a Header)>> {
    let mut all = Vec::new();
    for (name, state) in observed.repositories.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        let state = state.as_ref().map_err(|failure| Error::from(failure.clone()))?;
        all.extend(state.snapshots.iter().map(|header| (name.as_str(), header)));
    }
    all.sort_by(|a, b| (a.1.taken, &a.1.id, a.0).cmp(&(b.1.taken, &b.1.id, b.0)));
    Ok(all)
}

fn one(desired: &Desired, observed: &Observed, name: &str, at: &SnapshotAt) -> Result<Chosen> {
    // the entry's own repository is enough, so that another one which is down does not matter
    let own = desired.databases.get(name).map(|spec| spec.repository.as_str());
    let mut of_database = of(all(observed, own)?, name);
    if of_database.is_empty() && own.is_some() {
        of_database = of(all(observed, None)?, name);
    }
    if of_database.is_empty() {
        return Err(no_database(observed, name));
    }
    let found = match at {
        SnapshotAt::Latest => of_database.last(),
        SnapshotAt::Time(time) => of_database.iter().rev().find(|(_, header)| header.taken <= *time),
        SnapshotAt::Id(id) => of_database.iter().rev().find(|(_, header)| header.id.starts_with(id.as_str())),
    };
    let Some((repository, header)) = found else {
        let (oldest, newest) = (of_database[0].1, of_database[of_database.len() - 1].1);
        return Err(Error::new(code::SNAPSHOT_UNKNOWN, format!("database \"{name}\" has no snapshot {}", when(at)))
            .cause(format!("there are {}, from {} to {}", of_database.len(), oldest.id, newest.id))
            .fix(format!("list them: dbb snapshots --database {name}"))
            .fix("write at: latest for the newest"));
    };
    Ok(Chosen { repository: (*repository).to_owned(), header: (*header).clone() })
}

fn of<'a>(all: Vec<(&'a str, &'a Header)>, database: &str) -> Vec<(&'a str, &'a Header)> {
    all.into_iter().filter(|(_, header)| header.database == database).collect()
}

/// All databases of a server: of one run when an id of a run is given, else the newest of each
/// at the time, for databases may have schedules of their own.
fn set(observed: &Observed, server: &str, at: &SnapshotAt) -> Result<Vec<Chosen>> {
    let of_server: Vec<(&str, &Header)> =
        all(observed, None)?.into_iter().filter(|(_, header)| header.server == server).collect();
    let mut newest: BTreeMap<&str, (&str, &Header)> = BTreeMap::new();
    for (repository, header) in &of_server {
        let takes = match at {
            SnapshotAt::Latest => true,
            SnapshotAt::Time(time) => header.taken <= *time,
            SnapshotAt::Id(run) => header.run.starts_with(run.as_str()),
        };
        if takes {
            newest.insert(&header.database, (repository, header));
        }
    }
    if newest.is_empty() {
        let count = of_server.len();
        return Err(Error::new(code::SNAPSHOT_UNKNOWN, format!("server \"{server}\" has no snapshots {}", when(at)))
            .cause(format!("the repositories hold {count} snapshots of that server"))
            .fix("list all of them: dbb snapshots"));
    }
    Ok(newest
        .into_values()
        .map(|(repository, header)| Chosen { repository: repository.to_owned(), header: header.clone() })
        .collect())
}

fn when(at: &SnapshotAt) -> String {
    match at {
        SnapshotAt::Latest => "at all".into(),
        SnapshotAt::Time(time) => format!("at or before {time}"),
        SnapshotAt::Id(id) => format!("whose id begins with \"{id}\""),
    }
}

fn no_database(observed: &Observed, name: &str) -> Error {
    let known: BTreeSet<&str> = observed
        .repositories
        .values()
        .flatten()
        .flat_map(|state| &state.snapshots)
        .map(|header| header.database.as_str())
        .collect();
    let error = Error::new(code::SNAPSHOT_UNKNOWN, format!("there is no snapshot of a database \"{name}\""));
    let error = match nearest(name, known.iter().copied()) {
        Some(near) => error.fix(format!("did you mean \"{near}\"?")),
        None => error,
    };
    error
        .fix("list what there is: dbb snapshots")
        .fix(format!("take one first: dbb apply --target database.{name} --now"))
}

/// The name of a snapshot's database on the target.
pub fn target_name(runbook: &Runbook, header: &Header) -> String {
    runbook
        .rename
        .get(&header.database)
        .or_else(|| runbook.rename.get(&header.source_database))
        .unwrap_or(&header.source_database)
        .clone()
}

/// A rename with a typing error would restore to a name that nobody meant.
fn check_names(runbook: &Runbook, chosen: &[Chosen]) -> Result<()> {
    let names: Vec<&str> =
        chosen.iter().flat_map(|one| [one.header.database.as_str(), one.header.source_database.as_str()]).collect();
    if let Some(unknown) = runbook.rename.keys().find(|name| !names.contains(&name.as_str())) {
        let error = Error::new(code::RESTORE_SELECTION, format!("rename: \"{unknown}\" is not among what is restored"));
        let error = match nearest(unknown, names.iter().copied()) {
            Some(near) => error.fix(format!("did you mean \"{near}\"?")),
            None => error,
        };
        return Err(error.fix("write rename: as {name in the snapshot: name on the target}"));
    }
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for one in chosen {
        let name = target_name(runbook, &one.header);
        if let Some(other) = taken.insert(name.clone(), &one.header.database) {
            return Err(Error::new(
                code::RESTORE_SELECTION,
                format!("\"{other}\" and \"{}\" would both become \"{name}\" on the target", one.header.database),
            )
            .fix("give one of them another name with rename:"));
        }
    }
    Ok(())
}
