//! What engines need of a repository: somewhere to put plaintext while it is
//! captured, and somewhere to get it from while it is restored.

use crate::error::Result;
use crate::model::catalog::{Catalog, Chunk};
use crate::model::manifest::ObjectRef;
use async_trait::async_trait;
use bytes::Bytes;

/// Takes the plaintext of one object; compresses, seals, hashes, stores it on the way.
#[async_trait]
pub trait ObjectSink: Send {
    /// More plaintext.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Ends and publishes the object.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn finish(self: Box<Self>) -> Result<StoredObject>;
}

/// An object after it was stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredObject {
    /// What the manifest says of it.
    pub object: ObjectRef,
    /// True when it was there before.
    pub shared: bool,
}

/// Makes sinks.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// A sink for one new object.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    async fn sink(&self) -> Result<Box<dyn ObjectSink>>;
}

/// Plaintext of one chunk in order. Every byte has passed the object's own
/// checks only when `read` has returned `None`: until then nothing may be committed.
#[async_trait]
pub trait ChunkReader: Send {
    /// The next bytes; `None` at the end, after the whole object proved right.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED`, `DBB-STORAGE-*`
    async fn read(&mut self) -> Result<Option<Bytes>>;
}

/// A snapshot opened for restoring.
#[async_trait]
pub trait SnapshotSource: Send + Sync {
    /// What the snapshot says of the database.
    fn catalog(&self) -> &Catalog;

    /// Plaintext of one chunk.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED`, `DBB-STORAGE-*`
    async fn chunk(&self, chunk: &Chunk) -> Result<Box<dyn ChunkReader>>;
}
