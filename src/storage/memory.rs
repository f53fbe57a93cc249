//! A storage in memory: the twin that tests of other parts use.

use crate::base::limits::PIECE_BYTES;
use crate::error::{Error, Result, code};
use crate::port::storage::{Download, Entry, Put, PutMode, Storage, StorageCapabilities, Upload};
use crate::storage::key;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Things = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// Keeps everything in memory; clones share it.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    things: Things,
}

fn lock(things: &Things) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
    things.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put(things: &Things, key: &str, bytes: Bytes, mode: PutMode) -> Put {
    let mut things = lock(things);
    if mode == PutMode::Create && things.contains_key(key) {
        return Put::Existed;
    }
    things.insert(key.to_owned(), bytes);
    Put::Stored
}

#[async_trait]
impl Storage for MemoryStorage {
    fn capabilities(&self) -> StorageCapabilities {
        StorageCapabilities { create_only: true, tells_space: false }
    }

    fn display(&self) -> String {
        "memory".to_owned()
    }

    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        key::check(key)?;
        Ok(put(&self.things, key, bytes, mode))
    }

    async fn upload(&self) -> Result<Box<dyn Upload>> {
        Ok(Box::new(MemoryUpload { things: self.things.clone(), bytes: BytesMut::new() }))
    }

    async fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Bytes>> {
        key::check(key)?;
        let found = lock(&self.things).get(key).cloned();
        match found {
            Some(bytes) if bytes.len() as u64 > bytes_max => {
                Err(Error::new(code::STORAGE_IO, format!("\"{key}\" is larger than {bytes_max} bytes"))
                    .transient(false))
            }
            found => Ok(found),
        }
    }

    async fn open(&self, key: &str) -> Result<Option<Box<dyn Download>>> {
        key::check(key)?;
        let found = lock(&self.things).get(key).cloned();
        Ok(found.map(|bytes| Box::new(MemoryDownload(bytes)) as Box<dyn Download>))
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        key::check(key)?;
        Ok(lock(&self.things).get(key).map(|bytes| bytes.len() as u64))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        key::check_prefix(prefix)?;
        let things = lock(&self.things);
        let within = things.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(within.map(|(key, bytes)| Entry { key: key.clone(), bytes: bytes.len() as u64 }).collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        key::check(key)?;
        lock(&self.things).remove(key);
        Ok(())
    }

    async fn sync(&self) -> Result<()> {
        Ok(())
    }

    async fn free_bytes(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}

struct MemoryUpload {
    things: Things,
    bytes: BytesMut,
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn publish(self: Box<Self>, key: &str) -> Result<Put> {
        key::check(key)?;
        Ok(put(&self.things, key, self.bytes.freeze(), PutMode::Create))
    }
}

struct MemoryDownload(Bytes);

#[async_trait]
impl Download for MemoryDownload {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        let piece = self.0.split_to(self.0.len().min(PIECE_BYTES));
        Ok((!piece.is_empty()).then_some(piece))
    }
}
