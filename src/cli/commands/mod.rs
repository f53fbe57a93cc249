//! One file per command.

pub mod apply;
pub mod cat;
pub mod completions;
pub mod doctor;
pub mod explain;
pub mod graph;
pub mod init;
pub mod ls;
pub mod plan;
pub mod resume;
pub mod runbook;
pub mod runs;
pub mod schema;
pub mod show;
pub mod snapshots;
pub mod unlock;
pub mod validate;
pub mod verify;

use crate::app::{Problems, load, plan as planning};
use crate::cli::arguments::{OnErrorWish, Planning};
use crate::cli::{Cli, one, usage};
use crate::model::address::Address;
use crate::model::desired::{Desired, OnError, Runbook};
use crate::model::plan::Plan;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads the config; prints its warnings.
pub(crate) fn config(cli: &Cli) -> Result<Desired, Problems> {
    let config = load::config(&cli.global.config)?;
    if !cli.global.quiet {
        cli.output.warnings(&config.warnings);
    }
    Ok(config.desired)
}

/// Where state lives.
pub(crate) fn state_dir(cli: &Cli, desired: Option<&Desired>) -> PathBuf {
    match (&cli.global.state_dir, desired) {
        (Some(dir), _) => dir.clone(),
        (None, Some(desired)) => desired.state_dir.clone(),
        (None, None) => cli.global.config.parent().unwrap_or(Path::new("")).join(".dbb"),
    }
}

/// Reads a runbook; `-` is standard input.
pub(crate) fn runbook(file: &str, desired: &Desired) -> Result<Runbook, Problems> {
    if file == "-" {
        let mut text = String::new();
        let limit = crate::base::limits::CONFIG_BYTES_MAX;
        std::io::stdin()
            .take(limit + 1)
            .read_to_string(&mut text)
            .map_err(|e| one(usage("standard input could not be read").cause(e.to_string())))?;
        return load::runbook("-", Some(&text), desired);
    }
    load::runbook(file, None, desired)
}

/// The command line's wishes for a plan.
pub(crate) fn wishes(planning: &Planning) -> Result<planning::Wishes, Problems> {
    if let Some(now) = &planning.now
        && !matches!(now.as_str(), "due" | "full")
    {
        return Err(one(usage(format!("\"--now {now}\" is not known")).fix("write --now, or --now full")));
    }
    Ok(planning::Wishes {
        targets: planning.target.iter().map(|a| Address(a.clone())).collect(),
        excludes: planning.exclude.iter().map(|a| Address(a.clone())).collect(),
        now: planning.now.is_some(),
        jobs: planning.jobs,
        compression: planning.compression,
        on_error: planning.on_error.map(|wish| match wish {
            OnErrorWish::Stop => OnError::Stop,
            OnErrorWish::Continue => OnError::Continue,
        }),
        lock_timeout: planning.lock_timeout,
    })
}

/// Makes a plan: of the runbook when there is one, else of the config's backups.
pub(crate) async fn make_plan(
    cli: &Cli,
    desired: &Desired,
    runbook_file: Option<&str>,
    wishes: &planning::Wishes,
) -> Result<Plan, Problems> {
    match runbook_file {
        Some(file) => {
            let runbook = runbook(file, desired)?;
            planning::restore(&cli.app, desired, &runbook, wishes).await.map_err(one)
        }
        None => planning::backup(&cli.app, desired, wishes).await.map_err(one),
    }
}

/// JSON for a result.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Problems> {
    serde_json::to_string_pretty(value).map_err(|e| one(crate::error::Error::bug(e.to_string())))
}
