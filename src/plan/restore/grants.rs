//! Privileges: after all that reads rows or calls functions with the rights of an owner, who could
//! lose them here, and so could a login that is not a superuser. Default privileges last: they
//! would fall on what is created after them.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::DefineForm;
use crate::plan::graph::Node;
use crate::plan::restore::draft::Draft;

/// Adds them. The first waits for everything before and the others for it; the last waits for all
/// others, so that refreshes have one step to wait for.
pub fn add(draft: &mut Draft) {
    let followers = draft.graph.followers();
    let ends: Vec<Node> =
        draft.graph.since(draft.start).filter(|node| !followers[node.0 as usize].waited_for).collect();
    let grants = add_kind(draft, EntryKind::Acl);
    if let (Some(first), Some(last)) = (grants.first().copied(), grants.last().copied()) {
        draft.waits_for(first, ends);
        for node in &grants {
            draft.waits_for(*node, [first]);
        }
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
