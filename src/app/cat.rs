//! One table's rows out of a snapshot.

use crate::app::find;
use crate::error::{Error, Result, code};
use crate::model::catalog::{Catalog, Chunk, ChunkContent, RowFormat, Table};
use crate::model::desired::Desired;
use crate::port::snapshots::SnapshotSource;
use std::sync::Arc;

/// A table opened for reading.
pub struct Rows {
    source: Arc<dyn SnapshotSource>,
    /// The table.
    pub table: Table,
    /// Its chunks, in order.
    pub chunks: Vec<Chunk>,
}

/// Opens `schema.table` of a snapshot.
///
/// # Errors
/// `DBB-SNAPSHOT-UNKNOWN` for a snapshot or table that is not there, with what is alike
pub async fn open(desired: &Desired, snapshot: &str, table: &str) -> Result<Rows> {
    let found = find::snapshot(desired, snapshot).await?;
    let source = find::open(&found.spec).await?.open_snapshot(&found.header).await?;
    let catalog = source.catalog();
    let table = named(catalog, table, &found.header.id)?;
    let chunks: Vec<Chunk> = catalog
        .chunks
        .iter()
        .filter(|c| matches!(c.content, ChunkContent::Rows { table: id } if id == table.id))
        .cloned()
        .collect();
    if chunks.iter().any(|c| c.format == RowFormat::Binary) {
        return Err(Error::new(
            code::PG_ROW_SIZE,
            format!("rows of {} are stored in binary form: they are too large for text", table.display()),
        )
        .fix("restore the table and read it there"));
    }
    Ok(Rows { source, table, chunks })
}

fn named(catalog: &Catalog, name: &str, snapshot: &str) -> Result<Table> {
    let wanted = if name.contains('.') { name.to_owned() } else { format!("public.{name}") };
    if let Some(table) = catalog.tables.iter().find(|t| t.display() == wanted || t.display() == name) {
        return Ok(table.clone());
    }
    let alike = catalog
        .tables
        .iter()
        .map(|t| (strsim::jaro_winkler(&t.display(), &wanted), t.display()))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let error =
        Error::new(code::SNAPSHOT_UNKNOWN, format!("snapshot {snapshot} holds no rows of a table \"{wanted}\""));
    Err(match alike {
        Some((_, name)) => error.fix(format!("did you mean \"{name}\"?")),
        None => error.fix(format!("list what is in it: dbb ls {snapshot}")),
    })
}

impl Rows {
    /// Hands every piece of the rows to `take`, in order; false from `take` ends it.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED`, `DBB-STORAGE-*`
    pub async fn read(&self, mut take: impl FnMut(&[u8]) -> bool) -> Result<()> {
        for chunk in &self.chunks {
            let mut reader = self.source.chunk(chunk).await?;
            while let Some(piece) = reader.read().await? {
                if !take(&piece) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
