//! What the catalogs know of definitions and pg_dump's archive does not say.

use crate::engine::postgres::archive::entries::Natives;
use crate::engine::postgres::capture::field;
use crate::engine::postgres::connect::Connection;
use crate::error::Result;
use std::collections::{HashMap, HashSet};

/// How the rows of a partition tree find their leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// By the hash of a value whose hash differs from database to database (an enum's is of its oid).
    pub unstable: bool,
    /// By something that depends on encoding, collation or version: any hash, or a range of text.
    pub elsewhere: bool,
}

/// Reads what objects belong to, which indexes can be built apart, which views hold rows.
///
/// # Errors
/// As the server says.
pub async fn read(holder: &Connection) -> Result<Natives> {
    let mut natives = Natives::default();
    let mut parts: Vec<String> = [
        ("pg_index", "indexrelid", "indrelid", "pg_class"),
        ("pg_constraint", "oid", "conrelid", "pg_constraint"),
        ("pg_trigger", "oid", "tgrelid", "pg_trigger"),
        ("pg_rewrite", "oid", "ev_class", "pg_rewrite"),
        ("pg_policy", "oid", "polrelid", "pg_policy"),
        ("pg_attrdef", "oid", "adrelid", "pg_attrdef"),
        ("pg_statistic_ext", "oid", "stxrelid", "pg_statistic_ext"),
        ("pg_publication_rel", "oid", "prrelid", "pg_publication_rel"),
    ]
    .iter()
    .map(|(catalog, object, relation, class)| {
        format!(
            "select 'pg_catalog.{class}'::pg_catalog.regclass::pg_catalog.oid, {object}, {relation}
             from pg_catalog.{catalog} where {object} >= 16384 and {relation} <> 0"
        )
    })
    .collect();
    // row security and its switch carry the table's own oid in no catalog
    parts.push("select 0::pg_catalog.oid, oid, oid from pg_catalog.pg_class where relrowsecurity".into());
    for row in holder.rows(&parts.join(" union all "), "reading what belongs to which table").await? {
        natives.relation_of.insert((field::number(&row, 0)?, field::number(&row, 1)?), field::number(&row, 2)?);
    }
    let period = if holder.major() >= 18 { "and not con.conperiod" } else { "" };
    let sql = format!(
        "select con.oid, pg_catalog.pg_get_indexdef(i.indexrelid)
         from pg_catalog.pg_constraint con
         join pg_catalog.pg_index i on i.indexrelid = con.conindid and i.indrelid = con.conrelid
         join pg_catalog.pg_class t on t.oid = con.conrelid
         join pg_catalog.pg_class x on x.oid = i.indexrelid
         where con.contype in ('p', 'u') and t.relkind = 'r' and con.oid >= 16384 {period}
           and x.relname = con.conname and i.indisvalid and i.indisready
           and not i.indisclustered and not i.indisreplident and i.indpred is null and i.indexprs is null
           and not exists (select from pg_catalog.pg_attribute a
                           where a.attrelid = i.indexrelid and coalesce(a.attstattarget, -1) >= 0)"
    );
    for row in holder.rows(&sql, "reading the indexes of constraints").await? {
        natives.index_definitions.insert(field::number(&row, 0)?, field::text(&row, 1));
    }
    let sql = "select oid from pg_catalog.pg_constraint where contype = 'n' and oid >= 16384";
    for row in holder.rows(sql, "reading the constraints").await? {
        natives.not_null.insert(field::number(&row, 0)?);
    }
    let sql = "select oid from pg_catalog.pg_class where relkind = 'm' and relispopulated";
    for row in holder.rows(sql, "reading the materialized views").await? {
        natives.populated.insert(field::number(&row, 0)?);
    }
    Ok(natives)
}

/// Tables whose checks, generated columns or domains call functions of users, which may read other tables.
///
/// # Errors
/// As the server says.
pub async fn late(holder: &Connection) -> Result<HashSet<u32>> {
    let sql = "with member as (
           select classid, objid from pg_catalog.pg_depend where deptype = 'e'),
         routine as (
           select p.oid from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
           where p.oid >= 16384 and l.lanname not in ('c', 'internal')
             and not exists (select from member m where m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and m.objid = p.oid)),
         caller as (
           select d.classid, d.objid from pg_catalog.pg_depend d
           where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.refobjid in (select oid from routine)
           union
           select d.classid, d.objid from pg_catalog.pg_depend d
           join pg_catalog.pg_operator o on o.oid = d.refobjid
           where d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass and o.oprcode in (select oid from routine)),
         domain as (
           select c.contypid as oid from caller join pg_catalog.pg_constraint c on c.oid = caller.objid
           where caller.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and c.contypid <> 0),
         guarded as (
           select oid from domain
           union select t.oid from pg_catalog.pg_type t where t.typelem in (select oid from domain)
           union select t.oid from pg_catalog.pg_type t where t.typbasetype in (select oid from domain))
         select c.conrelid from caller join pg_catalog.pg_constraint c on c.oid = caller.objid
         where caller.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and c.contype = 'c' and c.conrelid <> 0
         union
         select d.adrelid from caller join pg_catalog.pg_attrdef d on d.oid = caller.objid
         join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
         where caller.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and a.attgenerated <> ''
         union
         select a.attrelid from pg_catalog.pg_attribute a
         where a.atttypid in (select oid from guarded) and a.attnum > 0 and not a.attisdropped";
    let rows = holder.rows(sql, "reading which tables call functions").await?;
    rows.iter().map(|row| field::number(row, 0)).collect()
}

/// How partitioned tables route their rows, by oid.
///
/// # Errors
/// As the server says.
pub async fn routing(holder: &Connection) -> Result<HashMap<u32, Routing>> {
    let sql = "select p.partrelid, p.partstrat = 'h', p.partstrat = 'r', p.partexprs is not null,
           exists (select from pg_catalog.unnest(p.partattrs::pg_catalog.int2[]) as k(attnum)
             join pg_catalog.pg_attribute a on a.attrelid = p.partrelid and a.attnum = k.attnum
             join pg_catalog.pg_type t on t.oid = a.atttypid
             left join pg_catalog.pg_type b on b.oid in (t.typbasetype, t.typelem)
             where 'e' in (t.typtype, b.typtype) or 'c' in (t.typtype, b.typtype)),
           exists (select from pg_catalog.unnest(p.partcollation::pg_catalog.oid[]) as c(oid) where c.oid <> 0)
         from pg_catalog.pg_partitioned_table p";
    let mut routing = HashMap::new();
    for row in holder.rows(sql, "reading how partitions are chosen").await? {
        let (hash, range, expressions) = (field::flag(&row, 1), field::flag(&row, 2), field::flag(&row, 3));
        let (enums, collated) = (field::flag(&row, 4), field::flag(&row, 5));
        // the type of an expression is not told here: it may be an enum
        let unstable = hash && (enums || expressions);
        let elsewhere = hash || range && (collated || expressions);
        routing.insert(field::number(&row, 0)?, Routing { unstable, elsewhere });
    }
    Ok(routing)
}
