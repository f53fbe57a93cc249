//! One snapshot or one run, as text.

use crate::app::runs::RunLine;
use crate::base::units;
use crate::cli::view::snapshots::mode;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::table::{self, Cell};
use crate::cli::view::text::{instant, labelled, plural, some_of};
use crate::cli::view::{clean, report, runs};
use crate::model::catalog::{Catalog, Table};
use crate::model::desired::EngineKind;
use crate::model::manifest::{Consistency, Header};
use crate::model::report::Report;
use std::time::Duration;

const LABEL_WIDTH: usize = 11;
/// Tables listed, the largest.
const TABLES_SHOWN_MAX: usize = 10;
/// Names listed of roles and extensions.
const NAMES_SHOWN_MAX: usize = 12;

/// A snapshot: where it is from, what is in it, what it could not see.
pub fn snapshot(repository: &str, header: &Header, catalog: &Catalog, style: &Style) -> String {
    let mut out = format!("snapshot {}\n\n", style.paint(Paint::Bold, &clean(&header.id)));
    let mut line = |label: &str, text: String| {
        if !text.is_empty() {
            labelled(&mut out, 2, label, LABEL_WIDTH, &text, style);
        }
    };
    line("database", format!("{} (\"{}\" on {})", header.database, header.source_database, header.server));
    line("server", format!("{} {}", engine(header.engine), header.server_version));
    let took = Duration::try_from(header.finished.duration_since(header.taken)).unwrap_or_default();
    line("taken", format!("{}, in {}", instant(header.taken), units::duration(took)));
    line("repository", repository.to_owned());
    line("run", header.run.clone());
    line("mode", mode(header.mode).to_owned());
    line("consistency", consistency(header.consistency).to_owned());
    let totals = &header.totals;
    line(
        "size",
        format!("{} at the source, {} of data", units::bytes(totals.source_bytes), units::bytes(totals.bytes)),
    );
    let shared = match totals.shared_bytes {
        0 => String::new(),
        shared => format!(", {} of it there before", units::bytes(shared)),
    };
    let objects = plural(header.objects.len() as u64, "object");
    line("stored", format!("{} in {objects}{shared}", units::bytes(totals.stored_bytes)));
    line("rows", format!("{} in {}", units::count(totals.sum.rows), plural(totals.tables, "table")));
    line("schema", schema(header, catalog));
    line("locale", locale(catalog));
    line("roles", names(catalog.roles.iter().map(|role| role.name.clone()).collect()));
    line("extensions", names(catalog.extensions.iter().map(|e| format!("{} {}", e.name, e.version)).collect()));
    line("tablespaces", names(catalog.tablespaces.iter().map(|t| t.name.clone()).collect()));
    for (number, blind) in catalog.blind_spots.iter().enumerate() {
        line(if number == 0 { "not seen" } else { "" }, blind.clone());
    }
    largest(&catalog.tables, &mut out, style);
    out.push_str(&format!("\nAll of it: dbb ls {}\n", clean(&header.id)));
    out
}

fn engine(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Postgres => "PostgreSQL",
    }
}

fn consistency(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::Database => "database: one moment of the database",
        Consistency::Instance => "instance: one moment of the whole server",
        Consistency::Table => "table: each table is one moment",
        Consistency::None => "none is promised",
    }
}

fn schema(header: &Header, catalog: &Catalog) -> String {
    let mut parts = vec![plural(header.totals.entries, "object")];
    for (count, one) in [(catalog.sequences.len() as u64, "sequence"), (catalog.large_objects, "large object")] {
        if count > 0 {
            parts.push(plural(count, one));
        }
    }
    parts.join(", ")
}

fn locale(catalog: &Catalog) -> String {
    let database = &catalog.database;
    let name = database.locale.as_deref().unwrap_or(&database.collate);
    [database.encoding.as_str(), database.locale_provider.as_str(), name]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

fn names(names: Vec<String>) -> String {
    match names.len() {
        0 => String::new(),
        1 => names.join(""),
        count => format!("{count}: {}", some_of(names.iter().map(String::as_str), NAMES_SHOWN_MAX)),
    }
}

fn largest(tables: &[Table], out: &mut String, style: &Style) {
    if tables.is_empty() {
        return;
    }
    let mut sorted: Vec<&Table> = tables.iter().collect();
    sorted.sort_by(|a, b| b.sum.bytes.cmp(&a.sum.bytes).then_with(|| a.display().cmp(&b.display())));
    let rows: Vec<Vec<Cell>> = sorted
        .iter()
        .take(TABLES_SHOWN_MAX)
        .map(|table| {
            let note = if table.without_rows { "left without rows" } else { "" };
            vec![
                table.display().into(),
                units::count(table.sum.rows).into(),
                units::bytes(table.sum.bytes).into(),
                Cell::painted(note, Paint::Dim),
            ]
        })
        .collect();
    let title = if tables.len() > TABLES_SHOWN_MAX { "largest tables" } else { "tables" };
    out.push('\n');
    out.push_str(&table::cells(&[title, "rows", "size", ""], &rows, 2, style));
}

/// A run: how far it came, and its report when it ended.
pub fn run(line: &RunLine, report: Option<&Report>, style: &Style) -> String {
    let mut out = format!("run {}\n\n", style.paint(Paint::Bold, &clean(&line.id)));
    let ended = runs::outcome(line);
    let what = line.kind.map(runs::kind).unwrap_or("unknown");
    labelled(&mut out, 2, "of", LABEL_WIDTH, what, style);
    labelled(
        &mut out,
        2,
        "databases",
        LABEL_WIDTH,
        &some_of(line.units.iter().map(String::as_str), NAMES_SHOWN_MAX),
        style,
    );
    if let Some(started) = line.started {
        labelled(&mut out, 2, "began", LABEL_WIDTH, &instant(started), style);
    }
    if let Some(report) = report {
        labelled(&mut out, 2, "ended", LABEL_WIDTH, &instant(report.ended), style);
    }
    labelled(&mut out, 2, "outcome", LABEL_WIDTH, &ended.text, style);
    labelled(&mut out, 2, "steps", LABEL_WIDTH, &format!("{} done", runs::steps(line)), style);
    if line.resumed > 0 {
        labelled(&mut out, 2, "resumed", LABEL_WIDTH, &plural(line.resumed.into(), "time"), style);
    }
    out.push('\n');
    match report {
        Some(report) => out.push_str(&report::text(report, style)),
        None => {
            let command = format!("dbb resume {}", clean(&line.id));
            out.push_str("It has no report: it still runs, or was cut off.\n");
            out.push_str(&format!("Go on with: {}\n", style.paint(Paint::Move, &command)));
        }
    }
    out
}
