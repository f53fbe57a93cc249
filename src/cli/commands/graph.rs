//! `dbb graph`

use crate::app::graph::{Language, draw};
use crate::cli::arguments::{Graph, GraphFormat};
use crate::cli::commands::{config, make_plan, wishes};
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;

pub async fn run(cli: &Cli, arguments: Graph) -> Outcome {
    let desired = config(cli)?;
    let wishes = wishes(&arguments.planning)?;
    let plan = make_plan(cli, &desired, arguments.runbook.as_deref(), &wishes).await?;
    let language = match arguments.format {
        GraphFormat::Dot => Language::Dot,
        GraphFormat::Mermaid => Language::Mermaid,
        GraphFormat::Json => Language::Json,
    };
    if let Some(error) = crate::plan::blocked(&plan) {
        return Err(one(error));
    }
    cli.output.result(&draw(&plan, language, arguments.full));
    Ok(Exit::Done)
}
