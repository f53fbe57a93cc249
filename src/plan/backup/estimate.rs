//! What a backup will take, from what earlier ones took. Nothing is invented:
//! without history there is no estimate.

use crate::base::units;
use crate::model::manifest::Header;
use std::time::Duration;

/// Earlier snapshots that an estimate looks at.
const HISTORY_SNAPSHOTS_MAX: usize = 10;
/// Snapshots from which a ninetieth percentile says something.
const PERCENTILE_SNAPSHOTS_MIN: usize = 5;

/// Lines for people, and the bytes that will be stored when history tells.
/// `past` is oldest first.
pub fn describe(
    past: &[&Header],
    source_bytes: Option<u64>,
    repository_exists: bool,
    repository: &str,
) -> (Vec<String>, Option<u64>) {
    let read = super::size(source_bytes);
    let recent = &past[past.len().saturating_sub(HISTORY_SNAPSHOTS_MAX)..];
    let samples: Vec<&Header> = recent.iter().copied().filter(|header| header.totals.source_bytes > 0).collect();
    let mut lines = Vec::new();
    let mut stored = None;
    match source_bytes {
        Some(bytes) if !samples.is_empty() => {
            let store = percentile(samples.iter().map(|header| stored_per_byte(header) * bytes as f64).collect(), 0.5);
            let times: Vec<f64> = samples.iter().map(|header| seconds_per_byte(header) * bytes as f64).collect();
            stored = Some(store as u64);
            let mut line = format!("{read}, about {} to store, ", units::bytes(store as u64));
            line.push_str(&words(percentile(times.clone(), 0.5)));
            if times.len() >= PERCENTILE_SNAPSHOTS_MIN {
                line.push_str(&format!(" (p90 {})", words(percentile(times, 0.9))));
            }
            lines.push(line);
        }
        _ => lines.push(format!("{read}, no history yet, no estimate")),
    }
    if !repository_exists {
        lines.push(format!("repository {repository} is made first: nothing is there yet"));
    }
    (lines, stored)
}

fn words(seconds: f64) -> String {
    units::duration(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)))
}

fn stored_per_byte(header: &Header) -> f64 {
    let new = header.totals.stored_bytes.saturating_sub(header.totals.shared_bytes);
    new as f64 / header.totals.source_bytes as f64
}

fn seconds_per_byte(header: &Header) -> f64 {
    let seconds = header.finished.duration_since(header.taken).as_secs_f64().max(0.0);
    seconds / header.totals.source_bytes as f64
}

/// Nearest rank; `values` is not empty.
fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}
