//! What is in a snapshot, as text.

use crate::app::ls::Line;
use crate::base::units;
use crate::cli::view::clean;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::table::{self, Cell};
use crate::cli::view::text::{instant, plural};
use crate::model::manifest::Header;

/// One object a line, in the order given; below, what they amount to.
pub fn text(header: &Header, lines: &[Line], style: &Style) -> String {
    let mut out = format!(
        "{} of {}, taken {}\n\n",
        style.paint(Paint::Bold, &clean(&header.id)),
        clean(&header.database),
        instant(header.taken)
    );
    if lines.is_empty() {
        out.push_str("Nothing in it has such a name.\n");
        return out;
    }
    let rows: Vec<Vec<Cell>> = lines
        .iter()
        .map(|line| {
            vec![
                Cell::painted(line.what.to_lowercase(), Paint::Dim),
                line.name.as_str().into(),
                line.rows.map(units::count).unwrap_or_default().into(),
                line.bytes.map(units::bytes).unwrap_or_default().into(),
                line.owner.clone().unwrap_or_default().into(),
            ]
        })
        .collect();
    out.push_str(&table::cells(&["what", "name", "rows", "size", "owner"], &rows, 0, style));
    let with_rows: Vec<&Line> = lines.iter().filter(|line| line.bytes.is_some()).collect();
    let mut sum = plural(lines.len() as u64, "object");
    if !with_rows.is_empty() {
        let rows = plural(with_rows.iter().filter_map(|line| line.rows).sum(), "row");
        let bytes = units::bytes(with_rows.iter().filter_map(|line| line.bytes).sum());
        sum.push_str(&format!("; {} with {rows}, {bytes}", plural(with_rows.len() as u64, "table")));
    }
    out.push_str(&format!("\n{sum}\n"));
    out
}
