//! `dbb validate`

use crate::app::load;
use crate::base::units;
use crate::cli::arguments::{Format, Validate};
use crate::cli::commands::json;
use crate::cli::{Cli, Outcome};
use crate::error::{Error, Exit};
use std::path::Path;

pub async fn run(cli: &Cli, arguments: Validate) -> Outcome {
    let (configs, runbooks): (Vec<&String>, Vec<&String>) =
        arguments.files.iter().partition(|file| !load::is_runbook(file));
    let root = configs.first().map_or(cli.global.config.as_path(), |file| Path::new(file));
    let mut problems: Vec<Error> = Vec::new();
    let mut loaded = None;
    match load::config(root) {
        Ok(config) => {
            cli.output.warnings(&config.warnings);
            loaded = Some(config.desired);
        }
        Err(found) => problems.extend(found),
    }
    for file in configs.iter().skip(1) {
        match load::config(Path::new(file)) {
            Ok(config) => cli.output.warnings(&config.warnings),
            Err(found) => problems.extend(found),
        }
    }
    for file in &runbooks {
        // without a config that holds, names cannot be looked up: its own problems come first
        if let Some(desired) = &loaded
            && let Err(found) = load::runbook(file, None, desired)
        {
            problems.extend(found);
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if let (true, Some(desired)) = (arguments.resolved, &loaded) {
        cli.output.result(&json(&crate::config::resolved(desired))?);
        return Ok(Exit::Done);
    }
    match arguments.format {
        Format::Json => cli.output.result("[]"),
        Format::Text => {
            let files = if arguments.files.is_empty() {
                cli.global.config.display().to_string()
            } else {
                arguments.files.join(", ")
            };
            let what = loaded.map_or(String::new(), |d| {
                let parts = [
                    (d.servers.len(), "server", "servers"),
                    (d.databases.len(), "database entry", "database entries"),
                    (d.targets.len(), "target", "targets"),
                ];
                let parts = parts.map(|(number, one, many)| units::counted(number as u64, one, many));
                format!(": {}", parts.join(", "))
            });
            cli.output.result(&format!("{files} is valid{what}."));
        }
    }
    Ok(Exit::Done)
}
