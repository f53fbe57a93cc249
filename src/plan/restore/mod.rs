//! A plan of a restore: one graph of roles and all databases.

mod analyze;
mod attached;
mod changes;
mod choose;
mod constraints;
mod database;
mod definitions;
mod draft;
mod foreign_keys;
mod grants;
mod indexes;
mod large_objects;
mod last;
mod loads;
mod notices;
mod partitions;
mod proof;
mod refresh;
mod roles;
mod select;
mod sequences;
mod shape;
mod spec;
pub mod transforms;
mod verify;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

pub use choose::{Chosen, choose};
pub use select::{Selected, select};
pub use spec::restore_spec;

use crate::base::digest::Digest;
use crate::base::limits::PLAN_VALID;
use crate::error::{Error, Result};
use crate::model::address::Address;
use crate::model::catalog::Catalog;
use crate::model::desired::{Desired, OnError, Runbook};
use crate::model::manifest::Header;
use crate::model::observed::Observed;
use crate::model::plan::{Fingerprint, NoticeLevel, Plan, PlanKind, RunSettings, Scope};
use crate::model::step::RestoreSpec;
use crate::plan::backup::server_fingerprint;
use crate::plan::graph::{Builder, Node};
use crate::plan::restore::changes::Restored;
use crate::plan::restore::draft::Draft;
use crate::plan::restore::roles::RoleSteps;
use crate::plan::restore::shape::Shape;
use crate::plan::{address, jobs, notice};
use crate::port::engine::{Capabilities, Preflight};
use indexmap::IndexMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Lanes that the work on small tables is dealt out to, at most.
const SHARDS_MAX: u32 = 8;

/// One snapshot of a restore, and what was seen of its target.
#[derive(Clone, Debug)]
pub struct RestoreInput {
    /// The snapshot.
    pub chosen: Chosen,
    /// What it says of the database.
    pub catalog: Arc<Catalog>,
    /// What stands in the way on the target.
    pub preflight: Preflight,
}

/// What the command line adds to the runbook.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// Only these databases (and the roles); all when empty.
    pub targets: Vec<Address>,
    /// Without these.
    pub excludes: Vec<Address>,
    /// Workers; the runbook or the profile decides when absent.
    pub jobs: Option<u32>,
    /// Processors of this machine.
    pub processors: u32,
    /// What to do with the rest when something fails, instead of the runbook's word.
    pub on_error: Option<OnError>,
    /// What the target's engine can do.
    pub capabilities: Capabilities,
}

/// Plans a restore. A database that something stands in the way of is a notice of level error;
/// the others are planned.
///
/// # Errors
/// `DBB-PLAN-ADDRESS`, `DBB-PLAN-CYCLE`, `DBB-RESTORE-SELECTION`; why the target could not be looked at.
pub fn restore(
    desired: &Desired,
    runbook: &Runbook,
    observed: &Observed,
    inputs: &[RestoreInput],
    options: &RestoreOptions,
) -> Result<Plan> {
    let (target, server) = spec::target(desired, runbook, observed)?;
    let mut inputs = filtered(inputs, options, &target.server, &target.name)?;
    inputs.sort_by(|a, b| a.chosen.header.database.cmp(&b.chosen.header.database));
    let mut notices = Vec::new();
    let mut specs = IndexMap::new();
    for input in &inputs {
        let spec = restore_spec(desired, runbook, observed, &input.chosen, &input.catalog)?;
        notices::of(&mut notices, runbook, input, &spec, target, server)?;
        specs.insert(input.chosen.header.database.clone(), spec);
    }
    let blocked: BTreeSet<Address> = notices
        .iter()
        .filter(|notice| notice.level == NoticeLevel::Error)
        .filter_map(|notice| notice.about.clone())
        .collect();
    let is_blocked = |key: &str| blocked.contains(&Address::database(key));
    inputs.retain(|input| !is_blocked(&input.chosen.header.database));
    specs.retain(|key, _| !is_blocked(key));

    let jobs = jobs::jobs(
        options.jobs.or(runbook.jobs.and_then(|jobs| u32::try_from(jobs).ok())),
        desired.profile,
        options.processors,
    );
    let place = runbook.file.as_str();
    let planned = roles::decide(&inputs, &runbook.roles, &server.roles);
    let mut builder = Builder::default();
    let checks = proof::add(&mut builder, &inputs.iter().collect::<Vec<_>>());
    let settings = roles::decide_settings(&inputs, &runbook.roles, &planned);
    let mut role_steps = roles::add(&mut builder, &inputs, &planned, &target.server);
    roles::add_settings(&mut builder, &inputs, &settings, &target.server, &mut role_steps);
    proof::before_roles(&mut builder, &checks, &role_steps);
    let mut changes: Vec<_> = changes::roles(&planned, &settings, &target.server, place).into_iter().collect();
    let mut needed: u64 = 0;
    let mut fingerprints = vec![server_fingerprint(&target.server, server)];
    for (input, check) in inputs.iter().zip(checks) {
        let key = input.chosen.header.database.as_str();
        let spec = &specs[key];
        let shape = Shape::new(&input.catalog, &spec.left_out, input.preflight.same_ordering);
        grow(&mut builder, (key, spec, &shape), check, &role_steps, runbook, options, jobs);
        let existing = spec::existing(server, &spec.target_database);
        let restored =
            Restored { key, input, spec, shape: &shape, server, existing, verify: runbook.verify, jobs, place };
        needed = needed.saturating_add(changes::needed_bytes(&restored));
        changes.push(changes::database(&restored));
        fingerprints.extend(fingerprints_of(spec, &input.chosen.header, &input.preflight));
    }
    notices::space(&mut notices, needed, server, target, &specs);
    notices::set(&mut notices, &inputs, observed);
    notice::sort(&mut notices);
    fingerprints.sort_by(|a, b| a.resource.cmp(&b.resource));
    let repositories: BTreeSet<&String> = inputs.iter().map(|input| &input.chosen.repository).collect();
    let target_server = desired
        .servers
        .get(&target.server)
        .ok_or_else(|| Error::bug(format!("the config has no server \"{}\"", target.server)))?;
    Ok(Plan {
        format: crate::plan::FORMAT.into(),
        version: crate::plan::VERSION,
        dbb: env!("CARGO_PKG_VERSION").into(),
        project: desired.project.clone(),
        kind: PlanKind::Restore,
        created: observed.now,
        expires: crate::plan::expiry(observed.now, PLAN_VALID),
        config_digest: desired.digest.clone(),
        fingerprints,
        settings: RunSettings {
            jobs,
            on_error: options.on_error.unwrap_or(runbook.on_error),
            retries: runbook.retries,
            success: runbook.success,
        },
        servers: IndexMap::from([(target.server.clone(), target_server.clone())]),
        repositories: repositories
            .iter()
            .filter_map(|name| desired.repositories.get(*name).map(|spec| ((*name).clone(), spec.clone())))
            .collect(),
        scope: Scope { servers: 1, databases: specs.len() as u32, repositories: repositories.len() as u32 },
        restores: specs,
        changes,
        notices,
        observed_ms: observed.took_ms,
        graph: builder.finish()?,
    })
}

