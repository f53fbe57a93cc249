//! What is in a snapshot.

use crate::app::find;
use crate::error::{Error, Result, code};
use crate::model::desired::Desired;
use globset::Glob;
use serde::Serialize;

/// One object of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The engine's word for it.
    pub what: String,
    /// `schema.name`
    pub name: String,
    /// Owner.
    pub owner: Option<String>,
    /// Rows, for tables.
    pub rows: Option<u64>,
    /// Bytes of rows, for tables.
    pub bytes: Option<u64>,
}

/// Lists the objects whose `schema.name` matches `pattern`.
///
/// # Errors
/// `DBB-SNAPSHOT-*`, `DBB-USAGE` for a pattern that is none
pub async fn list(desired: &Desired, snapshot: &str, pattern: Option<&str>) -> Result<(find::Found, Vec<Line>)> {
    let matcher = match pattern {
        Some(pattern) => Some(
            Glob::new(pattern)
                .map_err(|e| Error::new(code::USAGE, format!("\"{pattern}\" is not a glob")).cause(e.to_string()))?
                .compile_matcher(),
        ),
        None => None,
    };
    let found = find::snapshot(desired, snapshot).await?;
    let catalog = find::open(&found.spec).await?.catalog(&found.header).await?;
    let mut lines = Vec::new();
    for role in &catalog.roles {
        lines.push(Line { what: "ROLE".into(), name: role.name.clone(), owner: None, rows: None, bytes: None });
    }
    for entry in &catalog.entries {
        let table = catalog.tables.iter().find(|t| t.entry == Some(entry.id));
        lines.push(Line {
            what: entry.what.clone(),
            name: entry.display(),
            owner: entry.owner.clone().filter(|o| !o.is_empty()),
            rows: table.map(|t| t.sum.rows),
            bytes: table.map(|t| t.sum.bytes),
        });
    }
    if catalog.large_objects > 0 {
        let rows = Some(catalog.large_objects);
        lines.push(Line { what: "LARGE OBJECTS".into(), name: String::new(), owner: None, rows, bytes: None });
    }
    if let Some(matcher) = matcher {
        lines.retain(|line| matcher.is_match(&line.name));
    }
    Ok((found, lines))
}
