//! Privileges: after all rows, for a login that is not a superuser could lose its own
//! access by them. Default privileges last: they would fall on what is created after them.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::DefineForm;
use crate::plan::graph::Node;
use crate::plan::restore::draft::Draft;

/// Adds them; the last grant waits for the others, so that refreshes wait for one step.
pub fn add(draft: &mut Draft) {
    let grants = add_kind(draft, EntryKind::Acl);
    let before: Vec<Node> = draft.sequences.into_iter().chain(draft.late_loads.clone()).collect();
    for node in &grants {
        draft.waits_for(*node, before.clone());
    }
    if let Some(last) = grants.last().copied() {
        draft.waits_for(last, grants);
        draft.granted = Some(last);
    }
    for node in add_kind(draft, EntryKind::DefaultAcl) {
        let before = draft.sequences.into_iter().chain(draft.closing).chain(draft.granted);
        draft.waits_for(node, before);
    }
}

fn add_kind(draft: &mut Draft, kind: EntryKind) -> Vec<Node> {
    let entries: Vec<&SchemaEntry> = draft.shape.entries.iter().copied().filter(|entry| entry.kind == kind).collect();
    entries.into_iter().map(|entry| draft.make(entry, draft.ddl(draft.define(entry, DefineForm::Whole)))).collect()
}
