//! From the archive's table of contents to the catalog's schema entries.

use super::TocEntry;
use super::classify::{self, Meaning};
use crate::model::catalog::{EntryKind, SchemaEntry, Section};
use std::collections::{HashMap, HashSet};

/// Oid of `pg_class`, the same in every PostgreSQL.
pub const CLASS_RELATION: u32 = 1259;
/// Oid of `pg_constraint`.
pub const CLASS_CONSTRAINT: u32 = 2606;

/// What the catalogs know of entries and the archive does not say.
#[derive(Clone, Debug, Default)]
pub struct Natives {
    /// The relation that an object belongs to, by catalog and object: indexes, constraints,
    /// triggers, rules, policies, defaults, statistics, published tables.
    pub relation_of: HashMap<(u32, u32), u32>,
    /// Definitions of the indexes of constraints which can be built apart, by constraint.
    pub index_definitions: HashMap<u32, String>,
    /// Constraints that pg_dump calls CONSTRAINT though no index backs them: named NOT NULLs (PostgreSQL 18).
    pub not_null: HashSet<u32>,
    /// Materialized views that hold rows.
    pub populated: HashSet<u32>,
    /// Relations that are left out, and all that needs them.
    pub excluded: HashSet<u32>,
}

/// Schema entries and how to find them by relation.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// In an order in which they can be created.
    pub entries: Vec<SchemaEntry>,
    /// Ids of entries that make relations, by oid.
    pub by_relation: HashMap<u32, u32>,
    /// What was left out or not understood, in sentences.
    pub warnings: Vec<String>,
}

/// Converts the table of contents. `toc` is in an order in which everything can be created.
pub fn convert(toc: &[TocEntry], natives: &Natives) -> Entries {
    let mut out = Entries::default();
    let kept = keep(toc, natives, &mut out.warnings);
    let extensions: Vec<u32> =
        kept.iter().filter(|entry| entry.desc == "EXTENSION").map(|entry| entry.dump_id).collect();
    let servers: Vec<(u32, String)> = kept
        .iter()
        .filter(|entry| matches!(entry.desc.as_str(), "SERVER" | "FOREIGN SERVER"))
        .map(|entry| (entry.dump_id, format!(" SERVER {}", entry.tag)))
        .collect();
    let ids: HashSet<u32> = kept.iter().map(|entry| entry.dump_id).collect();
    let kinds: HashMap<u32, EntryKind> = kept.iter().map(|entry| (entry.dump_id, kind_of(entry, natives))).collect();
    for entry in &kept {
        if makes_relation(kinds[&entry.dump_id], entry) && entry.catalog_oid == CLASS_RELATION {
            out.by_relation.insert(entry.oid, entry.dump_id);
        }
    }
    let mut home: HashMap<u32, u32> = HashMap::new();
    let mut due: HashMap<u32, Section> = HashMap::new();
    for entry in &kept {
        let kind = kinds[&entry.dump_id];
        let mut depends: Vec<u32> = entry.depends.iter().copied().filter(|id| ids.contains(id)).collect();
        if depends.is_empty() && !entry.depends.is_empty() && classify::is_about_another(kind) {
            // about an object that is not in the archive: a member of an extension
            depends.clone_from(&extensions);
        }
        if entry.desc == "USER MAPPING" {
            // pg_dump gives it no dependency and relies on its place alone
            depends.extend(servers.iter().filter(|(_, end)| entry.tag.ends_with(end)).map(|(id, _)| *id));
        }
        depends.sort_unstable();
        depends.dedup();
        let table = table_of(entry, kind, &depends, natives, &out.by_relation, &home, &kinds);
        if let Some(table) = table {
            home.insert(entry.dump_id, table);
        }
        let section = classify::section(kind, entry.section)
            .unwrap_or_else(|| depends.iter().filter_map(|id| due.get(id)).copied().max().unwrap_or(Section::PreData));
        due.insert(entry.dump_id, section);
        let index_definition = match kind {
            EntryKind::Constraint => natives.index_definitions.get(&entry.oid).cloned(),
            _ => None,
        };
        out.entries.push(SchemaEntry {
            id: entry.dump_id,
            kind,
            section,
            what: entry.desc.clone(),
            schema: entry.namespace.clone(),
            name: entry.tag.clone(),
            owner: Some(entry.owner.clone()).filter(|owner| !owner.is_empty()),
            depends,
            table,
            definition: entry.definition.clone(),
            drop: entry.drop.clone(),
            tablespace: entry.tablespace.clone(),
            access_method: entry.table_am.clone(),
            index_definition,
            populated: kind == EntryKind::MaterializedView && natives.populated.contains(&entry.oid),
        });
    }
    out
}

fn kind_of(entry: &TocEntry, natives: &Natives) -> EntryKind {
    match classify::kind(entry) {
        EntryKind::Constraint if natives.not_null.contains(&entry.oid) => EntryKind::CheckConstraint,
        kind => kind,
    }
}

