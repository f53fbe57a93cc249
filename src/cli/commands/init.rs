//! `dbb init`

use crate::base::files;
use crate::cli::arguments::Init;
use crate::cli::{Cli, Outcome, one, usage};
use crate::error::{Error, Exit, code};
use std::path::Path;

pub async fn run(cli: &Cli, arguments: Init) -> Outcome {
    let path = Path::new(&arguments.output);
    if arguments.output != "-" && path.exists() {
        return Err(one(usage(format!("{} exists and is left as it is", arguments.output))
            .fix("write elsewhere: -o FILE, or print: -o -")));
    }
    let folder = std::path::absolute(path)
        .ok()
        .and_then(|p| p.parent().and_then(|d| d.file_name()).map(|n| n.to_string_lossy().into_owned()));
    let project = folder.filter(|name| !name.is_empty()).unwrap_or_else(|| "my-project".into());
    let text =
        crate::app::init::write(&cli.app, &project, &arguments.servers, &arguments.repository).await.map_err(one)?;
    if arguments.output == "-" {
        cli.output.result(&text);
        return Ok(Exit::Done);
    }
    files::write(path, text.as_bytes()).map_err(|e| {
        one(Error::new(code::STORAGE_IO, format!("{} could not be written", arguments.output)).cause(e.to_string()))
    })?;
    cli.output.result(&format!("Wrote {}. Look it over, then: dbb validate, dbb doctor, dbb plan.", arguments.output));
    Ok(Exit::Done)
}
