//! The catalog of snapshots, as text.

use crate::app::find::Found;
use crate::base::digest::Digest;
use crate::base::units;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::table::{self, Cell};
use crate::cli::view::text::{age, instant, plural};
use crate::model::manifest::Mode;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// One snapshot a line, in the order given; below, what they amount to.
pub fn text(found: &[Found], now: Timestamp, style: &Style) -> String {
    if found.is_empty() {
        return "There are no snapshots yet. Make the first: dbb apply\n".into();
    }
    let repositories: BTreeSet<&str> = found.iter().map(|one| one.repository.as_str()).collect();
    let rows: Vec<Vec<Cell>> = found
        .iter()
        .map(|one| {
            let header = &one.header;
            let repository = if repositories.len() > 1 { one.repository.as_str() } else { "" };
            vec![
                header.id.as_str().into(),
                header.database.as_str().into(),
                header.server.as_str().into(),
                instant(header.taken).into(),
                age(header.taken, now).into(),
                units::count(header.totals.tables).into(),
                units::count(header.totals.sum.rows).into(),
                units::bytes(header.totals.source_bytes).into(),
                units::bytes(header.totals.stored_bytes).into(),
                mode(header.mode).into(),
                Cell::painted(repository, Paint::Dim),
            ]
        })
        .collect();
    let headers =
        ["snapshot", "database", "server", "taken", "age", "tables", "rows", "size", "stored", "mode", "repository"];
    let mut out = table::cells(&headers, &rows, 0, style);
    let databases: BTreeSet<&str> = found.iter().map(|one| one.header.database.as_str()).collect();
    // an object that several snapshots share lies there once
    let objects: HashMap<(&str, Digest), u64> = found
        .iter()
        .flat_map(|one| one.header.objects.iter().map(|o| ((one.repository.as_str(), o.id), o.stored_bytes)))
        .collect();
    out.push_str(&format!(
        "\n{} of {} in {}, {} stored\n",
        plural(found.len() as u64, "snapshot"),
        plural(databases.len() as u64, "database"),
        plural(repositories.len() as u64, "repository"),
        units::bytes(objects.values().sum())
    ));
    out
}

/// The word for the mode.
pub(crate) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Full => "full",
        Mode::Incremental => "incremental",
    }
}
