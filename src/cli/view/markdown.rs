//! A plan as markdown, for a comment in a review.

use crate::cli::view::clean;
use crate::cli::view::notice;
use crate::cli::view::plan::{sign, summary, text};
use crate::cli::view::style::Style;
use crate::model::plan::{ChangeKind, Plan};

/// Rows of the table; a comment has limited room.
const ROWS_MAX: usize = 100;

/// The plan: a summary, a table of changes, notices, and the whole text folded away.
pub fn markdown(plan: &Plan) -> String {
    let mut out = format!("### dbb plan: {}\n\n**{}**\n", prose(&plan.project), prose(&summary(plan)));
    let changed: Vec<_> = plan.changes.iter().filter(|change| change.kind != ChangeKind::Keep).collect();
    if !changed.is_empty() {
        out.push_str("\n| | what | why | where |\n|:-:|---|---|---|\n");
    }
    for change in changed.iter().take(ROWS_MAX) {
        let lost = if change.destructive { " **!**" } else { "" };
        out.push_str(&format!(
            "| {}{lost} | {} | {} | {} |\n",
            cell(&code(sign(change.kind).0)),
            cell(&code(&change.address.0)),
            cell(&prose(&change.reason)),
            cell(&code(&change.place))
        ));
    }
    if changed.len() > ROWS_MAX {
        out.push_str(&format!("\n... and {} more, below.\n", changed.len() - ROWS_MAX));
    }
    if changed.iter().any(|change| change.destructive) {
        out.push_str("\n**!** something that exists is lost\n");
    }
    let told = notice::told(&plan.notices);
    if !told.is_empty() {
        out.push('\n');
    }
    for told in &told {
        let about = told.about.first().map(|_| format!(" ({})", prose(&told.names()))).unwrap_or_default();
        let cause = told.failure.causes.first().map(|cause| format!(": {}", prose(cause))).unwrap_or_default();
        out.push_str(&format!(
            "- **{}** {}: {}{cause}{about}\n",
            notice::word(told.level),
            code(&told.failure.code),
            prose(&told.failure.message),
        ));
        if let Some(fix) = told.failure.fixes.first() {
            out.push_str(&format!("  - {}\n", prose(fix)));
        }
    }
    let whole = text(plan, None, &Style::plain(100));
    let fence = "`".repeat(longest_run(&whole).max(2) + 1);
    out.push_str(&format!(
        "\n<details><summary>The whole plan</summary>\n\n{fence}text\n{whole}{fence}\n\n</details>\n"
    ));
    out
}

/// Text that markdown shows as it is: no markup, no HTML, nobody mentioned.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text.trim()).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// The text as code; nothing stays nothing.
fn code(text: &str) -> String {
    let text = clean(text);
    if text.is_empty() {
        return text;
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let blank = if text.contains('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// A bar would end the table's cell, even inside code.
fn cell(text: &str) -> String {
    let mut out = String::new();
    let mut escaped = false;
    for c in text.chars() {
        if c == '|' && !escaped {
            out.push('\\');
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
