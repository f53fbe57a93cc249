//! What `dbb doctor` found, as text.

use crate::app::doctor::Section;
use crate::cli::view::clean;
use crate::cli::view::error::reasons;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::text::{pad, plural, width, wrapped};
use crate::port::engine::Check;

/// `warning`, the longest of the words in front.
const WORD_WIDTH: usize = 7;

/// A heading for each server and repository, a line for each check, and what helps where something is wrong.
pub fn text(sections: &[Section], style: &Style) -> String {
    let mut out = String::new();
    let checks = || sections.iter().flat_map(|section| &section.checks);
    let topics = checks().map(|check| width(&clean(&check.topic))).max().unwrap_or(0);
    for section in sections {
        let place = match section.place.is_empty() {
            true => String::new(),
            false => format!("  {}", style.paint(Paint::Dim, &clean(&section.place))),
        };
        out.push_str(&format!("{}{place}\n", style.paint(Paint::Bold, &clean(&section.address))));
        section.checks.iter().for_each(|check| told(check, topics, &mut out, style));
        out.push('\n');
    }
    let problems = checks().filter(|check| check.failure.is_some() && !check.warning).count() as u64;
    let warnings = checks().filter(|check| check.failure.is_some() && check.warning).count() as u64;
    out.push_str(&match (problems, warnings) {
        (0, 0) => format!("{}\n", style.paint(Paint::Good, "All is well.")),
        (problems, warnings) => {
            let paint = if problems > 0 { Paint::Bad } else { Paint::Plain };
            format!("{}, {}.\n", style.paint(paint, &plural(problems, "problem")), plural(warnings, "warning"))
        }
    });
    out
}

fn told(check: &Check, topics: usize, out: &mut String, style: &Style) {
    let (word, paint) = match (&check.failure, check.warning) {
        (None, _) => ("ok", Paint::Good),
        (Some(_), true) => ("warning", Paint::Caution),
        (Some(_), false) => ("failed", Paint::Alarm),
    };
    let start = 2 + WORD_WIDTH + 2 + topics + 2;
    let topic = clean(&check.topic);
    for (number, line) in wrapped(&check.finding, style.width.saturating_sub(start)).iter().enumerate() {
        let full = match number {
            0 => {
                let blanks = " ".repeat(WORD_WIDTH - word.len());
                format!("  {}{blanks}  {}  {line}", style.paint(paint, word), pad(&topic, topics))
            }
            _ => format!("{}{line}", " ".repeat(start)),
        };
        out.push_str(full.trim_end());
        out.push('\n');
    }
    let Some(failure) = &check.failure else { return };
    let indent = 2 + WORD_WIDTH + 2;
    let code = style.paint(paint, &clean(&failure.code));
    // the finding often is the message: once is enough
    let message = match failure.message == check.finding {
        true => String::new(),
        false => format!(": {}", clean(failure.message.trim_end())),
    };
    out.push_str(&format!("{}{code}{message}\n", " ".repeat(indent)));
    reasons(out, indent + 2, &failure.causes, &failure.fixes, style);
}
