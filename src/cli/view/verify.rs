//! Whether snapshots are whole, as text.

use crate::app::verify::{DamageLine, Verified};
use crate::base::units;
use crate::cli::view::clean;
use crate::cli::view::error::reasons;
use crate::cli::view::style::{Paint, Style};
use crate::cli::view::table::{self, Cell};
use crate::cli::view::text::{labelled, plural, some_of};
use crate::model::desired::CheckLevel;

/// Damages told of one snapshot.
const DAMAGES_SHOWN_MAX: usize = 10;
/// Names listed of the tables that a damage hurts.
const TABLES_NAMED_MAX: usize = 8;

/// One snapshot a line; below, what is damaged and which tables that hurts, and the sum of it.
pub fn text(verified: &[Verified], level: CheckLevel, style: &Style) -> String {
    if verified.is_empty() {
        return "There are no snapshots to verify.\n".into();
    }
    let rows: Vec<Vec<Cell>> = verified
        .iter()
        .map(|one| {
            vec![
                match one.damages.is_empty() {
                    true => Cell::painted("whole", Paint::Good),
                    false => Cell::painted("damaged", Paint::Bad),
                },
                one.snapshot.as_str().into(),
                one.database.as_str().into(),
                one.repository.as_str().into(),
                units::count(one.objects).into(),
                units::bytes(one.bytes).into(),
                one.rows.map(units::count).unwrap_or_default().into(),
            ]
        })
        .collect();
    let headers = ["", "snapshot", "database", "repository", "objects", "stored", "rows"];
    let mut out = table::cells(&headers, &rows, 2, style);
    for one in verified.iter().filter(|one| !one.damages.is_empty()) {
        let names = format!("{} of {}", clean(&one.snapshot), clean(&one.database));
        out.push_str(&format!("\n{} {}\n", style.paint(Paint::Alarm, "damaged:"), style.paint(Paint::Bold, &names)));
        one.damages.iter().take(DAMAGES_SHOWN_MAX).for_each(|damage| told(damage, &mut out, style));
        if one.damages.len() > DAMAGES_SHOWN_MAX {
            let more = plural((one.damages.len() - DAMAGES_SHOWN_MAX) as u64, "more damage");
            out.push_str(&format!("  and {more}: dbb verify {} --format json\n", clean(&one.snapshot)));
        }
    }
    let damaged = verified.iter().filter(|one| !one.damages.is_empty()).count() as u64;
    let whole = style.paint(Paint::Good, &format!("{} whole", units::count(verified.len() as u64 - damaged)));
    let paint = if damaged > 0 { Paint::Bad } else { Paint::Plain };
    let damaged = style.paint(paint, &format!("{} damaged", units::count(damaged)));
    let how = match level {
        CheckLevel::Quick => "quick: manifests read, objects there with the right size",
        CheckLevel::Full => "full: every byte read, every row counted and hashed",
    };
    out.push_str(&format!("\n{whole}, {damaged} ({how})\n"));
    out
}

fn told(damage: &DamageLine, out: &mut String, style: &Style) {
    let failure = &damage.failure;
    let code = style.paint(Paint::Bad, &clean(&failure.code));
    out.push_str(&format!("  {code}: {}\n", clean(failure.message.trim_end())));
    if !damage.tables.is_empty() {
        let names = some_of(damage.tables.iter().map(String::as_str), TABLES_NAMED_MAX);
        labelled(out, 4, "hurts", 6, &names, style);
    }
    reasons(out, 4, &failure.causes, &failure.fixes, style);
}
