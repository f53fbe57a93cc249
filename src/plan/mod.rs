//! Desired x Observed -> Plan. Pure: no I/O, no clock; the same input gives the same bytes.
//!
//! The app looks at the world first, then calls:
//! - [`backup()`] for the config;
//! - [`choose`], [`restore_spec`] (for the engine's preflight) and [`restore()`] for a runbook.

pub mod address;
pub mod backup;
pub mod graph;
pub mod jobs;
pub mod notice;
pub mod render;
pub mod restore;
pub mod saved;
pub mod schedule;
pub mod schema;

pub use backup::{BackupOptions, backup};
pub use restore::{Chosen, RestoreInput, RestoreOptions, choose, restore, restore_spec};

use crate::error::Error;
use crate::model::plan::{NoticeLevel, Plan};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Format name of a plan.
pub const FORMAT: &str = "dbb-plan";
/// Version of the plan's format.
pub const VERSION: u32 = 1;

/// The error that ends the command when a plan holds nothing but errors: there is
/// no step, and the first notice that is an error says why.
pub fn blocked(plan: &Plan) -> Option<Error> {
    if !plan.graph.steps.is_empty() {
        return None;
    }
    let notice = plan.notices.iter().find(|notice| notice.level == NoticeLevel::Error)?;
    Some(Error::from(notice.failure.clone()))
}

/// The moment from which a plan made at `now` counts as too old.
pub fn expiry(now: Timestamp, valid: Duration) -> Timestamp {
    now.checked_add(SignedDuration::try_from(valid).unwrap_or(SignedDuration::ZERO)).unwrap_or(now)
}

/// A name as part of a step's id: one line, and `/` only between parts.
pub fn id_part(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c == '/' || c == '%' || c.is_control() {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}
