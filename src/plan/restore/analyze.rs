//! Planner statistics, once a table is as it will stay.

use crate::model::step::RestoreAction;
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
}
