//! The lines of a file that an error points at, with carets.

use crate::cli::view::clean;
use crate::cli::view::error::Sources;
use crate::cli::view::style::Style;
use crate::error::{Error, Spot, code};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// Spots shown of one error.
const SPOTS_MAX: usize = 8;

/// The excerpts of all files that the error points into; empty when one cannot be read, or is not
/// what it was when the error was found.
pub(crate) fn excerpt(error: &Error, sources: &dyn Sources, style: &Style) -> String {
    let spots = &error.spots()[..error.spots().len().min(SPOTS_MAX)];
    let mut files: Vec<(&str, String)> = Vec::new();
    for spot in spots {
        if spot.file == "-" {
            return String::new();
        }
        if !files.iter().any(|(file, _)| *file == spot.file) {
            match sources.read(&spot.file) {
                Some(text) => files.push((&spot.file, text)),
                None => return String::new(),
            }
        }
        let text = files.iter().find(|(file, _)| *file == spot.file).map_or("", |(_, text)| text);
        if !fits(text, spot) {
            return String::new();
        }
    }
    if files.is_empty() {
        return String::new();
    }
    let mut group = Group::with_level(Level::ERROR);
    for (file, text) in &files {
        let here = || spots.iter().filter(|spot| spot.file == *file);
        let mut shown = crate::config::redact(text);
        if error.code() == code::CONFIG_SECRET {
            here().for_each(|spot| star(&mut shown, &spot.bytes));
        }
        let annotations = here().map(|spot| {
            // all spots are of equal rank; only the first carries the place of the heading
            let kind = if spots.first() == Some(spot) { AnnotationKind::Primary } else { AnnotationKind::Context };
            kind.span(on_one_line(text, &spot.bytes)).label(clean(&spot.label))
        });
        let snippet = Snippet::source(calm(&shown)).path(clean(file)).annotations(annotations.collect::<Vec<_>>());
        group = group.element(snippet);
    }
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let rendered = renderer.term_width(style.width).render(&[group]);
    let lines: Vec<&str> = rendered.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// Whether the spot still means the same place in the text as it is now.
fn fits(text: &str, spot: &Spot) -> bool {
    let Range { start, end } = spot.bytes;
    start <= end
        && text.is_char_boundary(start)
        && text.is_char_boundary(end)
        && text[..start].matches('\n').count() as u64 + 1 == u64::from(spot.line)
}

/// A span of several lines ends with its first: the caret says where, the message says what.
fn on_one_line(text: &str, bytes: &Range<usize>) -> Range<usize> {
    let part = &text[bytes.clone()];
    let line = part.find('\n').map_or(part, |end| &part[..end]).trim_end();
    bytes.start..bytes.start + line.len()
}

/// Hides a secret that the error points at; a key (with a colon behind it) is none.
fn star(text: &mut String, bytes: &Range<usize>) {
    if !text[bytes.end..].trim_start().starts_with(':') {
        let stars = "*".repeat(bytes.len());
        text.replace_range(bytes.clone(), &stars);
    }
}

/// Replaces what the renderer would pass on to the terminal, keeping every byte's place.
fn calm(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{80}'..='\u{9f}' | '\u{ad}' => '·',
            '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}' => '\u{fffd}',
            c => c,
        })
        .collect()
}
