//! What is in the database, from its own catalogs, in the capture's snapshot.

use crate::engine::postgres::capture::{field, locks};
use crate::engine::postgres::connect::Connection;
use crate::error::Result;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A relation of a user's schema, or an extension's configuration table or sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// Oid.
    pub oid: u32,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `relkind`: `r` table, `p` partitioned table, `S` sequence, `m` materialized view, `f` foreign table, `v` view.
    pub kind: char,
    /// Unlogged.
    pub unlogged: bool,
    /// It is a partition.
    pub partition: bool,
    /// Access method, empty when it has none.
    pub access_method: String,
    /// File that held its rows when the snapshot was taken; 0 when it has none.
    pub filenode: u32,
    /// Bytes of rows and TOAST on disk.
    pub bytes: u64,
    /// Bytes of the main fork.
    pub heap_bytes: u64,
    /// The login may read it.
    pub readable: bool,
    /// Row-level security would apply to the login.
    pub row_security: bool,
    /// A materialized view that holds rows.
    pub populated: bool,
    /// The extension it belongs to.
    pub extension: Option<String>,
    /// For a configuration table: SQL that begins with WHERE, or is empty.
    pub filter: Option<String>,
    /// The owner's name.
    pub owner: String,
}

impl Relation {
    /// `schema.name`, for people and globs.
    pub fn display(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Holds rows of its own.
    pub fn has_rows(&self) -> bool {
        self.kind == 'r' && (self.extension.is_none() || self.filter.is_some())
    }
}

/// A column that rows carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Its type, for warnings.
    pub type_name: String,
}

/// Relations and how they belong together.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// By oid: the order of creation, so that a new table comes last.
    pub all: BTreeMap<u32, Relation>,
    /// Non-generated columns by table, in the table's own order.
    pub columns: HashMap<u32, Vec<Column>>,
    /// Parents of partitions.
    pub parents: HashMap<u32, u32>,
}

impl Relations {
    /// The root of the tree that a partition is in.
    pub fn root(&self, oid: u32) -> Option<u32> {
        let mut root = None;
        let mut at = oid;
        let mut seen = HashSet::new();
        while let Some(parent) = self.parents.get(&at) {
            if !seen.insert(at) {
                return root;
            }
            root = Some(*parent);
            at = *parent;
        }
        root
    }

    /// The columns that rows of a table carry: a partition's in the order of its root.
    pub fn row_columns(&self, oid: u32) -> Vec<Column> {
        let own = self.columns.get(&oid).cloned().unwrap_or_default();
        let Some(root) = self.root(oid).and_then(|root| self.columns.get(&root)) else { return own };
        let mut ordered: Vec<Column> =
            root.iter().filter_map(|column| own.iter().find(|own| own.name == column.name)).cloned().collect();
        let rest = own.into_iter().filter(|own| !root.iter().any(|column| column.name == own.name));
        ordered.extend(rest);
        ordered
    }
}

/// The condition for schemas that hold a user's objects.
pub const USER_SCHEMA: &str = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

