//! `dbb verify`

use crate::cli::arguments::{Format, Verify, VerifyLevel};
use crate::cli::commands::{config, json};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;
use crate::model::desired::CheckLevel;

pub async fn run(cli: &Cli, arguments: Verify) -> Outcome {
    let desired = config(cli)?;
    let level = match arguments.level {
        VerifyLevel::Quick => CheckLevel::Quick,
        VerifyLevel::Full => CheckLevel::Full,
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = arguments.jobs.map_or(processors, |jobs| jobs as usize);
    let (verified, damaged) =
        crate::app::verify::verify(&cli.app, &desired, arguments.snapshot.as_deref(), level, jobs)
            .await
            .map_err(one)?;
    match arguments.format {
        Format::Text => cli.output.result(&view::verify::text(&verified, level, &cli.output.out)),
        Format::Json => cli.output.result(&json(&verified)?),
    }
    if !damaged.is_empty() {
        return Err(damaged);
    }
    let whole = verified.iter().all(|v| v.damages.is_empty());
    Ok(if whole { Exit::Done } else { Exit::Failed })
}
