//! What the transforms need to know of a catalog: who is who, what is kept,
//! what is big, which trees are loaded through their root.

use crate::model::catalog::{Catalog, ChunkContent, EntryKind, SchemaEntry, Section, Table};
use crate::plan::restore::partitions::Partitions;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Tables below this many bytes are small: their work is done in batches.
pub const SMALL_BYTES_MAX: u64 = 1 << 20;

/// A catalog, ready to be looked things up in.
pub struct Shape<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// Kept entries in the catalog's order.
    pub entries: Vec<&'a SchemaEntry>,
    /// Kept tables with rows of their own.
    pub tables: Vec<&'a Table>,
    /// Chunks of each kept table, by index in the catalog.
    pub chunks: BTreeMap<u32, Vec<u32>>,
    /// Kept partition trees.
    pub partitions: Partitions,
    by_id: HashMap<u32, &'a SchemaEntry>,
    position: HashMap<u32, u32>,
    tables_of: HashMap<u32, Vec<&'a Table>>,
    bytes_of: HashMap<u32, u64>,
    routed: BTreeSet<u32>,
    early: BTreeSet<u32>,
}

impl<'a> Shape<'a> {
    /// Looks at a catalog without the entries `left_out`. `same_ordering`: partition trees
    /// can be loaded leaf by leaf unless a table says otherwise.
    pub fn new(catalog: &'a Catalog, left_out: &[u32], same_ordering: bool) -> Self {
        let left_out: BTreeSet<u32> = left_out.iter().copied().collect();
        let all: HashMap<u32, &SchemaEntry> = catalog.entries.iter().map(|entry| (entry.id, entry)).collect();
        let partitions = Partitions::new(catalog, &all, |id| !left_out.contains(&id));
        let entries: Vec<&SchemaEntry> = catalog.entries.iter().filter(|entry| !left_out.contains(&entry.id)).collect();
        let by_id: HashMap<u32, &SchemaEntry> = entries.iter().map(|entry| (entry.id, *entry)).collect();
        let position = entries.iter().enumerate().map(|(at, entry)| (entry.id, at as u32)).collect();
        let tables: Vec<&Table> = catalog.tables.iter().filter(|table| is_kept(table, &by_id)).collect();
        let mut shape = Shape {
            catalog,
            chunks: chunks(catalog, &tables),
            partitions,
            position,
            tables_of: HashMap::new(),
            bytes_of: HashMap::new(),
            routed: BTreeSet::new(),
            early: BTreeSet::new(),
            entries,
            tables,
            by_id,
        };
        shape.index_tables(same_ordering);
        shape.early = early(&shape);
        shape
    }

    fn index_tables(&mut self, same_ordering: bool) {
        for table in &self.tables {
            let Some(entry) = table.entry else { continue };
            self.tables_of.entry(entry).or_default().push(table);
            let root = self.partitions.root(entry);
            let bytes = table.bytes.max(table.sum.bytes);
            *self.bytes_of.entry(entry).or_default() += bytes;
            if root != entry {
                *self.bytes_of.entry(root).or_default() += bytes;
            }
            let elsewhere = table.through_root_elsewhere && !same_ordering;
            if self.partitions.is_in_tree(entry) && (table.through_root || elsewhere) {
                self.routed.insert(root);
            }
        }
    }

