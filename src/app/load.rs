//! Reads the config and runbooks; all problems of all files come back at once.

use crate::app::Problems;
use crate::base::{files, limits};
use crate::config;
use crate::error::Error;
use crate::model::desired::{Desired, Runbook};
use crate::secret::files::RealFiles;
use std::path::Path;

/// A config that holds, and what to know of it.
pub struct Config {
    /// The config.
    pub desired: Desired,
    /// Warnings.
    pub warnings: Vec<Error>,
}

/// Reads the config at `file`.
///
/// # Errors
/// `DBB-CONFIG-*`, all of them.
pub fn config(file: &Path) -> Result<Config, Problems> {
    let loaded = config::load(&RealFiles, file);
    match loaded.desired {
        Some(desired) if loaded.problems.is_empty() => Ok(Config { desired, warnings: loaded.warnings }),
        _ => Err(loaded.problems),
    }
}

/// Reads a runbook: a file, or `text` from standard input.
///
/// # Errors
/// `DBB-CONFIG-*`, all of them.
pub fn runbook(file: &str, text: Option<&str>, desired: &Desired) -> Result<Runbook, Problems> {
    let source = match text {
        Some(text) => config::Source::Text(text),
        None => config::Source::File(Path::new(file)),
    };
    let (runbook, problems) = config::load_runbook(&RealFiles, source, desired);
    match runbook {
        Some(runbook) if problems.is_empty() => Ok(runbook),
        _ => Err(problems),
    }
}

/// True when a file is meant as a runbook, not as a config.
pub fn is_runbook(file: &str) -> bool {
    files::read(Path::new(file), limits::CONFIG_BYTES_MAX).is_ok_and(|text| config::is_runbook(&text))
}
