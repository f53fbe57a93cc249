//! Large objects: made, owned, granted, commented by their metadata; filled
//! slice by slice by their contents. Groups are small, so the lock table is never full.

use crate::base::digest::RowSum;
use crate::base::limits;
use crate::codec::rows::TextRows;
use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::restore::target::Target;
use crate::engine::postgres::restore::{database, load, readback, setting};
use crate::engine::postgres::{error, quote};
use crate::error::{Error, Result, code};
use crate::model::catalog::{Chunk, ChunkContent, Grant};
use crate::model::journal::Facts;
use crate::port::engine::OnBytes;
use futures_util::TryStreamExt;

/// Loads one chunk of metadata or contents inside of an open transaction; warnings are returned.
///
/// # Errors
/// `DBB-SNAPSHOT-DAMAGED`, the server's codes.
pub async fn load(
    target: &Target,
    connection: &Connection,
    chunk: &Chunk,
    content: ChunkContent,
    on_bytes: &OnBytes,
) -> Result<Vec<String>> {
    let info = content == ChunkContent::LargeObjectInfo;
    let (table, columns) = match info {
        true => ("pg_temp.dbb_info", "oid oid, owner text, acl json, comment text, labels json"),
        false => ("pg_temp.dbb_data", "oid oid, k int8, d bytea"),
    };
    let doing = if info { "making large objects" } else { "filling large objects" };
    let make = format!("DROP TABLE IF EXISTS {table}; CREATE TEMP TABLE {} ({columns}) ON COMMIT DROP", &table[8..]);
    connection.batch(&make, doing).await?;
    let rows = load::copy_aside(target, connection, chunk, table, doing, on_bytes).await?;
    if rows != chunk.sum.rows {
        return Err(Error::new(code::VERIFY_MISMATCH, format!("{doing}: {rows} rows of {} came", chunk.sum.rows)));
    }
    // the contents may come before the metadata
    let create = format!(
        "SELECT pg_catalog.count(*) FROM (SELECT pg_catalog.lo_create(oid) FROM (SELECT DISTINCT oid FROM {table}) o \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid = o.oid)) made"
    );
    connection.batch(&create, doing).await?;
    if info {
        return properties(target, connection).await;
    }
    let slice = limits::LARGE_OBJECT_SLICE_BYTES;
    let fill = format!(
        "SELECT pg_catalog.count(*) FROM (SELECT pg_catalog.lo_put(oid, k * {slice}, d) FROM {table} \
         WHERE pg_catalog.length(d) > 0) filled"
    );
    let source = format!("pg_catalog.pg_largeobject_metadata m WHERE m.oid IN (SELECT oid FROM {table})");
    let (lend, take_back) = rights(target, connection, "UPDATE", &source).await?;
    connection.batch(&format!("{lend}{fill};{take_back}"), doing).await?;
    Ok(Vec::new())
}

/// Statements that lend the login a right on large objects whose grants may leave out even their owner, and take
/// it back. None for a superuser, whom grants do not bind.
async fn rights(target: &Target, connection: &Connection, right: &str, source: &str) -> Result<(String, String)> {
    let (mut lend, mut take_back) = (String::new(), String::new());
    if target.spec.limited {
        let sql = format!("SELECT m.oid FROM {source} AND m.lomacl IS NOT NULL");
        for row in connection.rows(&sql, "reading rights on large objects").await? {
            let oid = row.get(0).unwrap_or_default();
            lend.push_str(&format!("GRANT {right} ON LARGE OBJECT {oid} TO CURRENT_USER;"));
            take_back.push_str(&format!("REVOKE {right} ON LARGE OBJECT {oid} FROM CURRENT_USER;"));
        }
    }
    Ok((lend, take_back))
}

