//! `dbb resume`

use crate::app::apply::Options;
use crate::app::resume;
use crate::cli::arguments::Resume;
use crate::cli::commands::{apply, config, state_dir};
use crate::cli::{Cli, Outcome, one};

pub async fn run(cli: &Cli, arguments: Resume) -> Outcome {
    // a run holds all that it needs: the config only says where state lives
    let dir = match &cli.global.state_dir {
        Some(dir) => dir.clone(),
        None => state_dir(cli, config(cli).ok().as_ref()),
    };
    let options = Options { interrupt: cli.interrupt.clone(), require_all: arguments.require_all };
    let report = resume::resume(&cli.app, &dir, arguments.run.as_deref(), options).await.map_err(one)?;
    apply::finish(cli, &report, arguments.format, 0)
}
