//! Plain statements, many steps in one transaction together with their marks;
//! one by one when something fails, so that each step has its own result.

use crate::engine::postgres::connect::Connection;
use crate::engine::postgres::error;
use crate::engine::postgres::restore::define::{Script, script};
use crate::engine::postgres::restore::progress;
use crate::engine::postgres::restore::target::Target;
use crate::error::{Error, Result, code};
use crate::model::journal::Facts;
use crate::port::engine::RestoreStep;

/// Begins a transaction whose mark tells whether it is in: it need not wait for the disk.
pub const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off;";

/// What came of one try of one step: the driver's error is kept for its SQLSTATE.
enum Outcome {
    Done,
    Refused(tokio_postgres::Error),
}

/// Does the steps; each has its own result, in order. `None` when a step is not plain statements.
pub async fn run(target: &Target, steps: &[RestoreStep]) -> Option<Vec<Result<Facts>>> {
    let mut scripts = Vec::with_capacity(steps.len());
    for step in steps {
        match script(target, &step.action).await {
            Ok(Some(script)) => scripts.push(Ok(script)),
            Ok(None) => return None,
            Err(error) => scripts.push(Err(error)),
        }
    }
    let fresh = steps.iter().all(|step| !target.was_tried(&step.id));
    if steps.len() > 1 && fresh && scripts.iter().all(Result::is_ok) {
        let scripts: Vec<&Script> = scripts.iter().flatten().collect();
        if let Ok(facts) = together(target, steps, &scripts).await {
            return Some(facts.into_iter().map(Ok).collect());
        }
    }
    let mut results = Vec::with_capacity(steps.len());
    for (step, script) in steps.iter().zip(scripts) {
        results.push(match script {
            Ok(script) => single(target, step, &script).await,
            Err(error) => Err(error),
        });
    }
    Some(results)
}

fn facts(script: &Script) -> Facts {
    Facts { warnings: script.warnings.clone(), ..Facts::default() }
}

async fn together(target: &Target, steps: &[RestoreStep], scripts: &[&Script]) -> Result<Vec<Facts>> {
    let mut sql = BEGIN.to_owned();
    let mut all = Vec::with_capacity(steps.len());
    for (step, script) in steps.iter().zip(scripts) {
        target.tries(&step.id);
        let facts = facts(script);
        sql.push_str(&text(script, Owner::Given));
        sql.push_str(&progress::mark_sql(&step.id, &facts)?);
        all.push(facts);
    }
    sql.push_str("COMMIT");
    let connection = target.pool.take().await?;
    match attempt(&connection, &sql).await? {
        Outcome::Done => {
            target.pool.give(connection);
            Ok(all)
        }
        Outcome::Refused(refused) => {
            if rollback(&connection).await {
                target.pool.give(connection);
            }
            Err(error::map(refused, "making several objects together"))
        }
    }
}

/// How what is made gets its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Simply given.
    Given,
    /// Given, and the right that the owner needs for it is lent for that moment.
    Helped,
    /// It stays with the login.
    Kept,
}

fn text(script: &Script, owner: Owner) -> String {
    let give = script.owner.as_deref().unwrap_or_default();
    let (before, after) = &script.lent;
    let give = match owner {
        Owner::Given => give.to_owned(),
        Owner::Helped => format!("{before}{give}{after}"),
        Owner::Kept => String::new(),
    };
    format!("{}{}{give}\n", script.settings, script.sql)
}

/// Sends a transaction as one message.
async fn attempt(connection: &Connection, sql: &str) -> Result<Outcome> {
    Ok(match connection.client.batch_execute(sql).await {
        Ok(()) => Outcome::Done,
        Err(refused) => Outcome::Refused(refused),
    })
}

/// Leaves a failed transaction; false when the session is not usable any more.
pub async fn rollback(connection: &Connection) -> bool {
    connection.client.batch_execute("ROLLBACK").await.is_ok()
}

/// One step in a transaction of its own, with the ways round that are known.
async fn single(target: &Target, step: &RestoreStep, script: &Script) -> Result<Facts> {
    let connection = target.pool.take().await?;
    if target.tries(&step.id)
        && let Some(facts) = progress::marked(&connection, &[&step.id]).await?.remove(&step.id)
    {
        target.pool.give(connection);
        return Ok(facts);
    }
    let result = ways(target, &connection, step, script).await;
    if rollback(&connection).await {
        target.pool.give(connection);
    }
    result
}

async fn ways(target: &Target, connection: &Connection, step: &RestoreStep, script: &Script) -> Result<Facts> {
    let mut facts = facts(script);
    let mut path = String::new();
    let mut owner = Owner::Given;
    let mut empty = false;
    loop {
        let body = if empty { String::new() } else { text(script, owner) };
        let sql = format!("{BEGIN}{path}{body}{}COMMIT", progress::mark_sql(&step.id, &facts)?);
        let refused = match attempt(connection, &sql).await? {
            Outcome::Done => return Ok(facts),
            Outcome::Refused(refused) => refused,
        };
        let state = error::sqlstate(&refused).unwrap_or_default().to_owned();
        let mapped = error::map(refused, &script.doing);
        if mapped.code() == code::PG_LOST || !rollback(connection).await {
            return Err(mapped);
        }
        if path.is_empty() && relies_on_path(&state) && !script.schema.is_empty() {
            path = target.search_path_sql(&script.schema, script.entry);
            facts.warnings.push(format!(
                "{} worked only with a search_path: functions there do not name their schemas",
                script.doing
            ));
        } else if target.spec.limited && state == "42501" && script.owner.is_some() && owner == Owner::Given {
            owner = Owner::Helped;
        } else if target.spec.limited && state == "42501" && owner == Owner::Helped {
            owner = Owner::Kept;
            facts.warnings.push(format!(
                "{}: it stays with the login, which may not give it away ({})",
                script.doing,
                mapped.causes().join("; ")
            ));
        } else if target.spec.limited && state == "42501" && script.optional_when_limited && !empty {
            empty = true;
            facts.warnings.push(format!(
                "{}: left out, the login may not do it ({})",
                script.doing,
                mapped.causes().join("; ")
            ));
        } else if script.optional && !mapped.is_transient() && !empty {
            empty = true;
            facts.warnings.push(format!("{} did not work ({})", script.doing, mapped.causes().join("; ")));
        } else {
            return Err(explain(mapped, &state));
        }
    }
}

/// Names that are not found although everything is there: functions that rely on a search path (trap 11).
pub fn relies_on_path(state: &str) -> bool {
    matches!(state, "42P01" | "42883" | "3F000" | "42704")
}

fn explain(error: Error, state: &str) -> Error {
    match state {
        // a materialized view that a function of this one reads; the catalog does not tell in which order
        "55000" if error.causes().iter().any(|cause| cause.contains("has not been populated")) => {
            error.transient(true).fix("If it stays so: the view that is read has no rows at the source either, or failed itself")
        }
        "42P07" | "42710" | "42P06" | "42723" => error
            .fix("Something else made it meanwhile: restore into a database that nobody else uses"),
        "23505" | "23503" | "23514" | "23P01" => error.fix(
            "The rows at the source break this constraint too, or depend on the collation or locale of the server: look at them in the restored database, mend them at the source",
        ),
        "42704" | "42883" | "42P01" => {
            error.fix("Install what is missing on the target server, or leave this object out with exclude:, then dbb resume")
        }
        _ => error.fix("Mend the cause on the target, then: dbb resume"),
    }
}
