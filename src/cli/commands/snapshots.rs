//! `dbb snapshots`

use crate::cli::arguments::{Format, Snapshots};
use crate::cli::commands::{config, json};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;

pub async fn run(cli: &Cli, arguments: Snapshots) -> Outcome {
    let desired = config(cli)?;
    let (found, damaged) =
        crate::app::snapshots::list(&desired, arguments.database.as_deref(), arguments.repository.as_deref())
            .await
            .map_err(one)?;
    let now = cli.app.clock.now();
    match arguments.format {
        Format::Text => cli.output.result(&view::snapshots::text(&found, now, &cli.output.out)),
        Format::Json => cli.output.result(&json(&found.iter().map(|f| &f.header).collect::<Vec<_>>())?),
    }
    if damaged.is_empty() { Ok(Exit::Done) } else { Err(damaged) }
}