/// The entries that stay: not what dbb captures natively, not what is excluded or needs that.
fn keep<'a>(toc: &'a [TocEntry], natives: &Natives, warnings: &mut Vec<String>) -> Vec<&'a TocEntry> {
    let mut hollow: HashSet<u32> = HashSet::new();
    loop {
        let mut said = Vec::new();
        let (kept, gone) = sift(toc, natives, &hollow, &mut said);
        // a view that pg_dump cut in two is only a shell without its _RETURN rule
        let shells: Vec<u32> = toc
            .iter()
            .filter(|entry| entry.desc == "RULE" && entry.tag.ends_with(" _RETURN") && gone.contains(&entry.dump_id))
            .flat_map(|rule| &rule.depends)
            .copied()
            .filter(|id| kept.iter().any(|entry| entry.dump_id == *id && entry.desc == "VIEW"))
            .collect();
        if shells.is_empty() {
            warnings.append(&mut said);
            return kept;
        }
        hollow.extend(shells);
    }
}

fn sift<'a>(
    toc: &'a [TocEntry],
    natives: &Natives,
    hollow: &HashSet<u32>,
    warnings: &mut Vec<String>,
) -> (Vec<&'a TocEntry>, HashSet<u32>) {
    let mut native: HashSet<u32> = HashSet::new();
    let mut gone: HashSet<u32> = hollow.clone();
    let mut kept = Vec::with_capacity(toc.len());
    for entry in toc {
        match classify::meaning(&entry.desc) {
            Meaning::Native => {
                native.insert(entry.dump_id);
                continue;
            }
            Meaning::Unknown => warnings.push(format!(
                "pg_dump wrote an entry of a kind that dbb does not know, {} \"{}\": it is kept as it is",
                entry.desc, entry.tag
            )),
            Meaning::Object(kind) => {
                // privileges, comments and labels of the database and of large objects: captured natively
                let about_native = classify::is_about_another(kind)
                    && (entry.depends.iter().any(|id| native.contains(id))
                        || entry.tag.starts_with("LARGE OBJECT ")
                        || entry.tag.starts_with("LARGE OBJECTS "));
                if about_native {
                    continue;
                }
            }
        }
        let excluded = (entry.catalog_oid == CLASS_RELATION && natives.excluded.contains(&entry.oid))
            || natives
                .relation_of
                .get(&(entry.catalog_oid, entry.oid))
                .is_some_and(|relation| natives.excluded.contains(relation));
        if let Some(needed) = entry.depends.iter().find(|id| gone.contains(id)).filter(|_| !excluded) {
            if matches!(classify::kind(entry), EntryKind::View | EntryKind::MaterializedView | EntryKind::ForeignKey) {
                let of = toc.iter().find(|other| other.dump_id == *needed).map_or("", |other| other.tag.as_str());
                warnings.push(format!(
                    "{} \"{}\" is left out: it needs \"{of}\", which the config excludes",
                    entry.desc.to_lowercase(),
                    entry.tag
                ));
            }
            gone.insert(entry.dump_id);
            continue;
        }
        if excluded || hollow.contains(&entry.dump_id) {
            if hollow.contains(&entry.dump_id) {
                warnings.push(format!("view \"{}\" is left out: it needs a table that the config excludes", entry.tag));
            }
            gone.insert(entry.dump_id);
            continue;
        }
        kept.push(entry);
    }
    (kept, gone)
}

fn makes_relation(kind: EntryKind, entry: &TocEntry) -> bool {
    match kind {
        EntryKind::Table | EntryKind::View | EntryKind::MaterializedView => true,
        EntryKind::Sequence => entry.desc == "SEQUENCE",
        _ => false,
    }
}

/// The table or materialized view that an entry belongs to.
fn table_of(
    entry: &TocEntry,
    kind: EntryKind,
    depends: &[u32],
    natives: &Natives,
    by_relation: &HashMap<u32, u32>,
    home: &HashMap<u32, u32>,
    kinds: &HashMap<u32, EntryKind>,
) -> Option<u32> {
    use EntryKind::*;
    let is_table = |id: &u32| matches!(kinds.get(id), Some(Table | MaterializedView));
    match kind {
        Index | Constraint | CheckConstraint | ForeignKey | Trigger | Rule | Policy | Default | Statistics
        | Publication => {
            // row security carries its table's own oid, in no catalog
            let relation = natives.relation_of.get(&(entry.catalog_oid, entry.oid)).copied();
            let relation = relation.or((entry.desc == "ROW SECURITY").then_some(entry.oid));
            relation.and_then(|relation| by_relation.get(&relation)).copied().filter(is_table)
        }
        // TABLE ATTACH is tagged by the partition; it depends on it and on the parent
        TableAttach | IndexAttach => {
            let named = |id: &&u32| entry.depends.contains(id);
            let relation = natives.relation_of.get(&(entry.catalog_oid, entry.oid)).copied();
            relation
                .and_then(|relation| by_relation.get(&relation))
                .or_else(|| depends.iter().filter(named).rev().find(|id| is_table(id)))
                .copied()
                .or_else(|| depends.iter().rev().find_map(|id| home.get(id)).copied())
        }
        Sequence if entry.desc == "SEQUENCE OWNED BY" => depends.iter().find(|id| is_table(id)).copied(),
        Acl | Comment | SecurityLabel | PostData => depends
            .iter()
            .find(|id| is_table(id))
            .copied()
            .or_else(|| depends.iter().find_map(|id| home.get(id)).copied()),
        _ => None,
    }
}
