//! Large objects: first that they exist, then what is in them.

use crate::model::catalog::ChunkContent;
use crate::model::desired::VerifyMode;
use crate::model::step::RestoreAction;
use crate::plan::restore::draft::Draft;
use std::collections::BTreeMap;

/// Loads and their comparison. A selection by schema or table takes none of them.
pub fn add(draft: &mut Draft) {
    if !draft.spec.left_out.is_empty() {
        return;
    }
    let mut made_by_object = BTreeMap::new();
    let mut nodes = Vec::new();
    for (index, chunk) in draft.shape.catalog.chunks.iter().enumerate() {
        if matches!(chunk.content, ChunkContent::Rows { .. }) {
            continue;
        }
        let info = chunk.content == ChunkContent::LargeObjectInfo;
        let verb = if info { "large-objects" } else { "large-object-data" };
        let mut step = draft.step(verb, &index.to_string(), RestoreAction::Load { chunk: index as u32, into: None });
        step.bytes = chunk.bytes;
        step.order = index as u32;
        let node = draft.graph.add(step);
        nodes.push((node, chunk));
        if info {
            made_by_object.insert(chunk.object, node);
        }
    }
    for (node, chunk) in &nodes {
        if chunk.content == ChunkContent::LargeObjectData
            && let Some(info) = made_by_object.get(&chunk.object)
        {
            draft.graph.needs(*node, *info);
        }
    }
    if nodes.is_empty() || draft.verify == VerifyMode::None {
        return;
    }
    let count_only = draft.verify == VerifyMode::Counts;
    let mut step = draft.step("compare-large-objects", "", RestoreAction::CompareLargeObjects { count_only });
    step.bytes = nodes.iter().map(|(_, chunk)| chunk.bytes).sum();
    let compare = draft.graph.add(step);
    for (node, _) in nodes {
        draft.graph.needs(compare, node);
    }
}
