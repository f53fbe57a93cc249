//! `dbb plan`

use crate::app::plan as planning;
use crate::cli::arguments::{Plan, PlanFormat};
use crate::cli::commands::{config, json, make_plan, wishes};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;
use crate::model::plan::ChangeKind;

pub async fn run(cli: &Cli, arguments: Plan) -> Outcome {
    let desired = config(cli)?;
    let wishes = wishes(&arguments.planning)?;
    let plan = make_plan(cli, &desired, arguments.runbook.as_deref(), &wishes).await?;
    let saved = match &arguments.output {
        Some(path) => Some((path.display().to_string(), planning::save(&plan, path).map_err(one)?)),
        None => None,
    };
    match arguments.format {
        PlanFormat::Text => {
            let saved = saved.as_ref().map(|(path, digest)| (path.as_str(), digest.as_str()));
            cli.output.result(&view::plan::text(&plan, saved, &cli.output.out));
        }
        PlanFormat::Json => cli.output.result(&json(&plan)?),
        PlanFormat::Markdown => cli.output.result(&view::plan::markdown(&plan)),
    }
    // what cannot be planned at all is a failure of the command; the rest of the plan was shown
    if let Some(error) = crate::plan::blocked(&plan) {
        // the text has told of it already
        return if arguments.format == PlanFormat::Text { Ok(error.code().exit) } else { Err(one(error)) };
    }
    if !arguments.detailed_exitcode {
        return Ok(Exit::Done);
    }
    let changes = plan.changes.iter().any(|c| c.kind != ChangeKind::Keep);
    let destructive = plan.changes.iter().any(|c| c.destructive);
    Ok(match (changes, destructive) {
        (_, true) => Exit::Destructive,
        (true, false) => Exit::Changes,
        (false, false) => Exit::Done,
    })
}
