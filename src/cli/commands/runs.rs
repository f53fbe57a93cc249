//! `dbb runs`

use crate::cli::arguments::{Format, Runs};
use crate::cli::commands::{config, json, state_dir};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;

pub async fn run(cli: &Cli, arguments: Runs) -> Outcome {
    let dir = match &cli.global.state_dir {
        Some(dir) => dir.clone(),
        None => state_dir(cli, Some(&config(cli)?)),
    };
    let runs = crate::app::runs::list(&dir).map_err(one)?;
    match arguments.format {
        Format::Text => cli.output.result(&view::runs::text(&runs, &cli.output.out)),
        Format::Json => cli.output.result(&json(&runs)?),
    }
    Ok(Exit::Done)
}
