//! The config's files on the real file system.

use crate::base::{files, limits};
use crate::config::FileSource;
use std::io;
use std::path::{Path, PathBuf};

/// Directories below a glob's fixed part that are walked at most.
const GLOB_DEPTH_MAX: usize = 8;
/// Entries that are looked at for one glob.
const GLOB_ENTRIES_MAX: usize = 100_000;

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFiles;

impl FileSource for RealFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        files::read(path, limits::CONFIG_BYTES_MAX)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let invalid = |error: globset::Error| io::Error::new(io::ErrorKind::InvalidInput, error.kind().to_string());
        let matcher =
            globset::GlobBuilder::new(pattern).literal_separator(true).build().map_err(invalid)?.compile_matcher();
        let is_wild = |part: &std::ffi::OsStr| part.to_string_lossy().contains(['*', '?', '[', '{']);
        let fixed: PathBuf = Path::new(pattern).iter().take_while(|part| !is_wild(part)).collect();
        if fixed == Path::new(pattern) {
            return Ok(if fixed.is_file() { vec![fixed] } else { Vec::new() });
        }
        let mut found = Vec::new();
        let mut left = GLOB_ENTRIES_MAX;
        walk(&fixed, GLOB_DEPTH_MAX, &mut left, &mut |path| {
            if matcher.is_match(path) {
                found.push(path.to_owned());
            }
        })?;
        found.sort();
        Ok(found)
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    }

    fn is_open_to_others(&self, path: &Path) -> io::Result<bool> {
        files::is_open_to_others(path)
    }
}

/// Visits the files below a directory, hidden ones left out; a directory that is not there has none.
fn walk(dir: &Path, depth: usize, left: &mut usize, visit: &mut dyn FnMut(&Path)) -> io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the pattern looks at too many files"))?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        // a link to a directory is not followed: it may lead back here
        match entry.file_type()? {
            kind if kind.is_dir() && depth > 0 => walk(&path, depth - 1, left, visit)?,
            kind if kind.is_dir() => {}
            _ if path.is_file() => visit(&path),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_find_files_in_order_and_no_hidden_ones() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["b.yaml", "a.yaml", ".hidden.yaml", "sub/c.yaml", "x.txt"] {
            files::write(&dir.path().join(name), b"").expect("written");
        }
        let glob = |pattern: &str| {
            let found = RealFiles.glob(&dir.path().join(pattern).display().to_string()).expect("a glob");
            found
                .iter()
                .filter_map(|path| path.strip_prefix(dir.path()).ok())
                .map(|p| p.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(glob("*.yaml"), ["a.yaml", "b.yaml"]);
        assert_eq!(glob("**/*.yaml"), ["a.yaml", "b.yaml", "sub/c.yaml"]);
        assert_eq!(glob("a.yaml"), ["a.yaml"]);
        assert!(glob("none/*.yaml").is_empty());
    }
}
