//! One snapshot going to one database of the target.

use crate::base::limits::CHECK_FULL_BYTES_MAX;
use crate::error::{Error, Result};
use crate::model::catalog::Catalog;
use crate::model::desired::{CheckLevel, Desired, Existing, Runbook, TargetSpec};
use crate::model::observed::{DatabaseState, Observed, ServerState};
use crate::model::step::RestoreSpec;
use crate::plan::restore::choose::{Chosen, target_name};
use crate::plan::restore::select;

/// The target and its server as they were seen.
///
/// # Errors
/// Why the server could not be looked at.
pub fn target<'a>(
    desired: &'a Desired,
    runbook: &Runbook,
    observed: &'a Observed,
) -> Result<(&'a TargetSpec, &'a ServerState)> {
    let target = desired
        .targets
        .get(&runbook.target)
        .ok_or_else(|| Error::bug(format!("the config has no target \"{}\"", runbook.target)))?;
    match observed.servers.get(&target.server) {
        Some(Ok(server)) => Ok((target, server)),
        Some(Err(failure)) => Err(Error::from(failure.clone())),
        None => Err(Error::bug(format!("server {} was not looked at", target.server))),
    }
}

/// The database of that name on the target, if there is one.
pub fn existing<'a>(server: &'a ServerState, name: &str) -> Option<&'a DatabaseState> {
    server.databases.iter().find(|database| database.name == name)
}

/// What the steps of one restore have in common: what the engine's preflight looks at.
///
/// # Errors
/// `DBB-RESTORE-SELECTION` for an include or exclude that matches nothing; why the target could not be looked at.
pub fn restore_spec(
    desired: &Desired,
    runbook: &Runbook,
    observed: &Observed,
    chosen: &Chosen,
    catalog: &Catalog,
) -> Result<RestoreSpec> {
    let (target, server) = target(desired, runbook, observed)?;
    let header = &chosen.header;
    let target_database = target_name(runbook, header);
    let exists = existing(server, &target_database).is_some();
    let by_size = match header.totals.stored_bytes <= CHECK_FULL_BYTES_MAX {
        true => CheckLevel::Full,
        false => CheckLevel::Quick,
    };
    Ok(RestoreSpec {
        database: header.database.clone(),
        snapshot: header.id.clone(),
        repository: chosen.repository.clone(),
        server: target.server.clone(),
        target_database,
        roles: runbook.roles.clone(),
        replace: exists && runbook.existing == Existing::Replace,
        check: runbook.check.unwrap_or(by_size),
        lock_timeout_ms: u64::try_from(runbook.lock_timeout.as_millis()).unwrap_or(u64::MAX),
        limited: !server.login.superuser,
        left_out: select::select(catalog, &runbook.include, &runbook.exclude)?.left_out,
    })
}