    /// A kept entry.
    pub fn entry(&self, id: u32) -> Option<&'a SchemaEntry> {
        self.by_id.get(&id).copied()
    }

    /// Place in the order in which the source would create it.
    pub fn position(&self, id: u32) -> u32 {
        self.position.get(&id).copied().unwrap_or(u32::MAX)
    }

    /// True for what is made before any row is loaded: its section says so, and so does that of all it needs.
    pub fn is_early(&self, id: u32) -> bool {
        self.early.contains(&id)
    }

    /// The root through which the tree of `table` is loaded, if it is.
    pub fn routed(&self, table: u32) -> Option<u32> {
        let root = self.partitions.root(table);
        self.routed.contains(&root).then_some(root)
    }

    /// Tables with rows whose rows decide when `entry` is loaded: its own and those of its
    /// partitions; of the whole tree when that is loaded through its root.
    pub fn rows_of(&self, entry: u32) -> Vec<&'a Table> {
        let top = self.routed(entry).unwrap_or(entry);
        self.partitions.family(top).iter().filter_map(|id| self.tables_of.get(id)).flatten().copied().collect()
    }

    /// Tables that inherit from `table`, directly or not.
    pub fn heirs(&self, table: u32) -> Vec<u32> {
        let mut family = vec![table];
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            let heirs = self.entries.iter().filter(|e| e.kind == EntryKind::Table && e.depends.contains(&parent));
            let new: Vec<u32> = heirs.map(|e| e.id).filter(|id| !family.contains(id)).collect();
            family.extend(new);
            at += 1;
        }
        family.remove(0);
        family
    }

    /// The entry of the extension that a configuration table belongs to.
    pub fn extension(&self, table: &Table) -> Option<u32> {
        let name = table.extension.as_ref()?;
        self.entries.iter().find(|e| e.kind == EntryKind::Extension && e.name == *name).map(|e| e.id)
    }

    /// Bytes of a table at the source; a partition root counts its partitions.
    pub fn bytes(&self, entry: u32) -> u64 {
        self.bytes_of.get(&entry).copied().unwrap_or(0)
    }

    /// True when the work on a table is done in batches.
    pub fn is_small(&self, entry: u32) -> bool {
        self.bytes(entry) < SMALL_BYTES_MAX
    }

    /// The view that a rule belongs to: the rule bears the view's name in front of its own.
    pub fn view_of(&self, rule: &SchemaEntry) -> Option<u32> {
        let on = rule.depends.iter().filter_map(|id| self.entry(*id));
        let mut views = on.filter(|on| on.kind == EntryKind::View && on.schema == rule.schema);
        views
            .find(|view| rule.name.strip_prefix(&view.name).is_some_and(|rest| rest.starts_with(' ')))
            .map(|view| view.id)
    }

    /// Tables, views and materialized views that an entry is about.
    pub fn touched(&self, entry: &SchemaEntry) -> Vec<u32> {
        let own = entry.table.filter(|id| self.entry(*id).is_some());
        let own = own.or_else(|| if entry.kind == EntryKind::Rule { self.view_of(entry) } else { None });
        let through = entry.depends.iter().filter_map(|id| self.entry(*id)).filter_map(|on| match on.kind {
            EntryKind::Table | EntryKind::View | EntryKind::MaterializedView => Some(on.id),
            _ => on.table.filter(|id| self.entry(*id).is_some()),
        });
        let mut touched: Vec<u32> = match own {
            Some(own) => vec![own],
            None => through.collect(),
        };
        touched.sort_unstable();
        touched.dedup();
        touched
    }
}

fn is_kept(table: &Table, by_id: &HashMap<u32, &SchemaEntry>) -> bool {
    match (table.entry, &table.extension) {
        (Some(entry), _) => by_id.contains_key(&entry),
        (None, Some(extension)) => {
            by_id.values().any(|entry| entry.kind == EntryKind::Extension && entry.name == *extension)
        }
        (None, None) => true,
    }
}

fn chunks(catalog: &Catalog, tables: &[&Table]) -> BTreeMap<u32, Vec<u32>> {
    let mut chunks: BTreeMap<u32, Vec<u32>> = tables.iter().map(|table| (table.id, Vec::new())).collect();
    for (index, chunk) in catalog.chunks.iter().enumerate() {
        if let ChunkContent::Rows { table } = chunk.content
            && let Some(of_table) = chunks.get_mut(&table)
        {
            of_table.push(index as u32);
        }
    }
    chunks
}

/// A view that relies on a primary key belongs after the data, and so does all that relies on
/// the view, whatever its own section says.
fn early(shape: &Shape) -> BTreeSet<u32> {
    let mut early: BTreeSet<u32> = shape
        .entries
        .iter()
        .filter(|entry| entry.section == Section::PreData && !comes_later(entry.kind))
        .map(|entry| entry.id)
        .collect();
    loop {
        let late: Vec<u32> = early
            .iter()
            .copied()
            .filter(|id| {
                let depends = shape.entry(*id).map_or(&[][..], |entry| &entry.depends);
                depends.iter().any(|on| !early.contains(on) && shape.entry(*on).is_some_and(|on| !describes(on.kind)))
            })
            .collect();
        if late.is_empty() {
            return early;
        }
        early.retain(|id| !late.contains(id));
    }
}

/// Kinds that wait for rows, whatever section they are in.
fn comes_later(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::Index
            | EntryKind::IndexAttach
            | EntryKind::Constraint
            | EntryKind::ForeignKey
            | EntryKind::Trigger
            | EntryKind::Rule
            | EntryKind::Policy
            | EntryKind::Statistics
            | EntryKind::Publication
            | EntryKind::Subscription
            | EntryKind::EventTrigger
    ) || describes(kind)
}

/// Kinds that say something about another entry: nothing is built on them.
pub fn describes(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Acl | EntryKind::DefaultAcl | EntryKind::Comment | EntryKind::SecurityLabel)
}
