//! Roles that a restore needs and the target lacks.

use crate::engine::postgres::preflight::Checks;
use crate::engine::postgres::restore::tokens;
use crate::error::{Error, Result, code};
use crate::model::catalog::{Catalog, EntryKind};
use crate::model::desired::RoleMode;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Names on the target that are missing there; a failure where none may be made.
pub(super) async fn check(checks: &mut Checks<'_>) -> Result<BTreeSet<String>> {
    let there: BTreeSet<String> = checks.column("select rolname from pg_catalog.pg_roles").await?.into_iter().collect();
    let map = &checks.spec.roles.map;
    let on_target = |name: &String| map.get(name).unwrap_or(name).clone();
    let mut missing: BTreeSet<String> = needed(checks.catalog).iter().map(on_target).collect();
    if checks.spec.roles.mode != RoleMode::None {
        missing.extend(checks.catalog.roles.iter().map(|role| on_target(&role.name)));
    }
    missing.retain(|name| !there.contains(name));
    let carried: BTreeSet<String> = checks.catalog.roles.iter().map(|role| on_target(&role.name)).collect();
    let made = checks.spec.roles.mode != RoleMode::None;
    let lacking: Vec<&String> = missing.iter().filter(|name| !made || !carried.contains(*name)).collect();
    if !lacking.is_empty() {
        let names = lacking.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let error = Error::new(code::RESTORE_ROLES, format!("roles are missing on {}: {names}", checks.server.name))
            .fix("Say roles: {mode: create_missing} in the runbook, or create them first")
            .fix("Or map them to roles that are there: roles: {map: {OLD: NEW}}");
        checks.fail(error);
    }
    Ok(missing)
}

/// Roles that statements of the restore name, by their names in the snapshot.
fn needed(catalog: &Catalog) -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    names.borrow_mut().insert(catalog.database.owner.clone());
    for grant in catalog.database.acl.iter().flatten() {
        names.borrow_mut().extend([grant.grantor.clone(), grant.grantee.clone()]);
    }
    names.borrow_mut().extend(catalog.database.settings.iter().filter_map(|setting| setting.role.clone()));
    for entry in &catalog.entries {
        names.borrow_mut().extend(entry.owner.clone());
        let named = matches!(entry.kind, EntryKind::Acl | EntryKind::DefaultAcl | EntryKind::Policy);
        if named || entry.what == "USER MAPPING" {
            tokens::map_roles(&entry.definition, |name| {
                names.borrow_mut().insert(name.to_owned());
                None
            });
        }
    }
    let mut names = names.into_inner();
    for word in ["", "public", "current_user", "session_user", "current_role", "none"] {
        names.remove(word);
    }
    names
}
