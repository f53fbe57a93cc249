//! Reading an object to its end and proving it on the way: stored size and
//! digest, plaintext size and keyed id. Runs where blocking is fine.

use crate::base::digest::Digest;
use crate::base::limits::PIECE_BYTES;
use crate::codec::decoder;
use crate::error::{Error, Result, code};
use crate::model::manifest::ObjectRef;
use crate::port::storage::Download;
use bytes::{Buf, Bytes};
use std::io::{self, Read};
use std::ops::ControlFlow;
use tokio::runtime::Handle;

/// Reads all of an object; `take` gets its plaintext in order and may stop it.
/// `Continue` says that the object proved right.
///
/// # Errors
/// `DBB-SNAPSHOT-DAMAGED`, those of the download
pub(super) fn read_proven(
    download: Box<dyn Download>,
    handle: &Handle,
    object: &ObjectRef,
    id_key: &Digest,
    take: &mut dyn FnMut(Bytes) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut stored = Stored {
        download,
        handle,
        piece: Bytes::new(),
        bytes: 0,
        bytes_max: object.stored_bytes,
        hasher: blake3::Hasher::new(),
        error: None,
    };
    let mut plain = blake3::Hasher::new_keyed(&id_key.0);
    let mut plain_bytes = 0u64;
    let read = unpack(&mut stored, object, |piece| {
        plain.update(&piece);
        plain_bytes += piece.len() as u64;
        take(piece)
    });
    // what the storage said comes before what the codec made of it
    if let Some(error) = stored.error.take() {
        return Err(error);
    }
    match read {
        Ok(ControlFlow::Continue(())) => {}
        Ok(stopped) => return Ok(stopped),
        Err(error) => return Err(damaged(object, format!("it does not unpack: {error}"))),
    }
    // codecs stop at the end of their frame; what follows would be no part of the object
    io::copy(&mut stored, &mut io::sink()).map_err(|error| {
        let read = stored.error.take();
        read.unwrap_or_else(|| damaged(object, error.to_string()))
    })?;
    let expected = format!("{} bytes were written, {} are there", object.stored_bytes, stored.bytes);
    if stored.bytes != object.stored_bytes {
        return Err(damaged(object, expected));
    }
    if Digest(*stored.hasher.finalize().as_bytes()) != object.stored_digest {
        return Err(damaged(object, "the stored bytes are not those that were written".to_owned()));
    }
    if plain_bytes != object.bytes || Digest(*plain.finalize().as_bytes()) != object.id {
        return Err(damaged(object, "the content is not that of this object".to_owned()));
    }
    Ok(ControlFlow::Continue(()))
}

fn unpack(
    stored: &mut Stored<'_>,
    object: &ObjectRef,
    mut take: impl FnMut(Bytes) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let mut reader = decoder(object.codec, stored, object.bytes)?;
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES.min(usize::try_from(object.bytes).unwrap_or(PIECE_BYTES) + 1));
        reader.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if take(piece.into()).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

/// An object as damaged, with the reason.
pub(super) fn damaged(object: &ObjectRef, cause: String) -> Error {
    Error::new(code::SNAPSHOT_DAMAGED, format!("object {} is damaged", object.id.short()))
        .cause(cause)
        .fix("See which snapshots and tables it hurts: `dbb verify --level full`.")
        .fix("Restore from a snapshot without it, or put the file back from a copy of the repository.")
        .fix("Look at the disk: `dmesg`, SMART; the bytes were right when they were written.")
}

/// An object that is not there.
pub(super) fn missing(object: &ObjectRef, key: &str, place: &str) -> Error {
    Error::new(code::SNAPSHOT_DAMAGED, format!("object {} is missing", object.id.short()))
        .cause(format!("{key} is not in {place}"))
        .fix("See which snapshots and tables it hurts: `dbb verify`.")
        .fix("Restore from a snapshot without it, or put the file back from a copy of the repository.")
}

/// The stored bytes of an object, hashed and counted.
struct Stored<'a> {
    download: Box<dyn Download>,
    handle: &'a Handle,
    piece: Bytes,
    bytes: u64,
    bytes_max: u64,
    hasher: blake3::Hasher,
    error: Option<Error>,
}

impl Read for Stored<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            match self.handle.block_on(self.download.read()) {
                Ok(None) => return Ok(0),
                Ok(Some(piece)) => {
                    self.bytes += piece.len() as u64;
                    if self.bytes > self.bytes_max {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            format!("more than the {} bytes that were written are there", self.bytes_max),
                        ));
                    }
                    self.hasher.update(&piece);
                    self.piece = piece;
                }
                Err(error) => {
                    let text = error.to_string();
                    self.error = Some(error);
                    return Err(io::Error::other(text));
                }
            }
        }
        let wanted = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..wanted]);
        Ok(wanted)
    }
}
