//! Shows one thing: a snapshot, a saved plan, a run.

use crate::app::{App, find, runs};
use crate::base::{files, limits};
use crate::error::{Error, Result, code};
use crate::journal::Runs;
use crate::model::catalog::Catalog;
use crate::model::desired::Desired;
use crate::model::manifest::Header;
use crate::model::plan::Plan;
use crate::model::report::Report;
use std::path::Path;

/// What was found.
pub enum Shown {
    /// A snapshot.
    Snapshot {
        /// The repository's name.
        repository: String,
        /// The readable part.
        header: Box<Header>,
        /// The rest.
        catalog: Box<Catalog>,
    },
    /// A saved plan.
    Plan(Box<Plan>),
    /// A run.
    Run {
        /// In a line.
        line: Box<runs::RunLine>,
        /// Its report, when it ended.
        report: Option<Box<Report>>,
    },
}

/// Finds `what`: a plan file, the beginning of a run's or a snapshot's id, or a database for its newest snapshot.
///
/// # Errors
/// `DBB-SNAPSHOT-UNKNOWN`, `DBB-PLAN-*`, `DBB-JOURNAL-DAMAGED`
pub async fn show(_app: &App, desired: Option<&Desired>, state_dir: &Path, what: &str) -> Result<Shown> {
    let path = Path::new(what);
    if path.is_file() {
        let bytes = files::read(path, limits::MANIFEST_BYTES_MAX)
            .map_err(|e| Error::new(code::PLAN_MISSING, format!("{what} cannot be read")).cause(e.to_string()))?;
        return Ok(Shown::Plan(Box::new(crate::plan::saved::load(&bytes)?)));
    }
    let all = Runs::new(state_dir);
    if all.list()?.iter().any(|id| id.starts_with(what)) {
        let id = find::run(&all, what)?;
        let line =
            runs::list(state_dir)?.into_iter().find(|l| l.id == id).ok_or_else(|| Error::bug("a run got lost"))?;
        if let Some(failure) = line.failure {
            return Err(failure.into());
        }
        let report = files::read(&all.folder(&id).join("report.json"), limits::MANIFEST_BYTES_MAX)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return Ok(Shown::Run { line: Box::new(line), report });
    }
    let Some(desired) = desired else {
        return Err(Error::new(code::SNAPSHOT_UNKNOWN, format!("there is no plan, run or snapshot \"{what}\"")));
    };
    let found = find::snapshot(desired, what).await?;
    let catalog = find::open(&found.spec).await?.catalog(&found.header).await?;
    Ok(Shown::Snapshot { repository: found.repository, header: Box::new(found.header), catalog: Box::new(catalog) })
}
