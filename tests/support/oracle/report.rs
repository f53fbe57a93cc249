//! Differences that a person can read.

use std::collections::BTreeSet;
use std::time::Duration;

use similar::TextDiff;

use super::{Oracle, Portrait};

const DIFF_LIMIT: Duration = Duration::from_secs(10);
const LINES_SHOWN_MAX: usize = 60;
const TABLES_SHOWN_MAX: usize = 5;

pub(super) fn differences(
    oracle: &Oracle,
    left: &Portrait,
    right: &Portrait,
    rows: impl Fn(&str) -> Option<(String, String)>,
) -> Option<String> {
    let facts = |portrait: &Portrait| portrait.facts.iter().map(|fact| format!("{fact}\n")).collect::<String>();
    let parts = [
        text(oracle, "schema", &left.schema, &right.schema),
        text(oracle, "facts", &facts(left), &facts(right)),
        tables(left, right, rows),
    ];
    let found: Vec<String> = parts.into_iter().flatten().collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

/// The first lines of a unified diff, after the oracle's replacements and omissions.
pub(super) fn text(oracle: &Oracle, what: &str, left: &str, right: &str) -> Option<String> {
    let replaced = oracle.replacing.iter().fold(left.to_owned(), |text, (from, to)| text.replace(from, to));
    let kept = |text: &str| -> String {
        let ignored = |line: &str| oracle.ignoring.iter().any(|part| line.contains(part));
        text.lines().filter(|line| !ignored(line)).map(|line| format!("{line}\n")).collect()
    };
    let mut left = kept(&replaced);
    if what != "schema" && !oracle.replacing.is_empty() {
        let mut lines: Vec<&str> = left.lines().collect();
        lines.sort_unstable();
        left = lines.iter().map(|line| format!("{line}\n")).collect();
    }
    unified(what, &left, &kept(right))
}

fn unified(what: &str, left: &str, right: &str) -> Option<String> {
    if left == right {
        return None;
    }
    let diff = TextDiff::configure().timeout(DIFF_LIMIT).diff_lines(left, right);
    let whole = diff.unified_diff().context_radius(4).to_string();
    let mut shown: Vec<&str> = whole.lines().take(LINES_SHOWN_MAX).collect();
    let rest = format!("... {} more lines", whole.lines().count().saturating_sub(LINES_SHOWN_MAX));
    if whole.lines().count() > LINES_SHOWN_MAX {
        shown.push(&rest);
    }
    Some(format!("{what}:\n{}\n", shown.join("\n")))
}

fn tables(left: &Portrait, right: &Portrait, rows: impl Fn(&str) -> Option<(String, String)>) -> Option<String> {
    let names: BTreeSet<&String> = left.tables.keys().chain(right.tables.keys()).collect();
    let differing: Vec<&String> =
        names.into_iter().filter(|name| left.tables.get(*name) != right.tables.get(*name)).collect();
    let mut found = String::new();
    for (shown, name) in differing.iter().enumerate() {
        let count = |portrait: &Portrait| portrait.tables.get(*name).map(|digest| digest.rows);
        let side = |rows: Option<u64>| rows.map_or("no such table".into(), |rows| format!("{rows} rows"));
        found += &format!("table {name}: left {}, right {}\n", side(count(left)), side(count(right)));
        let both = count(left).is_some() && count(right).is_some();
        if let Some((left, right)) = (both && shown < TABLES_SHOWN_MAX).then(|| rows(name)).flatten() {
            found += &unified("rows", &left, &right).unwrap_or_default();
        }
    }
    (!found.is_empty()).then_some(found)
}
