//! Paths of the config, made absolute without looking at the disk.

use std::path::{Component, Path, PathBuf};

/// `path` as seen from the directory `dir`, with `.` and `..` taken out.
pub fn join(dir: &Path, path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in dir.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_file_that_holds_them() {
        let at = |path| join(Path::new("/etc/dbb"), Path::new(path)).display().to_string();
        assert_eq!(at("ca.pem"), "/etc/dbb/ca.pem");
        assert_eq!(at("../tls/./ca.pem"), "/etc/tls/ca.pem");
        assert_eq!(at("../../../x"), "/x");
        assert_eq!(at("/mnt/x"), "/mnt/x");
    }
}