/// Reads all relations.
///
/// # Errors
/// `DBB-PG-DDL` when one was dropped since the snapshot; else as the server says.
pub async fn read(holder: &Connection) -> Result<Relations> {
    // pg_partition_root and friends look at the present; pg_inherits at the snapshot
    let sql = format!(
        "with config as (
           select e.extname, u.oid, u.condition
           from pg_catalog.pg_extension e,
             lateral rows from (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition)) as u(oid, condition)),
         member as (
           select d.objid, e.extname from pg_catalog.pg_depend d
           join pg_catalog.pg_extension e on e.oid = d.refobjid
           where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = 0
             and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e')
         select c.oid, n.nspname, c.relname, c.relkind, c.relpersistence = 'u', c.relispartition,
           coalesce(am.amname, ''), c.relfilenode,
           case when c.relkind = 'r' then pg_catalog.pg_table_size(c.oid) end,
           case when c.relkind = 'r' then pg_catalog.pg_relation_size(c.oid) end,
           pg_catalog.has_schema_privilege(n.oid, 'USAGE') and case when c.relkind = 'S'
             then pg_catalog.has_sequence_privilege(c.oid, 'SELECT') else pg_catalog.has_table_privilege(c.oid, 'SELECT') end,
           c.relrowsecurity and pg_catalog.row_security_active(c.oid),
           c.relispopulated, coalesce(config.extname, member.extname), config.condition, config.oid is not null,
           pg_catalog.pg_get_userbyid(c.relowner)
         from pg_catalog.pg_class c
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         left join pg_catalog.pg_am am on am.oid = c.relam
         left join config on config.oid = c.oid
         left join member on member.objid = c.oid
         where c.relkind in ('r', 'p', 'S', 'm', 'v', 'f') and c.relpersistence <> 't'
           and ({USER_SCHEMA} or config.oid is not null)
         order by c.oid"
    );
    let mut relations = Relations::default();
    let mut gone = Vec::new();
    for row in holder.rows(&sql, "listing the tables").await? {
        // privileges are looked up in the present: unknown for what was dropped since the snapshot
        if row.get(10).is_none() {
            gone.push(format!("{}.{}", field::text(&row, 1), field::text(&row, 2)));
        }
        let relation = Relation {
            oid: field::number(&row, 0)?,
            schema: field::text(&row, 1),
            name: field::text(&row, 2),
            kind: field::text(&row, 3).chars().next().unwrap_or('r'),
            unlogged: field::flag(&row, 4),
            partition: field::flag(&row, 5),
            access_method: field::text(&row, 6),
            filenode: field::number(&row, 7)?,
            bytes: field::number(&row, 8)?,
            heap_bytes: field::number(&row, 9)?,
            readable: field::flag(&row, 10),
            row_security: field::flag(&row, 11),
            populated: field::flag(&row, 12),
            extension: field::optional(&row, 13),
            filter: field::flag(&row, 15).then(|| field::text(&row, 14)),
            owner: field::text(&row, 16),
        };
        relations.all.insert(relation.oid, relation);
    }
    if !gone.is_empty() {
        return Err(locks::altered(&gone));
    }
    let sql = format!(
        "select a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
         from pg_catalog.pg_attribute a
         where a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attrelid in {}
         order by a.attrelid, a.attnum",
        field::oids(relations.all.values().filter(|r| matches!(r.kind, 'r' | 'p')).map(|r| r.oid))
    );
    for row in holder.rows(&sql, "listing the columns").await? {
        let column = Column { name: field::text(&row, 1), type_name: field::text(&row, 2) };
        relations.columns.entry(field::number(&row, 0)?).or_default().push(column);
    }
    let sql = "select i.inhrelid, i.inhparent from pg_catalog.pg_inherits i
               join pg_catalog.pg_class c on c.oid = i.inhrelid where c.relispartition and c.relkind in ('r', 'p', 'f')";
    for row in holder.rows(sql, "listing the partitions").await? {
        relations.parents.insert(field::number(&row, 0)?, field::number(&row, 1)?);
    }
    Ok(relations)
}

/// What a definition looked like: differs when a table was altered.
///
/// # Errors
/// As the server says.
pub async fn shapes(connection: &Connection, oids: &[u32]) -> Result<HashMap<u32, String>> {
    let sql = format!(
        "select c.oid, n.nspname || '.' || c.relname || ' ' || c.relkind::text || ' ' || c.relfilenode || ' ' ||
           coalesce((select pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.attname, a.atttypid,
             a.atttypmod, a.attisdropped, a.attgenerated, a.attnotnull, a.atthasmissing), ',' order by a.attnum))
             from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0), '')
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where c.oid in {}",
        field::oids(oids.iter().copied())
    );
    let mut shapes = HashMap::new();
    for row in connection.rows(&sql, "comparing the tables").await? {
        shapes.insert(field::number(&row, 0)?, field::text(&row, 1));
    }
    Ok(shapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Column {
        Column { name: name.into(), type_name: "text".into() }
    }

    #[test]
    fn a_leaf_has_the_columns_of_its_root_in_their_order() {
        let mut relations = Relations::default();
        relations.parents.extend([(3, 2), (2, 1)]);
        relations.columns.insert(1, vec![column("a"), column("b")]);
        relations.columns.insert(2, vec![column("b"), column("a")]);
        relations.columns.insert(3, vec![column("b"), column("a")]);
        assert_eq!(relations.root(3), Some(1));
        assert_eq!(relations.root(1), None);
        assert_eq!(relations.row_columns(3), vec![column("a"), column("b")]);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let mut relations = Relations::default();
        relations.parents.extend([(1, 2), (2, 1)]);
        assert!(relations.root(1).is_some());
    }
}
