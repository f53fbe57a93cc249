//! What was published and may not be on the disk yet. Many small objects are
//! synced together, once, before the commit point that names them.

use super::blocking::blocking;
use crate::base::files;
use crate::base::limits::SYNC_FILES_MAX;
use crate::error::os;
use crate::error::{Error, Result, code};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What waits for a sync.
#[derive(Default)]
pub(super) struct Unsynced {
    waiting: Mutex<Waiting>,
    /// One sync at a time: whoever comes second must not return before the first is through.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    files: Vec<PathBuf>,
    /// Kept open, so that the system tells of write errors since.
    open: Vec<File>,
    folders: BTreeSet<PathBuf>,
    /// Some file system handle opened before the first write: syncing it tells of all errors since.
    root: Option<Arc<File>>,
    /// A sync failed: what was written before may be lost, and the system tells so only once.
    failed: Option<Error>,
}

impl Unsynced {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the root, before anything is written below it.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn watch(&self, root: &Path) -> io::Result<()> {
        let mut waiting = self.lock();
        if waiting.root.is_none() {
            waiting.root = Some(Arc::new(File::open(root)?));
        }
        Ok(())
    }

    /// Remembers a file that has its name now.
    pub fn add(&self, path: &Path, file: Option<File>) {
        let mut waiting = self.lock();
        waiting.files.push(path.to_owned());
        match file {
            Some(file) if waiting.files.len() <= SYNC_FILES_MAX => waiting.open.push(file),
            _ => {}
        }
        if waiting.files.len() > SYNC_FILES_MAX {
            waiting.open.clear();
        }
        waiting.folders.extend(path.parent().map(Path::to_owned));
    }

    /// Makes the folder of `path` below `root`; its parents are remembered, not synced.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn make_folder(&self, root: &Path, folder: &Path) -> io::Result<()> {
        use rustix::fs::Mode;
        match rustix::fs::mkdir(folder, Mode::RWXU) {
            Ok(()) => {
                rustix::fs::chmod(folder, Mode::RWXU)?;
                self.lock().folders.extend(folder.parent().map(Path::to_owned));
                Ok(())
            }
            Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(rustix::io::Errno::NOENT) if folder != root => match folder.parent() {
                Some(parent) if parent.starts_with(root) => {
                    self.make_folder(root, parent)?;
                    self.make_folder(root, folder)
                }
                _ => Err(io::ErrorKind::NotFound.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Makes all of it survive a power cut.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`; after a failure always: what is lost stays lost
    pub async fn sync(&self, root: &Path) -> Result<()> {
        let _turn = self.turn.lock().await;
        let (work, whole) = {
            let mut waiting = self.lock();
            if let Some(error) = &waiting.failed {
                return Err(error.clone());
            }
            let rest = Waiting { root: waiting.root.clone(), ..Waiting::default() };
            (std::mem::replace(&mut *waiting, rest), root.to_owned())
        };
        let result = blocking(move || work.sync(&whole)).await;
        if let Err(error) = &result {
            self.lock().failed = Some(error.clone());
        }
        result
    }
}

impl Waiting {
    fn sync(self, root: &Path) -> Result<()> {
        if self.files.is_empty() && self.folders.is_empty() {
            return Ok(());
        }
        let failed = |error: &io::Error, path: &Path| {
            os::error(error, "syncing", path, 0)
                .cause("what was stored by this process may be lost")
                .fix("Find out what ails the disk before the next backup.")
                .transient(false)
        };
        #[cfg(target_os = "linux")]
        if let Some(handle) = self.root.as_deref().filter(|_| self.files.len() > SYNC_FILES_MAX) {
            return rustix::fs::syncfs(handle).map_err(|error| failed(&error.into(), root));
        }
        if self.open.len() == self.files.len() {
            for (file, path) in self.open.iter().zip(&self.files) {
                file.sync_all().map_err(|error| failed(&error, path))?;
            }
        } else {
            for path in &self.files {
                File::open(path).and_then(|file| file.sync_all()).map_err(|error| failed(&error, path))?;
            }
        }
        for folder in &self.folders {
            files::sync_dir(folder).map_err(|error| failed(&error, folder))?;
        }
        if root.exists() {
            return Ok(());
        }
        Err(Error::new(code::STORAGE_IO, format!("{} is gone", root.display()))
            .fix("Look whether the file system is still mounted."))
    }
}
