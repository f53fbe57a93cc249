//! Opens the view: snapshot, locks, catalogs, pg_dump, parts.

use super::{
    View, assemble, database, field, large_objects, locks, naming, natives, readable, relations, roles, session,
};
use crate::engine::postgres::capture::copy::Rowed;
use crate::engine::postgres::capture::dump::{self, Dump};
use crate::engine::postgres::capture::parts::{self, Extent};
use crate::engine::postgres::capture::relations::{Relation, Relations};
use crate::engine::postgres::connect::{self, Connection, Purpose};
use crate::engine::postgres::{Postgres, tools};
use crate::error::{Error, Result, code};
use crate::model::desired::{DatabaseSelect, DatabaseSpec, ServerSpec};
use crate::port::engine::{Capture, Part};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What the server says of itself and the database at the beginning of the snapshot.
struct Beginning {
    snapshot: String,
    server_version: String,
    encoding: String,
    source_bytes: u64,
    standby: bool,
    block_bytes: u64,
}

/// What is left out, by the config.
#[derive(Default)]
pub(super) struct Excluded {
    /// Relations that are left out whole.
    pub tables: HashSet<u32>,
    /// Tables that are captured without rows.
    pub rows: HashSet<u32>,
    /// Patterns that match nothing.
    pub idle: Vec<String>,
}

/// Opens a consistent view of a database.
///
/// # Errors
/// `DBB-PG-*`
pub async fn open(engine: &Postgres, server: &ServerSpec, spec: &DatabaseSpec) -> Result<Arc<dyn Capture>> {
    let database = match &spec.select {
        DatabaseSelect::Named(name) => name.clone(),
        DatabaseSelect::Matching(pattern) => {
            return Err(Error::bug(format!("the pattern \"{pattern}\" of {} was not resolved to a name", spec.name)));
        }
    };
    let holder = connect::open(engine, server, &database, Purpose::Capture).await?;
    let observer = connect::open(engine, server, &database, Purpose::Observe).await?;
    let tool = tools::find(engine, server, holder.major()).await?;
    let taken = engine.clock.now();
    let beginning = begin(&holder).await?;
    if beginning.encoding == "SQL_ASCII" {
        naming::check(&holder).await?;
    }
    let relations = match relations::read(&holder).await {
        Ok(relations) => relations,
        Err(error) => return Err(locks::explain(error, &observer, holder.pid).await),
    };
    let excluded = exclude(spec, &relations)?;
    let sources = Sources { relations: &relations, excluded: &excluded, standby: beginning.standby };
    let locked = sources.locked();
    readable::check(&server.user, holder.major(), &sources.needed(), &sources.tables())?;
    locks::check_room(locks::lock_table(&observer).await?, locked.len() as u64)?;
    locks::lock(&holder, &observer, &locked).await?;

    let large_objects = large_objects::list(&holder, &server.user).await?;
    let dumping = dump::run(Dump {
        engine,
        server,
        database: &database,
        tool: &tool,
        snapshot: &beginning.snapshot,
        // no conversion is possible from SQL_ASCII
        encoding: if beginning.encoding == "SQL_ASCII" { "SQL_ASCII" } else { "UTF8" },
        without: sources.unlockable(),
    });
    let reading = read(&holder);
    let both = async { tokio::join!(dumping, reading) };
    let (dumped, found) = tokio::select! {
        both = both => both,
        // pg_dump may wait for ever on the network that took the holder
        () = holder.ended() => return Err(super::lost("the session that holds it ended while pg_dump ran")),
    };
    let dumped = match dumped {
        Ok(dumped) => dumped,
        Err(error) => return Err(locks::explain(error, &observer, holder.pid).await),
    };
    let mut found = found?;
    found.natives.excluded.clone_from(&excluded.tables);
    let owners: HashSet<String> = dumped.archive.entries.iter().map(|entry| entry.owner.clone()).collect();
    let roles = roles::read(&holder, server.roles, &owners, &sources.tables()).await?;
    let assembled = assemble::assemble(&sources, dumped, found, roles, &large_objects, &beginning.encoding);

    let tables = sources.tables();
    let extents: Vec<Extent> = tables.iter().map(|table| extent(table, &holder, beginning.block_bytes)).collect();
    let cuts = parts::cut(&extents, &large_objects.oids, large_objects.bytes);
    holder.batch(session::STABLE_PLANS, "preparing the holding session").await?;
    Ok(Arc::new(View {
        engine: engine.clone(),
        server: server.clone(),
        database,
        snapshot: beginning.snapshot,
        parts: cuts.iter().map(|cut| Part { label: cut.label.clone(), bytes: cut.bytes }).collect(),
        cuts,
        tables: tables.iter().map(|table| (table.oid, rowed(table, &relations))).collect(),
        large_objects: large_objects.oids,
        encoding: beginning.encoding,
        sequences: assembled.sequences,
        catalog: assembled.catalog,
        server_version: beginning.server_version,
        taken,
        source_bytes: beginning.source_bytes,
        holder: tokio::sync::Mutex::new(holder),
        idle: std::sync::Mutex::default(),
    }))
}

