//! What a runbook's include and exclude leave of a catalog: what is named, what
//! that needs, and what hangs on it alone.

use crate::error::{Error, Failure, Result, code};
use crate::model::catalog::{Catalog, EntryKind, SchemaEntry};
use crate::model::desired::Selection;
use crate::plan::address::nearest;
use crate::plan::restore::partitions::Partitions;
use globset::{Glob, GlobMatcher};
use std::collections::{BTreeSet, HashMap};

/// Warnings of one restore about what its selection leaves out.
const WARNINGS_MAX: usize = 50;

/// What a selection comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selected {
    /// Ids of the entries left out, sorted.
    pub left_out: Vec<u32>,
    /// What hangs on kept tables and is left out all the same.
    pub warnings: Vec<Failure>,
}

/// Applies include and exclude. Exclude wins; what depends on something excluded goes with it.
///
/// # Errors
/// `DBB-RESTORE-SELECTION` for a pattern that cannot be read or matches nothing.
pub fn select(catalog: &Catalog, include: &Selection, exclude: &Selection) -> Result<Selected> {
    if include.is_empty() && exclude.is_empty() {
        return Ok(Selected::default());
    }
    let by_id: HashMap<u32, &SchemaEntry> = catalog.entries.iter().map(|entry| (entry.id, entry)).collect();
    let partitions = Partitions::new(catalog, &by_id, |_| true);
    let named = |selection: &Selection, word: &str| named(catalog, &partitions, selection, word);
    let excluded = with_dependents(catalog, &named(exclude, "exclude")?);
    let mut kept: BTreeSet<u32> = match include.is_empty() {
        true => catalog.entries.iter().map(|entry| entry.id).collect(),
        false => with_needs(&by_id, &whole_trees(catalog, &partitions, named(include, "include")?)),
    };
    kept.retain(|id| !excluded.contains(id));
    if !include.is_empty() {
        add_attached(catalog, &by_id, &excluded, &mut kept);
    }
    let left_out = catalog.entries.iter().map(|entry| entry.id).filter(|id| !kept.contains(id)).collect();
    let mut selected = Selected { left_out, warnings: warnings(catalog, &by_id, &kept) };
    selected.left_out.sort_unstable();
    if catalog.large_objects > 0 {
        let error = Error::new(code::PLAN_SKIPPED, format!("{} large objects are left out", catalog.large_objects))
            .cause("large objects belong to no schema and no table: a selection takes none")
            .fix("restore without include: and exclude: when they are needed");
        selected.warnings.push(error.failure());
    }
    Ok(selected)
}

struct Pattern<'a> {
    text: &'a str,
    of: &'static str,
    glob: GlobMatcher,
}

fn patterns<'a>(selection: &'a Selection, word: &str) -> Result<Vec<Pattern<'a>>> {
    let schemas = selection.schemas.iter().map(|text| (text, "schemas"));
    let tables = selection.tables.iter().map(|text| (text, "tables"));
    schemas
        .chain(tables)
        .map(|(text, of)| match Glob::new(text) {
            Ok(glob) => Ok(Pattern { text, of, glob: glob.compile_matcher() }),
            Err(error) => {
                Err(Error::new(code::RESTORE_SELECTION, format!("{word}: the pattern \"{text}\" cannot be read"))
                    .cause(error.to_string())
                    .fix("write a glob: * is any text, ? one character, [ab] one of a set"))
            }
        })
        .collect()
}

/// Entries that a selection names: everything in a schema, a table with its partitions.
fn named(catalog: &Catalog, partitions: &Partitions, selection: &Selection, word: &str) -> Result<BTreeSet<u32>> {
    let mut named = BTreeSet::new();
    for pattern in patterns(selection, word)? {
        let before = named.len();
        let mut found = false;
        for entry in &catalog.entries {
            let hit = match pattern.of {
                "schemas" if is_schema(entry) => pattern.glob.is_match(&entry.name),
                "schemas" => !entry.schema.is_empty() && pattern.glob.is_match(&entry.schema),
                _ => is_relation(entry.kind) && pattern.glob.is_match(entry.display()),
            };
            if hit {
                found = true;
                named.extend(partitions.family(entry.id));
            }
        }
        if !found && named.len() == before {
            return Err(matches_nothing(catalog, &pattern, word));
        }
    }
    Ok(named)
}

fn is_schema(entry: &SchemaEntry) -> bool {
    entry.what.eq_ignore_ascii_case("SCHEMA")
}

fn is_relation(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Table | EntryKind::View | EntryKind::MaterializedView | EntryKind::Sequence)
}

