//! References to secrets: that they can be followed, never what is behind them.

use super::{At, Context};
use crate::config::raw::secret::RawSecret;
use crate::error::{Error, code};
use crate::model::desired::SecretRef;
use std::path::Path;

/// A secret's source.
pub fn secret(raw: Option<RawSecret>, at: &At<'_>, context: &mut Context<'_>) -> Option<SecretRef> {
    let raw = raw?;
    if let Some(name) = raw.env {
        let is_good = !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_good {
            // what stands here may be the secret itself: it is not repeated
            let problem = at
                .key("env")
                .key_error(
                    code::CONFIG_VALUE,
                    format!("{} must be the name of a variable", at.key("env").name()),
                    "not a name",
                )
                .fix("give the name only: letters, digits and _, without $ and not the secret itself");
            context.findings.problem(problem);
            return None;
        }
        return Some(SecretRef::Env(name));
    }
    if let Some(file) = raw.file {
        let file = at.path(&file);
        permissions(&file, &at.key("file"), context);
        return Some(SecretRef::File(file));
    }
    if let Some(command) = raw.command {
        if command.first().is_none_or(String::is_empty) {
            let problem = at
                .key("command")
                .key_error(code::CONFIG_VALUE, format!("{} names no program", at.key("command").name()), "no program")
                .fix("write the program and its arguments as a list: [pass, show, db/orders]");
            context.findings.problem(problem);
            return None;
        }
        return Some(SecretRef::Command(command));
    }
    raw.prompt.map(SecretRef::Prompt)
}

/// Warns of a file with a secret that others may read. One that is not there is no concern of the config.
pub fn permissions(file: &Path, at: &At<'_>, context: &mut Context<'_>) {
    if let Ok(true) = context.files.is_open_to_others(file) {
        let message = format!("{} may be read by others than its owner", file.display());
        let warning: Error = at
            .error(code::SECRET_PERMISSIONS, message, "open to others")
            .fix(format!("run: chmod 600 {}", file.display()));
        context.findings.warning(warning);
    }
}