/// Begins the transaction whose snapshot all others import.
async fn begin(holder: &Connection) -> Result<Beginning> {
    holder.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "beginning the capture").await?;
    let sql = "select pg_catalog.pg_export_snapshot(), pg_catalog.current_setting('server_version'),
         pg_catalog.getdatabaseencoding(), pg_catalog.pg_database_size(pg_catalog.current_database()),
         pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('block_size')";
    let rows = holder.rows(sql, "exporting the snapshot").await?;
    let row = rows.first().ok_or_else(|| Error::bug("a query without a condition gave no row"))?;
    let version = field::text(row, 1);
    Ok(Beginning {
        snapshot: field::text(row, 0),
        server_version: version.split_whitespace().next().unwrap_or_default().to_owned(),
        encoding: field::text(row, 2),
        source_bytes: field::number(row, 3)?,
        standby: field::flag(row, 4),
        block_bytes: field::number(row, 5)?,
    })
}

/// Reads what the catalogs say, while pg_dump runs.
async fn read(holder: &Connection) -> Result<assemble::Found> {
    Ok(assemble::Found {
        natives: natives::read(holder).await?,
        late: natives::late(holder).await?,
        routing: natives::routing(holder).await?,
        properties: database::properties(holder).await?,
        tablespaces: database::tablespaces(holder).await?,
        extensions: database::extensions(holder).await?,
        collations: database::collations(holder).await?,
    })
}

fn extent(table: &Relation, holder: &Connection, block_bytes: u64) -> Extent {
    Extent {
        oid: table.oid,
        label: table.display(),
        bytes: table.bytes,
        blocks: table.heap_bytes / block_bytes.max(1),
        // scans of block ranges: PostgreSQL 14
        divisible: holder.major() >= 14
            && table.access_method == "heap"
            && table.filter.as_ref().is_none_or(String::is_empty),
    }
}

fn rowed(table: &Relation, relations: &Relations) -> Rowed {
    Rowed {
        schema: table.schema.clone(),
        name: table.name.clone(),
        columns: relations.row_columns(table.oid),
        filter: table.filter.clone().unwrap_or_default(),
    }
}

/// Applies the config's globs; a partitioned table takes its partitions with it.
fn exclude(spec: &DatabaseSpec, relations: &Relations) -> Result<Excluded> {
    let mut excluded = Excluded::default();
    for (patterns, out) in [(&spec.exclude.tables, &mut excluded.tables), (&spec.exclude.data, &mut excluded.rows)] {
        let globs = globs(patterns)?;
        let mut used = HashSet::new();
        for relation in relations.all.values().filter(|relation| matches!(relation.kind, 'r' | 'p' | 'f' | 'm' | 'v')) {
            let matched = globs.matches(relation.display());
            if !matched.is_empty() {
                out.insert(relation.oid);
                used.extend(matched);
            }
        }
        let trees: Vec<u32> = relations
            .parents
            .keys()
            .filter(|leaf| ancestors(**leaf, &relations.parents).any(|above| out.contains(&above)))
            .copied()
            .collect();
        out.extend(trees);
        excluded.idle.extend(patterns.iter().enumerate().filter(|(i, _)| !used.contains(i)).map(|(_, p)| p.clone()));
    }
    // the rows of an extension's table go; the table itself is the extension's
    let members: Vec<u32> = excluded
        .tables
        .iter()
        .filter(|oid| relations.all.get(oid).is_some_and(|r| r.extension.is_some()))
        .copied()
        .collect();
    excluded.tables.retain(|oid| !members.contains(oid));
    excluded.rows.extend(members);
    Ok(excluded)
}

