//! Constraints, which want a table for themselves, and attachments of indexes.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::DefineForm;
use crate::plan::graph::Node;
use crate::plan::restore::draft::{Draft, of};
use crate::plan::restore::indexes::comes_after_rows;
use std::collections::HashMap;

/// Primary, unique, exclusion and check constraints: one after the other on each table, once
/// none of its indexes is being built.
pub fn add(draft: &mut Draft) {
    for entry in draft.shape.entries.iter().copied() {
        let Some(table) = entry.table else { continue };
        if !matches!(entry.kind, EntryKind::Constraint | EntryKind::CheckConstraint) {
            continue;
        }
        if draft.shape.is_early(entry.id) {
            continue;
        }
        let node = match draft.made.get(&entry.id) {
            Some(made) => made.last,
            None => {
                let mut step = draft.in_lane(draft.define(entry, DefineForm::Whole), table);
                if entry.kind == EntryKind::Constraint && !draft.shape.is_small(table) {
                    step.bytes = draft.shape.bytes(table);
                }
                let node = draft.make(entry, step);
                comes_after_rows(draft, entry, table, node);
                node
            }
        };
        let builds = of(&draft.builds, table);
        draft.waits_for(node, builds);
        if entry.kind == EntryKind::CheckConstraint {
            // the tables that inherit take it over at once, and rows that it does not fit may be on their way
            for heir in draft.shape.heirs(table) {
                let rows = draft.rows_in(heir);
                draft.waits_for(node, rows);
            }
        }
        let remarks = of(&draft.remarks, table);
        draft.waits_for(node, remarks);
        draft.alters.entry(table).or_default().push(node);
    }
}

/// A partition's index becomes part of its parent's.
pub fn attach(draft: &mut Draft) {
    let by_name: HashMap<(&str, &str), Node> = draft
        .shape
        .entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::Index | EntryKind::Constraint))
        .filter_map(|entry| {
            let made = draft.made.get(&entry.id)?;
            // a constraint bears its table's name in front of its own
            let table = entry.table.and_then(|table| draft.shape.entry(table)).map_or("", |table| &table.name);
            let name = entry.name.strip_prefix(table).and_then(|name| name.strip_prefix(' '));
            Some(((entry.schema.as_str(), name.unwrap_or(&entry.name)), made.last))
        })
        .collect();
    let attaches: Vec<(&SchemaEntry, Vec<u32>)> = draft
        .shape
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::IndexAttach)
        .map(|entry| (*entry, tables_of_attach(draft, entry)))
        .collect();
    // all must see the same builds, not each other
    let before: Vec<Vec<Node>> = attaches
        .iter()
        .map(|(_, tables)| {
            let of_table = |table: &u32| [of(&draft.builds, *table), of(&draft.alters, *table)].concat();
            tables.iter().flat_map(of_table).collect()
        })
        .collect();
    for ((entry, tables), before) in attaches.into_iter().zip(before) {
        let root = tables.first().map(|table| draft.shape.partitions.root(*table));
        let step = draft.define(entry, DefineForm::Whole);
        let step = match root {
            Some(root) => draft.in_lane(step, root),
            None => draft.ddl(step),
        };
        let node = draft.make(entry, step);
        if let Some(child) = by_name.get(&(entry.schema.as_str(), entry.name.as_str())) {
            draft.graph.needs(node, *child);
        }
        draft.waits_for(node, before);
        for table in tables {
            draft.alters.entry(table).or_default().push(node);
        }
    }
}

/// The partition and its parent, as far as the entry tells.
fn tables_of_attach(draft: &Draft, entry: &SchemaEntry) -> Vec<u32> {
    let through = entry.depends.iter().filter_map(|id| draft.shape.entry(*id)).filter_map(|on| match on.kind {
        EntryKind::Table => Some(on.id),
        _ => on.table,
    });
    let mut tables: Vec<u32> =
        entry.table.into_iter().chain(through).filter(|id| draft.shape.entry(*id).is_some()).collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}
