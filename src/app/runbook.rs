//! Writes a complete, commented runbook for a restore.

use crate::app::find;
use crate::base::units;
use crate::error::{Error, Result, code};
use crate::model::desired::Desired;
use crate::model::manifest::Header;
use jiff::Timestamp;
use std::fmt::Write;

/// Makes the runbook's text for a database or server of the config, onto `target`, as of `at`.
///
/// # Errors
/// `DBB-CONFIG-REFERENCE`, `DBB-SNAPSHOT-UNKNOWN`, `DBB-USAGE` for a time that is none
pub async fn write(desired: &Desired, what: &str, target: &str, at: Option<&str>) -> Result<String> {
    if !desired.targets.contains_key(target) {
        let known: Vec<&str> = desired.targets.keys().map(String::as_str).collect();
        return Err(Error::new(code::CONFIG_REFERENCE, format!("there is no target \"{target}\" in the config")).fix(
            format!("targets of the config: {}", if known.is_empty() { "none yet".into() } else { known.join(", ") }),
        ));
    }
    let limit = match at {
        Some(text) => Some(time(text)?),
        None => None,
    };
    let (found, _) = find::snapshots(desired).await?;
    let fits = |h: &Header| limit.is_none_or(|t| h.taken <= t);
    let of_database: Vec<&Header> = found.iter().map(|f| &f.header).filter(|h| h.database == what && fits(h)).collect();
    if let Some(newest) = of_database.last() {
        let from = format!("from: {{database: {}, at: {}}}", yaml(what), at.map_or("latest".into(), yaml));
        return Ok(text(what, target, &from, &[newest]));
    }
    let mut of_server: Vec<&Header> = Vec::new();
    for header in found.iter().map(|f| &f.header).filter(|h| h.server == what && fits(h)) {
        of_server.retain(|h| h.database != header.database);
        of_server.push(header);
    }
    if of_server.is_empty() {
        let known = desired.databases.contains_key(what) || desired.servers.contains_key(what);
        let error = match known {
            true => Error::new(code::SNAPSHOT_UNKNOWN, format!("there is no snapshot of \"{what}\" yet"))
                .fix("make one: dbb apply --now"),
            false => Error::new(
                code::CONFIG_REFERENCE,
                format!("\"{what}\" is neither a database nor a server of the config"),
            )
            .fix("list what can be restored: dbb snapshots"),
        };
        return Err(error);
    }
    let from = format!("from: {{set: {{server: {}, at: {}}}}}", yaml(what), at.map_or("latest".into(), yaml));
    Ok(text(what, target, &from, &of_server))
}

fn time(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|e: jiff::Error| {
        Error::new(code::USAGE, format!("\"{text}\" is not a time"))
            .cause(e.to_string())
            .fix("write it like 2026-11-20T02:00:00+01:00")
    })
}

/// A YAML scalar that cannot be taken for anything else: JSON strings are YAML.
fn yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn text(what: &str, target: &str, from: &str, headers: &[&Header]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# yaml-language-server: $schema=schemas/runbook.schema.json");
    let _ = writeln!(out, "#\n# Restores {what} to {target}. As of now that is:");
    for header in headers {
        let _ = writeln!(
            out,
            "#   {}  snapshot {}, {} tables, {} rows, {}",
            comment(&header.database),
            header.id,
            header.totals.tables,
            units::count(header.totals.sum.rows),
            units::bytes(header.totals.source_bytes)
        );
    }
    let _ = writeln!(
        out,
        "#\n# See what it would do:  dbb plan THIS-FILE\n# Do it:                 dbb apply THIS-FILE\n\n\
         kind: restore\nname: {}\n\n\
         # What comes back: the newest snapshot, one at or before a time, or one by its id.\n{from}\n\n\
         # Where to. A database can get another name there.\nto:\n  target: {}\n  # rename: {{{}: {}}}\n\n\
         # Roles: all (made equal to the snapshot's), create_missing (others left alone), none.\nroles:\n  mode: create_missing\n  # map: {{old_owner: new_owner}}\n\n\
         # A database of that name that exists already: fail, or replace (it is dropped first).\nexisting: fail\n\n\
         # Only some schemas or tables, with all that they need; everything when absent.\n\
         # include: {{schemas: [public], tables: [\"billing.*\"]}}\n# exclude: {{tables: [\"public.sessions\"]}}\n\n\
         # How far the snapshot is checked before anything is touched: quick (presence, sizes) or full (every byte).\ncheck: full\n\n\
         # How the result is proven: none, counts, or rows (every row is read back and compared by hash).\nverify: rows\n\n\
         lock_timeout: 60s\n# jobs: 4\non_error: {{mode: continue, retries: 2}}",
        yaml(&format!("{what}-to-{target}")),
        yaml(target),
        yaml(headers.first().map_or(what, |h| h.source_database.as_str())),
        yaml("another_name"),
    );
    out
}

/// A name inside a comment: it must not end the line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
