//! The database itself: properties, tablespaces, extensions, collations, sequences.

use crate::engine::postgres::capture::relations::Relation;
use crate::engine::postgres::capture::{field, roles};
use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::quote;
use crate::error::{Error, Result, code};
use crate::model::catalog::{
    CollationVersion, DatabaseProperties, Extension, Grant, SequenceState, Setting, Tablespace,
};

/// Sequences read by one statement.
const SEQUENCES_PER_QUERY: usize = 200;

/// Reads the database's properties.
///
/// # Errors
/// As the server says.
pub async fn properties(holder: &Connection) -> Result<DatabaseProperties> {
    let major = holder.major();
    let provider = if major >= 15 { "datlocprovider" } else { "'c'" };
    let locale = match major {
        17.. => "datlocale",
        15.. => "daticulocale",
        _ => "null",
    };
    let rules = if major >= 16 { "daticurules" } else { "null" };
    let version = if major >= 15 { "datcollversion" } else { "null" };
    let sql = format!(
        "select d.oid, d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
           {provider}, d.datcollate, d.datctype, {locale}, {rules}, {version},
           (select spcname from pg_catalog.pg_tablespace t where t.oid = d.dattablespace and t.spcname <> 'pg_default'),
           d.datconnlimit, d.datallowconn, d.datistemplate, pg_catalog.shobj_description(d.oid, 'pg_database'),
           d.datacl is not null
         from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()"
    );
    let rows = holder.rows(&sql, "reading the database's properties").await?;
    let row = rows.first().ok_or_else(|| Error::bug("the current database is not in pg_database"))?;
    let oid: u32 = field::number(row, 0)?;
    let mut properties = DatabaseProperties {
        name: field::text(row, 1),
        owner: field::text(row, 2),
        encoding: field::text(row, 3),
        locale_provider: provider_name(&field::text(row, 4)),
        collate: field::text(row, 5),
        ctype: field::text(row, 6),
        locale: field::optional(row, 7),
        icu_rules: field::optional(row, 8),
        collation_version: field::optional(row, 9),
        tablespace: field::optional(row, 10),
        connection_limit: field::number(row, 11)?,
        allow_connections: field::flag(row, 12),
        is_template: field::flag(row, 13),
        comment: field::optional(row, 14),
        ..DatabaseProperties::default()
    };
    if field::flag(row, 15) {
        properties.acl = Some(grants(holder, oid).await?);
    }
    let names = holder.rows("select oid, rolname from pg_catalog.pg_roles", "reading the names of roles").await?;
    for (role, settings) in roles::settings(holder, &format!("setdatabase = {oid}")).await? {
        let named =
            names.iter().find(|row| row.get(0) == Some(role.to_string().as_str())).map(|row| field::text(row, 1));
        for (name, value) in settings {
            properties.settings.push(Setting { role: named.clone(), name, value });
        }
    }
    let sql = format!(
        "select provider, label from pg_catalog.pg_shseclabel
         where classoid = 'pg_catalog.pg_database'::pg_catalog.regclass and objoid = {oid} order by provider"
    );
    for row in holder.rows(&sql, "reading the database's security labels").await? {
        properties.security_labels.push((field::text(&row, 0), field::text(&row, 1)));
    }
    Ok(properties)
}

fn provider_name(letter: &str) -> String {
    match letter {
        "i" => "icu",
        "b" => "builtin",
        "d" => "default",
        _ => "libc",
    }
    .to_owned()
}

async fn grants(holder: &Connection, database: u32) -> Result<Vec<Grant>> {
    let sql = format!(
        "select pg_catalog.pg_get_userbyid(a.grantor),
           case when a.grantee = 0 then '' else pg_catalog.pg_get_userbyid(a.grantee)::text end, a.privilege_type, a.is_grantable
         from pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) with ordinality as a(grantor, grantee, privilege_type, is_grantable, position)
         where d.oid = {database} order by a.position"
    );
    let rows = holder.rows(&sql, "reading the database's privileges").await?;
    Ok(rows
        .iter()
        .map(|row| Grant {
            grantor: field::text(row, 0),
            grantee: field::text(row, 1),
            privilege: field::text(row, 2),
            grantable: field::flag(row, 3),
        })
        .collect())
}

