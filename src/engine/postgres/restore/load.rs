//! Loading chunks: rows and mark in one transaction, committed only after the
//! whole object has proven right.

use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::restore::target::Target;
use crate::engine::postgres::restore::{batch, large, progress};
use crate::engine::postgres::{error, quote};
use crate::error::{Error, Result, code};
use crate::model::catalog::{Chunk, ChunkContent, RowFormat};
use crate::model::journal::Facts;
use crate::model::step::RestoreAction;
use crate::port::engine::{OnBytes, RestoreStep};
use bytes::Bytes;
use futures_util::SinkExt;
use std::sync::Arc;

/// Why a load failed, and whether a search path may help.
struct Failed {
    error: Error,
    relies_on_path: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed { error, relies_on_path: false }
    }
}

/// Loads the chunks; each step has its own result, in order. `None` when a step is not a load.
pub async fn run(target: &Target, steps: &[RestoreStep], on_bytes: &OnBytes) -> Option<Vec<Result<Facts>>> {
    if !steps.iter().all(|step| matches!(step.action, RestoreAction::Load { .. })) {
        return None;
    }
    let fresh = steps.iter().all(|step| !target.was_tried(&step.id));
    let mut told = false;
    if steps.len() > 1 && fresh {
        told = true;
        if let Ok(facts) = transaction(target, steps, None, on_bytes).await {
            return Some(facts.into_iter().map(Ok).collect());
        }
    }
    // bytes that were told of once are not told of again
    let mute: OnBytes = Arc::new(|_| {});
    let on_bytes = if told { &mute } else { on_bytes };
    let mut results = Vec::with_capacity(steps.len());
    for step in steps {
        results.push(single(target, step, on_bytes).await);
    }
    Some(results)
}

async fn single(target: &Target, step: &RestoreStep, on_bytes: &OnBytes) -> Result<Facts> {
    if target.was_tried(&step.id) {
        let connection = target.pool.take().await?;
        let marked = progress::marked(&connection, &[&step.id]).await?.remove(&step.id);
        target.pool.give(connection);
        if let Some(facts) = marked {
            return Ok(facts);
        }
    }
    let steps = std::slice::from_ref(step);
    let facts = match transaction(target, steps, None, on_bytes).await {
        Err(failed) if failed.relies_on_path => {
            let (schema, entry, doing) = place(target, step)?;
            let path = target.search_path_sql(&schema, entry);
            let mute: OnBytes = Arc::new(|_| {});
            let second = transaction(target, steps, Some(&path), &mute).await.map_err(|_| failed.error)?;
            let warning = format!("{doing} worked only with a search_path: functions there do not name their schemas");
            second
                .into_iter()
                .map(|mut facts| {
                    facts.warnings.push(warning.clone());
                    facts
                })
                .next()
        }
        Err(failed) => return Err(failed.error),
        Ok(facts) => facts.into_iter().next(),
    };
    facts.ok_or_else(|| Error::bug("a load left nothing"))
}

fn place(target: &Target, step: &RestoreStep) -> Result<(String, Option<u32>, String)> {
    let RestoreAction::Load { chunk, .. } = step.action else { return Err(Error::bug("not a load")) };
    Ok(match target.chunk(chunk)?.content {
        ChunkContent::Rows { table } => {
            let table = target.table(table)?;
            (table.schema.clone(), table.entry, format!("loading {}", table.display()))
        }
        _ => (String::new(), None, "loading large objects".to_owned()),
    })
}

/// All steps in one transaction with their marks.
async fn transaction(
    target: &Target,
    steps: &[RestoreStep],
    path: Option<&str>,
    on_bytes: &OnBytes,
) -> std::result::Result<Vec<Facts>, Failed> {
    let connection = target.pool.take().await?;
    let begin = format!("{}{}", batch::BEGIN, path.unwrap_or_default());
    connection.batch(&begin, format!("beginning to load into {}", target.pool.display())).await?;
    let result = body(target, &connection, steps, on_bytes).await;
    match result {
        Ok(all) => {
            target.pool.give(connection);
            Ok(all)
        }
        Err(failed) => {
            if batch::rollback(&connection).await {
                target.pool.give(connection);
            }
            Err(failed)
        }
    }
}

async fn body(
    target: &Target,
    connection: &Connection,
    steps: &[RestoreStep],
    on_bytes: &OnBytes,
) -> std::result::Result<Vec<Facts>, Failed> {
    let mut all = Vec::with_capacity(steps.len());
    let mut marks = String::new();
    for step in steps {
        target.tries(&step.id);
        let RestoreAction::Load { chunk, into } = step.action else {
            return Err(Error::bug("not a load").into());
        };
        let chunk = target.chunk(chunk)?;
        let mut facts = Facts { bytes: chunk.bytes, ..Facts::default() };
        match chunk.content {
            ChunkContent::Rows { table } => {
                facts.rows = chunk.sum.rows;
                rows(target, connection, chunk, table, into, on_bytes).await?;
            }
            content => facts.warnings = large::load(target, connection, chunk, content, on_bytes).await?,
        }
        marks.push_str(&progress::mark_sql(&step.id, &facts)?);
        all.push(facts);
    }
    marks.push_str("COMMIT");
    connection.batch(&marks, format!("committing rows to {}", target.pool.display())).await?;
    Ok(all)
}

