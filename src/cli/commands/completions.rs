//! `dbb completions`

use crate::cli::arguments::{Arguments, Completions};
use crate::cli::{Cli, Outcome};
use crate::error::Exit;
use clap::CommandFactory;

pub fn run(cli: &Cli, arguments: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "dbb", &mut script);
    cli.output.result(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
