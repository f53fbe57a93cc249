//! Unfinished files: private, locked while their writer lives, gone when it gives up.

use crate::base::files;
use crate::port::storage::{Put, PutMode};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file in the folder of unfinished ones. Dropped before it has a name, it is removed.
pub(super) struct TempFile {
    /// The open file, locked: another process can tell that somebody is at it.
    pub file: File,
    path: PathBuf,
    named: bool,
}

impl TempFile {
    /// A new file in `folder`, mode 0600.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn create(folder: &Path) -> io::Result<Self> {
        files::create_dir(folder)?;
        loop {
            let mut random = [0u8; 12];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let path = folder.join(hex::encode(random));
            let file = files::create_new(&path)?;
            let temp = TempFile { file, path, named: false };
            match rustix::fs::flock(&temp.file, FlockOperation::LockExclusive) {
                // a file system without locks: then nobody can take it for left behind either
                Err(Errno::NOSYS | Errno::NOTSUP | Errno::NOLCK | Errno::INVAL) => return Ok(temp),
                locked => locked?,
            }
            // between creation and lock a sweeper may have taken it for left behind
            if temp.file.metadata()?.nlink() > 0 {
                return Ok(temp);
            }
        }
    }

    /// Moves it to `to`. With `Create`, what is there stays; of two who come at once, one is told.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn name(&mut self, to: &Path, mode: PutMode) -> io::Result<Put> {
        if mode == PutMode::Replace {
            std::fs::rename(&self.path, to)?;
            self.named = true;
            return Ok(Put::Stored);
        }
        self.named = files::rename_new(&self.path, to)?;
        Ok(if self.named { Put::Stored } else { Put::Existed })
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.named {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes what killed processes left in `folder`: files that nobody holds. Returns how many.
pub(super) fn sweep(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let left_behind = |path: &Path| {
        File::open(path).is_ok_and(|file| rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    paths.filter(|path| left_behind(path) && std::fs::remove_file(path).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_nobody_holds_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let held = TempFile::create(folder.path()).unwrap();
        drop(files::create_new(&folder.path().join("left")).unwrap());
        assert_eq!(sweep(folder.path()), 1);
        assert!(held.path.exists());
        let path = held.path.clone();
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn create_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("named");
        for expected in [Put::Stored, Put::Existed] {
            let mut temp = TempFile::create(&folder.path().join("tmp")).unwrap();
            assert_eq!(temp.name(&to, PutMode::Create).unwrap(), expected);
        }
        assert!(to.exists());
        assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    }
}