async fn rows(
    target: &Target,
    connection: &Connection,
    chunk: &Chunk,
    table: u32,
    into: Option<u32>,
    on_bytes: &OnBytes,
) -> std::result::Result<(), Failed> {
    let table = target.table(table)?;
    let doing = format!("loading {}", table.display());
    let name = match into {
        Some(entry) => {
            let root = target.entry(entry)?;
            quote::qualified(&root.schema, &root.name)
        }
        None => quote::qualified(&table.schema, &table.name),
    };
    let columns = match table.columns.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", columns.iter().map(|c| quote::identifier(c)).collect::<Vec<_>>().join(", ")),
    };
    let sql = format!("COPY {name}{columns} FROM STDIN WITH ({})", options(target.encoding(), chunk.format));
    let loaded = copy_in(target, connection, chunk, &sql, &doing, on_bytes).await.map_err(|failed| match failed {
        // its check, or a foreign key that an extension brings with its tables, may look at a table that is
        // not yet in: it is tried again after the others (traps 12 and 20)
        Failed { error, relies_on_path }
            if (table.late && refused(&error, "23514")) || (table.extension.is_some() && refused(&error, "23503")) =>
        {
            Failed { error: error.transient(true), relies_on_path }
        }
        failed => failed,
    })?;
    if loaded != chunk.sum.rows {
        return Err(Error::new(
            code::VERIFY_MISMATCH,
            format!("{doing}: the target took {loaded} rows of {}", chunk.sum.rows),
        )
        .fix("Look for triggers or rules that somebody else made on the table meanwhile, then dbb resume")
        .into());
    }
    Ok(())
}

fn refused(error: &Error, state: &str) -> bool {
    let mark = format!("(SQLSTATE {state})");
    error.causes().iter().any(|cause| cause.contains(&mark))
}

/// COPY's options: names in the statement itself stay UTF-8, only rows are in the captured encoding.
pub fn options(encoding: &str, format: RowFormat) -> String {
    let format = match format {
        RowFormat::Text => "text",
        RowFormat::Binary => "binary",
    };
    format!("FORMAT {format}, ENCODING {}", quote::literal(encoding))
}

/// Streams a chunk into a COPY; the rows that the server took.
async fn copy_in(
    target: &Target,
    connection: &Connection,
    chunk: &Chunk,
    sql: &str,
    doing: &str,
    on_bytes: &OnBytes,
) -> std::result::Result<u64, Failed> {
    let fail = |failure: tokio_postgres::Error| {
        let relies_on_path = error::sqlstate(&failure).is_some_and(batch::relies_on_path);
        Failed { error: error::map(failure, doing), relies_on_path }
    };
    let statement = connection.client.prepare(sql).await.map_err(fail)?;
    let other_encoding = chunk.format == RowFormat::Binary && target.encoding() != "UTF8";
    if other_encoding {
        // binary values are in the client's encoding whatever COPY's option says
        connection.batch(&encoding_sql(target.encoding()), doing).await?;
    }
    let sink = connection.client.copy_in::<_, Bytes>(&statement).await.map_err(fail)?;
    let mut sink = std::pin::pin!(sink);
    let mut reader = target.source.chunk(chunk).await?;
    while let Some(piece) = reader.read().await? {
        let length = piece.len() as u64;
        if let Err(failure) = sink.send(piece).await {
            return Err(fail(failure));
        }
        on_bytes(length);
    }
    let rows = sink.finish().await.map_err(fail)?;
    if other_encoding {
        connection.batch(&encoding_sql("UTF8"), doing).await?;
    }
    Ok(rows)
}

/// Chooses the client's encoding for the rest of a transaction.
pub fn encoding_sql(encoding: &str) -> String {
    format!("SET LOCAL client_encoding = {}", quote::literal(encoding))
}

/// Streams a chunk into a table of the session, for what is not simply loaded.
///
/// # Errors
/// `DBB-SNAPSHOT-DAMAGED`, the server's codes.
pub async fn copy_aside(
    target: &Target,
    connection: &Connection,
    chunk: &Chunk,
    table: &str,
    doing: &str,
    on_bytes: &OnBytes,
) -> Result<u64> {
    let sql = format!("COPY {table} FROM STDIN WITH ({})", options(target.encoding(), chunk.format));
    copy_in(target, connection, chunk, &sql, doing, on_bytes).await.map_err(|failed| failed.error)
}
