//! What stands in the way of a restore, and what to know beforehand.

use crate::base::units;
use crate::error::{Error, Result, code};
use crate::model::address::Address;
use crate::model::desired::{Existing, Runbook, TargetRight, TargetSpec, VerifyMode};
use crate::model::observed::{Observed, ServerState};
use crate::model::plan::Notice;
use crate::model::step::RestoreSpec;
use crate::plan::notice;
use crate::plan::restore::{RestoreInput, select, spec};
use indexmap::IndexMap;
use std::collections::BTreeSet;

/// Notices of one database.
///
/// # Errors
/// `DBB-RESTORE-SELECTION`
pub fn of(
    notices: &mut Vec<Notice>,
    runbook: &Runbook,
    input: &RestoreInput,
    restore: &RestoreSpec,
    target: &TargetSpec,
    server: &ServerState,
) -> Result<()> {
    let about = Address::database(&restore.database);
    for failure in &input.preflight.failures {
        notices.push(notice::error(about.clone(), failure.clone()));
    }
    for failure in &input.preflight.warnings {
        notices.push(notice::warning(about.clone(), failure.clone()));
    }
    let said = |code: &str| input.preflight.failures.iter().any(|failure| failure.code == code);
    if let Some(error) = existing(runbook, restore, target, server)
        && !said(error.code().name)
    {
        notices.push(notice::error(about.clone(), error));
    }
    if let Some(error) = older(input, server, &restore.server) {
        notices.push(notice::error(about.clone(), error));
    }
    for failure in select::select(&input.catalog, &runbook.include, &runbook.exclude)?.warnings {
        notices.push(notice::warning(about.clone(), failure));
    }
    for spot in &input.catalog.blind_spots {
        let error = Error::new(code::PLAN_BLIND, format!("the snapshot lacks something: {spot}"))
            .fix("add it by hand after the restore, or take the next snapshot with a login that sees it");
        notices.push(notice::warning(about.clone(), error));
    }
    if runbook.verify == VerifyMode::None {
        let error = Error::new(code::VERIFY_MISMATCH, "the result will not be compared with the snapshot")
            .fix("write verify: rows in the runbook to have every row compared");
        notices.push(notice::info(about, error));
    }
    Ok(())
}

/// A server does not know what a newer one has learned: refused before anything is touched.
fn older(input: &RestoreInput, server: &ServerState, name: &str) -> Option<Error> {
    let major = |version: &str| version.split(['.', ' ']).next().and_then(|major| major.parse::<u32>().ok());
    let header = &input.chosen.header;
    let (from, to) = (major(&header.server_version)?, major(&server.version)?);
    (to < from).then(|| {
        Error::new(
            code::RESTORE_VERSION,
            format!("{name} runs version {}, the snapshot is of {}", server.version, header.server_version),
        )
        .fix(format!("restore to a server of version {from} or newer"))
    })
}

fn existing(runbook: &Runbook, restore: &RestoreSpec, target: &TargetSpec, server: &ServerState) -> Option<Error> {
    let name = &restore.target_database;
    let exists = spec::existing(server, name).is_some();
    let allows = |right: TargetRight| target.allow.contains(&right);
    if exists && runbook.existing == Existing::Fail {
        return Some(
            Error::new(
                code::RESTORE_EXISTS,
                format!("database \"{name}\" exists on {} and would be overwritten", restore.server),
            )
            .fix(format!("restore beside it: rename: {{{}: {name}_restored}}", restore.database))
            .fix("write existing: replace in the runbook to have it dropped first"),
        );
    }
    let (right, word) = match exists {
        true => (TargetRight::Replace, "replace"),
        false => (TargetRight::Create, "create"),
    };
    if allows(right) || (!exists && allows(TargetRight::Replace)) {
        return None;
    }
    Some(
        Error::new(code::RESTORE_ALLOW, format!("target {} does not allow to {word} database \"{name}\"", target.name))
            .fix(format!("add {word} to allow: of the target ({})", target.place))
            .fix("restore to another target: to: {target: NAME}"),
    )
}

/// Compares the size of what is restored with what is free on the target.
pub fn space(
    notices: &mut Vec<Notice>,
    needed: u64,
    server: &ServerState,
    target: &TargetSpec,
    specs: &IndexMap<String, RestoreSpec>,
) {
    let dropped: u64 = specs
        .values()
        .filter(|restore| restore.replace)
        .filter_map(|restore| spec::existing(server, &restore.target_database)?.bytes)
        .sum();
    let Some(free) = server.free_bytes else { return };
    if needed <= free.saturating_add(dropped) {
        return;
    }
    let error = Error::new(
        code::PG_SPACE,
        format!(
            "server {} may run out of space: about {} needed, {} free",
            target.server,
            units::bytes(needed),
            units::bytes(free)
        ),
    )
    .cause("the size is that of the databases at the source when the snapshots were taken")
    .fix("make room on the server first, or restore fewer databases: --target database.NAME");
    notices.push(notice::warning(Address::server(&target.server), error));
}

/// Says when a set is not of one run, and what could not be read.
pub fn set(notices: &mut Vec<Notice>, inputs: &[RestoreInput], observed: &Observed) {
    let newest = inputs.iter().map(|input| &input.chosen.header).max_by_key(|header| header.taken);
    for input in inputs {
        let header = &input.chosen.header;
        if let Some(newest) = newest.filter(|newest| newest.run != header.run) {
            let error = Error::new(
                code::PLAN_SKIPPED,
                format!("the snapshot of \"{}\" is of another run: {}", header.database, header.taken),
            )
            .cause(format!("the newest of the set is of {}", newest.taken))
            .fix("write at: with the id of a run to take the snapshots of that run only");
            notices.push(notice::info(Address::database(&header.database), error));
        }
    }
    let used: BTreeSet<&String> = inputs.iter().map(|input| &input.chosen.repository).collect();
    for name in used {
        let Some(Ok(state)) = observed.repositories.get(name) else { continue };
        for failure in &state.damaged {
            notices.push(notice::warning(Address::repository(name), failure.clone()));
        }
    }
}
