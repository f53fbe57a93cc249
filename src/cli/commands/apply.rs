//! `dbb apply`

use crate::app::apply::{self, Options};
use crate::app::{load, plan as planning};
use crate::cli::arguments::{Apply, Format};
use crate::cli::commands::{config, json, make_plan, state_dir, wishes};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one, usage};
use crate::error::{Error, Exit, code};
use crate::model::address::Address;
use crate::model::plan::{NoticeLevel, Plan};
use crate::model::report::Report;
use std::path::Path;

pub async fn run(cli: &Cli, arguments: Apply) -> Outcome {
    if let Some(file) = arguments.file.as_deref().filter(|file| *file != "-" && !Path::new(file).exists()) {
        return Err(one(Error::new(code::PLAN_MISSING, format!("there is no plan or runbook {file}"))
            .fix("save a plan: dbb plan -o FILE, or write a runbook: dbb runbook DATABASE --to TARGET")));
    }
    let saved = arguments.file.as_deref().filter(|file| is_plan(file));
    if saved.is_none() && !arguments.auto_approve && !cli.output.can_ask {
        return Err(one(usage("apply without a saved plan needs a terminal to ask, or --auto-approve")
            .fix("save a plan and apply it: dbb plan -o plan.json, then dbb apply plan.json")
            .fix("or let it go without asking: dbb apply --auto-approve")));
    }
    let desired = config(cli)?;
    let plan = match saved {
        Some(file) => planning::load(&cli.app, &desired, Path::new(file)).await.map_err(one)?,
        None => {
            let wishes = wishes(&arguments.planning)?;
            make_plan(cli, &desired, arguments.file.as_deref(), &wishes).await?
        }
    };
    if !cli.global.quiet {
        cli.output.message(&view::plan::text(&plan, None, &cli.output.err));
    }
    let blocked: Vec<_> = plan.notices.iter().filter(|n| n.level == NoticeLevel::Error).collect();
    if plan.graph.steps.is_empty() {
        return match blocked.first() {
            // the plan above has told of it already
            Some(notice) if !cli.global.quiet => Ok(Error::from(notice.failure.clone()).code().exit),
            Some(notice) => Err(one(notice.failure.clone().into())),
            None => Ok(Exit::Done),
        };
    }
    // databases count in the report, by the success rule; anything else fails the command
    let failed_before = blocked.iter().filter(|n| !n.about.as_ref().is_some_and(is_database)).count();
    if saved.is_none() && !arguments.auto_approve && !cli.output.ask("\nDo it? Only \"yes\" does:") {
        cli.output.message("Nothing was done.");
        return Ok(Exit::Done);
    }
    let options = Options { interrupt: cli.interrupt.clone(), require_all: arguments.require_all };
    let report = carry_out(cli, &state_dir(cli, Some(&desired)), plan, options).await?;
    finish(cli, &report, arguments.format, failed_before)
}

async fn carry_out(cli: &Cli, state_dir: &Path, plan: Plan, options: Options) -> Result<Report, crate::app::Problems> {
    apply::apply(&cli.app, state_dir, plan, options).await.map_err(one)
}

/// Prints the report and says how the command ends. What could not even be planned counts as failed.
pub(crate) fn finish(cli: &Cli, report: &Report, format: Format, failed_before: usize) -> Outcome {
    match format {
        Format::Text => cli.output.result(&view::report::text(report, &cli.output.out)),
        Format::Json => cli.output.result(&json(report)?),
    }
    let exit = apply::exit(report);
    Ok(if exit == Exit::Done && failed_before > 0 { Exit::Failed } else { exit })
}

fn is_database(about: &Address) -> bool {
    *about == Address::database(about.name())
}

/// A saved plan begins with a brace and, unlike a runbook that is written as JSON, is none.
fn is_plan(file: &str) -> bool {
    let mut first = [0u8; 64];
    let Ok(mut open) = std::fs::File::open(file) else { return file.ends_with(".json") };
    let read = std::io::Read::read(&mut open, &mut first).unwrap_or(0);
    let braced = first[..read].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    braced && !load::is_runbook(file)
}
