//! Partition trees, from the entries that attach a partition to its parent.

use crate::model::catalog::{Catalog, EntryKind, SchemaEntry};
use std::collections::{BTreeMap, HashMap};

/// Partition trees by table entry.
#[derive(Default)]
pub struct Partitions {
    parents: HashMap<u32, u32>,
    children: BTreeMap<u32, Vec<u32>>,
    attaches: BTreeMap<u32, u32>,
}

impl Partitions {
    /// Reads the trees off the catalog; only attachments that `kept` says yes to count.
    pub fn new(catalog: &Catalog, by_id: &HashMap<u32, &SchemaEntry>, kept: impl Fn(u32) -> bool) -> Self {
        let mut partitions = Partitions::default();
        for attach in &catalog.entries {
            if attach.kind != EntryKind::TableAttach || !kept(attach.id) {
                continue;
            }
            if let Some((child, parent)) = ends(attach, by_id) {
                partitions.parents.insert(child, parent);
                partitions.children.entry(parent).or_default().push(child);
                partitions.attaches.insert(child, attach.id);
            }
        }
        partitions
    }

    /// The topmost table of the tree that `table` is in: itself when it is in none.
    pub fn root(&self, table: u32) -> u32 {
        let mut at = table;
        // a tree cannot be deeper than it has tables
        for _ in 0..=self.parents.len() {
            match self.parents.get(&at) {
                Some(parent) => at = *parent,
                None => break,
            }
        }
        at
    }

    /// True when `table` has partitions or is one.
    pub fn is_in_tree(&self, table: u32) -> bool {
        self.parents.contains_key(&table) || self.children.contains_key(&table)
    }

    /// True when `table` has partitions.
    pub fn has_partitions(&self, table: u32) -> bool {
        self.children.contains_key(&table)
    }

    /// `table` and all below it, in the catalog's order within each level.
    pub fn family(&self, table: u32) -> Vec<u32> {
        let mut family = vec![table];
        let mut at = 0;
        while at < family.len() && family.len() <= self.parents.len() + 1 {
            if let Some(children) = self.children.get(&family[at]) {
                family.extend(children);
            }
            at += 1;
        }
        family
    }

    /// Entries that attach partitions anywhere in the tree of `root`.
    pub fn attaches(&self, root: u32) -> Vec<u32> {
        self.family(root).iter().filter_map(|table| self.attaches.get(table).copied()).collect()
    }
}

/// The partition and its parent. An attachment bears the partition's name and depends on both tables.
fn ends(attach: &SchemaEntry, by_id: &HashMap<u32, &SchemaEntry>) -> Option<(u32, u32)> {
    let tables: Vec<&SchemaEntry> = attach
        .depends
        .iter()
        .filter_map(|id| by_id.get(id).copied())
        .filter(|entry| entry.kind == EntryKind::Table)
        .collect();
    let child = tables
        .iter()
        .find(|table| table.schema == attach.schema && table.name == attach.name)
        .map(|table| table.id)
        .or(attach.table)?;
    let parent = tables.iter().map(|table| table.id).find(|id| *id != child)?;
    Some((child, parent))
}
