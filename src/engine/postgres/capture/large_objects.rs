//! Large objects: their metadata and contents as rows.

use crate::base::limits;
use crate::engine::postgres::capture::field;
use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::error::{Error, Result, code};

/// All large objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LargeObjects {
    /// Sorted.
    pub oids: Vec<u32>,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Lists all large objects.
///
/// # Errors
/// `DBB-PG-PRIVILEGE` when the login may not read one; else as the server says.
pub async fn list(holder: &Connection, login: &str) -> Result<LargeObjects> {
    if !holder.superuser {
        check_readable(holder, login).await?;
    }
    let mut oids = Vec::new();
    let sql = "select oid from pg_catalog.pg_largeobject_metadata order by oid";
    for row in holder.rows(sql, "listing the large objects").await? {
        oids.push(field::number(&row, 0)?);
    }
    let sql = "select pg_catalog.pg_relation_size('pg_catalog.pg_largeobject')";
    let rows = holder.rows(sql, "measuring the large objects").await?;
    let bytes = match rows.first() {
        Some(row) if !oids.is_empty() => field::number(row, 0)?,
        _ => 0,
    };
    Ok(LargeObjects { oids, bytes })
}

/// Large objects have privileges of their own, which `pg_read_all_data` does not cover.
async fn check_readable(holder: &Connection, login: &str) -> Result<()> {
    let sql = "select pg_catalog.count(*), pg_catalog.min(m.oid) from pg_catalog.pg_largeobject_metadata m
         where pg_catalog.current_setting('lo_compat_privileges') <> 'on' and not pg_catalog.pg_has_role(m.lomowner, 'USAGE')
           and not exists (select from pg_catalog.aclexplode(m.lomacl) a where a.privilege_type = 'SELECT'
             and (a.grantee = 0 or pg_catalog.pg_has_role(a.grantee, 'USAGE')))";
    let rows = holder.rows(sql, "checking the rights on large objects").await?;
    let (count, first) = match rows.first() {
        Some(row) => (field::number::<u64>(row, 0)?, field::text(row, 1)),
        None => return Ok(()),
    };
    if count == 0 {
        return Ok(());
    }
    let login_quoted = quote::identifier(login);
    Err(Error::new(code::PG_PRIVILEGE, format!("the role \"{login}\" may not read {count} large objects"))
        .cause(format!("no SELECT on large object {first}{}", if count > 1 { " and others" } else { "" }))
        .fix(format!(
            "As a superuser: DO $$ BEGIN EXECUTE (SELECT string_agg(format('GRANT SELECT ON LARGE OBJECT %s TO \
             {login_quoted}', oid), ';') FROM pg_largeobject_metadata); END $$"
        ))
        .fix("Or back up with a superuser's login"))
}

/// COPY of the metadata: oid, owner, grants, comment, labels.
pub fn info_statement(oids: &[u32], encoding: &str) -> String {
    format!(
        "COPY (select m.oid, pg_catalog.pg_get_userbyid(m.lomowner),
           (select pg_catalog.json_agg(pg_catalog.json_build_object('grantor', pg_catalog.pg_get_userbyid(a.grantor),
              'grantee', case when a.grantee = 0 then '' else pg_catalog.pg_get_userbyid(a.grantee)::text end,
              'privilege', a.privilege_type, 'grantable', a.is_grantable))
            from pg_catalog.aclexplode(m.lomacl) a),
           pg_catalog.obj_description(m.oid, 'pg_largeobject'),
           (select pg_catalog.json_agg(pg_catalog.json_build_array(l.provider, l.label) order by l.provider)
            from pg_catalog.pg_seclabel l
            where l.objoid = m.oid and l.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass)
         from pg_catalog.pg_largeobject_metadata m where m.oid in {} order by m.oid)
         TO STDOUT (FORMAT text, ENCODING {})",
        field::oids(oids.iter().copied()),
        quote::literal(encoding)
    )
}

/// COPY of the contents: oid, slice, bytes. A slice that is not full is the last; so no size is needed,
/// which only a superuser could ask for.
pub fn data_statement(oids: &[u32], encoding: &str) -> String {
    let listed: Vec<String> = oids.iter().map(u32::to_string).collect();
    let slice = limits::LARGE_OBJECT_SLICE_BYTES;
    format!(
        "COPY (select o.oid, s.k, s.d
         from pg_catalog.unnest('{{{}}}'::pg_catalog.oid[]) as o(oid),
         lateral (with recursive r(k, d) as (
             select 0::pg_catalog.int8, pg_catalog.lo_get(o.oid, 0, {slice})
             union all
             select r.k + 1, pg_catalog.lo_get(o.oid, (r.k + 1) * {slice}, {slice})
             from r where pg_catalog.length(r.d) = {slice})
           select r.k, r.d from r where r.k = 0 or pg_catalog.length(r.d) > 0) s)
         TO STDOUT (FORMAT text, ENCODING {})",
        listed.join(","),
        quote::literal(encoding)
    )
}
