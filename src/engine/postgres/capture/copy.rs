//! One COPY from the server into the object of a part.

use crate::base::digest::RowSum;
use crate::base::limits;
use crate::codec::rows::Rows;
use crate::engine::postgres::capture::output::Output;
use crate::engine::postgres::capture::relations::Column;
use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::{error, quote};
use crate::error::{Error, code};
use crate::model::catalog::RowFormat;
use crate::port::engine::OnBytes;
use bytes::BytesMut;
use futures_util::StreamExt;
use std::pin::pin;

/// A table as COPY needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rowed {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Columns in the order of the rows.
    pub columns: Vec<Column>,
    /// SQL that begins with WHERE, or is empty.
    pub filter: String,
}

impl Rowed {
    /// `schema.name`, for people.
    pub fn display(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// What a COPY ended with when it did not end well.
pub enum Failure {
    /// The row does not fit into this format.
    RowTooLarge(Error),
    /// Anything else.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Other(error)
    }
}

/// The COPY statement of a table or of some of its blocks.
pub fn statement(table: &Rowed, blocks: Option<(u64, Option<u64>)>, format: RowFormat, encoding: &str) -> String {
    let from = quote::qualified(&table.schema, &table.name);
    let columns: Vec<String> = table.columns.iter().map(|column| quote::identifier(&column.name)).collect();
    let columns = columns.join(", ");
    let what = match blocks {
        Some((first, end)) => {
            let end = end.map(|end| format!(" AND ctid < '({end},0)'")).unwrap_or_default();
            format!("(SELECT {columns} FROM ONLY {from} WHERE ctid >= '({first},0)'{end})")
        }
        None if table.filter.is_empty() && !columns.is_empty() => format!("{from} ({columns})"),
        None => format!("(SELECT {columns} FROM ONLY {from} {})", table.filter),
    };
    match format {
        // the server's own encoding: every byte as it is, whatever it is
        RowFormat::Text => format!("COPY {what} TO STDOUT (FORMAT text, ENCODING {})", quote::literal(encoding)),
        RowFormat::Binary => format!("COPY {what} TO STDOUT (FORMAT binary)"),
    }
}

/// Runs a COPY.
///
/// # Errors
/// The engine's codes, `DBB-STORAGE-*`
pub async fn run(
    connection: &Connection,
    sql: &str,
    format: RowFormat,
    encoding: &str,
    output: &mut Output<'_>,
    on_bytes: &OnBytes,
    label: &str,
) -> Result<RowSum, Failure> {
    let failed = |failure: tokio_postgres::Error| failure_of(failure, label);
    let statement = connection.client.prepare(sql).await.map_err(failed)?;
    if format == RowFormat::Binary && encoding != "UTF8" {
        // binary values follow the client's encoding, which the statement's own text was already read in
        let sql = format!("SET LOCAL client_encoding = {}", quote::literal(encoding));
        connection.batch(&sql, "choosing the encoding of binary rows").await?;
    }
    let stream = connection.client.copy_out(&statement).await.map_err(failed)?;
    let mut stream = pin!(stream);
    let mut rows = Rows::new(format);
    let mut gathered = BytesMut::with_capacity(limits::PIECE_BYTES);
    while let Some(message) = stream.next().await {
        let message = message.map_err(failed)?;
        if gathered.len() + message.len() > limits::PIECE_BYTES {
            pass(gathered.split().freeze(), &mut rows, output, on_bytes).await?;
            gathered.reserve(limits::PIECE_BYTES);
        }
        if message.len() >= limits::PIECE_BYTES {
            pass(message, &mut rows, output, on_bytes).await?;
        } else {
            gathered.extend_from_slice(&message);
        }
    }
    pass(gathered.freeze(), &mut rows, output, on_bytes).await?;
    if format == RowFormat::Binary && encoding != "UTF8" {
        connection.batch("SET LOCAL client_encoding = 'UTF8'", "choosing the encoding of rows").await?;
    }
    Ok(rows.finish()?)
}

async fn pass(
    piece: bytes::Bytes,
    rows: &mut Rows,
    output: &mut Output<'_>,
    on_bytes: &OnBytes,
) -> Result<(), Failure> {
    if piece.is_empty() {
        return Ok(());
    }
    rows.push(&piece)?;
    let count = piece.len() as u64;
    output.write(piece).await?;
    on_bytes(count);
    Ok(())
}

/// Sorts out the failures that another format or another try may avoid.
fn failure_of(failure: tokio_postgres::Error, label: &str) -> Failure {
    let too_large = failure.as_db_error().is_some_and(|server| {
        let message = server.message();
        match server.code().code() {
            // program_limit_exceeded: a string buffer past 1 GB
            "54000" => true,
            "XX000" => message.contains("invalid memory alloc request size"),
            "53200" => server.detail().is_some_and(|detail| detail.contains("string buffer")),
            _ => false,
        }
    });
    let moved = failure
        .as_db_error()
        .filter(|server| matches!(server.code().code(), "42P01" | "42703" | "3F000"))
        .map(error::quote);
    if let Some(cause) = moved {
        return Failure::Other(
            Error::new(code::PG_DDL, format!("{label} was altered or dropped during the capture"))
                .cause(cause)
                .fix("Run the backup again when no migration is under way"),
        );
    }
    let error = error::map(failure, format!("reading {label}"));
    if too_large { Failure::RowTooLarge(error) } else { Failure::Other(error) }
}

/// No format can carry a row of the table.
pub fn row_size(table: &str, text: &Error, binary: &Error) -> Error {
    Error::new(code::PG_ROW_SIZE, format!("a row of {table} is too large to be read"))
        .cause(format!("as text: {}", text.causes().join("; ")))
        .cause(format!("as binary: {}", binary.causes().join("; ")))
        .fix(format!(
            "Find it: SELECT ctid, pg_column_size(t.*) FROM {table} t ORDER BY 2 DESC LIMIT 5, and split or shorten its values"
        ))
        .fix("Or leave out the table's rows with exclude.data of the database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_their_columns_and_only_their_own_rows() {
        let column = |name: &str| Column { name: name.into(), type_name: "text".into() };
        let mut table = Rowed {
            schema: "a\"b".into(),
            name: "t".into(),
            columns: vec![column("x"), column("Y z")],
            filter: String::new(),
        };
        let text = |table: &Rowed, blocks| statement(table, blocks, RowFormat::Text, "LATIN1");
        let options = "(FORMAT text, ENCODING 'LATIN1')";
        assert_eq!(text(&table, None), format!("COPY \"a\"\"b\".\"t\" (\"x\", \"Y z\") TO STDOUT {options}"));
        assert_eq!(
            text(&table, Some((0, Some(64)))),
            format!(
                "COPY (SELECT \"x\", \"Y z\" FROM ONLY \"a\"\"b\".\"t\" WHERE ctid >= '(0,0)' AND ctid < '(64,0)') \
                 TO STDOUT {options}"
            )
        );
        assert!(text(&table, Some((64, None))).contains("WHERE ctid >= '(64,0)')"));
        table.columns.clear();
        assert_eq!(text(&table, None), format!("COPY (SELECT  FROM ONLY \"a\"\"b\".\"t\" ) TO STDOUT {options}"));
        table.filter = "WHERE own".into();
        assert!(text(&table, None).contains("FROM ONLY \"a\"\"b\".\"t\" WHERE own)"));
    }
}
