//! Verifying a snapshot: that all of it is there, or that every byte and row of it is right.

use super::{Repository, names, prove};
use crate::base::digest::Digest;
use crate::codec::rows::Rows;
use crate::error::{Error, Result, code};
use crate::model::catalog::{Catalog, Chunk, ChunkContent};
use crate::model::desired::CheckLevel;
use crate::model::manifest::{Header, ObjectRef};
use crate::port::engine::OnBytes;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

/// Something wrong with a snapshot.
#[derive(Clone, Debug)]
pub struct Damage {
    /// The object; `None` when it is the manifest.
    pub object: Option<Digest>,
    /// Tables (`schema.name`) whose rows are hurt; `large objects` for those.
    pub tables: Vec<String>,
    /// What is wrong.
    pub error: Error,
}

impl Repository {
    /// Looks for damage. `quick`: the manifest, that objects are there, their sizes. `full`: every byte is
    /// read (`jobs` objects at a time, `on_bytes` is told of plaintext), rows counted and hashed.
    ///
    /// # Errors
    /// `DBB-STORAGE-*` when the storage cannot be read at all; damage is not an error but the result
    pub async fn verify(
        &self,
        header: &Header,
        level: CheckLevel,
        jobs: usize,
        on_bytes: OnBytes,
    ) -> Result<Vec<Damage>> {
        let catalog = match self.catalog(header).await {
            Ok(catalog) => catalog,
            Err(error) if is_damage(&error) => return Ok(vec![Damage { object: None, tables: Vec::new(), error }]),
            Err(error) => return Err(error),
        };
        let mut by_object: Vec<Vec<Chunk>> = vec![Vec::new(); header.objects.len()];
        for chunk in &catalog.chunks {
            // the catalog was checked: every chunk lies in an object
            if let Some(chunks) = by_object.get_mut(chunk.object as usize) {
                chunks.push(chunk.clone());
            }
        }
        // a list of boxed checks: of a closure that borrows the compiler cannot show that its futures are Send
        let mut checks: Vec<BoxFuture<'_, Result<Vec<Damage>>>> = Vec::with_capacity(header.objects.len());
        for (object, mut chunks) in header.objects.iter().zip(by_object) {
            chunks.sort_unstable_by_key(|chunk| chunk.offset);
            let (catalog, on_bytes) = (&catalog, on_bytes.clone());
            checks.push(Box::pin(async move {
                let all = |error| Damage { object: Some(object.id), tables: hurt(catalog, chunks.iter()), error };
                let found = match level {
                    CheckLevel::Quick => self.check_presence(object).await,
                    CheckLevel::Full => match self.check_rows(object, chunks.clone(), on_bytes).await {
                        Ok(wrong) => {
                            let told = wrong.into_iter().map(|(index, error)| Damage {
                                object: Some(object.id),
                                tables: hurt(catalog, chunks.get(index).into_iter()),
                                error,
                            });
                            return Ok(told.collect());
                        }
                        Err(error) => Err(error),
                    },
                };
                match found {
                    Ok(()) => Ok(Vec::new()),
                    Err(error) if is_damage(&error) => Ok(vec![all(error)]),
                    Err(error) => Err(error),
                }
            }));
        }
        let found: Vec<Vec<Damage>> = stream::iter(checks).buffered(jobs.max(1)).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn check_presence(&self, object: &ObjectRef) -> Result<()> {
        let key = names::object(&object.id);
        match self.storage.size(&key).await? {
            None => Err(prove::missing(object, &key, &self.storage.display())),
            Some(size) if size != object.stored_bytes => {
                Err(prove::damaged(object, format!("{} bytes were written, {size} are there", object.stored_bytes)))
            }
            Some(_) => Ok(()),
        }
    }

    /// Reads an object and sums the rows of its chunks (sorted by offset); what is wrong, by index of the chunk.
    async fn check_rows(
        &self,
        object: &ObjectRef,
        chunks: Vec<Chunk>,
        on_bytes: OnBytes,
    ) -> Result<Vec<(usize, Error)>> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut readers: Vec<ChunkCheck> = chunks.into_iter().map(ChunkCheck::new).collect();
        for (index, reader) in readers.iter_mut().enumerate().filter(|(_, reader)| reader.chunk.bytes == 0) {
            // no piece reaches it
            if let Some(error) = reader.finish() {
                let _ = sender.send((index, error));
            }
        }
        let mut at = 0u64;
        // chunks before it are through
        let mut first = 0;
        let take = move |piece: Bytes| {
            let end = at + piece.len() as u64;
            while readers.get(first).is_some_and(|reader| reader.end() <= at) {
                first += 1;
            }
            for (index, reader) in readers.iter_mut().enumerate().skip(first) {
                if reader.chunk.offset >= end {
                    break;
                }
                reader.push(&piece, at);
                if reader.end() <= end
                    && let Some(error) = reader.finish()
                {
                    // the receiver lives until the object is read
                    let _ = sender.send((index, error));
                }
            }
            at = end;
            on_bytes(piece.len() as u64);
        };
        self.prove_object(object, take).await?;
        Ok(receiver.try_iter().collect())
    }
}

/// One chunk being summed.
struct ChunkCheck {
    chunk: Chunk,
    rows: Option<Rows>,
    error: Option<Error>,
}

impl ChunkCheck {
    fn new(chunk: Chunk) -> Self {
        ChunkCheck { rows: Some(Rows::new(chunk.format)), chunk, error: None }
    }

    fn end(&self) -> u64 {
        self.chunk.offset + self.chunk.bytes
    }

    /// Takes its share of a piece that begins at `at`.
    fn push(&mut self, piece: &[u8], at: u64) {
        let within = |offset: u64| offset.clamp(at, at + piece.len() as u64) - at;
        let share = &piece[within(self.chunk.offset) as usize..within(self.end()) as usize];
        if let Some(rows) = &mut self.rows
            && let Err(error) = rows.push(share)
        {
            self.error.get_or_insert(error);
        }
    }

    /// What is wrong with it.
    fn finish(&mut self) -> Option<Error> {
        let rows = self.rows.take()?;
        let wrong = |cause: String| {
            Error::new(code::SNAPSHOT_DAMAGED, "the rows of a chunk are not those that were captured").cause(cause)
        };
        if let Some(error) = self.error.take() {
            return Some(error);
        }
        match rows.finish() {
            Err(error) => Some(error),
            Ok(sum) if sum != self.chunk.sum => Some(wrong(format!(
                "{} rows with {} bytes were captured, {} rows with {} bytes are there",
                self.chunk.sum.rows, self.chunk.sum.bytes, sum.rows, sum.bytes
            ))),
            Ok(_) => None,
        }
    }
}

/// The tables that chunks belong to.
fn hurt<'a>(catalog: &Catalog, chunks: impl Iterator<Item = &'a Chunk>) -> Vec<String> {
    let mut tables: Vec<String> = chunks
        .map(|chunk| match chunk.content {
            ChunkContent::Rows { table } => catalog
                .tables
                .iter()
                .find(|candidate| candidate.id == table)
                .map_or_else(|| format!("table {table}"), |table| table.display()),
            ChunkContent::LargeObjectInfo | ChunkContent::LargeObjectData => "large objects".to_owned(),
        })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

/// Damage of this snapshot, as opposed to a storage that cannot be read at all.
fn is_damage(error: &Error) -> bool {
    [code::SNAPSHOT_DAMAGED, code::SNAPSHOT_UNKNOWN, code::STORAGE_IO].contains(&error.code())
}
