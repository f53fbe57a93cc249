//! The steps of a restore: handed to the engine, together where they belong together.

use crate::apply::context::Context;
use crate::base::digest::RowSum;
use crate::error::{Error, Result};
use crate::model::journal::Facts;
use crate::model::step::{Action, RestoreAction, Step};
use crate::port::engine::RestoreStep;

/// The engine's form of a step.
pub fn engine_step(context: &Context, step: &Step) -> Result<RestoreStep> {
    let Action::Restore { action, .. } = &step.action else {
        return Err(Error::bug(format!("{} is not a step of a restore", step.id)));
    };
    let mut sums = Vec::new();
    if let RestoreAction::Compare { of, .. } = action {
        for id in of {
            let facts = context.facts(id).ok_or_else(|| Error::bug(format!("nothing is known of {id}")))?;
            let sum: RowSum = serde_json::from_value(facts.detail).map_err(|e| Error::bug(format!("{id}: {e}")))?;
            sums.push(sum);
        }
    }
    Ok(RestoreStep { id: step.id.clone(), action: action.clone(), sums })
}

/// Runs steps of the restore under `key` together; each has its own result, in order.
pub async fn run(context: &Context, key: &str, steps: &[Step]) -> Vec<Result<Facts>> {
    let everyone = |error: Error| steps.iter().map(|_| Err(error.clone())).collect();
    let restore = match context.restore(key).await {
        Ok(restore) => restore,
        Err(error) => return everyone(error),
    };
    let mut asked = Vec::with_capacity(steps.len());
    for step in steps {
        match engine_step(context, step) {
            Ok(step) => asked.push(step),
            Err(error) => return everyone(error),
        }
    }
    let unit = steps.first().map(|s| s.unit.clone()).unwrap_or_default();
    let results = restore.run(&asked, context.on_bytes(&unit)).await;
    if results.len() == steps.len() {
        results
    } else {
        everyone(Error::bug(format!("{} steps were answered with {} results", steps.len(), results.len())))
    }
}
