//! Rows are read back in shares and compared with what the capture saw.

use crate::model::catalog::Table;
use crate::model::desired::VerifyMode;
use crate::model::step::{RestoreAction, StepId};
use crate::plan::graph::Node;
use crate::plan::restore::draft::{Draft, of};
use std::collections::BTreeMap;

/// Bytes of one share.
const SHARE_BYTES: u64 = 64 << 20;
/// Shares of one table.
const SHARES_MAX: u64 = 4096;

/// Reads every table back and compares. A tree that was loaded through its root is compared as
/// a whole: which partition took which row is the target's to decide.
pub fn add(draft: &mut Draft) {
    if draft.verify == VerifyMode::None {
        return;
    }
    let mut groups: BTreeMap<(u32, u32), Vec<&Table>> = BTreeMap::new();
    for (at, table) in draft.shape.tables.iter().enumerate().filter(|(_, table)| !table.without_rows) {
        let key = match table.entry.and_then(|entry| draft.shape.routed(entry)) {
            Some(root) => (0, root),
            None => (1, at as u32),
        };
        groups.entry(key).or_default().push(table);
    }
    for tables in groups.into_values() {
        compare(draft, &tables);
    }
}

fn compare(draft: &mut Draft, tables: &[&Table]) {
    let count_only = draft.verify == VerifyMode::Counts;
    let mut of: Vec<StepId> = Vec::new();
    let mut nodes = Vec::new();
    for table in tables {
        for node in read_back(draft, table, count_only) {
            of.push(draft.graph.step(node).id.clone());
            nodes.push(node);
        }
    }
    let Some(first) = tables.first() else { return };
    let name = match first.entry.filter(|_| tables.len() > 1).and_then(|entry| draft.shape.routed(entry)) {
        Some(root) => draft.shape.entry(root).map_or(first.display(), |entry| entry.display()),
        None => first.display(),
    };
    let ids = tables.iter().map(|table| table.id).collect();
    let mut step = draft.step("compare", &name, RestoreAction::Compare { tables: ids, of, count_only });
    step.batch = Some(format!("compare/{}", draft.key));
    let compare = draft.graph.add(step);
    for node in nodes {
        draft.graph.needs(compare, node);
    }
}

fn read_back(draft: &mut Draft, table: &Table, count_only: bool) -> Vec<Node> {
    let bytes = table.bytes.max(table.sum.bytes);
    let shares = match draft.capabilities.shared_read_back && table.extension.is_none() {
        true => bytes.div_ceil(SHARE_BYTES).clamp(1, SHARES_MAX),
        false => 1,
    };
    let mut nodes = Vec::with_capacity(shares as usize);
    for share in 0..shares {
        let action = RestoreAction::ReadBack {
            tables: vec![table.id],
            root: None,
            share: share as u32,
            shares: shares as u32,
            count_only,
        };
        let mut step = draft.step("read-back", &table.display(), action);
        if shares > 1 {
            step.id = format!("{}/{share}", step.id);
        }
        step.bytes = table.sum.bytes / shares;
        step.order = share as u32;
        if table.entry.is_none_or(|entry| draft.shape.is_small(entry)) {
            step.batch = Some(format!("read-back/{}", draft.key));
        }
        nodes.push(draft.graph.add(step));
    }
    let (rows, before) = match table.entry {
        // not before the indexes: the disk is better used that way, and locks do not meet
        Some(entry) => (draft.rows_in(entry), [of(&draft.builds, entry), of(&draft.alters, entry)].concat()),
        // a table of an extension is there once that is
        None => {
            let extension = draft.shape.extension(table).and_then(|id| draft.made.get(&id)).map(|made| made.last);
            let loads = draft.loads.get(&table.id).cloned().unwrap_or_default();
            (loads.into_iter().chain(extension).collect(), Vec::new())
        }
    };
    let table_made = table.entry.and_then(|entry| draft.made.get(&entry)).map(|made| made.last);
    for node in &nodes {
        for load in rows.iter().copied().chain(table_made) {
            draft.graph.needs(*node, load);
        }
        draft.waits_for(*node, before.iter().copied());
    }
    if let Some(entry) = table.entry {
        draft.read_backs.entry(entry).or_default().extend(&nodes);
    }
    nodes
}
