//! Checks that snapshots are whole.

use crate::app::{App, find};
use crate::error::{Failure, Result};
use crate::model::desired::{CheckLevel, Desired};
use crate::model::event::Event;
use crate::model::manifest::Header;
use serde::Serialize;
use std::sync::Arc;

/// What was found of one snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// The repository's name.
    pub repository: String,
    /// The snapshot.
    pub snapshot: String,
    /// Its database.
    pub database: String,
    /// Objects looked at.
    pub objects: u64,
    /// Stored bytes looked at.
    pub bytes: u64,
    /// Rows counted and hashed, at level `full`.
    pub rows: Option<u64>,
    /// What is damaged: which tables it hurts, and how.
    pub damages: Vec<DamageLine>,
}

/// One damage.
#[derive(Clone, Debug, Serialize)]
pub struct DamageLine {
    /// Which tables it hurts.
    pub tables: Vec<String>,
    /// How.
    pub failure: Failure,
}

/// Checks one snapshot, or all.
///
/// # Errors
/// `DBB-SNAPSHOT-UNKNOWN`, `DBB-REPO-*`, `DBB-STORAGE-*`; damage is in the answer.
pub async fn verify(
    app: &App,
    desired: &Desired,
    snapshot: Option<&str>,
    level: CheckLevel,
    jobs: usize,
) -> Result<(Vec<Verified>, Vec<crate::error::Error>)> {
    let (found, damaged) = match snapshot {
        Some(what) => (vec![find::snapshot(desired, what).await?], Vec::new()),
        None => find::snapshots(desired).await?,
    };
    let mut all = Vec::with_capacity(found.len());
    for one in found {
        all.push(check(app, &one, level, jobs).await?);
    }
    Ok((all, damaged))
}

async fn check(app: &App, found: &find::Found, level: CheckLevel, jobs: usize) -> Result<Verified> {
    let header: &Header = &found.header;
    let repository = find::open(&found.spec).await?;
    let reporter = app.reporter.clone();
    let unit = header.database.clone();
    let on_bytes = Arc::new(move |bytes| reporter.report(Event::Progress { unit: unit.clone(), bytes }));
    let damages = repository.verify(header, level, jobs, on_bytes).await?;
    Ok(Verified {
        repository: found.repository.clone(),
        snapshot: header.id.clone(),
        database: header.database.clone(),
        objects: header.objects.len() as u64,
        bytes: header.totals.stored_bytes,
        rows: (level == CheckLevel::Full).then_some(header.totals.sum.rows),
        damages: damages.into_iter().map(|d| DamageLine { tables: d.tables, failure: d.error.failure() }).collect(),
    })
}