/// Owners, grants, comments, labels: from the table just loaded.
async fn properties(target: &Target, connection: &Connection) -> Result<Vec<String>> {
    let rows = connection
        .rows(
            "SELECT oid, owner, acl, comment, labels FROM pg_temp.dbb_info ORDER BY oid",
            "reading large objects' owners",
        )
        .await?;
    let mut statements = Vec::new();
    for row in &rows {
        let oid = row.get(0).unwrap_or_default();
        let what = format!("properties of large object {oid}");
        let object = format!("LARGE OBJECT {oid}");
        let source_owner = row.get(1).unwrap_or_default();
        let owner = quote::identifier(&target.role(source_owner));
        let mut sql = match target.may_give(&target.role(source_owner)).await? {
            true => format!("ALTER {object} OWNER TO {owner}"),
            false => "SELECT".to_owned(),
        };
        if let Some(acl) = row.get(2) {
            sql.push_str(&format!("; REVOKE ALL ON {object} FROM {owner}"));
            let acl: Vec<Grant> = serde_json::from_str(acl).map_err(|error| damaged(oid, &error))?;
            for grant in database::grants(target, &acl, source_owner, &object) {
                sql.push_str(&format!("; {grant}"));
            }
        }
        if let Some(comment) = row.get(3) {
            sql.push_str(&format!("; COMMENT ON {object} IS {}", quote::literal(comment)));
        }
        statements.push((sql, what.clone()));
        if let Some(labels) = row.get(4) {
            let labels: Vec<(String, String)> = serde_json::from_str(labels).map_err(|error| damaged(oid, &error))?;
            for (provider, label) in labels {
                let provider = quote::identifier(&provider);
                statements.push((
                    format!("SECURITY LABEL FOR {provider} ON {object} IS {}", quote::literal(&label)),
                    format!("security label of large object {oid}"),
                ));
            }
        }
    }
    setting::each(connection, &statements).await
}

fn damaged(oid: &str, error: &serde_json::Error) -> Error {
    Error::new(code::SNAPSHOT_DAMAGED, format!("the metadata of large object {oid} cannot be read"))
        .cause(error.to_string())
}

/// Reads all large objects back and compares their number and contents with the snapshot.
///
/// # Errors
/// `DBB-VERIFY-MISMATCH`, the server's codes.
pub async fn compare(target: &Target, count_only: bool, on_bytes: &OnBytes) -> Result<Facts> {
    let (mut objects, mut expected) = (0, RowSum::default());
    for chunk in &target.source.catalog().chunks {
        match chunk.content {
            ChunkContent::LargeObjectInfo => objects += chunk.sum.rows,
            ChunkContent::LargeObjectData => expected.merge(chunk.sum),
            ChunkContent::Rows { .. } => {}
        }
    }
    let connection = target.pool.take().await?;
    let oids = connection
        .rows("select oid from pg_catalog.pg_largeobject_metadata order by oid", "listing large objects")
        .await?;
    let oids: Vec<&str> = oids.iter().filter_map(|row| row.get(0)).collect();
    if oids.len() as u64 != objects {
        return Err(Error::new(
            code::VERIFY_MISMATCH,
            format!("the target has {} large objects, the snapshot {objects}", oids.len()),
        )
        .fix("Check that nobody wrote to the target meanwhile"));
    }
    let mut found = RowSum::default();
    if !count_only {
        for group in oids.chunks(limits::LARGE_OBJECTS_PER_PART) {
            let source = format!("pg_catalog.pg_largeobject_metadata m WHERE m.oid IN ({})", group.join(","));
            let (lend, _) = rights(target, &connection, "SELECT", &source).await?;
            let doing = "reading large objects back";
            connection.batch(&format!("BEGIN; {lend}"), doing).await?;
            found.merge(contents(target, &connection, group, on_bytes).await?);
            // what was lent goes with the transaction
            connection.batch("ROLLBACK", doing).await?;
        }
        if found != expected {
            return Err(readback::mismatch("large objects", expected, found));
        }
    }
    target.pool.give(connection);
    Ok(Facts { rows: objects, bytes: found.bytes, ..Facts::default() })
}

/// The sum of the contents, in the very form in which the capture reads them.
async fn contents(target: &Target, connection: &Connection, group: &[&str], on_bytes: &OnBytes) -> Result<RowSum> {
    let slice = limits::LARGE_OBJECT_SLICE_BYTES;
    let sql = format!(
        "COPY (select o.oid, s.k, s.d from pg_catalog.unnest('{{{}}}'::pg_catalog.oid[]) as o(oid), \
         lateral (with recursive r(k, d) as (\
             select 0::pg_catalog.int8, pg_catalog.lo_get(o.oid, 0, {slice}) \
             union all \
             select r.k + 1, pg_catalog.lo_get(o.oid, (r.k + 1) * {slice}, {slice}) \
             from r where pg_catalog.length(r.d) = {slice}) \
           select r.k, r.d from r where r.k = 0 or pg_catalog.length(r.d) > 0) s) \
         TO STDOUT WITH ({})",
        group.join(","),
        load::options(target.encoding(), crate::model::catalog::RowFormat::Text)
    );
    let fail = |failure| error::map(failure, "reading large objects back");
    let stream = connection.client.copy_out(sql.as_str()).await.map_err(fail)?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = TextRows::default();
    while let Some(piece) = stream.try_next().await.map_err(fail)? {
        rows.push(&piece);
        on_bytes(piece.len() as u64);
    }
    rows.finish()
}
