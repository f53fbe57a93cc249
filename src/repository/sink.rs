//! Storing plaintext as an object: hashed, compressed and hashed again on the way
//! to the storage; its name is known only at the end.

use super::{Repository, names};
use crate::base::digest::Digest;
use crate::base::limits::PIECE_BYTES;
use crate::codec::Encoder;
use crate::error::{Error, Result, code};
use crate::model::desired::{Codec, Compression};
use crate::model::manifest::ObjectRef;
use crate::port::snapshots::{ObjectSink, ObjectStore, StoredObject};
use crate::port::storage::{Put, Upload};
use async_trait::async_trait;
use bytes::Bytes;

/// Makes sinks of one compression.
pub(super) struct Store {
    pub repository: Repository,
    pub compression: Compression,
}

#[async_trait]
impl ObjectStore for Store {
    async fn sink(&self) -> Result<Box<dyn ObjectSink>> {
        self.repository.load_known().await?;
        Ok(Box::new(Sink {
            codec: self.compression.codec,
            plain: blake3::Hasher::new_keyed(&self.repository.info.id_key.0),
            plain_bytes: 0,
            encoder: Encoder::new(self.compression)?,
            packed: Vec::new(),
            stored: blake3::Hasher::new(),
            stored_bytes: 0,
            upload: self.repository.storage.upload().await?,
            repository: self.repository.clone(),
        }))
    }
}

struct Sink {
    repository: Repository,
    codec: Codec,
    plain: blake3::Hasher,
    plain_bytes: u64,
    encoder: Encoder,
    packed: Vec<u8>,
    stored: blake3::Hasher,
    stored_bytes: u64,
    upload: Box<dyn Upload>,
}

impl Sink {
    async fn flush(&mut self) -> Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.packed));
        self.stored.update(&piece);
        self.stored_bytes += piece.len() as u64;
        self.upload.write(piece).await
    }
}

#[async_trait]
impl ObjectSink for Sink {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.plain.update(&bytes);
        self.plain_bytes += bytes.len() as u64;
        self.encoder.write(&bytes, &mut self.packed)?;
        if self.packed.len() >= PIECE_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn finish(mut self: Box<Self>) -> Result<StoredObject> {
        let encoder = std::mem::replace(&mut self.encoder, Encoder::new(NOTHING)?);
        encoder.finish(&mut self.packed)?;
        self.flush().await?;
        let object = ObjectRef {
            id: Digest(*self.plain.finalize().as_bytes()),
            codec: self.codec,
            bytes: self.plain_bytes,
            stored_bytes: self.stored_bytes,
            stored_digest: Digest(*self.stored.finalize().as_bytes()),
        };
        let Sink { repository, upload, .. } = *self;
        let key = names::object(&object.id);
        let known = repository.known.lock().get(&object.id).cloned();
        if let Some(known) = known
            && repository.storage.size(&key).await? == Some(known.stored_bytes)
        {
            return Ok(StoredObject { object: known, shared: true });
        }
        let stored = match upload.publish(&key).await? {
            Put::Stored => StoredObject { object, shared: false },
            Put::Existed => StoredObject { object: repository.adopt(&key, object).await?, shared: true },
        };
        repository.known.lock().insert(stored.object.id, stored.object.clone());
        Ok(stored)
    }
}

const NOTHING: Compression = Compression { codec: Codec::None, level: None };

impl Repository {
    /// Takes over an object that no manifest is known to name: left by a run that did not end, or just
    /// stored by another process. It may be compressed otherwise than `ours`, or be torn by a power cut,
    /// so it is read; what proves wrong is removed.
    async fn adopt(&self, key: &str, ours: ObjectRef) -> Result<ObjectRef> {
        let mut hasher = blake3::Hasher::new();
        let (mut stored_bytes, mut start) = (0, Vec::new());
        let mut download = self.open_object(&ours).await?;
        while let Some(piece) = download.read().await? {
            hasher.update(&piece);
            stored_bytes += piece.len() as u64;
            if start.len() < 8 {
                start.extend_from_slice(&piece[..piece.len().min(8)]);
            }
        }
        let stored_digest = Digest(*hasher.finalize().as_bytes());
        if stored_digest == ours.stored_digest {
            return Ok(ours);
        }
        for codec in [sniff(&start), Codec::None] {
            let found = ObjectRef { codec, stored_bytes, stored_digest, ..ours.clone() };
            match self.prove_object(&found, drop).await {
                Ok(()) => return Ok(found),
                Err(error) if error.code() == code::SNAPSHOT_DAMAGED => {}
                Err(error) => return Err(error),
            }
        }
        self.storage.delete(key).await?;
        Err(Error::new(
            code::STORAGE_IO,
            format!("a damaged object {} was in the way and has been removed", ours.id.short()),
        )
        .cause("it was not what its name says: left by a power cut or a failing disk")
        .fix("Run it again: the object will be stored anew.")
        .transient(true))
    }
}

/// The codec that stored bytes look like.
fn sniff(start: &[u8]) -> Codec {
    match start {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Codec::Zstd,
        [0x1f, 0x8b, ..] => Codec::Gzip,
        [0x04, 0x22, 0x4d, 0x18, ..] => Codec::Lz4,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Codec::Xz,
        _ => Codec::None,
    }
}
