//! A plan, as text and as markdown.

use crate::base::units;
use crate::cli::view::clean;
use crate::cli::view::notice;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::text::{plural, some_of, width, wrapped};
use crate::model::plan::{Change, ChangeKind, ChangeLine, NoticeLevel, Plan, PlanKind};
use crate::model::step::Action;
use std::time::Duration;

pub use crate::cli::view::markdown::markdown;

/// Column of the places where things are defined, when there is room.
const PLACE_COLUMN: usize = 56;
/// Unchanged things listed one by one.
const KEPT_LISTED_MAX: usize = 5;
/// Names in the line that stands for more.
const KEPT_NAMED_MAX: usize = 4;
/// Names of a change's parts that stay as they are.
const NAMES_KEPT_MAX: usize = 8;
/// Column of the labels of a change's lines.
const LABEL_COLUMN: usize = 6;

/// The plan. `saved` is the file that it was written to and the digest that is on it.
pub fn text(plan: &Plan, saved: Option<(&str, &str)>, style: &Style) -> String {
    let mut out = format!("{}\n", header(plan, style));
    changes(plan, &mut out, style);
    let told = notice::told(&plan.notices);
    if !told.is_empty() {
        out.push('\n');
        told.iter().for_each(|told| notice::text(told, &mut out, style));
    }
    out.push('\n');
    let summary = summary(plan);
    out.push_str(&style.paint(Paint::Bold, &summary));
    if let Some((path, digest)) = saved {
        let valid = Duration::try_from(plan.expires.duration_since(plan.created)).unwrap_or_default();
        let digest: String = clean(digest).chars().take(12).collect();
        let saved = format!("Saved: {} (valid {}, digest {digest})", clean(path), hours(valid));
        let fits = width(&summary) + 2 + width(&saved) <= style.width;
        out.push_str(if fits { "  " } else { "\n" });
        out.push_str(&saved);
    }
    out.push('\n');
    out
}

/// A day reads better as `24h`.
fn hours(value: Duration) -> String {
    match value.as_secs() {
        86_400..=259_200 => format!("{}h", value.as_secs() / 3600),
        _ => units::duration(value),
    }
}

fn header(plan: &Plan, style: &Style) -> String {
    let scope = [
        plural(plan.scope.servers.into(), "server"),
        plural(plan.scope.databases.into(), "database"),
        plural(plan.scope.repositories.into(), "repository"),
    ];
    let observed = format!("(observed in {})", units::duration(Duration::from_millis(plan.observed_ms)));
    format!(
        "dbb {} · {} · {} {}",
        clean(&plan.dbb),
        style.paint(Paint::Bold, &clean(&plan.project)),
        scope.join(", "),
        style.paint(Paint::Dim, &observed)
    )
}

/// The changes, what stays as it is at the end.
fn changes(plan: &Plan, out: &mut String, style: &Style) {
    let (kept, changed): (Vec<&Change>, Vec<&Change>) = plan.changes.iter().partition(|c| c.kind == ChangeKind::Keep);
    if !changed.is_empty() {
        out.push('\n');
    }
    let heading = |change: &Change| 4 + width(&clean(&change.address.0)) + 3;
    let column = changed.iter().map(|c| heading(c)).max().unwrap_or(0).max(PLACE_COLUMN);
    for change in &changed {
        block(change, plan.kind, column, out, style);
    }
    if kept.is_empty() {
        return;
    }
    out.push('\n');
    let sign = style.paint(Paint::Dim, "=");
    if kept.len() <= KEPT_LISTED_MAX {
        let column = kept.iter().map(|c| width(&clean(&c.address.0))).max().unwrap_or(0);
        for change in kept {
            let name = clean(&change.address.0);
            let blanks = " ".repeat(column - width(&name));
            let line = format!("  {sign} {name}{blanks}   {}", style.paint(Paint::Dim, &clean(&change.reason)));
            out.push_str(line.trim_end());
            out.push('\n');
        }
    } else {
        let names = some_of(kept.iter().map(|c| c.address.0.as_str()), KEPT_NAMED_MAX);
        out.push_str(&format!(
            "  {sign} {} unchanged: {}\n",
            units::count(kept.len() as u64),
            style.paint(Paint::Dim, &names)
        ));
    }
}

/// The sign of a change, and what it looks like.
pub(crate) fn sign(kind: ChangeKind) -> (&'static str, Paint) {
    match kind {
        ChangeKind::Create => ("+", Paint::Good),
        ChangeKind::Update => ("~", Paint::Change),
        ChangeKind::Remove => ("-", Paint::Bad),
        ChangeKind::Replace => ("-/+", Paint::Bad),
        ChangeKind::Keep => ("=", Paint::Dim),
    }
}

fn block(change: &Change, of: PlanKind, place_column: usize, out: &mut String, style: &Style) {
    let (mark, paint) = sign(change.kind);
    let name = clean(&change.address.0);
    let place = clean(&change.place);
    let mut line =
        format!("{}{} {}", " ".repeat(3 - mark.len()), style.paint(paint, mark), style.paint(Paint::Bold, &name));
    if !place.is_empty() {
        let used = 4 + width(&name);
        let free = place_column.saturating_sub(used);
        let blanks = if place_column + width(&place) <= style.width { free } else { 2 };
        line.push_str(&format!("{}{}", " ".repeat(blanks), style.paint(Paint::Dim, &place)));
    }
    out.push_str(&line);
    out.push('\n');
    details(change, of, out, style);
}

