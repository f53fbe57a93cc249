//! The database itself.

use crate::model::step::RestoreAction;
use crate::plan::graph::Node;
use crate::plan::restore::draft::Draft;

/// Drops what is to be replaced, then creates. The owner must exist; other roles are
/// only waited for: when one of them fails, what belongs to it fails, not the database.
pub fn create(draft: &mut Draft) {
    let create = draft.graph.add(draft.step("database", &draft.spec.target_database, RestoreAction::CreateDatabase));
    let first = match draft.spec.replace {
        true => {
            let drop = draft.graph.add(draft.step("drop", &draft.spec.target_database, RestoreAction::DropDatabase));
            draft.graph.needs(create, drop);
            drop
        }
        false => create,
    };
    draft.graph.needs(first, draft.check);
    let owner = &draft.shape.catalog.database.owner;
    for (role, node) in draft.roles {
        if role == owner {
            draft.graph.needs(first, *node);
        } else {
            draft.graph.waits(first, *node);
        }
    }
    for node in draft.memberships.iter().chain(draft.server_settings) {
        draft.graph.waits(first, *node);
    }
    draft.create = Some(create);
}

/// Every step that needs no other step of the database needs the database.
pub fn roots(draft: &mut Draft) {
    let Some(create) = draft.create else { return };
    let has_needs = draft.graph.has_needs_since(draft.start);
    let before_create = |node: Node| node <= create || (draft.spec.replace && node.0 == create.0 + 1);
    for node in draft.graph.since(draft.start) {
        if !before_create(node) && !has_needs[node.0 as usize] {
            draft.graph.needs(node, create);
        }
    }
}
