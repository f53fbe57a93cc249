//! Floor 4: where secrets come from. This folder is one of the two doors to the environment.

mod command;
mod env;
pub mod files;
mod pgpass;
mod prompt;

use crate::base::limits;
use crate::base::secret::Secret;
use crate::error::{Error, Result, code};
use crate::model::desired::{SecretRef, ServerSpec};
use crate::port::secret::SecretSource;
use async_trait::async_trait;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

pub use pgpass::PasswordFile;

/// Resolves every kind of reference of the config.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Answers of this run, by prompt: a person is asked once.
    answers: tokio::sync::Mutex<HashMap<String, Secret>>,
    warnings: Mutex<Vec<Error>>,
}

impl Secrets {
    /// A source that has asked nobody yet.
    pub fn new() -> Self {
        Secrets::default()
    }

    /// What was noticed since the last call and is worth a look, e.g. a secret file that others may read.
    pub fn take_warnings(&self) -> Vec<Error> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn warn(&self, warning: Error) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.iter().any(|known| known.message() == warning.message()) {
            tracing::warn!("{warning}");
            warnings.push(warning);
        }
    }

    fn file(&self, path: &Path) -> Result<Secret> {
        let shown = path.display();
        let bytes = crate::base::files::read(path, limits::SECRET_BYTES_MAX).map_err(|error| {
            let failure = Error::new(code::SECRET_MISSING, format!("the secret file {shown} cannot be read"));
            match error.kind() {
                io::ErrorKind::NotFound => {
                    failure.cause("there is no such file").fix(format!("create {shown}, mode 0600"))
                }
                io::ErrorKind::PermissionDenied => failure
                    .cause(error.to_string())
                    .fix(format!("make {shown} readable for the user who runs dbb, and for nobody else")),
                io::ErrorKind::FileTooLarge => failure
                    .cause(format!("it is larger than {}", crate::base::units::bytes(limits::SECRET_BYTES_MAX)))
                    .fix("name the file that holds the secret alone"),
                _ => failure.cause(error.to_string()).fix("check the path in the config"),
            }
        })?;
        if crate::base::files::is_open_to_others(path).unwrap_or(false) {
            self.warn(
                Error::new(code::SECRET_PERMISSIONS, format!("{shown} may be read by others than its owner"))
                    .fix(format!("run: chmod 600 {shown}")),
            );
        }
        one_line(bytes, &format!("the secret file {shown}"))
    }
}

/// Text without its last line ending; empty or binary content is an error that does not show it.
fn one_line(bytes: Vec<u8>, what: &str) -> Result<Secret> {
    let text = zeroize::Zeroizing::new(String::from_utf8(bytes).map_err(|error| {
        drop(zeroize::Zeroizing::new(error.into_bytes()));
        Error::new(code::SECRET_MISSING, format!("{what} does not hold text"))
            .fix("store the secret as one line of UTF-8 text")
    })?);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains('\0') {
        let why = if line.is_empty() { "is empty" } else { "holds a zero byte" };
        return Err(Error::new(code::SECRET_MISSING, format!("{what} {why}")).fix("put the secret there, as one line"));
    }
    Ok(Secret::new(line.to_owned()))
}

#[async_trait]
impl SecretSource for Secrets {
    async fn resolve(&self, reference: &SecretRef) -> Result<Secret> {
        match reference {
            SecretRef::Env(name) => env::resolve(name),
            SecretRef::File(path) => self.file(path),
            SecretRef::Command(argv) => command::resolve(argv).await,
            SecretRef::Prompt(text) => {
                let mut answers = self.answers.lock().await;
                if let Some(answer) = answers.get(text) {
                    return Ok(answer.clone());
                }
                let answer = prompt::resolve(text.clone()).await?;
                answers.insert(text.clone(), answer.clone());
                Ok(answer)
            }
        }
    }

    async fn password(&self, server: &ServerSpec, database: &str) -> Result<Option<Secret>> {
        if let Some(reference) = &server.password {
            return self.resolve(reference).await.map(Some).map_err(|error| {
                error.context(format!("password of \"{}\" on {} ({})", server.user, server.name, server.place))
            });
        }
        let Some(path) = env::password_file() else { return Ok(None) };
        let file = match PasswordFile::read(&path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(None),
            Err(warning) => {
                self.warn(warning);
                return Ok(None);
            }
        };
        let at = [Some(&server.at), server.direct.as_ref()];
        Ok(at.into_iter().flatten().find_map(|at| file.find(&at.host, at.port, database, &server.user)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn file(text: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text).expect("written");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("mode");
        file
    }

    #[tokio::test]
    async fn a_file_gives_its_line_without_the_ending() {
        for (text, secret) in
            [(&b"s3cret\n"[..], "s3cret"), (b"s3cret\r\n", "s3cret"), (b" a b ", " a b "), (b"x\n\n", "x\n")]
        {
            let file = file(text, 0o600);
            let secrets = Secrets::new();
            let found = secrets.resolve(&SecretRef::File(file.path().into())).await.expect("a secret");
            assert_eq!(found.expose(), secret);
            assert!(secrets.take_warnings().is_empty());
        }
    }

    #[tokio::test]
    async fn a_file_that_others_may_read_is_a_warning() {
        let file = file(b"s3cret", 0o644);
        let secrets = Secrets::new();
        secrets.resolve(&SecretRef::File(file.path().into())).await.expect("a secret");
        let warnings = secrets.take_warnings();
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].code(), code::SECRET_PERMISSIONS);
    }

    #[tokio::test]
    async fn what_is_no_secret_is_an_error_that_does_not_show_it() {
        let large = vec![b'x'; limits::SECRET_BYTES_MAX as usize + 1];
        for text in [&b""[..], b"\n", b"h\0idden", b"hidden\xff", &large] {
            let file = file(text, 0o600);
            let error = Secrets::new().resolve(&SecretRef::File(file.path().into())).await.expect_err("refused");
            assert_eq!(error.code(), code::SECRET_MISSING);
            assert!(!error.to_string().contains("idden"), "{error}");
            assert!(!error.fixes().is_empty());
        }
        let missing = SecretRef::File("/nonexistent/secret".into());
        let error = Secrets::new().resolve(&missing).await.expect_err("refused");
        assert_eq!(error.causes(), ["there is no such file"]);
    }
}
