//! Lines: wrapping, hanging indents, counting words.

use crate::cli::view::clean;
use crate::cli::view::style::{Paint, Style};
use jiff::Timestamp;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// Text is never wrapped narrower than this.
const WIDTH_MIN: usize = 24;

/// Columns that the text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text with blanks behind it, up to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text, cleaned, in lines of at most `columns`. A word that is longer stays
/// whole: a path or a command must be copied in one piece. Own line ends are kept.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(WIDTH_MIN);
    let mut lines = Vec::new();
    for line in text.trim_end().lines() {
        let line = clean(&line.replace('\t', "    "));
        wrap_line(line.trim_end(), columns, &mut lines);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn wrap_line(line: &str, columns: usize, lines: &mut Vec<String>) {
    let hang = " ".repeat((line.len() - line.trim_start().len()).min(columns / 2));
    let mut current = String::new();
    let mut blanks = "";
    let mut rest = line;
    while !rest.is_empty() {
        let word_end = rest.find(' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        let blank_end = after.find(|c| c != ' ').unwrap_or(after.len());
        let fits = width(&current) + blanks.len() + width(word) <= columns;
        if fits || current.trim().is_empty() {
            current.push_str(blanks);
        } else {
            lines.push(std::mem::replace(&mut current, hang.clone()));
        }
        current.push_str(word);
        (blanks, rest) = after.split_at(blank_end);
    }
    lines.push(current);
}

/// Adds `label` and the text beside it, wrapped with a hanging indent. `indent` and `label_width`
/// are columns; two more stand between label and text.
pub(crate) fn labelled(out: &mut String, indent: usize, label: &str, label_width: usize, text: &str, style: &Style) {
    let start = indent + label_width + 2;
    for (number, line) in wrapped(text, style.width.saturating_sub(start)).iter().enumerate() {
        let head = if number == 0 { pad(label, label_width) } else { " ".repeat(label_width) };
        let full = format!("{}{}  {line}", " ".repeat(indent), style.paint(Paint::Dim, &head));
        out.push_str(full.trim_end());
        out.push('\n');
    }
}

/// Adds the steps beside `label`, numbered when there are several. A command behind a colon stays
/// on one line, so that it can be copied.
pub(crate) fn numbered(
    out: &mut String,
    indent: usize,
    label: &str,
    label_width: usize,
    steps: &[String],
    style: &Style,
) {
    let digits = if steps.len() > 1 { steps.len().to_string().len() + 2 } else { 0 };
    let start = indent + label_width + 2 + digits;
    for (number, step) in steps.iter().enumerate() {
        for (line_number, line) in step_lines(step, style.width.saturating_sub(start)).iter().enumerate() {
            let head = if number == 0 && line_number == 0 { pad(label, label_width) } else { " ".repeat(label_width) };
            let mark = if line_number == 0 && digits > 0 { format!("{}.", number + 1) } else { String::new() };
            let full =
                format!("{}{}  {}{line}", " ".repeat(indent), style.paint(Paint::Dim, &head), pad(&mark, digits));
            out.push_str(full.trim_end());
            out.push('\n');
        }
    }
}

fn step_lines(step: &str, columns: usize) -> Vec<String> {
    const GLUE: &str = "\u{a0}";
    match step.rsplit_once(": ") {
        Some((before, tail)) if !tail.contains('\n') && (width(tail) <= columns || is_command(tail)) => {
            let glued = format!("{before}: {}", tail.replace(' ', GLUE));
            wrapped(&glued, columns).iter().map(|line| line.replace(GLUE, " ")).collect()
        }
        _ => wrapped(step, columns),
    }
}

fn is_command(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or("");
    matches!(first, "dbb" | "psql" | "pg_isready" | "chmod" | "GRANT" | "ALTER" | "CREATE" | "DROP" | "SELECT")
}

/// `1 server`, `3 servers`, `2 databases`; the count with thin thousands.
pub(crate) fn plural(count: u64, one: &str) -> String {
    let number = crate::base::units::count(count);
    match count {
        1 => format!("{number} {one}"),
        _ => match one.strip_suffix('y') {
            Some(stem) => format!("{number} {stem}ies"),
            None => format!("{number} {one}s"),
        },
    }
}

/// The first names, and how many more there are: `a, b, c and 47 more`. Cleaned.
pub(crate) fn some_of<'a>(names: impl ExactSizeIterator<Item = &'a str>, shown_max: usize) -> String {
    let all = names.len();
    // "and 1 more" takes the room of the name that it hides
    let shown = if all <= shown_max + 1 { all } else { shown_max };
    let listed: Vec<String> = names.take(shown).map(clean).collect();
    match all - shown {
        0 => listed.join(", "),
        more => format!("{} and {} more", listed.join(", "), crate::base::units::count(more as u64)),
    }
}

/// The instant to the second, in UTC.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How long ago `at` was.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    match Duration::try_from(now.duration_since(at)) {
        Ok(age) => crate::base::units::duration(age),
        Err(_) => "in the future".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_long_words_stay_whole() {
        let text = "the password comes from /a/very/long/path/that/has/no/blank/at/all: is it right?";
        assert_eq!(
            wrapped(text, 26),
            ["the password comes from", "/a/very/long/path/that/has/no/blank/at/all:", "is it right?"]
        );
        assert_eq!(wrapped("one  two", 40), ["one  two"]);
        assert_eq!(wrapped("first\n  second\tline\u{7}\n", 40), ["first", "  second    line\\u{7}"]);
        assert_eq!(wrapped("", 40), [""]);
        assert!(wrapped("数据库数据库数据库 数据库数据库数据库", 24).iter().all(|line| width(line) <= 24));
    }

    #[test]
    fn a_command_stays_in_one_piece() {
        let mut out = String::new();
        let steps = ["look whether it runs: pg_isready -h pg-west -p 5432".to_owned()];
        numbered(&mut out, 2, "fix", 3, &steps, &Style::plain(45));
        assert_eq!(out, "  fix  look whether it runs:\n       pg_isready -h pg-west -p 5432\n");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!([plural(1, "repository"), plural(2, "repository")], ["1 repository", "2 repositories"]);
        assert_eq!(plural(1200, "server"), "1 200 servers");
        assert_eq!(some_of(["a", "b", "c"].into_iter(), 2), "a, b, c");
        assert_eq!(some_of(["a", "b", "c", "d"].into_iter(), 2), "a, b and 2 more");
    }
}
