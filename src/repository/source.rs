//! A snapshot opened for restoring: chunks of proven objects.

use super::{Repository, prove};
use crate::base::limits::{OBJECT_CACHE_BYTES_MAX, OBJECT_CACHED_BYTES_MAX, PIECE_BYTES, PIECES_AHEAD_MAX};
use crate::error::{Error, Result, code};
use crate::model::catalog::{Catalog, Chunk};
use crate::model::manifest::{Header, ObjectRef};
use crate::port::snapshots::{ChunkReader, SnapshotSource};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, mpsc};

/// An opened snapshot.
pub(super) struct Source {
    repository: Repository,
    header: Header,
    catalog: Catalog,
    cache: Mutex<Cache>,
}

/// Small objects that were read and proven, or are just being: all who want one wait for one read.
#[derive(Default)]
struct Cache {
    objects: HashMap<u32, Arc<OnceCell<Bytes>>>,
    /// Least recently wanted first.
    order: VecDeque<u32>,
    bytes: u64,
}

impl Cache {
    fn cell(&mut self, index: u32, objects: &[ObjectRef]) -> Arc<OnceCell<Bytes>> {
        let bytes = |index: u32| objects.get(index as usize).map_or(0, |object| object.bytes);
        if self.objects.contains_key(&index) {
            self.order.retain(|other| *other != index);
        } else {
            self.bytes += bytes(index);
        }
        self.order.push_back(index);
        while self.bytes > OBJECT_CACHE_BYTES_MAX && self.order.len() > 1 {
            if let Some(oldest) = self.order.pop_front() {
                self.objects.remove(&oldest);
                self.bytes -= bytes(oldest);
            }
        }
        self.objects.entry(index).or_default().clone()
    }
}

impl Source {
    pub fn new(repository: Repository, header: Header, catalog: Catalog) -> Self {
        Source { repository, header, catalog, cache: Mutex::default() }
    }

    /// All plaintext of a small object, proven.
    async fn whole(&self, index: u32, object: &ObjectRef) -> Result<Bytes> {
        let cell = self.cache.lock().unwrap_or_else(PoisonError::into_inner).cell(index, &self.header.objects);
        let read = || async {
            let collected = Arc::new(Mutex::new(BytesMut::new()));
            let into = collected.clone();
            let take = move |piece: Bytes| {
                into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece);
            };
            self.repository.prove_object(object, take).await?;
            let bytes = std::mem::take(&mut *collected.lock().unwrap_or_else(PoisonError::into_inner));
            Ok(bytes.freeze())
        };
        cell.get_or_try_init(read).await.cloned()
    }

    /// Part of a large object, streamed; the object is read to its end and proven before the end is told.
    async fn stream(&self, object: &ObjectRef, chunk: &Chunk) -> Result<Box<dyn ChunkReader>> {
        let download = self.repository.open_object(object).await?;
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD_MAX);
        let (info, object, handle) = (self.repository.info.clone(), object.clone(), Handle::current());
        let (from, to) = (chunk.offset, chunk.offset + chunk.bytes);
        tokio::task::spawn_blocking(move || {
            let mut at = 0u64;
            let mut take = |piece: Bytes| {
                let (start, end) = (at, at + piece.len() as u64);
                at = end;
                let (wanted_from, wanted_to) = (from.clamp(start, end), to.clamp(start, end));
                if wanted_from == wanted_to {
                    // nothing of the chunk, but whoever asked may have gone
                    return if sender.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                }
                let wanted = piece.slice((wanted_from - start) as usize..(wanted_to - start) as usize);
                match sender.blocking_send(Ok(Some(wanted))) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            };
            let last = match prove::read_proven(download, &handle, &object, &info.id_key, &mut take) {
                Ok(ControlFlow::Continue(())) => Ok(None),
                Ok(ControlFlow::Break(())) => return,
                Err(error) => Err(error),
            };
            // nobody listens any more: then nobody needs to know
            let _ = sender.blocking_send(last);
        });
        Ok(Box::new(Streamed { pieces, ended: false }))
    }
}

#[async_trait]
impl SnapshotSource for Source {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    async fn chunk(&self, chunk: &Chunk) -> Result<Box<dyn ChunkReader>> {
        let object = self.header.objects.get(chunk.object as usize);
        let end = chunk.offset.checked_add(chunk.bytes);
        let Some((object, _)) = object.zip(end).filter(|(object, end)| *end <= object.bytes) else {
            return Err(Error::new(code::SNAPSHOT_DAMAGED, "a chunk does not lie within its object")
                .cause(format!("snapshot {}, object {}", self.header.id, chunk.object)));
        };
        if object.bytes <= OBJECT_CACHED_BYTES_MAX {
            let whole = self.whole(chunk.object, object).await?;
            let range = chunk.offset as usize..(chunk.offset + chunk.bytes) as usize;
            return Ok(Box::new(Whole(whole.slice(range))));
        }
        self.stream(object, chunk).await
    }
}

/// What is left of a chunk whose object is proven.
struct Whole(Bytes);

#[async_trait]
impl ChunkReader for Whole {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        let piece = self.0.split_to(self.0.len().min(PIECE_BYTES));
        Ok((!piece.is_empty()).then_some(piece))
    }
}

/// A chunk on its way; the proof is its last message.
struct Streamed {
    pieces: mpsc::Receiver<Result<Option<Bytes>>>,
    ended: bool,
}

#[async_trait]
impl ChunkReader for Streamed {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        match self.pieces.recv().await {
            Some(Ok(Some(piece))) => Ok(Some(piece)),
            Some(Ok(None)) => {
                self.ended = true;
                Ok(None)
            }
            Some(Err(error)) => Err(error),
            None => Err(Error::bug("an object's reader ended without a word")),
        }
    }
}
