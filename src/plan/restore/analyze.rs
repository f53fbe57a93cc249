//! Planner statistics, once a table is as it will stay.

use crate::model::catalog::EntryKind;
use crate::model::step::{RestoreAction, Step};
use crate::plan::restore::draft::{Draft, of};

/// One step a table with rows, in the table's lane: it takes the lock that others there take.
pub fn add(draft: &mut Draft) {
    for table in draft.shape.tables.clone() {
        if table.sum.rows == 0 {
            continue;
        }
        let step = draft.step("analyze", &table.display(), RestoreAction::Analyze { table: table.id });
        let Some(entry) = table.entry else {
            let node = draft.graph.add(step);
            for load in draft.loads.get(&table.id).cloned().unwrap_or_default() {
                draft.graph.needs(node, load);
            }
            continue;
        };
        let node = draft.graph.add(draft.in_lane(step, entry));
        draft.needs_rows(node, entry);
        let mut before = draft.indexed(entry);
        before.extend(of(&draft.foreign_keys, entry));
        before.extend(of(&draft.checks, entry));
        before.extend(of(&draft.attached, entry));
        draft.waits_for(node, before);
    }
    trees(draft);
}

/// Statistics over whole partition trees, which autovacuum never gathers.
fn trees(draft: &mut Draft) {
    let roots: Vec<_> = draft
        .shape
        .entries
        .iter()
        .copied()
        .filter(|e| e.kind == EntryKind::Table && draft.shape.partitions.has_partitions(e.id))
        .filter(|e| draft.shape.partitions.root(e.id) == e.id)
        .collect();
    for root in roots {
        let step = draft.step("analyze", &root.display(), RestoreAction::AnalyzeEntry { entry: root.id });
        let node = draft.graph.add(Step { bytes: 0, ..step });
        let family = draft.shape.partitions.family(root.id);
        let mut before = Vec::new();
        for table in family {
            before.extend(draft.rows_in(table));
            before.extend(draft.indexed(table));
            before.extend(of(&draft.foreign_keys, table));
            before.extend(of(&draft.checks, table));
            before.extend(of(&draft.attached, table));
        }
        before.sort_unstable();
        before.dedup();
        draft.waits_for(node, before);
        if let Some(made) = draft.made.get(&root.id).map(|made| made.last) {
            draft.graph.needs(node, made);
        }
    }
}
