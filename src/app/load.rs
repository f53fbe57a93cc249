//! Reads the config and runbooks; all problems of all files come back at once.

use crate::app::{App, Problems};
use crate::config;
use crate::error::Error;
use crate::model::desired::{Desired, Runbook};
use crate::secret::files::SystemFiles;
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
    let loaded = config::load(&SystemFiles, file);
    match loaded.desired {
        Some(desired) if loaded.problems.is_empty() => Ok(Config { desired, warnings: loaded.warnings }),
        _ => Err(loaded.problems),
    }
}

/// Reads a runbook: a file, or `text` from standard input.
///
/// # Errors
/// `DBB-CONFIG-*`, all of them.
pub fn runbook(_app: &App, file: &str, text: Option<&str>, desired: &Desired) -> Result<Runbook, Problems> {
    let (runbook, problems) = config::load_runbook(&SystemFiles, file, text, desired);
    match runbook {
        Some(runbook) if problems.is_empty() => Ok(runbook),
        _ => Err(problems),
    }
}

/// True when a file says `kind:` at its top: a runbook, not a config.
pub fn is_runbook(file: &str) -> bool {
    let Ok(text) = crate::base::files::read(Path::new(file), crate::base::limits::CONFIG_BYTES_MAX) else {
        return false;
    };
    String::from_utf8_lossy(&text).lines().any(|line| line.starts_with("kind:"))
}
