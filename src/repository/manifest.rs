//! A manifest file: a line that says what follows and proves it, the header as one
//! line of JSON, then the body (the catalog as JSON, compressed).

use crate::base::digest::{Digest, RowSum};
use crate::base::limits::{MANIFEST_BYTES_MAX, MANIFEST_ENVELOPE_BYTES_MAX, MANIFEST_HEADER_BYTES_MAX};
use crate::codec::{Encoder, decoder};
use crate::error::{Error, Result, code};
use crate::model::catalog::{Catalog, ChunkContent};
use crate::model::desired::{Codec, Compression};
use crate::model::manifest::Header;
use crate::port::storage::{Download, Put, PutMode, Storage};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Read;

const FORMAT: &str = "dbb-manifest";
const VERSION: u64 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    format: String,
    version: u64,
    /// Without the newline.
    header_bytes: u64,
    header_blake3: Digest,
    body_codec: Codec,
    body_bytes: u64,
    body_blake3: Digest,
    /// The key of the object ids, as the repository's own file has it: when that file is lost, any
    /// manifest brings it back. It is no secret, for the tenant `plain` is not encrypted.
    id_key: Digest,
}

/// A manifest read as far as its header.
struct Opened {
    envelope: Envelope,
    header: Header,
    /// What was read of the body so far.
    body: Vec<u8>,
    download: Box<dyn Download>,
}

/// Whether header and catalog agree, so that every chunk lies in an object and every table is the sum of its chunks.
pub(super) fn check(header: &Header, catalog: &Catalog) -> Result<()> {
    let contradiction = |cause: String| {
        Error::new(code::SNAPSHOT_DAMAGED, format!("snapshot {} contradicts itself", header.id)).cause(cause)
    };
    let mut sums: HashMap<u32, RowSum> = catalog.tables.iter().map(|table| (table.id, RowSum::default())).collect();
    if sums.len() != catalog.tables.len() {
        return Err(contradiction("two tables have the same id".to_owned()));
    }
    for (index, chunk) in catalog.chunks.iter().enumerate() {
        let object = header.objects.get(chunk.object as usize);
        let end = chunk.offset.checked_add(chunk.bytes);
        if object.zip(end).is_none_or(|(object, end)| end > object.bytes) {
            return Err(contradiction(format!("chunk {index} does not lie within object {}", chunk.object)));
        }
        if let ChunkContent::Rows { table } = chunk.content {
            let sum = sums.get_mut(&table);
            sum.ok_or_else(|| contradiction(format!("chunk {index} belongs to no table")))?.merge(chunk.sum);
        }
    }
    for table in &catalog.tables {
        if sums.get(&table.id) != Some(&table.sum) {
            return Err(contradiction(format!("the chunks of {} do not sum up to the table", table.display())));
        }
    }
    Ok(())
}

/// The file's bytes.
pub(super) fn encode(header: &Header, catalog: &Catalog, id_key: Digest) -> Result<Bytes> {
    let bug = |error: serde_json::Error| Error::bug("a manifest cannot be written as JSON").cause(error.to_string());
    let header = serde_json::to_vec(header).map_err(bug)?;
    let plain = serde_json::to_vec(catalog).map_err(bug)?;
    let mut body = Vec::new();
    let mut encoder = Encoder::new(Compression { codec: Codec::Zstd, level: Some(9) })?;
    encoder.write(&plain, &mut body)?;
    encoder.finish(&mut body)?;
    let envelope = Envelope {
        format: FORMAT.to_owned(),
        version: VERSION,
        header_bytes: header.len() as u64,
        header_blake3: Digest::of(&header),
        body_codec: Codec::Zstd,
        body_bytes: body.len() as u64,
        body_blake3: Digest::of(&body),
        id_key,
    };
    let mut file = serde_json::to_vec(&envelope).map_err(bug)?;
    file.push(b'\n');
    file.extend(header);
    file.push(b'\n');
    file.extend(body);
    Ok(file.into())
}

/// Puts a manifest under a new name. When an answer got lost and the same bytes are there, that is as good.
pub(super) async fn put(storage: &dyn Storage, key: &str, bytes: Bytes) -> Result<()> {
    match storage.put(key, bytes.clone(), PutMode::Create).await? {
        Put::Stored => Ok(()),
        Put::Existed => match storage.get(key, MANIFEST_BYTES_MAX).await? {
            Some(found) if found == bytes => Ok(()),
            _ => Err(Error::new(code::SNAPSHOT_DAMAGED, format!("another snapshot is already stored as {key}"))
                .cause("a snapshot's id must be new; nothing was replaced")),
        },
    }
}

/// Reads the header only; `None` when there is no such manifest.
pub(super) async fn read_header(storage: &dyn Storage, key: &str, id_key: &Digest) -> Result<Option<Header>> {
    let Some(download) = storage.open(key).await? else { return Ok(None) };
    Ok(Some(open(download, key, id_key).await?.header))
}

