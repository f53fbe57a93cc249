//! The check of each snapshot before anything is touched.

use crate::model::step::{Action, Step};
use crate::plan::graph::{Builder, Node};
use crate::plan::restore::RestoreInput;
use crate::plan::restore::roles::RoleSteps;

/// Adds the check of each snapshot, in the order of the inputs.
pub fn add(builder: &mut Builder, inputs: &[&RestoreInput]) -> Vec<Node> {
    let step = |input: &RestoreInput| {
        let key = &input.chosen.header.database;
        Step {
            id: format!("restore.{}/check", crate::plan::id_part(key)),
            unit: key.clone(),
            action: Action::Check { restore: key.clone() },
            bytes: input.chosen.header.totals.stored_bytes,
            order: 0,
            lane: None,
            batch: None,
            session: None,
        }
    };
    inputs.iter().map(|input| builder.add(step(input))).collect()
}

/// Roles come after the checks. When the only snapshot is damaged, no role is touched either; of
/// several, a damaged one must not keep the others' roles from them.
pub fn before_roles(builder: &mut Builder, checks: &[Node], roles: &RoleSteps) {
    for role in roles.roles.values().chain(&roles.memberships).chain(&roles.server_settings) {
        match checks {
            [check] => builder.needs(*role, *check),
            several => several.iter().for_each(|check| builder.waits(*role, *check)),
        }
    }
}
