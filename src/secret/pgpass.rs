//! PostgreSQL's password file, by libpq's rules ("The Password File" in its manual).

use crate::base::secret::Secret;
use crate::error::{Error, Result, code};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a password file.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Where servers put their sockets by default: libpq looks such a directory up as `localhost`.
const DEFAULT_SOCKET_DIRS: [&str; 3] = ["/tmp", "/var/run/postgresql", "/run/postgresql"];

/// A password file in memory.
pub struct PasswordFile(Zeroizing<Vec<u8>>);

impl PasswordFile {
    /// Reads it; `None` when there is none.
    ///
    /// # Errors
    /// `DBB-SECRET-PERMISSIONS`, `DBB-SECRET-MISSING`: why it is ignored, as libpq would; meant as a warning.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let shown = path.display();
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Error::new(code::SECRET_MISSING, format!("{shown} cannot be read and is ignored"))
                    .cause(error.to_string())
                    .fix("make it a file of the user who runs dbb, or name another with PGPASSFILE"));
            }
        };
        if !metadata.is_file() {
            return Err(Error::new(code::SECRET_MISSING, format!("{shown} is not a plain file and is ignored"))
                .fix("make it a plain file with mode 0600"));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            let message = format!("{shown} may be read by others than its owner and is ignored");
            return Err(Error::new(code::SECRET_PERMISSIONS, message).fix(format!("run: chmod 600 {shown}")));
        }
        match crate::base::files::read(path, FILE_BYTES_MAX) {
            Ok(bytes) => Ok(Some(PasswordFile(Zeroizing::new(bytes)))),
            Err(error) => Err(Error::new(code::SECRET_MISSING, format!("{shown} cannot be read and is ignored"))
                .cause(error.to_string())
                .fix("make it readable for the user who runs dbb")),
        }
    }

    /// The password of the first line that fits.
    pub fn find(&self, host: &str, port: u16, database: &str, user: &str) -> Option<Secret> {
        let host = if DEFAULT_SOCKET_DIRS.contains(&host.trim_end_matches('/')) { "localhost" } else { host };
        let port = port.to_string();
        self.0.split(|byte| *byte == b'\n').find_map(|line| {
            let line = std::str::from_utf8(line).ok()?.trim_end_matches('\r');
            if line.starts_with('#') {
                return None;
            }
            let rest = [host, &port, database, user].iter().try_fold(line, |rest, want| field(rest, want))?;
            let password = unescape(rest);
            (!password.is_empty()).then(|| Secret::new(password))
        })
    }
}

/// What follows a field that is `want` or `*`.
fn field<'l>(line: &'l str, want: &str) -> Option<&'l str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut rest = line.chars();
    let mut want = want.chars();
    loop {
        match rest.next()? {
            ':' => return want.next().is_none().then_some(rest.as_str()),
            '\\' => {
                let escaped = rest.next()?;
                if want.next() != Some(escaped) {
                    return None;
                }
            }
            plain => {
                if want.next() != Some(plain) {
                    return None;
                }
            }
        }
    }
}

/// The password: up to the end of its field, escapes taken out.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ':' => break,
            '\\' => out.extend(rest.next()),
            plain => out.push(plain),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn find(text: &str, host: &str, database: &str) -> Option<String> {
        let file = PasswordFile(Zeroizing::new(text.as_bytes().to_vec()));
        file.find(host, 5432, database, "dbb").map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn lines_fit_by_field_and_the_first_one_wins() {
        let text = "# db01:5432:orders:dbb:comment\ndb01:5433:*:dbb:port\ndb01:5432:orders:dbb:one\r\n*:*:*:dbb:any\n";
        assert_eq!(find(text, "db01", "orders").as_deref(), Some("one"));
        assert_eq!(find(text, "db01", "shop").as_deref(), Some("any"));
        assert_eq!(find("db01:5432:orders:other:x\n", "db01", "orders"), None);
        assert_eq!(find("db:5432:orders:dbb:x\ndb011:5432:orders:dbb:x\n", "db01", "orders"), None, "no prefixes");
        assert_eq!(find("db01:5432\n\nnonsense\n", "db01", "orders"), None);
    }

    #[test]
    fn escapes_and_sockets_are_libpqs() {
        assert_eq!(find(r"fe80\:\:1:5432:a\\b:dbb:p\:w\\d:more", "fe80::1", r"a\b").as_deref(), Some(r"p:w\d"));
        assert_eq!(find("localhost:*:*:*:pw", "/var/run/postgresql", "x").as_deref(), Some("pw"));
        assert_eq!(find("/srv/pg:*:*:*:pw", "/srv/pg", "x").as_deref(), Some("pw"));
        assert_eq!(find("localhost:*:*:*:pw", "/srv/pg", "x"), None);
    }

    #[test]
    fn a_file_that_others_may_read_is_ignored_and_said() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(b"*:*:*:*:pw").expect("written");
        assert!(PasswordFile::read(file.path()).expect("read").is_some());
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).expect("mode");
        let warning = PasswordFile::read(file.path()).err().expect("refused");
        assert_eq!(warning.code(), code::SECRET_PERMISSIONS);
        assert!(PasswordFile::read(Path::new("/nonexistent/.pgpass")).expect("none").is_none());
    }
}
