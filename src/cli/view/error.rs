//! Errors and warnings, as text.

use crate::base::{files, limits};
use crate::cli::view::clean;
use crate::cli::view::excerpt;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::text::{labelled, numbered};
use crate::error::Error;
use std::path::Path;

const LABEL_WIDTH: usize = 6;

/// Where the text of files comes from that an error points into.
pub trait Sources {
    /// The file as the person named it; `None` when it cannot be read (again).
    fn read(&self, file: &str) -> Option<String>;
}

/// Files on disk. Standard input is gone once it was read, so it has no excerpt.
pub struct DiskSources;

impl Sources for DiskSources {
    fn read(&self, file: &str) -> Option<String> {
        let bytes = files::read(Path::new(file), limits::CONFIG_BYTES_MAX).ok()?;
        String::from_utf8(bytes).ok().map(|text| crate::config::redact(&text))
    }
}

/// An error: code and message, the place in the file, the cause, what to do, where to read more.
pub fn text(error: &Error, sources: &dyn Sources, style: &Style) -> String {
    let name = error.code().name;
    let mut out = head("error", Paint::Alarm, Some(name), error.message(), style);
    let quoted = excerpt::excerpt(error, sources, style);
    out.push_str(&quoted);
    out.push('\n');
    if quoted.is_empty() {
        places(&mut out, error, style);
    }
    reasons(&mut out, 2, error.causes(), error.fixes(), style);
    labelled(&mut out, 2, "more", LABEL_WIDTH, &format!("dbb explain {name}"), style);
    out
}

/// A warning, shorter than an error: no excerpt.
pub fn warning(warning: &Error, style: &Style) -> String {
    let mut out = warning_line(Some(warning.code().name), warning.message(), style);
    places(&mut out, warning, style);
    reasons(&mut out, 2, warning.causes(), warning.fixes(), style);
    out
}

/// A warning in one line.
pub fn warning_line(code: Option<&str>, message: &str, style: &Style) -> String {
    head("warning", Paint::Caution, code, message, style)
}

/// `error[CODE]: message`, whole on one line: it is what people search logs for.
fn head(word: &str, paint: Paint, code: Option<&str>, message: &str, style: &Style) -> String {
    let word = match code {
        Some(code) => format!("{word}[{}]", clean(code)),
        None => word.to_owned(),
    };
    format!("{}: {}\n", style.paint(paint, &word), style.paint(Paint::Bold, &clean(message.trim_end())))
}

/// Adds causes and fixes.
pub(crate) fn reasons(out: &mut String, indent: usize, causes: &[String], fixes: &[String], style: &Style) {
    for (number, cause) in causes.iter().enumerate() {
        labelled(out, indent, if number == 0 { "cause" } else { "" }, LABEL_WIDTH, cause, style);
    }
    numbered(out, indent, "fix", LABEL_WIDTH, fixes, style);
}

fn places(out: &mut String, error: &Error, style: &Style) {
    for (number, spot) in error.spots().iter().enumerate() {
        let file = if spot.file == "-" { "standard input" } else { &spot.file };
        let blank = if spot.label.is_empty() { "" } else { "  " };
        let place = format!("{file}:{}:{}{blank}{}", spot.line, spot.column, spot.label);
        labelled(out, 2, if number == 0 { "at" } else { "" }, LABEL_WIDTH, &place, style);
    }
}
