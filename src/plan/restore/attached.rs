//! What hangs on tables and must not act on a load: triggers, rules, policies; and what
//! needs no row but a quiet table: statistics, publications, comments on all these.

use crate::model::catalog::{EntryKind, SchemaEntry};
use crate::model::step::DefineForm;
use crate::plan::graph::Node;
use crate::plan::restore::definitions::is_remark;
use crate::plan::restore::draft::{Draft, of};

/// Adds them: after rows, indexes, constraints and foreign keys of their table.
pub fn add(draft: &mut Draft) {
    for entry in draft.shape.entries.iter().copied() {
        if draft.made.contains_key(&entry.id) || !is_attached(entry) {
            continue;
        }
        let touched = draft.shape.touched(entry);
        let step = draft.define(entry, DefineForm::Whole);
        let step = match touched[..] {
            [table] => draft.in_lane(step, table),
            _ => draft.ddl(step),
        };
        let node = draft.make(entry, step);
        for table in touched {
            settle(draft, entry, table, node);
            draft.attached.entry(table).or_default().push(node);
        }
    }
}

fn is_attached(entry: &SchemaEntry) -> bool {
    is_remark(entry)
        || matches!(
            entry.kind,
            EntryKind::Trigger
                | EntryKind::Rule
                | EntryKind::Policy
                | EntryKind::Statistics
                | EntryKind::Publication
                | EntryKind::Subscription
                | EntryKind::PostData
        )
}

fn settle(draft: &mut Draft, entry: &SchemaEntry, table: u32, node: Node) {
    if is_remark(entry) {
        let rows = draft.rows_in(table);
        draft.waits_for(node, rows);
    } else {
        // needed, not only waited for: a load that is done again by a resume must not meet a trigger
        draft.needs_rows(node, table);
    }
    let mut before = draft.indexed(table);
    before.extend(of(&draft.foreign_keys, table));
    if matches!(entry.kind, EntryKind::Rule | EntryKind::Policy) {
        for member in draft.shape.partitions.family(table) {
            before.extend(of(&draft.read_backs, member));
        }
    }
    draft.waits_for(node, before);
}
