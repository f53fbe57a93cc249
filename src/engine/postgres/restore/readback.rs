//! Reading restored rows back and comparing them with the snapshot.

use crate::base::digest::RowSum;
use crate::codec::rows::{BinaryRows, TextRows};
use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::restore::load::{encoding_sql, options};
use crate::engine::postgres::restore::target::Target;
use crate::engine::postgres::{error, quote};
use crate::error::{Error, Result, code};
use crate::model::catalog::{RowFormat, Table};
use crate::model::journal::Facts;
use crate::port::engine::OnBytes;
use futures_util::TryStreamExt;

/// Blocks that one COPY of a shared read covers. Shares take turns in stripes of fixed size, so that they fit
/// together whatever the table's size is when each begins.
const STRIPE_BLOCKS: u64 = 4096;

/// What one share reads.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// From 0.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// Only count.
    pub count_only: bool,
}

/// Reads one share of tables (or of a partition root) back; the sum is in the facts' detail.
///
/// # Errors
/// The server's codes.
pub async fn read_back(
    target: &Target,
    tables: &[u32],
    root: Option<u32>,
    share: Share,
    on_bytes: &OnBytes,
) -> Result<Facts> {
    let connection = target.pool.take().await?;
    let mut sum = RowSum::default();
    match root {
        Some(root) => {
            // a tree is read whole by its first share: its leaves lie elsewhere than at the source
            if share.number == 0 {
                let first = tables.first().ok_or_else(|| Error::bug("a tree without leaves"))?;
                let leaf = target.table(*first)?;
                let root = target.entry(root)?;
                let name = quote::qualified(&root.schema, &root.name);
                let format = tables.iter().try_fold(RowFormat::Text, |_, table| target.row_format(*table));
                let reader = Reader {
                    target,
                    connection: &connection,
                    doing: format!("reading {} back", root.display()),
                    from: name,
                    columns: &leaf.columns,
                    format,
                    count_only: share.count_only,
                    on_bytes,
                };
                sum.merge(reader.sum("").await?);
            }
        }
        None => {
            for table in tables {
                sum.merge(one(target, &connection, target.table(*table)?, share, on_bytes).await?);
            }
        }
    }
    target.pool.give(connection);
    let detail = serde_json::to_value(sum).map_err(|error| Error::bug(error.to_string()))?;
    Ok(Facts { rows: sum.rows, bytes: sum.bytes, detail, ..Facts::default() })
}

async fn one(
    target: &Target,
    connection: &Connection,
    table: &Table,
    share: Share,
    on_bytes: &OnBytes,
) -> Result<RowSum> {
    let name = quote::qualified(&table.schema, &table.name);
    let reader = Reader {
        target,
        connection,
        doing: format!("reading {} back", table.display()),
        from: format!("ONLY {name}"),
        columns: &table.columns,
        format: target.row_format(table.id),
        count_only: share.count_only,
        on_bytes,
    };
    let filter = table.filter.as_deref().map(condition).unwrap_or_default();
    if share.of <= 1 {
        return reader.sum(&if filter.is_empty() { String::new() } else { format!("WHERE {filter}") }).await;
    }
    // before 14 a range of blocks is found by reading the whole table
    let heap = if connection.major() >= 14 { blocks(connection, &name, &reader.doing).await? } else { None };
    let Some(blocks) = heap else {
        // no ranges to cut
        let all = if filter.is_empty() { String::new() } else { format!("WHERE {filter}") };
        return if share.number == 0 { reader.sum(&all).await } else { Ok(RowSum::default()) };
    };
    let mut sum = RowSum::default();
    let mut stripe = u64::from(share.number);
    // at least one stripe each: a table that grew meanwhile would be read to its end by nobody
    while stripe * STRIPE_BLOCKS < blocks || stripe == u64::from(share.number) {
        let (from, to) = (stripe * STRIPE_BLOCKS, (stripe + 1) * STRIPE_BLOCKS);
        let mut clause = format!("WHERE ctid >= '({from},0)'::pg_catalog.tid AND ctid < '({to},0)'::pg_catalog.tid");
        if !filter.is_empty() {
            clause.push_str(&format!(" AND ({filter})"));
        }
        sum.merge(reader.sum(&clause).await?);
        stripe += u64::from(share.of);
    }
    Ok(sum)
}

/// A filter without its WHERE.
fn condition(filter: &str) -> String {
    let trimmed = filter.trim();
    match trimmed.get(..5) {
        Some(word) if word.eq_ignore_ascii_case("where") => trimmed[5..].trim().to_owned(),
        _ => trimmed.to_owned(),
    }
}

/// Blocks of a heap; `None` for another access method.
async fn blocks(connection: &Connection, name: &str, doing: &str) -> Result<Option<u64>> {
    let sql = format!(
        "select pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int \
         from pg_catalog.pg_class c join pg_catalog.pg_am a on a.oid = c.relam \
         where c.oid = {}::pg_catalog.regclass and a.amname = 'heap'",
        quote::literal(name)
    );
    let rows = connection.rows(&sql, doing).await?;
    Ok(rows.first().and_then(|row| row.get(0)).and_then(|blocks| blocks.parse().ok()))
}

