//! `dbb show`

use crate::app::show::Shown;
use crate::cli::arguments::{Format, Show};
use crate::cli::commands::{config, json, state_dir};
use crate::cli::view;
use crate::cli::{Cli, Outcome, one};
use crate::error::Exit;

pub async fn run(cli: &Cli, arguments: Show) -> Outcome {
    let desired = match std::path::Path::new(&arguments.what).is_file() {
        true => None,
        false => Some(config(cli)?),
    };
    let dir = state_dir(cli, desired.as_ref());
    let shown = crate::app::show::show(&cli.app, desired.as_ref(), &dir, &arguments.what).await.map_err(one)?;
    let style = &cli.output.out;
    let text = match (arguments.format, &shown) {
        (Format::Text, Shown::Snapshot { repository, header, catalog }) => {
            view::show::snapshot(repository, header, catalog, style)
        }
        (Format::Text, Shown::Plan(plan)) => view::plan::text(plan, None, style),
        (Format::Text, Shown::Run { line, report }) => view::show::run(line, report.as_deref(), style),
        (Format::Json, Shown::Snapshot { header, .. }) => json(header)?,
        (Format::Json, Shown::Plan(plan)) => json(plan)?,
        (Format::Json, Shown::Run { line, report }) => match report {
            Some(report) => json(report)?,
            None => json(line)?,
        },
    };
    cli.output.result(&text);
    Ok(Exit::Done)
}
