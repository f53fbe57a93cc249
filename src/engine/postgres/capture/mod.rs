//! A consistent view of a database: one snapshot held by one session and
//! imported by all others, pg_dump included.
//!
//! Invariant: from the moment the view is open until `finish`, the holder has
//! ACCESS SHARE on every table, so that nothing can rewrite or truncate one;
//! the holder's transaction proves at the end that it lived so long.

mod assemble;
pub mod copy;
pub mod database;
pub mod dump;
pub mod field;
pub mod large_objects;
pub mod locks;
pub mod naming;
mod natives;
mod open;
mod output;
pub mod parts;
pub mod readable;
pub mod relations;
pub mod roles;
mod session;

use crate::engine::postgres::Postgres;
use crate::engine::postgres::capture::copy::{Failure, Rowed};
use crate::engine::postgres::capture::output::Output;
use crate::engine::postgres::capture::parts::{Content, Cut};
use crate::engine::postgres::capture::relations::Relation;
use crate::engine::postgres::capture::session::Session;
use crate::engine::postgres::connect::Connection;
use crate::error::{Error, Result, code};
use crate::model::catalog::{Catalog, Chunk, ChunkContent, RowFormat};
use crate::model::desired::ServerSpec;
use crate::model::manifest::Consistency;
use crate::port::engine::{Capture, CapturedPart, OnBytes, Part};
use crate::port::snapshots::ObjectStore;
use async_trait::async_trait;
use jiff::Timestamp;
pub use open::open;
use std::collections::HashMap;

/// An open view of a PostgreSQL database.
struct View {
    engine: Postgres,
    server: ServerSpec,
    /// Real name of the database.
    database: String,
    /// The exported snapshot.
    snapshot: String,
    /// The session that holds it. Also reads a table that another session waits to alter.
    holder: tokio::sync::Mutex<Connection>,
    /// Sessions that are ready for the next part.
    idle: std::sync::Mutex<Vec<Connection>>,
    parts: Vec<Part>,
    cuts: Vec<Cut>,
    /// Tables with rows by oid.
    tables: HashMap<u32, Rowed>,
    /// Sorted oids.
    large_objects: Vec<u32>,
    /// The server's encoding of the database.
    encoding: String,
    /// All but sequences.
    catalog: Catalog,
    sequences: Vec<(Option<u32>, Relation)>,
    server_version: String,
    taken: Timestamp,
    source_bytes: u64,
}

#[async_trait]
impl Capture for View {
    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn server_version(&self) -> String {
        self.server_version.clone()
    }

    fn taken(&self) -> Timestamp {
        self.taken
    }

    fn consistency(&self) -> Consistency {
        Consistency::Database
    }

    fn source_bytes(&self) -> u64 {
        self.source_bytes
    }

    async fn capture_part(&self, part: usize, store: &dyn ObjectStore, on_bytes: OnBytes) -> Result<CapturedPart> {
        let cut = self.cuts.get(part).ok_or_else(|| Error::bug(format!("the capture has no part {part}")))?;
        // tables whose rows are too large as text, and what the server said
        let mut binary: HashMap<u32, Error> = HashMap::new();
        loop {
            match self.attempt(cut, &binary, store, &on_bytes).await {
                Ok(captured) => return Ok(captured),
                Err((Failure::Other(error), _)) => return Err(error),
                Err((Failure::RowTooLarge(error), None)) => return Err(error),
                Err((Failure::RowTooLarge(error), Some(table))) => match binary.get(&table) {
                    Some(text) => {
                        let name = self.tables.get(&table).map(Rowed::display).unwrap_or_default();
                        return Err(copy::row_size(&name, text, &error));
                    }
                    None => {
                        binary.insert(table, error);
                    }
                },
            }
        }
    }

    async fn finish(&self) -> Result<Catalog> {
        let holder = self.holder.lock().await;
        if let Some(farewell) = holder.farewell() {
            return Err(ended(farewell));
        }
        let mut catalog = self.catalog.clone();
        catalog.sequences = database::sequences(&holder, &self.sequences).await?;
        // in the same transaction as at the beginning, or it fails
        let sql = "select pg_catalog.pg_export_snapshot(), pg_catalog.current_setting('transaction_isolation')";
        let rows = holder.rows(sql, "checking that the capture's view held to the end").await?;
        if rows.first().and_then(|row| row.get(1)) != Some("repeatable read") {
            return Err(lost("its transaction is not the one that began"));
        }
        Ok(catalog)
    }
}

/// The view is gone: what was captured under it cannot be completed.
fn lost(why: &str) -> Error {
    Error::new(code::PG_LOST, "the capture's view of the database is gone")
        .cause(why.to_owned())
        .fix("Run the backup again: what is already stored is not uploaded a second time")
        .fix("Look into the server's log for a restart or a terminated session at that time")
}

