//! Where sequences stand, and the point where all ordinary rows are in.

use crate::model::step::RestoreAction;
use crate::plan::graph::Node;
use crate::plan::restore::draft::Draft;

/// One step sets them all. It waits for the loads, so that what must come after
/// every row has one step to wait for instead of thousands.
pub fn add(draft: &mut Draft) {
    let node = draft.graph.add(draft.step("sequences", "", RestoreAction::Sequences));
    let loads: Vec<Node> = draft.loads.values().flatten().copied().collect();
    draft.waits_for(node, loads);
    for sequence in &draft.shape.catalog.sequences {
        if let Some(made) = sequence.entry.and_then(|entry| draft.made.get(&entry)) {
            // one sequence that could not be made must not keep the others from being set
            draft.graph.waits(node, made.last);
        }
    }
    draft.waits_for(node, draft.closing);
    draft.sequences = Some(node);
}
