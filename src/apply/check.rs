//! Checks a snapshot's objects before a restore touches anything.

use crate::apply::context::Context;
use crate::error::{Error, Result, code};
use crate::model::journal::Facts;

/// The step.
pub async fn check(context: &Context, key: &str, unit: &str) -> Result<Facts> {
    let spec =
        context.plan.restores.get(key).ok_or_else(|| Error::bug(format!("the plan has no restore \"{key}\"")))?;
    let repository = context.repository(&spec.repository)?;
    let header = repository.header(&spec.database, &spec.snapshot).await?;
    let jobs = context.plan.settings.jobs as usize;
    let damages = repository.verify(&header, spec.check, jobs, context.on_bytes(unit)).await?;
    match damages.first() {
        None => Ok(Facts::default()),
        Some(first) => {
            let mut error = Error::new(
                code::SNAPSHOT_DAMAGED,
                format!("snapshot {} of \"{}\" is not whole; nothing was touched", spec.snapshot, spec.database),
            )
            .cause(first.error.to_string())
            .fix(format!("restore an older snapshot: dbb snapshots --database {}", spec.database))
            .fix(format!("see all that is damaged: dbb verify {} --level full", spec.snapshot));
            if damages.len() > 1 {
                error = error.cause(format!("{} more objects are damaged", damages.len() - 1));
            }
            Err(error)
        }
    }
}
