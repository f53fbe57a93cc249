//! Schema entries by their true dependencies.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::DefineForm;
use crate::plan::graph::Node;
use crate::plan::restore::draft::Draft;
use crate::plan::restore::shape::describes;
use std::collections::BTreeSet;

/// What exists before rows. One of them waits for all others, so that steps which call
/// functions can wait for everything that a function's body may name without saying so.
pub fn early(draft: &mut Draft) {
    let early: Vec<&SchemaEntry> =
        draft.shape.entries.iter().copied().filter(|entry| draft.shape.is_early(entry.id)).collect();
    let depended_on: BTreeSet<u32> = early.iter().flat_map(|entry| entry.depends.iter().copied()).collect();
    let mut nodes: Vec<Node> = Vec::with_capacity(early.len());
    for entry in &early {
        let node = draft.make(entry, draft.ddl(draft.define(entry, DefineForm::Whole)));
        needs_owner(draft, entry, node);
        nodes.push(node);
        if !depended_on.contains(&entry.id) {
            draft.closing = Some(node);
        }
    }
    if let Some(closing) = draft.closing {
        draft.waits_for(closing, nodes);
    }
}

/// Comments and labels on those.
pub fn early_comments(draft: &mut Draft) {
    for entry in draft.shape.entries.iter().copied() {
        if is_remark(entry) && is_about_early(draft, entry) {
            let node = draft.make(entry, draft.ddl(draft.define(entry, DefineForm::Whole)));
            for table in draft.shape.touched(entry) {
                draft.remarks.entry(table).or_default().push(node);
            }
        }
    }
}

/// What comes after rows and belongs to no table: views that rely on a primary key, checks of domains.
pub fn late(draft: &mut Draft) {
    for entry in draft.shape.entries.iter().copied() {
        if draft.made.contains_key(&entry.id) || !is_late(entry) {
            continue;
        }
        let node = draft.make(entry, draft.ddl(draft.define(entry, DefineForm::Whole)));
        needs_owner(draft, entry, node);
        if entry.kind == EntryKind::CheckConstraint {
            // a domain's check looks at the rows of every table that uses it
            let before = draft.sequences.into_iter().chain(draft.late_loads.clone());
            draft.waits_for(node, before);
        }
    }
}

fn is_late(entry: &SchemaEntry) -> bool {
    match entry.kind {
        EntryKind::CheckConstraint => entry.table.is_none(),
        EntryKind::Definition
        | EntryKind::Extension
        | EntryKind::Table
        | EntryKind::TableAttach
        | EntryKind::View
        | EntryKind::MaterializedView
        | EntryKind::Sequence
        | EntryKind::Default => true,
        _ => false,
    }
}

/// Every entry after the entries that it depends on, whichever transform made them.
pub fn dependencies(draft: &mut Draft) {
    for entry in draft.shape.entries.iter().copied() {
        let Some(made) = draft.made.get(&entry.id).copied() else { continue };
        for on in &entry.depends {
            match draft.made.get(on) {
                Some(on) if on.last != made.first => draft.graph.needs(made.first, on.last),
                _ => {}
            }
        }
        if made.first != made.last {
            draft.graph.needs(made.last, made.first);
        }
    }
}

/// True for comments and labels.
pub fn is_remark(entry: &SchemaEntry) -> bool {
    matches!(entry.kind, EntryKind::Comment | EntryKind::SecurityLabel)
}

fn is_about_early(draft: &Draft, entry: &SchemaEntry) -> bool {
    let kept: Vec<&SchemaEntry> = entry.depends.iter().filter_map(|id| draft.shape.entry(*id)).collect();
    kept.iter().all(|on| draft.shape.is_early(on.id) || describes(on.kind))
}

/// What a role owns fails with the role, and says so.
fn needs_owner(draft: &mut Draft, entry: &SchemaEntry, node: Node) {
    if let Some(role) = entry.owner.as_ref().and_then(|owner| draft.roles.get(owner)) {
        draft.graph.needs(node, *role);
    }
}
