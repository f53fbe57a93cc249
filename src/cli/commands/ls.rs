//! `dbb ls`

use crate::cli::arguments::{Format, Ls};
use crate::cli::commands::{config, json};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;

pub async fn run(cli: &Cli, arguments: Ls) -> Outcome {
    let desired = config(cli)?;
    let (found, lines) =
        crate::app::ls::list(&desired, &arguments.snapshot, arguments.pattern.as_deref()).await.map_err(one)?;
    match arguments.format {
        Format::Text => cli.output.result(&view::ls::text(&found.header, &lines, &cli.output.out)),
        Format::Json => cli.output.result(&json(&lines)?),
    }
    Ok(Exit::Done)
}