/// The labelled lines. Why a backup is due goes on the first where it fits, else it has its own; what a
/// restore is comes before them.
fn details(change: &Change, of: PlanKind, out: &mut String, style: &Style) {
    let lines = joined(&change.lines);
    let labels = lines.iter().map(|line| width(&clean(&line.label))).max().unwrap_or(0);
    let start = LABEL_COLUMN + if labels > 0 { labels + 3 } else { 0 };
    let room = style.width.saturating_sub(start);
    let reason = clean(&change.reason);
    let mut reason_said = reason.is_empty();
    if of == PlanKind::Restore && !reason_said {
        out.push_str(
            own_line(&reason, LABEL_COLUMN, style.width.saturating_sub(LABEL_COLUMN), style).trim_start_matches('\n'),
        );
        out.push('\n');
        reason_said = true;
    }
    for line in &lines {
        let (mark, paint) = match (line.destructive, line.kind) {
            (true, _) => ("!", Paint::Bad),
            (false, Some(kind)) => sign(kind),
            (false, None) => ("", Paint::Plain),
        };
        let label = clean(&line.label);
        for (number, text) in wrapped(&line.text, room).into_iter().enumerate() {
            let first = number == 0;
            let head = match (first, mark) {
                (true, mark) if !mark.is_empty() => {
                    format!("{}{} ", " ".repeat(LABEL_COLUMN - 1 - mark.len()), style.paint(paint, mark))
                }
                _ => " ".repeat(LABEL_COLUMN),
            };
            let label = if first { label.as_str() } else { "" };
            let blanks = " ".repeat(start - LABEL_COLUMN - width(label));
            let mut full = format!("{head}{}{blanks}{text}", style.paint(Paint::Dim, label));
            if !reason_said && width(&text) + 3 + width(&reason) <= room {
                full.push_str(&format!("   {}", style.paint(Paint::Dim, &reason)));
                reason_said = true;
            } else if !reason_said {
                full.push_str(&own_line(&reason, start, room, style));
                reason_said = true;
            }
            out.push_str(full.trim_end());
            out.push('\n');
        }
    }
    if !reason_said {
        out.push_str(own_line(&reason, start, room, style).trim_start_matches('\n'));
        out.push('\n');
    }
}

fn is_name(line: &ChangeLine) -> bool {
    matches!(line.kind, Some(ChangeKind::Create | ChangeKind::Keep))
        && !line.destructive
        && !line.label.is_empty()
        && !line.text.contains(' ')
}

/// Lines that only name things made, or left as they are, become one: a server has hundreds of roles.
fn joined(lines: &[ChangeLine]) -> Vec<ChangeLine> {
    let mut out: Vec<(ChangeLine, Vec<&str>)> = Vec::new();
    for line in lines {
        let alike = |other: &ChangeLine| {
            is_name(line) && is_name(other) && other.kind == line.kind && other.label == line.label
        };
        match out.iter_mut().find(|(other, _)| alike(other)) {
            Some((_, texts)) => texts.push(&line.text),
            None => out.push((line.clone(), vec![&line.text])),
        }
    }
    let text = |line: &ChangeLine, texts: &[&str]| match (texts, line.kind) {
        ([only], _) => (*only).to_owned(),
        (many, Some(ChangeKind::Keep)) => some_of(many.iter().copied(), NAMES_KEPT_MAX),
        (many, _) => many.join(", "),
    };
    out.into_iter().map(|(line, texts)| ChangeLine { text: text(&line, &texts), ..line }).collect()
}

fn own_line(reason: &str, start: usize, room: usize, style: &Style) -> String {
    let lines = wrapped(reason, room);
    lines.iter().map(|line| format!("\n{}{}", " ".repeat(start), style.paint(Paint::Dim, line))).collect()
}

/// The last line, without what was saved: what would be done, in numbers.
pub(crate) fn summary(plan: &Plan) -> String {
    let errors = || plan.notices.iter().filter(|notice| notice.level == NoticeLevel::Error);
    let changed = || plan.changes.iter().filter(|change| change.kind != ChangeKind::Keep);
    if plan.graph.steps.is_empty() && changed().next().is_none() {
        return match (errors().count() as u64, plan.kind) {
            (0, PlanKind::Backup) => "No changes. No backup is due.".into(),
            (0, PlanKind::Restore) => "No changes. There is nothing to restore.".into(),
            (count, _) => format!("Nothing is planned: {}.", plural(count, "error")),
        };
    }
    let mut parts = Vec::new();
    let captures = plan.graph.steps.iter().filter(|s| matches!(s.action, Action::CaptureOpen(_))).count();
    for (count, one) in [(captures, "backup"), (plan.restores.len(), "restore")] {
        if count > 0 {
            parts.push(plural(count as u64, one));
        }
    }
    let lost = changed().filter(|change| change.destructive).count();
    if lost > 0 {
        parts.push(format!("{} destructive", units::count(lost as u64)));
    }
    let bytes: u64 = changed().map(|change| change.bytes).sum();
    if bytes > 0 {
        let verb = if plan.kind == PlanKind::Backup { "read" } else { "load" };
        parts.push(format!("{} to {verb}", units::bytes(bytes)));
    }
    parts.push(plural(plan.settings.jobs.into(), "job"));
    let mut line = format!("Plan: {}.", parts.join(", "));
    let mut left: Vec<&str> =
        errors().filter_map(|notice| notice.about.as_ref()).map(|about| about.0.as_str()).collect();
    left.dedup();
    match (left.is_empty(), errors().count() as u64) {
        (_, 0) => {}
        (true, count) => line.push_str(&format!(" Not all is planned: {}.", plural(count, "error"))),
        (false, _) => line.push_str(&format!(" Not planned: {}.", some_of(left.into_iter(), KEPT_NAMED_MAX))),
    }
    line
}
