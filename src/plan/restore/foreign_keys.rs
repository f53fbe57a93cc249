//! Foreign keys: when both ends are complete. First all are added unchecked, one after
//! the other (two at once could deadlock), then they are checked side by side.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::DefineForm;
use crate::plan::graph::Node;
use crate::plan::restore::draft::{Draft, of};

/// Adds them and their checks.
pub fn add(draft: &mut Draft) {
    let mut unchecked: Vec<(&SchemaEntry, u32)> = Vec::new();
    for entry in draft.shape.entries.iter().copied().filter(|entry| entry.kind == EntryKind::ForeignKey) {
        let Some(table) = entry.table else {
            draft.make(entry, draft.ddl(draft.define(entry, DefineForm::Whole)));
            continue;
        };
        let referenced = referenced(draft, entry, table);
        let whole = is_made_whole(draft, table, referenced);
        let form = if whole { DefineForm::Whole } else { DefineForm::NotValid };
        let lane = format!("foreign-keys/{}", draft.key);
        let mut step = draft.define(entry, form);
        let long = whole && !draft.shape.is_small(table);
        step.batch = (!long).then(|| lane.clone());
        step.lane = Some(lane);
        let node = draft.make(entry, step);
        for end in [Some(table), referenced].into_iter().flatten() {
            draft.needs_rows(node, end);
            let indexed = draft.indexed(end);
            draft.waits_for(node, indexed);
        }
        note(draft, table, referenced, node);
        if !whole {
            unchecked.push((entry, table));
        }
    }
    for (entry, table) in unchecked {
        check(draft, entry, table);
    }
}

/// The check comes after all foreign keys at its table: it would keep them waiting.
fn check(draft: &mut Draft, entry: &SchemaEntry, table: u32) {
    let Some(made) = draft.made.get(&entry.id).copied() else { return };
    let (lane, _) = draft.lane(table);
    let mut step = draft.define(entry, DefineForm::Validate);
    step.lane = Some(lane);
    step.bytes = if draft.shape.is_small(table) { 0 } else { draft.shape.bytes(table) };
    let node = draft.graph.add(step);
    draft.graph.needs(node, made.last);
    let at_table = of(&draft.foreign_keys, table);
    draft.waits_for(node, at_table);
    draft.checks.entry(table).or_default().push(node);
}

/// Foreign keys of and to a partitioned table are made whole: the first cannot be added unchecked, and of the
/// second a later check does not reach the copies that the server keeps for each partition. Small ones are
/// checked at once.
fn is_made_whole(draft: &Draft, table: u32, referenced: Option<u32>) -> bool {
    let shape = draft.shape;
    let is_partitioned = |table: u32| {
        shape.partitions.has_partitions(table)
            || shape.entry(table).is_some_and(|entry| entry.definition.contains("\nPARTITION BY "))
    };
    let partitioned = is_partitioned(table) || referenced.is_some_and(is_partitioned);
    let small = shape.is_small(table) && referenced.is_some_and(|referenced| shape.is_small(referenced));
    partitioned || small || !draft.capabilities.not_valid_foreign_keys
}

/// The table at the other end: by the constraint or index that the key depends on, else by the table.
fn referenced(draft: &Draft, entry: &SchemaEntry, table: u32) -> Option<u32> {
    let on = || entry.depends.iter().filter_map(|id| draft.shape.entry(*id));
    let through = on().filter(|on| matches!(on.kind, EntryKind::Constraint | EntryKind::Index)).find_map(|on| on.table);
    let other = || on().find(|on| on.kind == EntryKind::Table && on.id != table).map(|on| on.id);
    through.or_else(other).or(Some(table))
}

fn note(draft: &mut Draft, table: u32, referenced: Option<u32>, node: Node) {
    let mut ends: Vec<u32> =
        [Some(table), referenced].into_iter().flatten().flat_map(|end| draft.shape.partitions.family(end)).collect();
    ends.sort_unstable();
    ends.dedup();
    for end in ends {
        draft.foreign_keys.entry(end).or_default().push(node);
    }
}
