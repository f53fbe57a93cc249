//! A plan of backups: which databases are due, and why.

mod estimate;
mod expand;
mod findings;

use crate::base::digest::Digest;
use crate::base::limits::{PLAN_VALID, STEP_TRIES_MAX};
use crate::base::units;
use crate::error::{Failure, Result};
use crate::model::address::Address;
use crate::model::desired::{Compression, Desired, OnError, SuccessRule};
use crate::model::manifest::Header;
use crate::model::observed::{Observed, RepositoryState, ServerState};
use crate::model::plan::{Change, ChangeKind, ChangeLine, Fingerprint, Notice, Plan, PlanKind, RunSettings, Scope};
use crate::model::step::{Action, CaptureSpec, Step};
use crate::plan::graph::Builder;
use crate::plan::{address, jobs, notice, schedule};
use expand::Candidate;
use std::collections::BTreeSet;

/// What the command line adds to the config.
#[derive(Clone, Debug, Default)]
pub struct BackupOptions {
    /// Only these; all when empty.
    pub targets: Vec<Address>,
    /// Without these.
    pub excludes: Vec<Address>,
    /// Also what is not due.
    pub now: bool,
    /// Workers; the profile decides when absent.
    pub jobs: Option<u32>,
    /// Processors of this machine.
    pub processors: u32,
    /// Compression instead of the config's.
    pub compression: Option<Compression>,
    /// What to do with the rest when something fails, instead of the config's word.
    pub on_error: Option<OnError>,
}

/// Plans backups. What cannot be planned is a notice of level error; the rest is planned.
///
/// # Errors
/// `DBB-PLAN-ADDRESS` for an unknown address.
pub fn backup(desired: &Desired, observed: &Observed, options: &BackupOptions) -> Result<Plan> {
    let mut notices = Vec::new();
    let candidates = expand::expand(desired, observed, &mut notices);
    let known = expand::addresses(desired, &candidates);
    let filter = address::Filter::new(&options.targets, &options.excludes, &known)?;
    let candidates: Vec<Candidate> =
        candidates.into_iter().filter(|candidate| filter.takes(&candidate.addresses())).collect();

    let mut work = Work { notices, ..Work::empty(desired, observed, options) };
    let mut due = Vec::new();
    for candidate in candidates {
        work.scope(&candidate);
        due.extend(work.look_at(candidate));
    }
    // the largest is opened first, so that the longest work is not the last to start
    due.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.candidate.spec.name.cmp(&b.candidate.spec.name)));
    findings::space(observed, &due, &mut work.notices);
    let mut builder = Builder::default();
    for (order, item) in due.iter().enumerate() {
        add_steps(&mut builder, item, order as u32, options);
    }
    work.finish(builder, &filter)
}

/// A database that is to be backed up.
struct DueDatabase {
    candidate: Candidate,
    /// Size at the source; 0 when it is not known.
    bytes: u64,
    /// Bytes that will be stored, by history.
    stored: Option<u64>,
}

struct Work<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    options: &'a BackupOptions,
    notices: Vec<Notice>,
    changes: Vec<Change>,
    fingerprints: Vec<Fingerprint>,
    servers: BTreeSet<String>,
    repositories: BTreeSet<String>,
    used_servers: BTreeSet<String>,
    used_repositories: BTreeSet<String>,
    databases: u32,
}

impl<'a> Work<'a> {
    fn empty(desired: &'a Desired, observed: &'a Observed, options: &'a BackupOptions) -> Self {
        Work {
            desired,
            observed,
            options,
            notices: Vec::new(),
            changes: Vec::new(),
            fingerprints: Vec::new(),
            servers: BTreeSet::new(),
            repositories: BTreeSet::new(),
            used_servers: BTreeSet::new(),
            used_repositories: BTreeSet::new(),
            databases: 0,
        }
    }

    fn scope(&mut self, candidate: &Candidate) {
        self.servers.insert(candidate.spec.server.clone());
        self.repositories.insert(candidate.spec.repository.clone());
        self.databases += 1;
    }

    /// Decides about one database; `None` when there is nothing to do, or it cannot be done.
    fn look_at(&mut self, candidate: Candidate) -> Option<DueDatabase> {
        let about = candidate.address();
        match self.decide(&candidate) {
            Ok(decision) => decision.map(|(bytes, stored)| DueDatabase { candidate, bytes, stored }),
            Err(failure) => {
                self.notices.push(notice::error(about, failure));
                None
            }
        }
    }

    fn decide(&mut self, candidate: &Candidate) -> Result<Option<(u64, Option<u64>)>, Failure> {
        let spec = &candidate.spec;
        let repository = findings::repository(self.observed, &spec.repository)?;
        let server = findings::server(self.observed, &spec.server)?;
        let database = findings::database(server, &spec.server, candidate)?;
        let history = history(repository, &spec.name);
        let now = self.observed.now;
        findings::clock(&history, now, &candidate.address(), &mut self.notices);
        let past: Vec<&Header> = history.into_iter().filter(|header| header.taken <= now).collect();
        let last = past.last().copied();
        let state = schedule::due(spec.schedule.as_ref(), last.map(|header| header.taken), now, self.options.now)
            .map_err(|error| error.failure())?;
        if !state.due {
            self.changes.push(change(candidate, ChangeKind::Keep, state.reason, Vec::new(), 0));
            return Ok(None);
        }
        findings::dump_tool(server, &spec.server)?;
        findings::blind_spots(server, &spec.server, &mut self.notices);
        findings::unencrypted(repository, &spec.repository, &mut self.notices);
        let (text, stored) = estimate::describe(&past, database.bytes, repository.exists, &spec.repository);
        let mut lines = vec![line("backup", how(last))];
        lines.extend(text.into_iter().map(|text| line("", text)));
        let bytes = database.bytes.unwrap_or(0);
        self.changes.push(change(candidate, ChangeKind::Create, state.reason, lines, bytes));
        self.remember(candidate, server, last);
        Ok(Some((bytes, stored)))
    }

