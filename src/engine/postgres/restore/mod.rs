//! Restoring a snapshot into a database.
//!
//! What can be, is done in transactions that hold a step's effect and its
//! mark together (`progress`); roles and the database itself, which lie
//! outside of it, are done so that doing them again does no harm.

mod batch;
mod constraint;
mod database;
mod define;
mod large;
mod load;
mod owner;
mod pool;
mod progress;
mod readback;
mod role;
mod server;
mod setting;
mod target;
pub mod tokens;

use crate::engine::postgres::Postgres;
use crate::engine::postgres::restore::pool::Pool;
use crate::engine::postgres::restore::progress::Origin;
use crate::engine::postgres::restore::target::Target;
use crate::error::{Error, Result, code};
use crate::model::desired::ServerSpec;
use crate::model::journal::Facts;
use crate::model::step::{RestoreAction, RestoreSpec, StepId};
use crate::port::engine::{OnBytes, Probe, Restore, RestoreStep};
use crate::port::snapshots::SnapshotSource;
use async_trait::async_trait;
use std::sync::Arc;

/// Gets ready to restore. Touches nothing, connects to nothing.
///
/// # Errors
/// None so far; connecting is left to the first step.
pub async fn open(
    engine: &Postgres,
    server: &ServerSpec,
    spec: &RestoreSpec,
    source: Arc<dyn SnapshotSource>,
) -> Result<Arc<dyn Restore>> {
    let pool = Pool::new(engine, server, spec);
    Ok(Arc::new(PostgresRestore { target: Target::new(pool, spec.clone(), source) }))
}

struct PostgresRestore {
    target: Target,
}

#[async_trait]
impl Restore for PostgresRestore {
    async fn run(&self, steps: &[RestoreStep], on_bytes: OnBytes) -> Vec<Result<Facts>> {
        let results = self.all(steps, &on_bytes).await;
        for (step, _) in steps.iter().zip(&results).filter(|(step, result)| result.is_ok() && step.action.leaves_mark())
        {
            self.target.pool.is_in(&step.id);
        }
        results
    }

    async fn probe(&self, steps: &[RestoreStep]) -> Result<Vec<Probe>> {
        let target = &self.target;
        for step in steps {
            target.tries(&step.id);
        }
        target.pool.end_leftovers().await?;
        let connection = match target.pool.take().await {
            Ok(connection) => connection,
            Err(error) if error.code() == code::PG_DATABASE => return Ok(vec![Probe::NotDone; steps.len()]),
            Err(error) => return Err(error),
        };
        let origin = progress::origin(&connection, &target.spec.snapshot).await?;
        let finishing = steps.iter().any(|step| step.action == RestoreAction::Finish);
        let ids: Vec<&StepId> = steps.iter().map(|step| &step.id).collect();
        let mut marked = progress::marked(&connection, &ids).await?;
        target.pool.give(connection);
        marked.keys().for_each(|step| target.pool.is_in(step));
        Ok(steps
            .iter()
            .map(|step| match &step.action {
                RestoreAction::Finish => Probe::NotDone,
                // only the end drops the progress table, and it begins when all else is done
                _ if finishing && origin != Origin::Ours => Probe::Done(Facts::default()),
                RestoreAction::CreateDatabase if origin == Origin::Ours => Probe::Done(Facts::default()),
                _ => marked.remove(&step.id).map_or(Probe::NotDone, Probe::Done),
            })
            .collect())
    }
}

impl PostgresRestore {
    async fn all(&self, steps: &[RestoreStep], on_bytes: &OnBytes) -> Vec<Result<Facts>> {
        if let Some(results) = load::run(&self.target, steps, on_bytes).await {
            return results;
        }
        if let Some(results) = batch::run(&self.target, steps).await {
            return results;
        }
        let mut results = Vec::with_capacity(steps.len());
        for step in steps {
            results.push(self.one(step, on_bytes).await);
        }
        results
    }

    async fn one(&self, step: &RestoreStep, on_bytes: &OnBytes) -> Result<Facts> {
        let target = &self.target;
        match &step.action {
            RestoreAction::Role { role } => role::role(target, role).await,
            RestoreAction::Membership { index } => role::membership(target, *index).await,
            RestoreAction::ServerSettings { settings, roles } => server::settings(target, *settings, roles).await,
            RestoreAction::DropDatabase => database::drop(target).await,
            RestoreAction::CreateDatabase => database::create(target).await,
            RestoreAction::DatabaseProperties => database::properties(target, &step.id).await,
            RestoreAction::Finish => database::finish(target).await,
            RestoreAction::ReadBack { tables, root, share, shares, count_only } => {
                let share = readback::Share { number: *share, of: *shares, count_only: *count_only };
                readback::read_back(target, tables, *root, share, on_bytes).await
            }
            RestoreAction::Compare { tables, count_only, .. } => {
                readback::compare(target, tables, &step.sums, *count_only)
            }
            RestoreAction::CompareLargeObjects { count_only } => large::compare(target, *count_only, on_bytes).await,
            RestoreAction::Load { .. } => only(load::run(target, std::slice::from_ref(step), on_bytes).await),
            RestoreAction::Define { .. }
            | RestoreAction::Sequences
            | RestoreAction::Refresh { .. }
            | RestoreAction::Analyze { .. }
            | RestoreAction::AnalyzeEntry { .. } => only(batch::run(target, std::slice::from_ref(step)).await),
        }
    }
}

fn only(results: Option<Vec<Result<Facts>>>) -> Result<Facts> {
    results.and_then(|all| all.into_iter().next()).unwrap_or_else(|| Err(Error::bug("a step was not answered")))
}