fn matches_nothing(catalog: &Catalog, pattern: &Pattern, word: &str) -> Error {
    let names: BTreeSet<String> = match pattern.of {
        "schemas" => catalog.entries.iter().filter(|e| !e.schema.is_empty()).map(|e| e.schema.clone()).collect(),
        _ => catalog.entries.iter().filter(|e| is_relation(e.kind)).map(SchemaEntry::display).collect(),
    };
    let error = Error::new(
        code::RESTORE_SELECTION,
        format!(
            "{word}.{}: \"{}\" matches nothing in the snapshot of \"{}\"",
            pattern.of, pattern.text, catalog.database.name
        ),
    );
    let error = match nearest(pattern.text, names.iter().map(String::as_str)) {
        Some(near) => error.fix(format!("did you mean \"{near}\"?")),
        None => error,
    };
    error.fix(format!("list what the snapshot holds: dbb ls {}", catalog.database.name))
}

/// Rows of a tree that is loaded through its root may go to any partition: all or none.
fn whole_trees(catalog: &Catalog, partitions: &Partitions, mut named: BTreeSet<u32>) -> BTreeSet<u32> {
    for table in &catalog.tables {
        if let Some(entry) = table.entry
            && (table.through_root || table.through_root_elsewhere)
            && named.contains(&entry)
        {
            named.extend(partitions.family(partitions.root(entry)));
        }
    }
    named
}

fn with_needs(by_id: &HashMap<u32, &SchemaEntry>, named: &BTreeSet<u32>) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    let mut open: Vec<u32> = named.iter().copied().collect();
    while let Some(id) = open.pop() {
        if let Some(entry) = by_id.get(&id)
            && all.insert(id)
        {
            open.extend(&entry.depends);
        }
    }
    all
}

fn with_dependents(catalog: &Catalog, named: &BTreeSet<u32>) -> BTreeSet<u32> {
    let mut dependents: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in &catalog.entries {
        for on in entry.depends.iter().chain(&entry.table) {
            dependents.entry(*on).or_default().push(entry.id);
        }
    }
    let mut all = BTreeSet::new();
    let mut open: Vec<u32> = named.iter().copied().collect();
    while let Some(id) = open.pop() {
        if all.insert(id) {
            open.extend(dependents.get(&id).into_iter().flatten());
        }
    }
    all
}

/// What hangs on kept things alone: indexes, constraints, grants, comments, views over kept tables ...
fn add_attached(
    catalog: &Catalog,
    by_id: &HashMap<u32, &SchemaEntry>,
    excluded: &BTreeSet<u32>,
    kept: &mut BTreeSet<u32>,
) {
    loop {
        let more: Vec<u32> = catalog
            .entries
            .iter()
            .filter(|entry| !kept.contains(&entry.id) && !excluded.contains(&entry.id) && hangs_on_others(entry, by_id))
            .filter(|entry| {
                let mut on = entry.depends.iter().chain(&entry.table).filter(|id| by_id.contains_key(id)).peekable();
                on.peek().is_some() && on.all(|id| kept.contains(id))
            })
            .map(|entry| entry.id)
            .collect();
        if more.is_empty() {
            return;
        }
        kept.extend(more);
    }
}

fn hangs_on_others(entry: &SchemaEntry, by_id: &HashMap<u32, &SchemaEntry>) -> bool {
    match entry.kind {
        EntryKind::View | EntryKind::MaterializedView | EntryKind::Sequence => {
            entry.depends.iter().filter_map(|id| by_id.get(id)).any(|on| is_relation(on.kind))
        }
        EntryKind::Definition
        | EntryKind::Extension
        | EntryKind::Table
        | EntryKind::Publication
        | EntryKind::Subscription
        | EntryKind::EventTrigger => false,
        _ => true,
    }
}

/// Names what a kept table loses, and why.
fn warnings(catalog: &Catalog, by_id: &HashMap<u32, &SchemaEntry>, kept: &BTreeSet<u32>) -> Vec<Failure> {
    let lost: Vec<&SchemaEntry> = catalog
        .entries
        .iter()
        .filter(|entry| !kept.contains(&entry.id) && entry.table.is_some_and(|table| kept.contains(&table)))
        .collect();
    let mut warnings: Vec<Failure> = lost
        .iter()
        .take(WARNINGS_MAX)
        .map(|entry| {
            let missing = entry.depends.iter().find(|id| !kept.contains(id)).and_then(|id| by_id.get(id));
            let what = entry.what.to_lowercase();
            let mut error = Error::new(
                code::PLAN_SKIPPED,
                format!("{what} \"{}\" is left out although its table is restored", entry.display()),
            );
            if let Some(missing) = missing {
                error = error.cause(format!(
                    "it needs {} \"{}\", which the selection leaves out",
                    missing.what.to_lowercase(),
                    missing.display()
                ));
            }
            error.fix("widen include: or narrow exclude: when it is needed").failure()
        })
        .collect();
    if lost.len() > WARNINGS_MAX {
        let error = Error::new(
            code::PLAN_SKIPPED,
            format!("{} more objects of kept tables are left out", lost.len() - WARNINGS_MAX),
        );
        warnings.push(error.failure());
    }
    warnings
}