/// Tablespaces that hold something of the database.
///
/// # Errors
/// As the server says.
pub async fn tablespaces(holder: &Connection) -> Result<Vec<Tablespace>> {
    let sql = "select t.spcname, pg_catalog.pg_get_userbyid(t.spcowner), pg_catalog.pg_tablespace_location(t.oid)
         from pg_catalog.pg_tablespace t
         where t.spcname not in ('pg_default', 'pg_global')
           and (t.oid in (select reltablespace from pg_catalog.pg_class)
             or t.oid = (select dattablespace from pg_catalog.pg_database where datname = pg_catalog.current_database()))
         order by t.spcname";
    let rows = holder.rows(sql, "reading the tablespaces").await?;
    let one = |row| Tablespace { name: field::text(row, 0), owner: field::text(row, 1), location: field::text(row, 2) };
    Ok(rows.iter().map(one).collect())
}

/// Extensions and their versions.
///
/// # Errors
/// As the server says.
pub async fn extensions(holder: &Connection) -> Result<Vec<Extension>> {
    let sql = "select e.extname, e.extversion, n.nspname from pg_catalog.pg_extension e
               join pg_catalog.pg_namespace n on n.oid = e.extnamespace order by e.extname";
    let rows = holder.rows(sql, "reading the extensions").await?;
    let one = |row| Extension { name: field::text(row, 0), version: field::text(row, 1), schema: field::text(row, 2) };
    Ok(rows.iter().map(one).collect())
}

/// Collations that are a user's own, or in use by a column or index, and have a version.
///
/// # Errors
/// As the server says.
pub async fn collations(holder: &Connection) -> Result<Vec<CollationVersion>> {
    let locale = match holder.major() {
        17.. => "coalesce(c.colllocale, c.collcollate)",
        15.. => "coalesce(c.colliculocale, c.collcollate)",
        _ => "c.collcollate",
    };
    let sql = format!(
        "select n.nspname || '.' || c.collname, c.collprovider, {locale}, c.collversion
         from pg_catalog.pg_collation c join pg_catalog.pg_namespace n on n.oid = c.collnamespace
         where c.collprovider <> 'd' and c.collversion is not null
           and (c.oid >= 16384
             or c.oid in (select attcollation from pg_catalog.pg_attribute where attrelid >= 16384 and not attisdropped)
             or c.oid in (select pg_catalog.unnest(indcollation::pg_catalog.oid[]) from pg_catalog.pg_index where indexrelid >= 16384))
         order by 1"
    );
    let rows = holder.rows(&sql, "reading the collations").await?;
    let one = |row| CollationVersion {
        name: field::text(row, 0),
        provider: provider_name(&field::text(row, 1)),
        locale: field::text(row, 2),
        version: field::optional(row, 3),
    };
    Ok(rows.iter().map(one).collect())
}

/// Where sequences stand now: they are outside every snapshot, so a value read after the rows
/// is never behind them.
///
/// # Errors
/// `DBB-PG-DDL` when one is gone
pub async fn sequences(holder: &Connection, sequences: &[(Option<u32>, Relation)]) -> Result<Vec<SequenceState>> {
    let mut states = Vec::with_capacity(sequences.len());
    for batch in sequences.chunks(SEQUENCES_PER_QUERY) {
        let selects: Vec<String> = batch
            .iter()
            .enumerate()
            .map(|(number, (_, sequence))| {
                let name = quote::qualified(&sequence.schema, &sequence.name);
                format!("select {number}, last_value, is_called from {name}")
            })
            .collect();
        let rows = holder.rows(&selects.join(" union all "), "reading the sequences").await.map_err(gone)?;
        for row in &rows {
            let number: usize = field::number(row, 0)?;
            let Some((entry, sequence)) = batch.get(number) else {
                return Err(Error::bug("the server numbered a sequence that was not asked for"));
            };
            states.push(SequenceState {
                entry: *entry,
                schema: sequence.schema.clone(),
                name: sequence.name.clone(),
                last_value: field::number(row, 1)?,
                is_called: field::flag(row, 2),
            });
        }
    }
    Ok(states)
}

fn gone(error: Error) -> Error {
    if error.causes().iter().any(|cause| cause.contains("42P01") || cause.contains("3F000")) {
        return Error::new(code::PG_DDL, "a sequence was dropped or renamed during the capture")
            .cause(error.causes().join("; "))
            .fix("Run the backup again when no migration is under way");
    }
    error
}
