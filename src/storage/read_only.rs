//! A storage that refuses to change: planning runs on it, so that a mistake in
//! a command cannot write.

use crate::error::{Error, Result, code};
use crate::port::storage::{Download, Entry, Put, PutMode, Storage, StorageCapabilities, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// Reads pass, writes are refused with `DBB-PLAN-READ-ONLY`.
pub struct ReadOnly(Arc<dyn Storage>);

impl ReadOnly {
    /// `inner`, for looking only.
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        ReadOnly(inner)
    }

    fn refused<T>(&self, what: &str) -> Result<T> {
        Err(Error::new(code::PLAN_READ_ONLY, format!("{what} on {} while only looking", self.0.display())))
    }
}

#[async_trait]
impl Storage for ReadOnly {
    fn capabilities(&self) -> StorageCapabilities {
        self.0.capabilities()
    }

    fn display(&self) -> String {
        self.0.display()
    }

    async fn put(&self, key: &str, _: Bytes, _: PutMode) -> Result<Put> {
        self.refused(&format!("put of \"{key}\""))
    }

    async fn upload(&self) -> Result<Box<dyn Upload>> {
        self.refused("upload")
    }

    async fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Bytes>> {
        self.0.get(key, bytes_max).await
    }

    async fn open(&self, key: &str) -> Result<Option<Box<dyn Download>>> {
        self.0.open(key).await
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        self.0.size(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.0.list(prefix).await
    }

    async fn occupied(&self) -> Result<bool> {
        self.0.occupied().await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.refused(&format!("delete of \"{key}\""))
    }

    async fn sync(&self) -> Result<()> {
        Ok(())
    }

    async fn free_bytes(&self) -> Result<Option<u64>> {
        self.0.free_bytes().await
    }
}