/// Reads all of it. The manifest must still say what `header` says.
pub(super) async fn read_catalog(
    storage: &dyn Storage,
    key: &str,
    id_key: &Digest,
    header: &Header,
) -> Result<Catalog> {
    let Some(download) = storage.open(key).await? else {
        return Err(Error::new(code::SNAPSHOT_UNKNOWN, format!("snapshot {} is gone", header.id))
            .cause(format!("{key} is not in {} any more", storage.display()))
            .fix("List what is there: `dbb snapshots`."));
    };
    let Opened { envelope, header: found, mut body, mut download } = open(download, key, id_key).await?;
    if found != *header {
        return Err(damaged(key, "its header is not the one read before"));
    }
    while let Some(piece) = download.read().await? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > envelope.body_bytes {
            break;
        }
    }
    if body.len() as u64 != envelope.body_bytes || Digest::of(&body) != envelope.body_blake3 {
        return Err(damaged(key, "the body is not as it was written: its size or digest is wrong"));
    }
    let key_owned = key.to_owned();
    let unpack = move || {
        let mut plain = Vec::new();
        decoder(envelope.body_codec, &body[..], MANIFEST_BYTES_MAX)
            .and_then(|mut reader| reader.read_to_end(&mut plain))
            .map_err(|error| damaged(&key_owned, &format!("the body does not unpack: {error}")))?;
        serde_json::from_slice::<Catalog>(&plain)
            .map_err(|error| damaged(&key_owned, &format!("the body is not a catalog: {error}")))
    };
    let unpacked = tokio::task::spawn_blocking(unpack).await;
    let catalog = unpacked.map_err(|error| Error::bug("reading a manifest ended early").cause(error.to_string()))??;
    check(header, &catalog)?;
    Ok(catalog)
}

async fn open(mut download: Box<dyn Download>, key: &str, id_key: &Digest) -> Result<Opened> {
    let mut buffer = Vec::new();
    let line_end = loop {
        if let Some(end) = memchr::memchr(b'\n', &buffer) {
            break end;
        }
        if buffer.len() > MANIFEST_ENVELOPE_BYTES_MAX || !more(&mut *download, &mut buffer).await? {
            return Err(damaged(key, "its first line does not end"));
        }
    };
    let envelope = read_envelope(&buffer[..line_end], key)?;
    if envelope.id_key != *id_key {
        return Err(damaged(key, "it was written with the key of another repository"));
    }
    buffer.drain(..=line_end);
    if envelope.header_bytes > MANIFEST_HEADER_BYTES_MAX || envelope.body_bytes > MANIFEST_BYTES_MAX {
        return Err(damaged(key, "it claims to be larger than any manifest"));
    }
    let header_bytes = envelope.header_bytes as usize;
    while buffer.len() <= header_bytes {
        if !more(&mut *download, &mut buffer).await? {
            return Err(damaged(key, "it ends within its header"));
        }
    }
    let text = &buffer[..header_bytes];
    if buffer[header_bytes] != b'\n' || Digest::of(text) != envelope.header_blake3 {
        return Err(damaged(key, "the header is not as it was written: its size or digest is wrong"));
    }
    let header: Header =
        serde_json::from_slice(text).map_err(|error| damaged(key, &format!("the header does not parse: {error}")))?;
    if super::names::manifest(&header.database, &header.id) != key {
        let cause = format!("it is the manifest of snapshot {} of {}, in a wrong place", header.id, header.database);
        return Err(damaged(key, &cause));
    }
    buffer.drain(..=header_bytes);
    Ok(Opened { envelope, header, body: buffer, download })
}

async fn more(download: &mut dyn Download, buffer: &mut Vec<u8>) -> Result<bool> {
    let piece = download.read().await?;
    buffer.extend_from_slice(piece.as_deref().unwrap_or_default());
    Ok(piece.is_some())
}

fn read_envelope(line: &[u8], key: &str) -> Result<Envelope> {
    let value: serde_json::Value = serde_json::from_slice(line)
        .map_err(|error| damaged(key, &format!("its first line does not parse: {error}")))?;
    match (value["format"].as_str(), value["version"].as_u64()) {
        (Some(FORMAT), Some(VERSION)) => serde_json::from_value(value)
            .map_err(|error| damaged(key, &format!("its first line is not as expected: {error}"))),
        (Some(FORMAT), Some(newer)) if newer > VERSION => {
            Err(Error::new(code::REPO_NEWER, format!("{key} has manifest format {newer}, this dbb knows {VERSION}"))
                .fix("Use the version of dbb that wrote it, or a newer one."))
        }
        _ => Err(damaged(key, "its first line is not that of a manifest")),
    }
}

fn damaged(key: &str, cause: &str) -> Error {
    Error::new(code::SNAPSHOT_DAMAGED, format!("the manifest {key} is damaged"))
        .cause(cause)
        .fix("Do not restore from it: take another snapshot (`dbb snapshots`), or put the file back from a copy.")
        .fix("Find out what else is hurt: `dbb verify --level full`.")
}