    /// What the plan stands on: it is stale when one of these has moved.
    fn remember(&mut self, candidate: &Candidate, server: &ServerState, last: Option<&Header>) {
        self.fingerprints.push(server_fingerprint(&candidate.spec.server, server));
        self.fingerprints.push(database_fingerprint(&candidate.spec.name, last));
        self.used_servers.insert(candidate.spec.server.clone());
        self.used_repositories.insert(candidate.spec.repository.clone());
    }

    fn finish(mut self, builder: Builder, filter: &address::Filter) -> Result<Plan> {
        findings::uncovered(self.desired, self.observed, filter, &mut self.notices);
        notice::sort(&mut self.notices);
        self.changes.sort_by(|a, b| a.address.cmp(&b.address));
        self.fingerprints.sort_by(|a, b| a.resource.cmp(&b.resource));
        self.fingerprints.dedup();
        let servers = self
            .used_servers
            .iter()
            .filter_map(|name| self.desired.servers.get(name).map(|server| (name.clone(), server.clone())));
        let repositories = self.used_repositories.iter().filter_map(|name| {
            self.desired.repositories.get(name).map(|repository| (name.clone(), repository.clone()))
        });
        Ok(Plan {
            format: crate::plan::FORMAT.into(),
            version: crate::plan::VERSION,
            dbb: env!("CARGO_PKG_VERSION").into(),
            project: self.desired.project.clone(),
            kind: PlanKind::Backup,
            created: self.observed.now,
            expires: crate::plan::expiry(self.observed.now, PLAN_VALID),
            config_digest: self.desired.digest.clone(),
            fingerprints: self.fingerprints,
            settings: RunSettings {
                jobs: jobs::jobs(self.options.jobs, self.desired.profile, self.options.processors),
                on_error: self.options.on_error.unwrap_or(self.desired.on_error),
                retries: STEP_TRIES_MAX - 1,
                success: SuccessRule::RequireAll,
            },
            servers: servers.collect(),
            repositories: repositories.collect(),
            restores: Default::default(),
            changes: self.changes,
            notices: self.notices,
            observed_ms: self.observed.took_ms,
            scope: Scope {
                servers: self.servers.len() as u32,
                databases: self.databases,
                repositories: self.repositories.len() as u32,
            },
            graph: builder.finish()?,
        })
    }
}

/// The snapshots of a database in a repository, oldest first.
fn history<'a>(repository: &'a RepositoryState, database: &str) -> Vec<&'a Header> {
    let mut history: Vec<&Header> = repository.snapshots.iter().filter(|header| header.database == database).collect();
    history.sort_by(|a, b| (a.taken, &a.id).cmp(&(b.taken, &b.id)));
    history
}

/// The fingerprint of a server: which one it is and what it runs.
pub fn server_fingerprint(name: &str, server: &ServerState) -> Fingerprint {
    let seen = match server.identity.as_str() {
        "" => format!("version {}", server.version),
        identity => format!("version {}, system {identity}", server.version),
    };
    Fingerprint { resource: Address::server(name), digest: Digest::of(seen.as_bytes()).to_string(), seen }
}

/// The fingerprint of what makes a database due: its newest snapshot.
pub fn database_fingerprint(name: &str, last: Option<&Header>) -> Fingerprint {
    let seen = last.map_or("no snapshot".to_owned(), |header| format!("newest snapshot {}", header.id));
    Fingerprint { resource: Address::database(name), digest: Digest::of(seen.as_bytes()).to_string(), seen }
}

fn how(last: Option<&Header>) -> String {
    match last {
        Some(last) => format!("incremental on {}", last.taken.strftime("%Y-%m-%dT%H:%MZ")),
        None => "full, the first one".into(),
    }
}

fn line(label: &str, text: String) -> ChangeLine {
    ChangeLine { kind: None, label: label.into(), text, destructive: false }
}

fn change(candidate: &Candidate, kind: ChangeKind, reason: String, lines: Vec<ChangeLine>, bytes: u64) -> Change {
    Change {
        address: candidate.address(),
        kind,
        destructive: false,
        place: candidate.spec.place.clone(),
        reason,
        lines,
        bytes,
    }
}

fn add_steps(builder: &mut Builder, item: &DueDatabase, order: u32, options: &BackupOptions) {
    let mut spec = item.candidate.spec.clone();
    if let Some(compression) = options.compression {
        spec.compression = compression;
    }
    let name = spec.name.clone();
    let step = |verb: &str, action| Step {
        id: format!("backup.{}/{verb}", crate::plan::id_part(&name)),
        unit: name.clone(),
        action,
        bytes: 0,
        order,
        lane: None,
        batch: None,
        session: Some(name.clone()),
    };
    let compression = spec.compression;
    let open = builder.add(step("open", Action::CaptureOpen(CaptureSpec { database: spec, compression })));
    let commit = builder.add(step("commit", Action::CaptureCommit { database: name.clone() }));
    builder.needs(commit, open);
}

/// Bytes in words, or that they are not known.
fn size(bytes: Option<u64>) -> String {
    bytes.map_or("size not known".into(), |bytes| format!("{} to read", units::bytes(bytes)))
}
