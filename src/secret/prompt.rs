//! Secrets from a person at a terminal.

use crate::base::secret::Secret;
use crate::error::{Error, Result, code};
use std::io::IsTerminal;

/// Asks on the terminal, without echo. Where there is no terminal it is an error: nothing may hang.
pub async fn resolve(text: String) -> Result<Secret> {
    let refused = |cause: String| {
        Error::new(code::SECRET_MISSING, "a secret is to be asked for, but there is no terminal to ask on")
            .cause(cause)
            .fix("run dbb on a terminal")
            .fix("take the secret from {env: }, {file: } or {command: } where nobody can answer")
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused("standard input is not a terminal".to_owned()));
    }
    let question = format!("{}: ", text.trim_end_matches([':', ' ']));
    let asked = tokio::task::spawn_blocking(move || rpassword::prompt_password(question));
    let answer =
        asked.await.map_err(|error| refused(error.to_string()))?.map_err(|error| refused(error.to_string()))?;
    if answer.is_empty() {
        return Err(Error::new(code::SECRET_MISSING, format!("nothing was entered for \"{text}\""))
            .fix("run dbb again and enter the secret"));
    }
    Ok(Secret::new(answer))
}