/// What one restore stands on: the snapshot and the state of its target.
pub fn fingerprints_of(spec: &RestoreSpec, header: &Header, preflight: &Preflight) -> [Fingerprint; 2] {
    let seen = format!("{} objects, {} bytes stored", header.objects.len(), header.totals.stored_bytes);
    let ids: Vec<String> = header.objects.iter().map(|object| object.stored_digest.to_string()).collect();
    let snapshot = Fingerprint {
        resource: Address(format!("snapshot.{}/{}", spec.database, spec.snapshot)),
        digest: Digest::of(format!("{seen}\n{}", ids.join("\n")).as_bytes()).to_string(),
        seen,
    };
    let target = Fingerprint {
        resource: Address::target(&format!("{}/{}", spec.server, spec.target_database)),
        digest: Digest::of(preflight.fingerprint.as_bytes()).to_string(),
        seen: preflight.fingerprint.clone(),
    };
    [snapshot, target]
}

fn filtered(
    inputs: &[RestoreInput],
    options: &RestoreOptions,
    server: &str,
    target: &str,
) -> Result<Vec<RestoreInput>> {
    let mut known: Vec<Address> = inputs.iter().map(|input| Address::database(&input.chosen.header.database)).collect();
    known.extend([Address::server(server), Address::target(target)]);
    let filter = address::Filter::new(&options.targets, &options.excludes, &known)?;
    let takes = |input: &&RestoreInput| {
        filter.takes(&[
            Address::database(&input.chosen.header.database),
            Address::server(server),
            Address::target(target),
        ])
    };
    Ok(inputs.iter().filter(takes).cloned().collect())
}

/// Lets the part of one database grow, transform by transform.
fn grow(
    builder: &mut Builder,
    (key, spec, shape): (&str, &RestoreSpec, &Shape),
    check: Node,
    roles: &RoleSteps,
    runbook: &Runbook,
    options: &RestoreOptions,
    jobs: u32,
) {
    let start = builder.count();
    let mut draft = Draft {
        key,
        shape,
        spec,
        verify: runbook.verify,
        capabilities: options.capabilities,
        shards: jobs.clamp(1, SHARDS_MAX),
        graph: builder,
        start,
        check,
        roles: &roles.roles,
        memberships: &roles.memberships,
        server_settings: &roles.server_settings,
        create: None,
        made: Default::default(),
        closing: None,
        remarks: Default::default(),
        loads: Default::default(),
        late_loads: Vec::new(),
        sequences: None,
        builds: Default::default(),
        alters: Default::default(),
        foreign_keys: Default::default(),
        checks: Default::default(),
        read_backs: Default::default(),
        attached: Default::default(),
        granted: None,
    };
    for (_, transform) in transforms::ALL {
        transform(&mut draft);
    }
}
