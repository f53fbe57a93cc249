//! A small repository to hurt: two snapshots with small shared objects, a large
//! one that is streamed, text and binary rows.

use bytes::Bytes;
use dbb::base::digest::RowSum;
use dbb::codec::rows::Rows;
use dbb::error::Result;
use dbb::model::catalog::{Catalog, Chunk, ChunkContent, RowFormat, Table};
use dbb::model::desired::{Codec, Compression, EngineKind};
use dbb::model::manifest::{Consistency, Header, Mode, Totals};
use dbb::port::snapshots::{ObjectSink, SnapshotSource, StoredObject};
use dbb::port::storage::Storage;
use dbb::repository::Repository;
use jiff::Timestamp;
use std::sync::Arc;

/// Plaintext of the large object: past what is kept in memory.
const LARGE_BYTES: usize = (8 << 20) + 100_000;

/// Rows of a table as text.
pub fn text_rows(table: u32, bytes: usize) -> Vec<u8> {
    let mut rows = Vec::new();
    let mut n = 0u64;
    while rows.len() < bytes {
        n += 1;
        // not too regular, so that no codec makes it tiny
        let noise = blake3::hash(&[n.to_le_bytes(), u64::from(table).to_le_bytes()].concat()).to_hex();
        rows.extend(format!("{n}\t{table}\t{noise}\\N\n").into_bytes());
    }
    rows
}

/// One row in PostgreSQL's binary form.
fn binary_rows(value: &[u8]) -> Vec<u8> {
    let mut rows = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01".to_vec();
    rows.extend((value.len() as u32).to_be_bytes());
    rows.extend(value);
    rows.extend((-1i16).to_be_bytes());
    rows
}

fn sum(format: RowFormat, bytes: &[u8]) -> RowSum {
    let mut rows = Rows::new(format);
    rows.push(bytes).unwrap();
    rows.finish().unwrap()
}

/// A table's rows, to become a chunk.
pub struct Rowset {
    pub table: u32,
    pub format: RowFormat,
    pub bytes: Vec<u8>,
}

/// Three small tables in one object, then a large table of its own.
pub fn rowsets(seed: u32) -> Vec<Vec<Rowset>> {
    let text =
        |table: u32, bytes| Rowset { table, format: RowFormat::Text, bytes: text_rows(table * 100 + seed, bytes) };
    let binary = Rowset { table: 3, format: RowFormat::Binary, bytes: binary_rows(&[9; 5000]) };
    vec![vec![text(1, 3000), text(2, 400_000), binary], vec![text(4, LARGE_BYTES)]]
}

pub async fn store(repository: &Repository, codec: Codec, plain: &[u8]) -> Result<StoredObject> {
    let store = repository.object_store(Compression { codec, level: None });
    let mut sink: Box<dyn ObjectSink> = store.sink().await?;
    for piece in plain.chunks(100_003) {
        sink.write(Bytes::copy_from_slice(piece)).await?;
    }
    sink.finish().await
}

/// Captures row sets as a snapshot; nothing is committed yet.
pub async fn capture(
    repository: &Repository,
    (database, id): (&str, &str),
    codec: Codec,
    rowsets: Vec<Vec<Rowset>>,
) -> Result<(Header, Catalog)> {
    let mut catalog = Catalog::default();
    let mut objects = Vec::new();
    for (object, rowsets) in rowsets.into_iter().enumerate() {
        let mut plain = Vec::new();
        for rowset in rowsets {
            let sum = sum(rowset.format, &rowset.bytes);
            catalog.tables.push(table(rowset.table, sum));
            catalog.chunks.push(Chunk {
                object: object as u32,
                offset: plain.len() as u64,
                bytes: rowset.bytes.len() as u64,
                content: ChunkContent::Rows { table: rowset.table },
                format: rowset.format,
                sum,
            });
            plain.extend(rowset.bytes);
        }
        objects.push(store(repository, codec, &plain).await?.object);
    }
    let taken = Timestamp::from_second(1_700_000_000 + i64::from(id.bytes().last().unwrap_or(0))).unwrap();
    let header = Header {
        id: id.to_owned(),
        database: database.to_owned(),
        source_database: database.to_owned(),
        server: "pg".to_owned(),
        engine: EngineKind::Postgres,
        server_version: "15.18".to_owned(),
        run: "run".to_owned(),
        taken,
        finished: taken,
        consistency: Consistency::Database,
        mode: Mode::Full,
        totals: Totals::default(),
        objects,
    };
    Ok((header, catalog))
}

fn table(id: u32, sum: RowSum) -> Table {
    Table {
        id,
        entry: None,
        extension: None,
        schema: "public".to_owned(),
        name: format!("t{id}"),
        columns: vec!["c".to_owned()],
        root: None,
        through_root: false,
        through_root_elsewhere: false,
        late: false,
        filter: None,
        bytes: sum.bytes,
        without_rows: false,
        sum,
    }
}

/// What `repository` captures. The large object is only worth its time with one codec: it is read another
/// way, but unpacked alike.
pub fn rowsets_for(codec: Codec) -> Vec<Vec<Rowset>> {
    let mut rowsets = rowsets(0);
    if codec != Codec::Zstd {
        rowsets[1][0].bytes = text_rows(400, 100_000);
    }
    rowsets
}

/// A repository in `storage` with one committed snapshot of `orders`.
pub async fn repository(storage: Arc<dyn Storage>, codec: Codec) -> (Repository, Header, Catalog) {
    let repository = Repository::open_or_init(storage, Timestamp::UNIX_EPOCH).await.unwrap();
    let name = ("orders", "20261120T020000Z-1");
    let (header, catalog) = capture(&repository, name, codec, rowsets_for(codec)).await.unwrap();
    repository.put_manifest(&header, &catalog).await.unwrap();
    (repository, header, catalog)
}

/// All bytes of a chunk, or the first error.
pub async fn read_chunk(source: &dyn SnapshotSource, chunk: &Chunk) -> Result<Vec<u8>> {
    let mut reader = source.chunk(chunk).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = reader.read().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
