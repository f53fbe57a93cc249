//! Secrets and paths from the environment.

use crate::base::secret::Secret;
use crate::error::{Error, Result, code};
use std::path::PathBuf;

/// The value of a variable.
pub fn resolve(name: &str) -> Result<Secret> {
    let missing = |why: &str| {
        Error::new(code::SECRET_MISSING, format!("the environment variable {name} {why}"))
            .fix(format!("set {name} in the environment that starts dbb (in a unit file, a CI secret, a shell)"))
            .fix("check the name: letter case counts")
    };
    #[expect(clippy::disallowed_methods, reason = "this is the door for secrets")]
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Err(missing("is empty")),
        Ok(value) => Ok(Secret::new(value)),
        Err(std::env::VarError::NotPresent) => Err(missing("is not set")),
        Err(std::env::VarError::NotUnicode(_)) => Err(missing("does not hold UTF-8 text")),
    }
}

/// Where PostgreSQL's password file is: `PGPASSFILE`, else `~/.pgpass`.
pub fn password_file() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    of("PGPASSFILE").or_else(|| of("HOME").map(|home| home.join(".pgpass")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = super::resolve("DBB_NO_SUCH_VARIABLE").expect_err("refused");
        assert_eq!(error.code(), crate::error::code::SECRET_MISSING);
        assert!(error.message().contains("DBB_NO_SUCH_VARIABLE"));
        assert!(!super::resolve("PATH").expect("set everywhere").expose().is_empty());
    }
}
