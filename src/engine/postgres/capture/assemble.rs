//! Puts the catalog together from pg_dump's archive and the server's own catalogs.

use crate::engine::postgres::archive::entries::{self, Natives};
use crate::engine::postgres::capture::dump::Dumped;
use crate::engine::postgres::capture::large_objects::LargeObjects;
use crate::engine::postgres::capture::locks::shown;
use crate::engine::postgres::capture::natives::Routing;
use crate::engine::postgres::capture::open::Sources;
use crate::engine::postgres::capture::relations::Relation;
use crate::engine::postgres::capture::roles::Roles;
use crate::model::catalog::{Catalog, CollationVersion, DatabaseProperties, Extension, Table, Tablespace};
use std::collections::{HashMap, HashSet};

/// What was read natively.
pub(super) struct Found {
    pub natives: Natives,
    pub late: HashSet<u32>,
    pub routing: HashMap<u32, Routing>,
    pub properties: DatabaseProperties,
    pub tablespaces: Vec<Tablespace>,
    pub extensions: Vec<Extension>,
    pub collations: Vec<CollationVersion>,
}

/// A catalog without sequence states, and the sequences to read them from.
pub(super) struct Assembled {
    pub catalog: Catalog,
    pub sequences: Vec<(Option<u32>, Relation)>,
}

/// Types whose values mean something only on the server they come from.
const FLEETING_TYPES: [&str; 4] = ["xid", "xid8", "cid", "tid"];

pub(super) fn assemble(
    sources: &Sources<'_>,
    dumped: Dumped,
    found: Found,
    roles: Roles,
    large_objects: &LargeObjects,
    encoding: &str,
) -> Assembled {
    let converted = entries::convert(&dumped.archive.entries, &found.natives);
    let mut tables: Vec<Table> =
        sources.with_rows().map(|table| one_table(table, sources, &found, &converted.by_relation)).collect();
    let position: HashMap<u32, usize> =
        converted.entries.iter().enumerate().map(|(position, entry)| (entry.id, position)).collect();
    tables.sort_by_key(|table| {
        (table.entry.and_then(|entry| position.get(&entry)).copied().unwrap_or(usize::MAX), table.id)
    });
    let sequences = sources
        .sequences()
        .into_iter()
        .map(|sequence| (converted.by_relation.get(&sequence.oid).copied(), sequence.clone()))
        // one that went with an excluded table
        .filter(|(entry, sequence)| entry.is_some() || sequence.extension.is_some())
        .collect();
    let mut blind_spots = roles.blind_spots;
    blind_spots.extend(converted.warnings);
    blind_spots.extend(dumped.warnings.iter().map(|line| format!("pg_dump: {line}")));
    blind_spots.extend(remarks(sources, encoding));
    let catalog = Catalog {
        database: found.properties,
        roles: roles.roles,
        memberships: roles.memberships,
        server_settings: roles.server_settings,
        parameter_grants: roles.parameter_grants,
        tablespaces: found.tablespaces,
        entries: converted.entries,
        tables,
        sequences: Vec::new(),
        extensions: found.extensions,
        collations: found.collations,
        chunks: Vec::new(),
        large_objects: large_objects.oids.len() as u64,
        blind_spots,
    };
    Assembled { catalog, sequences }
}

fn one_table(relation: &Relation, sources: &Sources<'_>, found: &Found, by_relation: &HashMap<u32, u32>) -> Table {
    let mut route = Routing::default();
    let mut above = sources.relations.parents.get(&relation.oid);
    let mut steps = sources.relations.parents.len();
    while let Some(parent) = above.filter(|_| steps > 0) {
        let parents_route = found.routing.get(parent).copied().unwrap_or_default();
        route.unstable |= parents_route.unstable;
        route.elsewhere |= parents_route.elsewhere;
        above = sources.relations.parents.get(parent);
        steps -= 1;
    }
    let root = sources.relations.root(relation.oid).and_then(|root| by_relation.get(&root)).copied();
    Table {
        id: relation.oid,
        entry: by_relation.get(&relation.oid).copied(),
        extension: relation.extension.clone(),
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        columns: sources.relations.row_columns(relation.oid).into_iter().map(|column| column.name).collect(),
        root,
        through_root: root.is_some() && route.unstable,
        through_root_elsewhere: root.is_some() && (route.unstable || route.elsewhere),
        late: found.late.contains(&relation.oid),
        filter: relation.filter.clone().filter(|filter| !filter.is_empty()),
        bytes: relation.bytes,
        without_rows: sources.is_without_rows(relation),
        sum: Default::default(),
    }
}

/// What a reader of the snapshot should know, in sentences.
fn remarks(sources: &Sources<'_>, encoding: &str) -> Vec<String> {
    let mut remarks = Vec::new();
    for pattern in &sources.excluded.idle {
        remarks.push(format!("the exclude pattern \"{pattern}\" matches nothing"));
    }
    let absent: Vec<String> =
        sources.with_rows().filter(|table| sources.is_absent_here(table)).map(Relation::display).collect();
    if !absent.is_empty() {
        remarks.push(format!("a standby has no rows of unlogged tables: {} are captured without rows", shown(&absent)));
    }
    let fleeting: Vec<String> = sources
        .tables()
        .into_iter()
        .filter(|table| {
            let columns = sources.relations.columns.get(&table.oid);
            columns.is_some_and(|columns| columns.iter().any(|c| FLEETING_TYPES.contains(&c.type_name.as_str())))
        })
        .map(Relation::display)
        .collect();
    if !fleeting.is_empty() {
        remarks.push(format!(
            "columns of the types xid, cid or tid are kept as they are, but mean nothing on another server: {}",
            shown(&fleeting)
        ));
    }
    let foreign: Vec<String> =
        sources.relations.all.values().filter(|relation| relation.kind == 'f').map(Relation::display).collect();
    if !foreign.is_empty() {
        remarks.push(format!("rows of foreign tables stay where they are: {}", shown(&foreign)));
    }
    if encoding == "SQL_ASCII" {
        remarks.push("the database's encoding is SQL_ASCII: bytes are kept as they are, whatever they mean".into());
    }
    remarks
}
