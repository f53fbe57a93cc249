//! What stands in the way of a backup, and what to know beforehand.

use crate::base::units;
use crate::error::{Error, Failure, code};
use crate::model::address::Address;
use crate::model::desired::{DatabaseSelect, Desired};
use crate::model::manifest::Header;
use crate::model::observed::{DatabaseState, Observed, RepositoryState, ServerState};
use crate::model::plan::Notice;
use crate::plan::address::{Filter, nearest};
use crate::plan::backup::DueDatabase;
use crate::plan::backup::expand::{Candidate, not_observed};
use crate::plan::notice;
use globset::Glob;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The repository as it was seen.
///
/// # Errors
/// Why it could not be looked at.
pub fn repository<'a>(observed: &'a Observed, name: &str) -> Result<&'a RepositoryState, Failure> {
    match observed.repositories.get(name) {
        Some(Ok(state)) => Ok(state),
        Some(Err(failure)) => Err(failure.clone()),
        None => Err(Error::bug(format!("repository {name} was not looked at")).failure()),
    }
}

/// The server as it was seen.
///
/// # Errors
/// Why it could not be looked at.
pub fn server<'a>(observed: &'a Observed, name: &str) -> Result<&'a ServerState, Failure> {
    match observed.servers.get(name) {
        Some(Ok(state)) => Ok(state),
        Some(Err(failure)) => Err(failure.clone()),
        None => Err(not_observed(name).failure()),
    }
}

/// The database on its server.
///
/// # Errors
/// `DBB-PG-DATABASE` when it is not there, `DBB-PG-PRIVILEGE` when the login may not connect.
pub fn database<'a>(
    server: &'a ServerState,
    server_name: &str,
    candidate: &Candidate,
) -> Result<&'a DatabaseState, Failure> {
    let real = &candidate.real;
    let Some(database) = server.databases.iter().find(|database| database.name == *real) else {
        let mut error = Error::new(code::PG_DATABASE, format!("server {server_name} has no database \"{real}\""));
        if let Some(near) = nearest(real, server.databases.iter().map(|database| database.name.as_str())) {
            error = error.fix(format!("did you mean \"{near}\"? write name: \"{near}\" at {}", candidate.spec.place));
        }
        return Err(error
            .fix(format!("remove database.{} from the config if the database was dropped on purpose", candidate.entry))
            .failure());
    };
    if !database.can_connect {
        let login = &server.login.name;
        return Err(Error::new(
            code::PG_PRIVILEGE,
            format!("\"{login}\" may not connect to \"{real}\" on {server_name}"),
        )
        .fix(format!("grant it: GRANT CONNECT ON DATABASE \"{real}\" TO \"{login}\""))
        .fix(format!("or open the database: ALTER DATABASE \"{real}\" ALLOW_CONNECTIONS true"))
        .failure());
    }
    Ok(database)
}

/// A fit dump tool.
///
/// # Errors
/// Why there is none.
pub fn dump_tool(server: &ServerState, name: &str) -> Result<(), Failure> {
    match (&server.dump_tool, &server.dump_tool_failure) {
        (Some(_), _) => Ok(()),
        (None, Some(failure)) => Err(failure.clone()),
        (None, None) => Err(Error::new(code::PG_TOOL_MISSING, format!("no pg_dump was found for server {name}"))
            .fix(format!("install the PostgreSQL client tools of version {} or newer", server.version))
            .fix("name their directory with client_bin: at the server's entry")
            .failure()),
    }
}

/// Says what the login cannot see, once a server.
pub fn blind_spots(server: &ServerState, name: &str, notices: &mut Vec<Notice>) {
    for spot in &server.blind_spots {
        let error = Error::new(code::PLAN_BLIND, spot.clone())
            .fix(format!("let dbb log in to {name} as a superuser, or accept that snapshots lack this"))
            .fix("run dbb doctor to see all rights of the login");
        notices.push(notice::warning(Address::server(name), error));
    }
}

/// Says loudly that anyone who reads the storage reads the data.
pub fn unencrypted(repository: &RepositoryState, name: &str, notices: &mut Vec<Notice>) {
    if repository.encrypted {
        return;
    }
    let error =
        Error::new(code::UNENCRYPTED, format!("repository {name} is not encrypted: snapshots lie there readable"))
            .cause("this version of dbb does not encrypt; whoever reads the storage reads every row and password hash")
            .fix("keep the repository on an encrypted disk that only the backup user can read");
    notices.push(notice::warning(Address::repository(name), error));
}

/// Says when snapshots are from the future; they do not count.
pub fn clock(history: &[&Header], now: Timestamp, about: &Address, notices: &mut Vec<Notice>) {
    let Some(header) = history.iter().find(|header| header.taken > now) else {
        return;
    };
    let error = Error::new(code::PLAN_CLOCK, format!("snapshot {} is from the future and does not count", header.id))
        .cause(format!("it was taken at {}, and here it is {now}", header.taken))
        .fix("compare the clocks: date -u here, select now() on the server; switch on a time service");
    notices.push(notice::warning(about.clone(), error));
}

/// Lists the databases that no entry covers.
pub fn uncovered(desired: &Desired, observed: &Observed, filter: &Filter, notices: &mut Vec<Notice>) {
    for (name, server) in &observed.servers {
        let Ok(server) = server else { continue };
        let specs: Vec<_> = desired.databases.values().filter(|spec| spec.server == *name).collect();
        // a server that only restores go to is none of the backups' business
        if specs.is_empty() || !filter.takes(&[Address::server(name)]) {
            continue;
        }
        let covered = |database: &str| {
            specs.iter().any(|spec| match &spec.select {
                DatabaseSelect::Named(real) => real == database,
                DatabaseSelect::Matching(glob) => {
                    Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(database))
                }
            })
        };
        let open: Vec<String> = server
            .databases
            .iter()
            .filter(|database| !database.is_template && database.name != "postgres" && !covered(&database.name))
            .map(|database| {
                database.bytes.map_or(database.name.clone(), |b| format!("{} ({})", database.name, units::bytes(b)))
            })
            .collect();
        if open.is_empty() {
            continue;
        }
        let error = Error::new(
            code::PLAN_UNCOVERED,
            format!("no entry covers {} of {name}: {}", plural(open.len()), open.join(", ")),
        )
        .fix(format!("add an entry for each, or one with a pattern: rest: {{server: {name}, match: \"*\"}}"));
        notices.push(notice::info(Address::server(name), error));
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 database".into() } else { format!("{count} databases") }
}

/// Compares what will be stored with what is free.
pub fn space(observed: &Observed, due: &[DueDatabase], notices: &mut Vec<Notice>) {
    let mut needed: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for item in due {
        let (bytes, guessed) = needed.entry(&item.candidate.spec.repository).or_default();
        // without history the size at the source is the only thing known, and mostly too much
        *bytes = bytes.saturating_add(item.stored.unwrap_or(item.bytes));
        *guessed |= item.stored.is_none();
    }
    for (name, (bytes, guessed)) in needed {
        let Some(Ok(RepositoryState { free_bytes: Some(free), .. })) = observed.repositories.get(name) else {
            continue;
        };
        if bytes <= *free {
            continue;
        }
        let by = if guessed { "by the databases' own sizes" } else { "by history" };
        let error = Error::new(
            code::STORAGE_FULL,
            format!(
                "repository {name} may run out of space: {} to store {by}, {} free",
                units::bytes(bytes),
                units::bytes(*free)
            ),
        )
        .fix("make room there, or move the repository to a larger disk")
        .fix("back up part of it first: dbb apply --target database.NAME");
        notices.push(notice::warning(Address::repository(name), error));
    }
}
