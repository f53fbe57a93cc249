//! `dbb doctor`

use crate::cli::arguments::{Doctor, Format};
use crate::cli::commands::{config, json};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::{Error, Exit};

pub async fn run(cli: &Cli, arguments: Doctor) -> Outcome {
    let desired = config(cli)?;
    let sections = crate::app::doctor::doctor(&cli.app, &desired, arguments.server.as_deref()).await.map_err(one)?;
    match arguments.format {
        Format::Text => cli.output.result(&view::doctor::text(&sections, &cli.output.out)),
        Format::Json => cli.output.result(&json(&sections)?),
    }
    let worst = sections.iter().flat_map(|s| &s.checks).find(|c| !c.warning && c.failure.is_some());
    Ok(match worst.and_then(|c| c.failure.clone()) {
        Some(failure) => Error::from(failure).code().exit,
        None => Exit::Done,
    })
}
