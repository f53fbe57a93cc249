//! Indexes: all of a table side by side, as soon as its rows are in.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::{DefineForm, Step};
use crate::plan::graph::Node;
use crate::plan::restore::draft::{Draft, Made, of};

/// Plain indexes, and the unique indexes that constraints of big tables will take.
pub fn add(draft: &mut Draft) {
    for entry in draft.shape.entries.iter().copied() {
        match (entry.kind, entry.table) {
            (EntryKind::Index, table) => {
                let step = draft.define(entry, DefineForm::Whole);
                let node = build(draft, entry, table, step);
                draft.made.insert(entry.id, Made { first: node, last: node });
            }
            (EntryKind::Constraint, Some(table)) if is_built_apart(draft, entry, table) => {
                let step = draft.define(entry, DefineForm::UniqueIndex);
                let index = build(draft, entry, Some(table), step);
                let step = draft.in_lane(draft.define(entry, DefineForm::UsingIndex), table);
                let using = draft.graph.add(step);
                draft.made.insert(entry.id, Made { first: index, last: using });
            }
            _ => {}
        }
    }
}

/// True when the index of a constraint is built beside the table's other indexes.
fn is_built_apart(draft: &Draft, entry: &SchemaEntry, table: u32) -> bool {
    entry.index_definition.is_some() && draft.capabilities.constraint_using_index && !draft.shape.is_small(table)
}

fn build(draft: &mut Draft, entry: &SchemaEntry, table: Option<u32>, step: Step) -> Node {
    let Some(table) = table else {
        return draft.graph.add(step);
    };
    let mut step = step;
    if draft.shape.is_small(table) {
        step = draft.in_lane(step, table);
    } else {
        // building reads the table: this puts big ones first and into the estimate
        step.bytes = draft.shape.bytes(table);
    }
    let node = draft.graph.add(step);
    comes_after_rows(draft, entry, table, node);
    // a comment takes a lock that a build would keep waiting for as long as it lasts
    let comments = of(&draft.remarks, table);
    draft.waits_for(node, comments);
    draft.builds.entry(table).or_default().push(node);
    node
}

/// The rows of the table must be in; a partition root has none of its own and only waits for its
/// partitions. What calls functions waits for all definitions.
pub fn comes_after_rows(draft: &mut Draft, entry: &SchemaEntry, table: u32, node: Node) {
    let rows = draft.rows_in(table);
    let own = !draft.shape.partitions.has_partitions(table) || draft.shape.routed(table).is_some();
    for load in rows {
        if own { draft.graph.needs(node, load) } else { draft.graph.waits(node, load) }
    }
    let calls = entry
        .depends
        .iter()
        .filter_map(|id| draft.shape.entry(*id))
        .any(|on| on.kind == EntryKind::Definition && !on.what.eq_ignore_ascii_case("SCHEMA"));
    if calls {
        draft.waits_for(node, draft.closing);
    }
}
