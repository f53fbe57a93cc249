//! Rows.

use crate::base::limits::SMALL_TABLE_BYTES_MAX;
use crate::model::catalog::{EntryKind, Table};
use crate::model::step::RestoreAction;
use crate::plan::graph::Node;
use crate::plan::restore::draft::Draft;
use std::collections::BTreeSet;

/// From this many chunks on, the last one waits for the others, and all that waits for the
/// table waits for that one only: fewer edges, at the price of one chunk.
const CHUNKS_CLOSED_MIN: usize = 64;

/// Loads of all tables but the late ones.
pub fn add(draft: &mut Draft) {
    close_trees(draft);
    let late = late_tables(draft);
    let tables = draft.shape.tables.clone();
    for table in tables.into_iter().filter(|table| !late.contains(&table.id)) {
        load(draft, table, false);
    }
}

/// Loads of tables whose checks may read other tables: when all others are in, and
/// every function that a check may call is there.
pub fn late(draft: &mut Draft) {
    let late = late_tables(draft);
    let tables = draft.shape.tables.clone();
    for table in tables.into_iter().filter(|table| late.contains(&table.id)) {
        for node in load(draft, table, true) {
            let before = draft.sequences.into_iter().chain(draft.closing);
            draft.waits_for(node, before);
            draft.late_loads.push(node);
        }
    }
}

/// Late tables; a tree that is loaded through its root is late as a whole.
fn late_tables(draft: &Draft) -> BTreeSet<u32> {
    let mut late = BTreeSet::new();
    for table in draft.shape.tables.iter().filter(|table| table.late) {
        late.insert(table.id);
        if let Some(root) = table.entry.and_then(|entry| draft.shape.routed(entry)) {
            late.extend(draft.shape.rows_of(root).iter().map(|table| table.id));
        }
    }
    late
}

/// The last attachment of a partition tree waits for the others: a load that waits for it
/// finds the tree whole.
fn close_trees(draft: &mut Draft) {
    let roots: BTreeSet<u32> = draft
        .shape
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Table && draft.shape.partitions.is_in_tree(entry.id))
        .map(|entry| draft.shape.partitions.root(entry.id))
        .collect();
    for root in roots {
        let attaches = attaches(draft, root);
        let Some((closing, others)) = attaches.split_last() else { continue };
        for other in others {
            match draft.shape.routed(root) {
                // rows that find no partition would fail one by one
                Some(_) => draft.graph.needs(*closing, *other),
                None => draft.graph.waits(*closing, *other),
            }
        }
    }
}

/// Steps that attach partitions in the tree of `root`, in the source's order.
fn attaches(draft: &Draft, root: u32) -> Vec<Node> {
    let mut entries = draft.shape.partitions.attaches(root);
    entries.sort_by_key(|entry| draft.shape.position(*entry));
    entries.iter().filter_map(|entry| draft.made.get(entry)).map(|made| made.last).collect()
}

fn load(draft: &mut Draft, table: &Table, late: bool) -> Vec<Node> {
    let chunks = draft.shape.chunks.get(&table.id).cloned().unwrap_or_default();
    let routed = table.entry.and_then(|entry| draft.shape.routed(entry));
    let mut nodes = Vec::with_capacity(chunks.len());
    for (number, index) in chunks.into_iter().enumerate() {
        let bytes = draft.shape.catalog.chunks[index as usize].bytes;
        let name = format!("{}/{number}", crate::plan::id_part(&table.display()));
        let mut step = draft.step("load", "", RestoreAction::Load { chunk: index, into: routed });
        step.id = format!("{}/{name}", step.id);
        step.bytes = bytes;
        step.order = index;
        if bytes <= SMALL_TABLE_BYTES_MAX {
            step.batch = Some(format!("load/{}{}", draft.key, if late { "/late" } else { "" }));
        }
        let node = draft.graph.add(step);
        needs_table(draft, table, routed, node);
        nodes.push(node);
    }
    let all = nodes.clone();
    if nodes.len() >= CHUNKS_CLOSED_MIN
        && let Some(last) = nodes.pop()
    {
        for node in nodes.drain(..) {
            draft.graph.needs(last, node);
        }
        nodes.push(last);
    }
    draft.loads.insert(table.id, nodes);
    all
}

fn needs_table(draft: &mut Draft, table: &Table, routed: Option<u32>, node: Node) {
    let Some(entry) = table.entry else {
        let extension = draft
            .shape
            .entries
            .iter()
            .find(|entry| entry.kind == EntryKind::Extension && Some(&entry.name) == table.extension.as_ref());
        if let Some(made) = extension.and_then(|entry| draft.made.get(&entry.id)) {
            draft.graph.needs(node, made.last);
        }
        return;
    };
    for id in [Some(entry), routed].into_iter().flatten() {
        if let Some(made) = draft.made.get(&id) {
            draft.graph.needs(node, made.last);
        }
    }
    let tree = attaches(draft, draft.shape.partitions.root(entry));
    if let Some(closing) = tree.last() {
        match routed {
            Some(_) => draft.graph.needs(node, *closing),
            // attaching takes an exclusive lock, and is at once done while the partition is empty
            None => draft.graph.waits(node, *closing),
        }
    }
}
