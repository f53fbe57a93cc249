//! Files on their way in and out, in pieces.

use super::blocking::blocking;
use super::durable::Unsynced;
use super::temp::TempFile;
use crate::base::limits::PIECE_BYTES;
use crate::error::os;
use crate::error::{Error, Result};
use crate::port::storage::{Download, Put, PutMode, Upload};
use crate::storage::key;
use async_trait::async_trait;
use bytes::Bytes;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// A file being written.
pub(super) struct LocalUpload {
    pub root: PathBuf,
    /// `None` while a task has it, and for good after one failed.
    pub temp: Option<TempFile>,
    pub unsynced: Arc<Unsynced>,
    pub buffer: Vec<u8>,
}

impl LocalUpload {
    async fn flush(&mut self) -> Result<()> {
        let mut temp = self.temp.take().ok_or_else(|| Error::bug("a write to an upload that failed before"))?;
        let (buffer, root) = (std::mem::take(&mut self.buffer), self.root.clone());
        let (temp, mut buffer) = blocking(move || {
            let written = temp.file.write_all(&buffer);
            written.map_err(|error| os::error(&error, "writing to", &root, buffer.len() as u64))?;
            Ok((temp, buffer))
        })
        .await?;
        buffer.clear();
        self.temp = Some(temp);
        self.buffer = buffer;
        Ok(())
    }
}

#[async_trait]
impl Upload for LocalUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.buffer.extend_from_slice(&bytes);
        if self.buffer.len() >= PIECE_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn publish(mut self: Box<Self>, key: &str) -> Result<Put> {
        key::check(key)?;
        if !self.buffer.is_empty() {
            self.flush().await?;
        }
        let LocalUpload { root, temp, unsynced, .. } = *self;
        let mut temp = temp.ok_or_else(|| Error::bug("an upload is published that failed before"))?;
        let to = root.join(key);
        blocking(move || {
            let failed = |error: &std::io::Error| os::error(error, "storing", &to, 0);
            if let Some(folder) = to.parent() {
                unsynced.make_folder(&root, folder).map_err(|error| failed(&error))?;
            }
            let put = temp.name(&to, PutMode::Create).map_err(|error| failed(&error))?;
            // what another process published just now may not be on the disk either
            let file = if put == Put::Stored { temp.file.try_clone().ok() } else { File::open(&to).ok() };
            unsynced.add(&to, file);
            Ok(put)
        })
        .await
    }
}

/// A file being read.
pub(super) struct LocalDownload {
    /// `None` while a task has it, and for good after one failed.
    pub file: Option<File>,
    pub path: PathBuf,
}

#[async_trait]
impl Download for LocalDownload {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        let file = self.file.take().ok_or_else(|| Error::bug("a read from a download that failed before"))?;
        let path = self.path.clone();
        let (file, piece) = blocking(move || {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let read = (&file).take(PIECE_BYTES as u64).read_to_end(&mut piece);
            read.map_err(|error| os::error(&error, "reading", &path, 0))?;
            Ok((file, piece))
        })
        .await?;
        self.file = Some(file);
        Ok((!piece.is_empty()).then(|| piece.into()))
    }
}
