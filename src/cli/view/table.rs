//! Aligned columns.

use crate::cli::view::clean;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::text::{pad, width};

/// One cell with its colour.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// What it says.
    pub text: String,
    /// In which colour.
    pub paint: Paint,
}

impl Cell {
    /// A cell in a colour.
    pub fn painted(text: impl Into<String>, paint: Paint) -> Cell {
        Cell { text: text.into(), paint }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), paint: Paint::Plain }
    }
}

/// Columns under `headers`, one line a row whatever the terminal's width (so that a line can
/// be searched for). Columns of numbers, sizes and durations are right-aligned.
pub fn render(headers: &[&str], rows: &[Vec<String>], style: &Style) -> String {
    let rows: Vec<Vec<Cell>> =
        rows.iter().map(|row| row.iter().map(|text| Cell::from(text.as_str())).collect()).collect();
    cells(headers, &rows, 0, style)
}

/// The same with colours, `indent` columns from the left. A column without any text is left out.
pub(crate) fn cells(headers: &[&str], rows: &[Vec<Cell>], indent: usize, style: &Style) -> String {
    let rows: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| Cell { text: clean(&cell.text), paint: cell.paint }).collect())
        .collect();
    let columns: Vec<Column> =
        headers.iter().enumerate().filter_map(|(at, header)| column(at, header, &rows)).collect();
    let mut out = String::new();
    if !headers.iter().all(|header| header.is_empty()) {
        let cells = columns.iter().map(|column| (column, Cell::painted(column.header.clone(), Paint::Dim)));
        line(cells, indent, style, &mut out);
    }
    for row in &rows {
        let cells = columns.iter().map(|column| (column, row.get(column.at).cloned().unwrap_or_default()));
        line(cells, indent, style, &mut out);
    }
    out
}

struct Column {
    at: usize,
    header: String,
    width: usize,
    right: bool,
}

fn column(at: usize, header: &str, rows: &[Vec<Cell>]) -> Option<Column> {
    let texts =
        || rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.as_str()).filter(|text| !text.is_empty());
    if !rows.is_empty() && texts().next().is_none() {
        return None;
    }
    let header = clean(header);
    let width = texts().map(width).max().unwrap_or(0).max(width(&header));
    Some(Column { at, width, right: texts().all(is_quantity) && texts().next().is_some(), header })
}

/// `17`, `1 234`, `3.1 GiB`, `1h12m`, `38/40`, `80%`, and `-` for none.
fn is_quantity(text: &str) -> bool {
    const UNITS: [&str; 6] = [" KiB", " MiB", " GiB", " TiB", " PiB", " B"];
    let number = UNITS.iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text);
    let duration = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'd' | 'h' | 'm' | 's'));
    text == "-"
        || number.starts_with(|c: char| c.is_ascii_digit())
            && (duration || number.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '.' | '/' | '%')))
}

fn line<'a>(cells: impl Iterator<Item = (&'a Column, Cell)>, indent: usize, style: &Style, out: &mut String) {
    let mut blanks = indent;
    let mut text = String::new();
    for (number, (column, cell)) in cells.enumerate() {
        if number > 0 {
            blanks += 2;
        }
        let free = column.width.saturating_sub(width(&cell.text));
        let (before, after) = if column.right { (free, 0) } else { (0, free) };
        if cell.text.is_empty() {
            blanks += free;
            continue;
        }
        text.push_str(&pad("", blanks + before));
        text.push_str(&style.paint(cell.paint, &cell.text));
        blanks = after;
    }
    out.push_str(&text);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|c| (*c).to_owned()).collect()
    }

    #[test]
    fn numbers_go_right_and_words_left_by_their_width() {
        let rows = [row(&["orders", "1 234", "3.1 GiB", "fine"]), row(&["数据", "7", "12 B", ""])];
        assert_eq!(
            render(&["name", "rows", "size", "note"], &rows, &Style::plain(80)),
            "name     rows     size  note\norders  1 234  3.1 GiB  fine\n数据        7     12 B\n"
        );
    }

    #[test]
    fn an_escape_in_a_cell_is_shown_and_counted() {
        let text = render(&["name", "kind"], &[row(&["a\u{1b}[2J", "x"]), row(&["b", "y"])], &Style::plain(80));
        assert_eq!(text, "name        kind\na\\u{1b}[2J  x\nb           y\n");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let rows = vec![vec![Cell::painted("ok", Paint::Good), Cell::from("a")], vec!["failed".into(), "b".into()]];
        let text = cells(&["", ""], &rows, 2, &Style { color: true, width: 80 });
        assert_eq!(text, "  \u{1b}[32mok\u{1b}[0m      a\n  failed  b\n");
    }

    #[test]
    fn times_and_ids_are_no_quantities() {
        assert!(["2026-11-20", "20261120T020000Z-5f3a", "orders", "latest"].iter().all(|text| !is_quantity(text)));
        assert!(["1h12m", "0.8s", "38/40", "212 GiB"].iter().all(|text| is_quantity(text)));
    }
}