struct Reader<'a> {
    target: &'a Target,
    connection: &'a Connection,
    doing: String,
    from: String,
    columns: &'a [String],
    /// `None` when the chunks of the table are not all of one form: then rows are only counted.
    format: Option<RowFormat>,
    count_only: bool,
    on_bytes: &'a OnBytes,
}

impl Reader<'_> {
    async fn sum(&self, clause: &str) -> Result<RowSum> {
        let format = match self.format {
            Some(format) if !self.count_only => format,
            _ => return self.count(clause).await,
        };
        let columns: Vec<String> = self.columns.iter().map(|column| quote::identifier(column)).collect();
        let sql = format!(
            "COPY (SELECT {} FROM {} {clause}) TO STDOUT WITH ({})",
            columns.join(", "),
            self.from,
            options(self.target.encoding(), format)
        );
        match format {
            RowFormat::Text => {
                let mut rows = TextRows::default();
                self.stream(&sql, |piece| {
                    rows.push(piece);
                    Ok(())
                })
                .await?;
                rows.finish()
            }
            RowFormat::Binary => {
                let mut rows = BinaryRows::default();
                // binary values are in the client's encoding whatever COPY's option says
                self.connection.batch("BEGIN", &self.doing).await?;
                self.stream(&sql, |piece| rows.push(piece)).await?;
                self.connection.batch("COMMIT", &self.doing).await?;
                rows.finish()
            }
        }
    }

    async fn stream(&self, sql: &str, mut push: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let fail = |failure| error::map(failure, &self.doing);
        let statement = self.connection.client.prepare(sql).await.map_err(fail)?;
        if self.format == Some(RowFormat::Binary) {
            self.connection.batch(&encoding_sql(self.target.encoding()), &self.doing).await?;
        }
        let stream = self.connection.client.copy_out(&statement).await.map_err(fail)?;
        let mut stream = std::pin::pin!(stream);
        let mut untold = 0u64;
        while let Some(piece) = stream.try_next().await.map_err(fail)? {
            push(&piece)?;
            untold += piece.len() as u64;
            if untold >= crate::base::limits::PIECE_BYTES as u64 {
                (self.on_bytes)(std::mem::take(&mut untold));
            }
        }
        (self.on_bytes)(untold);
        Ok(())
    }

    async fn count(&self, clause: &str) -> Result<RowSum> {
        let sql = format!("SELECT pg_catalog.count(*) FROM {} {clause}", self.from);
        let rows = self.connection.rows(&sql, &self.doing).await?;
        let count = rows.first().and_then(|row| row.get(0)).and_then(|count| count.parse().ok()).unwrap_or_default();
        Ok(RowSum { rows: count, ..RowSum::default() })
    }
}

/// Compares what was read back with the snapshot.
///
/// # Errors
/// `DBB-VERIFY-MISMATCH`
pub fn compare(target: &Target, tables: &[u32], found: &[RowSum], count_only: bool) -> Result<Facts> {
    let mut expected = RowSum::default();
    let mut names = Vec::new();
    let mut mixed = false;
    for table in tables {
        let table = target.table(*table)?;
        expected.merge(table.sum);
        names.push(table.display());
        mixed |= target.row_format(table.id).is_none();
    }
    let mut sum = RowSum::default();
    found.iter().for_each(|part| sum.merge(*part));
    let label = match names.as_slice() {
        [one] => one.clone(),
        [first, ..] => format!("{first} and {} more", names.len() - 1),
        [] => "nothing".to_owned(),
    };
    let equal = if count_only || mixed { sum.rows == expected.rows } else { sum == expected };
    if !equal {
        return Err(mismatch(&label, expected, sum));
    }
    let mut facts = Facts { rows: sum.rows, bytes: sum.bytes, ..Facts::default() };
    facts.detail = serde_json::json!({"tables": tables.len()});
    if mixed && !count_only {
        facts.warnings.push(format!(
            "{label} was only counted: some of its rows are too large for text and were captured in binary form"
        ));
    }
    Ok(facts)
}

/// The error for rows that differ.
pub fn mismatch(label: &str, expected: RowSum, found: RowSum) -> Error {
    Error::new(code::VERIFY_MISMATCH, format!("the restored rows of {label} differ from the snapshot"))
        .cause(format!(
            "expected {} rows, {} bytes, hash {:032x}; found {} rows, {} bytes, hash {:032x}",
            expected.rows, expected.bytes, expected.hash, found.rows, found.bytes, found.hash
        ))
        .fix("Check that nobody wrote to the target meanwhile")
        .fix("Check the snapshot: dbb verify SNAPSHOT --level full")
        .fix("If the server's version differs from the source's, compare the text of a few rows: a type's output may have changed")
}
