//! From entries of the config to real databases: a pattern stands for each
//! database of its server that it matches.

use crate::error::{Error, code};
use crate::model::address::Address;
use crate::model::desired::{DatabaseSelect, DatabaseSpec, Desired};
use crate::model::observed::Observed;
use crate::model::plan::Notice;
use crate::plan::notice;
use globset::Glob;
use std::collections::BTreeMap;

/// One real database, as the entry that covers it wants it.
pub struct Candidate {
    /// The entry; `name` is the snapshot's, `select` names the real database.
    pub spec: DatabaseSpec,
    /// The real database.
    pub real: String,
    /// The config's entry: differs from `spec.name` for a pattern.
    pub entry: String,
}

impl Candidate {
    /// `database.<name>`
    pub fn address(&self) -> Address {
        Address::database(&self.spec.name)
    }

    /// Every address that means it.
    pub fn addresses(&self) -> Vec<Address> {
        vec![
            self.address(),
            Address::database(&self.entry),
            Address::server(&self.spec.server),
            Address::repository(&self.spec.repository),
        ]
    }
}

/// Every database of the config, in order of their names.
pub fn expand(desired: &Desired, observed: &Observed, notices: &mut Vec<Notice>) -> Vec<Candidate> {
    let mut found: BTreeMap<String, Candidate> = BTreeMap::new();
    for (entry, spec) in &desired.databases {
        if let DatabaseSelect::Named(real) = &spec.select {
            found.insert(entry.clone(), Candidate { spec: spec.clone(), real: real.clone(), entry: entry.clone() });
        }
    }
    for (entry, spec) in &desired.databases {
        if let DatabaseSelect::Matching(pattern) = &spec.select {
            expand_pattern(entry, spec, pattern, observed, &mut found, notices);
        }
    }
    found.into_values().collect()
}

fn expand_pattern(
    entry: &str,
    spec: &DatabaseSpec,
    pattern: &str,
    observed: &Observed,
    found: &mut BTreeMap<String, Candidate>,
    notices: &mut Vec<Notice>,
) {
    let about = Address::database(entry);
    let server = match observed.servers.get(&spec.server) {
        Some(Ok(server)) => server,
        Some(Err(failure)) => return notices.push(notice::error(about, failure.clone())),
        None => return notices.push(notice::error(about, not_observed(&spec.server))),
    };
    let glob = match Glob::new(pattern) {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => {
            let error = Error::new(code::CONFIG_VALUE, format!("the pattern \"{pattern}\" cannot be read"))
                .cause(error.to_string())
                .fix("write a glob such as tenant_*: * is any text, ? is one character");
            return notices.push(notice::error(about, error));
        }
    };
    let mut matched = 0;
    for database in server.databases.iter().filter(|database| glob.is_match(&database.name)) {
        matched += 1;
        let named_by_other =
            found.values().any(|other| other.spec.server == spec.server && other.real == database.name);
        if named_by_other {
            continue;
        }
        if database.is_template || !database.can_connect {
            notices.push(left_out(&about, &database.name, database.is_template, &server.login.name));
            continue;
        }
        if let Some(other) = found.get(&database.name) {
            notices.push(notice::error(about.clone(), name_taken(&database.name, &spec.server, other)));
            continue;
        }
        let spec = DatabaseSpec {
            name: database.name.clone(),
            select: DatabaseSelect::Named(database.name.clone()),
            ..spec.clone()
        };
        found.insert(database.name.clone(), Candidate { spec, real: database.name.clone(), entry: entry.to_owned() });
    }
    if matched == 0 {
        let error = Error::new(
            code::PLAN_MATCH,
            format!(
                "the pattern \"{pattern}\" matches none of the {} databases of {}",
                server.databases.len(),
                spec.server
            ),
        )
        .fix("compare it with the server's databases: psql -l")
        .fix("* is any text, ? one character, [ab] one of a set; letter case counts");
        notices.push(notice::warning(about, error));
    }
}

fn left_out(about: &Address, database: &str, is_template: bool, login: &str) -> Notice {
    let why = if is_template { "a template" } else { "closed to this login" };
    let mut error =
        Error::new(code::PLAN_SKIPPED, format!("database \"{database}\" is matched but left out: it is {why}"));
    if !is_template {
        error = error.fix(format!("let the login in: GRANT CONNECT ON DATABASE \"{database}\" TO \"{login}\""));
    }
    error = error.fix(format!("narrow the pattern so that it does not match \"{database}\""));
    if is_template { notice::info(about.clone(), error) } else { notice::warning(about.clone(), error) }
}

fn name_taken(database: &str, server: &str, other: &Candidate) -> Error {
    Error::new(
        code::CONFIG_VALUE,
        format!(
            "database \"{database}\" of {server} cannot be kept under its name: database.{database} is another one"
        ),
    )
    .cause(format!("that name belongs to \"{}\" of {} ({})", other.real, other.spec.server, other.spec.place))
    .fix(format!(
        "give one of them an entry with a name of its own: my_name: {{server: {server}, name: \"{database}\"}}"
    ))
}

/// A server that nobody looked at: the caller left it out.
pub fn not_observed(server: &str) -> Error {
    Error::bug(format!("server {server} was not looked at"))
}

/// Every address that `--target` may name.
pub fn addresses(desired: &Desired, candidates: &[Candidate]) -> Vec<Address> {
    let mut known: Vec<Address> = desired.databases.keys().map(|name| Address::database(name)).collect();
    known.extend(candidates.iter().map(Candidate::address));
    known.extend(desired.servers.keys().map(|name| Address::server(name)));
    known.extend(desired.repositories.keys().map(|name| Address::repository(name)));
    known.sort();
    known.dedup();
    known
}
