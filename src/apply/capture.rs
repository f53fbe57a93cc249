//! The steps of a backup: open a consistent view, capture its parts, commit
//! the manifest.

use crate::apply::context::Context;
use crate::error::{Error, Result};
use crate::model::catalog::{Catalog, Chunk, ChunkContent};
use crate::model::desired::DatabaseSelect;
use crate::model::graph::Edge;
use crate::model::journal::Facts;
use crate::model::manifest::{Header, Mode, ObjectRef, Totals};
use crate::model::step::{Action, CaptureSpec, Step};
use crate::port::engine::{Capture, CapturedPart};
use crate::port::snapshots::ObjectStore;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// A capture under way.
pub struct OpenCapture {
    snapshot: String,
    spec: CaptureSpec,
    capture: Arc<dyn Capture>,
    store: Arc<dyn ObjectStore>,
    parts: Vec<String>,
    mode: Mode,
}

/// New nodes and edges.
pub type Expansion = (Vec<Step>, Vec<Edge>);

/// A snapshot's id: sorts by time, unique by chance.
fn snapshot_id(taken: Timestamp) -> Result<String> {
    let mut random = [0u8; 4];
    getrandom::fill(&mut random).map_err(|error| Error::bug("no randomness").cause(error.to_string()))?;
    Ok(format!("{}-{}", taken.strftime("%Y%m%dT%H%M%SZ"), hex::encode(random)))
}

/// Opens the view; its parts join the graph between this step and the commit.
pub async fn open(context: &Context, step: &Step, spec: &CaptureSpec) -> Result<(Facts, Expansion)> {
    let database = &spec.database;
    let repository = context.repository(&database.repository)?;
    let (headers, _) = repository.headers().await?;
    let mode = match headers.iter().any(|h| h.database == database.name) {
        true => Mode::Incremental,
        false => Mode::Full,
    };
    let store = repository.object_store(spec.compression);
    let (engine, server) = context.engine(&database.server)?;
    let capture = engine.open_capture(server, database).await?;
    let snapshot = snapshot_id(capture.taken())?;

    let session = step.session.clone().unwrap_or_else(|| database.name.clone());
    let commit = context
        .plan
        .graph
        .steps
        .iter()
        .find(|s| s.session == step.session && matches!(s.action, Action::CaptureCommit { .. }))
        .ok_or_else(|| Error::bug(format!("no commit step for {}", database.name)))?;
    let prefix = step.id.rsplit_once('/').map_or(step.id.as_str(), |(prefix, _)| prefix);
    let mut steps = Vec::new();
    let mut edges = Vec::new();
    for (number, part) in capture.parts().iter().enumerate() {
        let id = format!("{prefix}/part/{number:05}");
        edges.push(Edge { before: step.id.clone(), after: id.clone(), whatever: false });
        edges.push(Edge { before: id.clone(), after: commit.id.clone(), whatever: false });
        steps.push(Step {
            id,
            unit: step.unit.clone(),
            action: Action::CapturePart {
                database: database.name.clone(),
                part: number as u32,
                label: part.label.clone(),
            },
            bytes: part.bytes,
            order: number as u32,
            lane: None,
            batch: None,
            session: step.session.clone(),
        });
    }
    let parts = steps.iter().map(|s| s.id.clone()).collect();
    let facts =
        Facts { detail: serde_json::json!({"snapshot": snapshot, "database": database.name}), ..Facts::default() };
    context.open_capture(&session, Arc::new(OpenCapture { snapshot, spec: spec.clone(), capture, store, parts, mode }));
    Ok((facts, (steps, edges)))
}

/// Captures one part into the repository.
pub async fn part(context: &Context, step: &Step, part: u32) -> Result<Facts> {
    let open = context.capture(step.session.as_deref().unwrap_or_default())?;
    let captured = open.capture.capture_part(part as usize, open.store.as_ref(), context.on_bytes(&step.unit)).await?;
    let detail = serde_json::to_value(&captured).map_err(|e| Error::bug(e.to_string()))?;
    Ok(Facts {
        bytes: captured.chunks.iter().map(|c| c.bytes).sum(),
        stored_bytes: captured.object.as_ref().map_or(0, |o| if o.shared { 0 } else { o.object.stored_bytes }),
        rows: captured.chunks.iter().filter(|c| is_rows(c)).map(|c| c.sum.rows).sum(),
        warnings: captured.warnings,
        detail,
    })
}

