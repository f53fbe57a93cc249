//! Storage in a directory. Files are 0600 and folders 0700 whatever the umask.
//! Everything is written beside (`tmp/`) and then gets its name, so that a name
//! always stands for a whole file; `sync` makes the names survive a power cut.

mod blocking;
mod durable;
mod temp;
mod transfer;

use crate::base::files;
use crate::error::{Error, Result, code, os};
use crate::port::storage::{Download, Entry, Put, PutMode, Storage, StorageCapabilities, Upload};
use crate::storage::key::{self, UNFINISHED};
use async_trait::async_trait;
use blocking::blocking;
use bytes::Bytes;
use durable::Unsynced;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use temp::TempFile;
use transfer::{LocalDownload, LocalUpload};

/// A directory as storage. It is made when something is first written.
pub struct LocalStorage {
    root: PathBuf,
    unsynced: Arc<Unsynced>,
    swept: Arc<AtomicBool>,
}

impl LocalStorage {
    /// The storage at `root`; touches nothing yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        LocalStorage { root: root.into(), unsynced: Arc::default(), swept: Arc::default() }
    }

    fn path(&self, key: &str) -> Result<PathBuf> {
        key::check(key)?;
        Ok(self.root.join(key))
    }

    /// A new unfinished file; the first time, what killed processes left behind is removed.
    async fn temp(&self) -> Result<TempFile> {
        let (root, folder) = (self.root.clone(), self.root.join(UNFINISHED));
        let (unsynced, swept) = (self.unsynced.clone(), self.swept.clone());
        blocking(move || {
            let start = || {
                files::create_dir(&root)?;
                unsynced.watch(&root)?;
                if !swept.swap(true, Ordering::Relaxed) {
                    temp::sweep(&folder);
                }
                TempFile::create(&folder)
            };
            start().map_err(|error: io::Error| os::error(&error, "writing to", &root, 0))
        })
        .await
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[async_trait]
impl Storage for LocalStorage {
    fn capabilities(&self) -> StorageCapabilities {
        StorageCapabilities { create_only: true, tells_space: true }
    }

    fn display(&self) -> String {
        self.root.display().to_string()
    }

    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        let to = self.path(key)?;
        let mut temp = self.temp().await?;
        blocking(move || {
            let mut write = || {
                if let Some(folder) = to.parent() {
                    files::create_dir(folder)?;
                }
                temp.file.write_all(&bytes)?;
                temp.file.sync_all()?;
                let put = temp.name(&to, mode)?;
                to.parent().map_or(Ok(()), files::sync_dir)?;
                Ok(put)
            };
            write().map_err(|error: io::Error| os::error(&error, "writing", &to, bytes.len() as u64))
        })
        .await
    }

    async fn upload(&self) -> Result<Box<dyn Upload>> {
        let (root, unsynced) = (self.root.clone(), self.unsynced.clone());
        let temp = Some(self.temp().await?);
        Ok(Box::new(LocalUpload { root, temp, unsynced, buffer: Vec::new() }))
    }

    async fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Bytes>> {
        let path = self.path(key)?;
        blocking(move || match files::read(&path, bytes_max) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                Err(Error::new(code::STORAGE_IO, format!("{} is larger than {bytes_max} bytes", path.display()))
                    .transient(false))
            }
            Err(error) => Err(os::error(&error, "reading", &path, 0)),
        })
        .await
    }

    async fn open(&self, key: &str) -> Result<Option<Box<dyn Download>>> {
        let path = self.path(key)?;
        let open = path.clone();
        let file = blocking(move || match File::open(&open) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(os::error(&error, "opening", &open, 0)),
        })
        .await?;
        Ok(file.map(|file| Box::new(LocalDownload { file: Some(file), path }) as Box<dyn Download>))
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        let path = self.path(key)?;
        blocking(move || match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(os::error(&error, "looking at", &path, 0)),
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        key::check_prefix(prefix)?;
        let (root, prefix) = (self.root.clone(), prefix.to_owned());
        blocking(move || {
            let mut found = Vec::new();
            let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
            walk(&root.join(folder), folder, &prefix, &mut found)?;
            found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            Ok(found)
        })
        .await
    }

    async fn occupied(&self) -> Result<bool> {
        let root = self.root.clone();
        blocking(move || {
            let failed = |error: &io::Error| os::error(error, "looking into", &root, 0);
            let entries = match std::fs::read_dir(&root) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(failed(&error)),
            };
            for entry in entries {
                let name = entry.map_err(|error| failed(&error))?.file_name();
                // a fresh mount brings lost+found or hidden folders of its own
                if name != UNFINISHED && name != "lost+found" && !name.as_encoded_bytes().starts_with(b".") {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        blocking(move || match std::fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(os::error(&error, "removing", &path, 0)),
        })
        .await
    }

    async fn sync(&self) -> Result<()> {
        self.unsynced.sync(&self.root).await
    }

    async fn free_bytes(&self) -> Result<Option<u64>> {
        let root = self.root.clone();
        blocking(move || match files::space(&root) {
            Ok((free, _)) => Ok(Some(free)),
            Err(error) => Err(os::error(&error, "asking for the free space of", &root, 0)),
        })
        .await
    }
}

/// Adds the files below `folder` (whose key is `at`) that begin with `prefix`.
fn walk(folder: &Path, at: &str, prefix: &str, found: &mut Vec<Entry>) -> Result<()> {
    let failed = |error: &io::Error| os::error(error, "listing", folder, 0);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(failed(&error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error))?;
        // names that cannot be keys are not dbb's
        let Ok(name) = entry.file_name().into_string() else { continue };
        let key = if at.is_empty() { name } else { format!("{at}/{name}") };
        if key::check(&key).is_err() {
            continue;
        }
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        if kind.is_dir() && (prefix.starts_with(&key) || key.starts_with(prefix)) {
            walk(&entry.path(), &key, prefix, found)?;
        } else if kind.is_file() && key.starts_with(prefix) {
            match entry.metadata() {
                Ok(data) => found.push(Entry { key, bytes: data.len() }),
                // deleted while we look
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
    }
    Ok(())
}
