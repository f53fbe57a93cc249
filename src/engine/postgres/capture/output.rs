//! Where a part's bytes go: one object, opened when the first byte comes.

use crate::base::limits;
use crate::error::Result;
use crate::port::snapshots::{ObjectSink, ObjectStore, StoredObject};
use bytes::{Bytes, BytesMut};

/// The object of a part.
pub struct Output<'a> {
    store: &'a dyn ObjectStore,
    sink: Option<Box<dyn ObjectSink>>,
    gathered: BytesMut,
    written: u64,
}

impl<'a> Output<'a> {
    /// An object that does not exist until something is written.
    pub fn new(store: &'a dyn ObjectStore) -> Self {
        Output { store, sink: None, gathered: BytesMut::new(), written: 0 }
    }

    /// Bytes taken so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Takes bytes, and passes them on in pieces that are neither tiny nor huge.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.written += bytes.len() as u64;
        if self.gathered.len() + bytes.len() <= limits::PIECE_BYTES {
            self.gathered.extend_from_slice(&bytes);
            return Ok(());
        }
        self.flush().await?;
        while bytes.len() > limits::PIECE_BYTES {
            let piece = bytes.split_to(limits::PIECE_BYTES);
            self.pass(piece).await?;
        }
        self.gathered.extend_from_slice(&bytes);
        Ok(())
    }

    /// Ends the object; `None` when nothing was written.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`
    pub async fn finish(mut self) -> Result<Option<StoredObject>> {
        self.flush().await?;
        match self.sink {
            Some(sink) => Ok(Some(sink.finish().await?)),
            None => Ok(None),
        }
    }

    async fn flush(&mut self) -> Result<()> {
        let gathered = self.gathered.split().freeze();
        if gathered.is_empty() { Ok(()) } else { self.pass(gathered).await }
    }

    async fn pass(&mut self, piece: Bytes) -> Result<()> {
        let sink = match &mut self.sink {
            Some(sink) => sink,
            none => none.insert(self.store.sink().await?),
        };
        sink.write(piece).await
    }
}
