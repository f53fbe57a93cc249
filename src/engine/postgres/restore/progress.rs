//! The progress table in the target database: what says which steps are in.
//! A step's mark and its effect commit together, so a step is done exactly once.

use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::{error, quote};
use crate::error::{Error, Result, code};
use crate::model::journal::Facts;
use crate::model::step::StepId;
use std::collections::HashMap;

/// The schema that holds it; dropped at the end of a restore.
pub const SCHEMA: &str = "dbb_restore";

/// The statements that make the progress table for a restore of `snapshot`.
pub fn create_sql(snapshot: &str) -> String {
    format!(
        "BEGIN; CREATE SCHEMA dbb_restore; \
         CREATE TABLE dbb_restore.done (step text PRIMARY KEY, facts jsonb NOT NULL); \
         CREATE TABLE dbb_restore.lent (role text PRIMARY KEY); \
         CREATE TABLE dbb_restore.origin (snapshot text NOT NULL); \
         INSERT INTO dbb_restore.origin VALUES ({}); COMMIT",
        quote::literal(snapshot)
    )
}

/// The statement that marks a step. A plain INSERT: when a lost session has done the step after all, the second
/// try fails here as a whole.
pub fn mark_sql(step: &str, facts: &Facts) -> Result<String> {
    let facts = serde_json::to_string(facts).map_err(|error| Error::bug(error.to_string()))?;
    Ok(format!(
        "INSERT INTO dbb_restore.done (step, facts) VALUES ({}, {}::pg_catalog.jsonb);",
        quote::literal(step),
        quote::literal(&facts)
    ))
}

/// What is marked, of `steps`. Empty when there is no progress table.
///
/// # Errors
/// As the server says.
pub async fn marked(connection: &Connection, steps: &[&StepId]) -> Result<HashMap<StepId, Facts>> {
    let list: Vec<String> = steps.iter().map(|step| quote::literal(step)).collect();
    if list.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!("select step, facts from dbb_restore.done where step in ({})", list.join(","));
    let messages = match connection.client.simple_query(&sql).await {
        Ok(messages) => messages,
        Err(failure) if matches!(error::sqlstate(&failure), Some("42P01" | "3F000")) => return Ok(HashMap::new()),
        Err(failure) => return Err(error::map(failure, "reading the progress table")),
    };
    let mut found = HashMap::new();
    for message in messages {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            let facts = row.get(1).unwrap_or_default();
            let facts = serde_json::from_str(facts).map_err(|error| {
                Error::new(code::RESTORE_STATE, "the progress table is damaged").cause(error.to_string())
            })?;
            found.insert(row.get(0).unwrap_or_default().to_owned(), facts);
        }
    }
    Ok(found)
}

/// What the target database is to this restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It has our progress table, for the same snapshot.
    Ours,
    /// It has no progress table and nothing else.
    Empty,
    /// It holds something else.
    Foreign,
}

/// Finds out whose the database is.
///
/// # Errors
/// As the server says.
pub async fn origin(connection: &Connection, snapshot: &str) -> Result<Origin> {
    let present = connection
        .rows("select pg_catalog.to_regclass('dbb_restore.origin') is not null", "looking for the progress table")
        .await?;
    if present.first().and_then(|row| row.get(0)) == Some("t") {
        let rows = connection.rows("select snapshot from dbb_restore.origin", "reading the progress table").await?;
        let ours = rows.first().and_then(|row| row.get(0)) == Some(snapshot);
        return Ok(if ours { Origin::Ours } else { Origin::Foreign });
    }
    // 16384 is the first oid that users' objects get (PostgreSQL source, access/transam.h)
    let rows = connection
        .rows(
            "select 1 from pg_catalog.pg_class where oid >= 16384 union all \
             select 1 from pg_catalog.pg_namespace where oid >= 16384 and nspname !~ '^pg_(toast_)?temp_' union all \
             select 1 from pg_catalog.pg_proc where oid >= 16384 limit 1",
            "looking whether the database is empty",
        )
        .await?;
    Ok(if rows.is_empty() { Origin::Empty } else { Origin::Foreign })
}