fn is_rows(chunk: &Chunk) -> bool {
    matches!(chunk.content, ChunkContent::Rows { .. })
}

/// Puts the manifest: the snapshot exists from here on.
pub async fn commit(context: &Context, step: &Step) -> Result<Facts> {
    let session = step.session.as_deref().unwrap_or_default();
    let open = context.capture(session)?;
    let mut captured = Vec::with_capacity(open.parts.len());
    for part in &open.parts {
        let facts = context.facts(part).ok_or_else(|| Error::bug(format!("nothing is known of {part}")))?;
        let part: CapturedPart =
            serde_json::from_value(facts.detail).map_err(|e| Error::bug(format!("{part}: {e}")))?;
        captured.push(part);
    }
    let catalog = open.capture.finish().await?;
    let (header, catalog) = assemble(context, &open, catalog, captured);
    let repository = context.repository(&open.spec.database.repository)?;
    repository.put_manifest(&header, &catalog).await?;
    context.close_capture(session);
    let warnings = catalog.blind_spots.clone();
    Ok(Facts {
        detail: serde_json::json!({
            "snapshot": header.id, "tables": header.totals.tables, "rows": header.totals.sum.rows,
            "bytes": header.totals.bytes, "stored_bytes": header.totals.stored_bytes,
            "shared_bytes": header.totals.shared_bytes,
        }),
        warnings,
        ..Facts::default()
    })
}

/// Joins what the parts left behind into a manifest.
fn assemble(
    context: &Context,
    open: &OpenCapture,
    mut catalog: Catalog,
    captured: Vec<CapturedPart>,
) -> (Header, Catalog) {
    let mut objects: Vec<ObjectRef> = Vec::new();
    let mut index: HashMap<_, u32> = HashMap::new();
    let mut totals = Totals { source_bytes: open.capture.source_bytes(), ..Totals::default() };
    catalog.chunks.clear();
    for part in captured {
        let Some(stored) = part.object else { continue };
        let at = *index.entry(stored.object.id).or_insert_with(|| {
            totals.bytes += stored.object.bytes;
            totals.stored_bytes += stored.object.stored_bytes;
            if stored.shared {
                totals.shared_bytes += stored.object.stored_bytes;
            }
            objects.push(stored.object.clone());
            objects.len() as u32 - 1
        });
        catalog.chunks.extend(part.chunks.into_iter().map(|chunk| Chunk { object: at, ..chunk }));
    }
    let mut sums: HashMap<u32, crate::base::digest::RowSum> = HashMap::new();
    for chunk in &catalog.chunks {
        if let ChunkContent::Rows { table } = chunk.content {
            sums.entry(table).or_default().merge(chunk.sum);
            totals.sum.merge(chunk.sum);
        }
    }
    for table in &mut catalog.tables {
        table.sum = sums.get(&table.id).copied().unwrap_or_default();
    }
    totals.tables = catalog.tables.len() as u64;
    totals.entries = catalog.entries.len() as u64;
    totals.roles = catalog.roles.len() as u64;
    totals.large_objects = catalog.large_objects;
    let database = &open.spec.database;
    let source_database = match &database.select {
        DatabaseSelect::Named(name) => name.clone(),
        DatabaseSelect::Matching(_) => catalog.database.name.clone(),
    };
    let header = Header {
        id: open.snapshot.clone(),
        database: database.name.clone(),
        source_database,
        server: database.server.clone(),
        engine: context
            .plan
            .servers
            .get(&database.server)
            .map_or(crate::model::desired::EngineKind::Postgres, |server| server.engine),
        server_version: open.capture.server_version(),
        run: context.run.clone(),
        taken: open.capture.taken(),
        finished: context.world.clock.now(),
        consistency: open.capture.consistency(),
        mode: open.mode,
        totals,
        objects,
    };
    (header, catalog)
}
