//! `dbb schema`

use crate::cli::arguments::{Schema, SchemaName};
use crate::cli::{Cli, Outcome};
use crate::error::Exit;

pub fn run(cli: &Cli, arguments: &Schema) -> Outcome {
    let schema = match arguments.name {
        SchemaName::Config => crate::config::schema::config(),
        SchemaName::Runbook => crate::config::schema::runbook(),
        SchemaName::Plan => crate::plan::schema::plan(),
        SchemaName::Report => crate::plan::schema::report(),
    };
    cli.output.result(&crate::cli::commands::json(&schema)?);
    Ok(Exit::Done)
}
