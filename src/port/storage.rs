//! Where bytes are kept: a flat space of keys.

use crate::error::Result;
use async_trait::async_trait;
use bytes::Bytes;

/// What a storage can do, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageCapabilities {
    /// `Create` puts are atomic: of two, one is told.
    pub create_only: bool,
    /// Free space can be told.
    pub tells_space: bool,
}

/// Whether a put may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// Never replaces: what is there stays, and the caller is told.
    Create,
    /// Replaces.
    Replace,
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The bytes are there.
    Stored,
    /// Something was there already and stays.
    Existed,
}

/// A key and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Key.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
}

/// A flat space of keys like `objects/plain/ab/abcd...`.
#[async_trait]
pub trait Storage: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> StorageCapabilities;

    /// Where it is, for people.
    fn display(&self) -> String;

    /// Writes a small thing whole, durably.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`; nothing half-written stays.
    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put>;

    /// Starts writing something whose name is known only at the end.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn upload(&self) -> Result<Box<dyn Upload>>;

    /// Reads a whole small thing; `None` when it is not there.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`, also past `bytes_max`
    async fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Bytes>>;

    /// Opens a thing for reading in order; `None` when it is not there.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn open(&self, key: &str) -> Result<Option<Box<dyn Download>>>;

    /// Its size; `None` when it is not there.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn size(&self, key: &str) -> Result<Option<u64>>;

    /// All keys that begin with `prefix`, sorted.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn list(&self, prefix: &str) -> Result<Vec<Entry>>;

    /// True when anything is there, dbb's own or not: before a repository is made.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn occupied(&self) -> Result<bool> {
        Ok(!self.list("").await?.is_empty())
    }

    /// Removes a key; one that is not there is fine.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn delete(&self, key: &str) -> Result<()>;

    /// Makes everything published by uploads so far survive a power cut. Called before a commit point.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn sync(&self) -> Result<()>;

    /// Free bytes, where that can be told.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn free_bytes(&self) -> Result<Option<u64>>;
}

/// A write in progress. Dropped without `publish`, nothing of it stays.
#[async_trait]
pub trait Upload: Send {
    /// More bytes.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Gives what was written its name. Content-addressed: when the key is there, that is as good.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn publish(self: Box<Self>, key: &str) -> Result<Put>;
}

/// A read in progress.
#[async_trait]
pub trait Download: Send {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn read(&mut self) -> Result<Option<Bytes>>;
}