fn ancestors(leaf: u32, parents: &HashMap<u32, u32>) -> impl Iterator<Item = u32> {
    let limit = parents.len();
    std::iter::successors(parents.get(&leaf).copied(), |at| parents.get(at).copied()).take(limit)
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let bad = |error: globset::Error| {
        Error::new(code::CONFIG_VALUE, "a pattern of exclude cannot be read").cause(error.to_string())
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build().map_err(bad)?);
    }
    set.build().map_err(bad)
}

/// What is captured of the relations.
pub(super) struct Sources<'a> {
    pub relations: &'a Relations,
    pub excluded: &'a Excluded,
    pub standby: bool,
}

impl<'a> Sources<'a> {
    fn kept(&self) -> impl Iterator<Item = &'a Relation> {
        self.relations.all.values().filter(|relation| !self.excluded.tables.contains(&relation.oid))
    }

    /// Tables with rows, those without rows in the snapshot included.
    pub fn with_rows(&self) -> impl Iterator<Item = &'a Relation> {
        self.kept().filter(|relation| relation.has_rows())
    }

    /// A table's rows are not captured: the config leaves them out, or a standby has none.
    pub fn is_without_rows(&self, table: &Relation) -> bool {
        self.excluded.rows.contains(&table.oid) || self.is_absent_here(table)
    }

    /// Unlogged tables and sequences are empty on a standby, and not readable.
    pub fn is_absent_here(&self, relation: &Relation) -> bool {
        self.standby && relation.unlogged
    }

    /// Tables whose rows are captured, in the order of their oids.
    pub fn tables(&self) -> Vec<&'a Relation> {
        self.with_rows().filter(|table| !self.is_without_rows(table)).collect()
    }

    /// Sequences whose state is captured.
    pub fn sequences(&self) -> Vec<&'a Relation> {
        self.kept()
            .filter(|relation| relation.kind == 'S' && (relation.extension.is_none() || relation.filter.is_some()))
            .filter(|relation| !self.is_absent_here(relation))
            .collect()
    }

    /// Tables to lock, those whose rows are left out as well: their definitions must not move either.
    fn locked(&self) -> Vec<&'a Relation> {
        self.kept().filter(|relation| relation.has_rows() || relation.kind == 'p').collect()
    }

    /// Everything that has to be readable.
    fn needed(&self) -> Vec<&'a Relation> {
        let mut needed = self.locked();
        needed.extend(self.sequences());
        needed
    }

    /// Excluded tables which pg_dump could not lock.
    fn unlockable(&self) -> Vec<(String, String)> {
        let excluded = self.excluded.tables.iter().filter_map(|oid| self.relations.all.get(oid));
        let tables = excluded.filter(|table| matches!(table.kind, 'r' | 'p') && !table.readable);
        tables.map(|table| (table.schema.clone(), table.name.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(tables: &[&str], data: &[&str]) -> DatabaseSpec {
        DatabaseSpec {
            name: "d".into(),
            server: "s".into(),
            repository: "r".into(),
            select: DatabaseSelect::Named("d".into()),
            schedule: None,
            compression: crate::model::desired::Compression::default(),
            exclude: crate::model::desired::Exclude {
                tables: tables.iter().map(|text| (*text).to_owned()).collect(),
                data: data.iter().map(|text| (*text).to_owned()).collect(),
            },
            place: String::new(),
        }
    }

    #[test]
    fn patterns_take_whole_trees_and_say_when_they_match_nothing() {
        let mut relations = Relations::default();
        for (oid, schema, name, kind) in
            [(1, "app", "events", 'p'), (2, "app", "events_1", 'p'), (3, "other", "leaf", 'r'), (4, "app", "a/b", 'r')]
        {
            let relation = Relation { oid, schema: schema.into(), name: name.into(), kind, ..Relation::default() };
            relations.all.insert(oid, relation);
        }
        relations.parents.extend([(2, 1), (3, 2)]);
        let excluded = exclude(&spec(&["app.events"], &["app.*", "nothing.*"]), &relations).unwrap();
        assert_eq!(excluded.tables, [1, 2, 3].into());
        assert_eq!(excluded.rows, [1, 2, 3, 4].into());
        assert_eq!(excluded.idle, ["nothing.*"]);
        assert_eq!(exclude(&spec(&["[a"], &[]), &relations).err().unwrap().code(), code::CONFIG_VALUE);
    }
}
