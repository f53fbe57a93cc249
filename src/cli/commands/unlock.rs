//! `dbb unlock`

use crate::cli::arguments::Unlock;
use crate::cli::commands::{config, state_dir};
use crate::cli::{Cli, Outcome, one, usage};
use crate::error::Exit;

pub async fn run(cli: &Cli, arguments: Unlock) -> Outcome {
    if arguments.reason.trim().is_empty() {
        return Err(one(
            usage("a reason must say something").fix("write why it is safe: --reason \"the host is gone\"")
        ));
    }
    let dir = match &cli.global.state_dir {
        Some(dir) => dir.clone(),
        None => state_dir(cli, Some(&config(cli)?)),
    };
    let whose = crate::app::unlock::unlock(&cli.app, &dir, &arguments.id, &arguments.reason).await.map_err(one)?;
    cli.output.result(&format!("The lock {} of {whose} is broken.", arguments.id));
    Ok(Exit::Done)
}