/// The view is gone, and the server said why.
fn ended(farewell: Error) -> Error {
    farewell.context("the capture's view of the database is gone")
}

type AttemptFailure = (Failure, Option<u32>);

impl View {
    /// Captures a part once; a failure tells which table it was.
    async fn attempt(
        &self,
        cut: &Cut,
        binary: &HashMap<u32, Error>,
        store: &dyn ObjectStore,
        on_bytes: &OnBytes,
    ) -> Result<CapturedPart, AttemptFailure> {
        let other = |error: Error| (Failure::Other(error), None);
        let tables = match &cut.content {
            Content::Tables(tables) => tables.as_slice(),
            Content::Blocks { table, .. } => std::slice::from_ref(table),
            Content::LargeObjects(_) => &[],
        };
        let rowed: Vec<&Rowed> = tables.iter().filter_map(|oid| self.tables.get(oid)).collect();
        let session = self.session(&rowed).await.map_err(other)?;
        let mut output = Output::new(store);
        let mut chunks = Vec::new();
        let copied = self.copy_all(cut, binary, &session, &mut output, &mut chunks, on_bytes).await;
        match copied {
            Ok(()) => self.end(session).await.map_err(other)?,
            Err(failure) => {
                session.abandon().await;
                return Err(failure);
            }
        }
        let object = output.finish().await.map_err(other)?;
        Ok(CapturedPart { object, chunks, warnings: Vec::new() })
    }

    async fn copy_all(
        &self,
        cut: &Cut,
        binary: &HashMap<u32, Error>,
        session: &Session<'_>,
        output: &mut Output<'_>,
        chunks: &mut Vec<Chunk>,
        on_bytes: &OnBytes,
    ) -> Result<(), AttemptFailure> {
        match &cut.content {
            Content::Tables(tables) => {
                for table in tables {
                    self.copy_table(*table, None, binary, session, output, chunks, on_bytes).await?;
                }
            }
            Content::Blocks { table, from, to } => {
                self.copy_table(*table, Some((*from, *to)), binary, session, output, chunks, on_bytes).await?;
            }
            Content::LargeObjects(group) => {
                let oids = self.large_objects.get(group.clone()).unwrap_or_default();
                for (content, sql) in [
                    (ChunkContent::LargeObjectInfo, large_objects::info_statement(oids, &self.encoding)),
                    (ChunkContent::LargeObjectData, large_objects::data_statement(oids, &self.encoding)),
                ] {
                    self.copy_chunk(&sql, content, RowFormat::Text, &cut.label, session, output, chunks, on_bytes)
                        .await
                        .map_err(|failure| (failure, None))?;
                }
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one call from two places, each argument its own thing")]
    async fn copy_table(
        &self,
        table: u32,
        blocks: Option<(u64, Option<u64>)>,
        binary: &HashMap<u32, Error>,
        session: &Session<'_>,
        output: &mut Output<'_>,
        chunks: &mut Vec<Chunk>,
        on_bytes: &OnBytes,
    ) -> Result<(), AttemptFailure> {
        let Some(rowed) = self.tables.get(&table) else {
            return Err((
                Failure::Other(Error::bug(format!("table {table} is in a part but not in the capture"))),
                None,
            ));
        };
        let format = if binary.contains_key(&table) { RowFormat::Binary } else { RowFormat::Text };
        let sql = copy::statement(rowed, blocks, format, &self.encoding);
        let content = ChunkContent::Rows { table };
        let copied = self.copy_chunk(&sql, content, format, &rowed.display(), session, output, chunks, on_bytes).await;
        match copied {
            // a type without binary form: neither format can carry the row
            Err(Failure::Other(error)) if format == RowFormat::Binary && no_binary_form(&error) => {
                Err((Failure::RowTooLarge(error), Some(table)))
            }
            Err(failure) => Err((failure, Some(table))),
            Ok(()) => Ok(()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call from two places, each argument its own thing")]
    async fn copy_chunk(
        &self,
        sql: &str,
        content: ChunkContent,
        format: RowFormat,
        label: &str,
        session: &Session<'_>,
        output: &mut Output<'_>,
        chunks: &mut Vec<Chunk>,
        on_bytes: &OnBytes,
    ) -> Result<(), Failure> {
        let offset = output.written();
        let sum = copy::run(session.connection(), sql, format, &self.encoding, output, on_bytes, label).await?;
        let bytes = output.written() - offset;
        if sum.rows > 0 {
            chunks.push(Chunk { object: 0, offset, bytes, content, format, sum });
        }
        Ok(())
    }
}

fn no_binary_form(error: &Error) -> bool {
    error.causes().iter().any(|cause| cause.contains("no binary output function"))
}
