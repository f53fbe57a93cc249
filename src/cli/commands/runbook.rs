//! `dbb runbook`

use crate::cli::arguments::Runbook;
use crate::cli::commands::config;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;

pub async fn run(cli: &Cli, arguments: Runbook) -> Outcome {
    let desired = config(cli)?;
    let text = crate::app::runbook::write(&desired, &arguments.what, &arguments.to, arguments.at.as_deref())
        .await
        .map_err(one)?;
    cli.output.result(&text);
    Ok(Exit::Done)
}
