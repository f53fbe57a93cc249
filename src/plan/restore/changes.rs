//! What a restore changes, for people.

use crate::base::units;
use crate::model::address::Address;
use crate::model::catalog::Section;
use crate::model::desired::{CheckLevel, VerifyMode};
use crate::model::observed::{DatabaseState, ServerState};
use crate::model::plan::{Change, ChangeKind, ChangeLine};
use crate::model::step::RestoreSpec;
use crate::plan::restore::RestoreInput;
use crate::plan::restore::roles::{PlannedRole, PlannedSettings, RoleChange};
use crate::plan::restore::shape::Shape;

/// The change of one database.
pub struct Restored<'a> {
    /// Its key.
    pub key: &'a str,
    /// The snapshot and what was seen of the target.
    pub input: &'a RestoreInput,
    /// Where to and how.
    pub spec: &'a RestoreSpec,
    /// What is kept of the catalog.
    pub shape: &'a Shape<'a>,
    /// The target server.
    pub server: &'a ServerState,
    /// The database that is there now.
    pub existing: Option<&'a DatabaseState>,
    /// How it is proven.
    pub verify: VerifyMode,
    /// Workers.
    pub jobs: u32,
    /// Where the runbook is.
    pub place: &'a str,
}

/// Roles, one change for the whole target.
pub fn roles(planned: &[PlannedRole], settings: &[PlannedSettings], server: &str, place: &str) -> Option<Change> {
    if planned.is_empty() && settings.is_empty() {
        return None;
    }
    let mut lines = Vec::new();
    for role in planned {
        let (kind, text) = match &role.change {
            RoleChange::Create => (ChangeKind::Create, role.target_name.clone()),
            RoleChange::Alter(differences) if !differences.is_empty() => {
                (ChangeKind::Update, format!("{} ({})", role.target_name, differences.join(", ")))
            }
            RoleChange::Alter(_) | RoleChange::Keep => (ChangeKind::Keep, role.target_name.clone()),
        };
        let renamed =
            if role.target_name == role.role.name { String::new() } else { format!("  for {}", role.role.name) };
        lines.push(line(Some(kind), "role", format!("{text}{renamed}")));
    }
    let count = |kind: ChangeKind| lines.iter().filter(|line| line.kind == Some(kind)).count();
    let (created, altered, kept) = (count(ChangeKind::Create), count(ChangeKind::Update), count(ChangeKind::Keep));
    let kind = match (created, altered) {
        (0, 0) if settings.is_empty() => ChangeKind::Keep,
        (0, _) => ChangeKind::Update,
        _ => ChangeKind::Create,
    };
    let reason = format!("roles on {server}: {created} created, {altered} changed, {kept} as they are");
    for text in settings.iter().flat_map(|one| &one.lines) {
        lines.push(line(Some(ChangeKind::Update), "server-wide", text.clone()));
    }
    Some(Change {
        address: Address(format!("roles.{server}")),
        kind,
        destructive: false,
        place: place.to_owned(),
        reason,
        lines,
        bytes: 0,
    })
}

/// One database.
pub fn database(restored: &Restored) -> Change {
    let Restored { key, input, spec, shape, .. } = restored;
    let header = &input.chosen.header;
    let bytes: u64 = shape.chunks.values().flatten().map(|index| shape.catalog.chunks[*index as usize].bytes).sum();
    let reason = format!(
        "restore {key} @ {}  ->  {} / {}",
        header.taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
        spec.server,
        spec.target_database
    );
    Change {
        address: Address::database(key),
        kind: if spec.replace { ChangeKind::Replace } else { ChangeKind::Create },
        destructive: spec.replace,
        place: restored.place.to_owned(),
        reason,
        lines: lines(restored, bytes),
        bytes,
    }
}

fn lines(restored: &Restored, bytes: u64) -> Vec<ChangeLine> {
    let Restored { spec, shape, .. } = restored;
    let properties = &shape.catalog.database;
    let owner = spec.roles.map.get(&properties.owner).unwrap_or(&properties.owner);
    let created = if spec.replace { ChangeKind::Replace } else { ChangeKind::Create };
    let about = [owner_words(owner), properties.encoding.clone(), locale(restored)];
    let about: Vec<String> = about.into_iter().filter(|text| !text.is_empty()).collect();
    let mut lines = vec![
        line(None, "snapshot", format!("{} in {}", restored.input.chosen.header.id, spec.repository)),
        line(Some(created), "database", format!("{}  ({})", spec.target_database, about.join(", "))),
    ];
    if let (true, Some(existing)) = (spec.replace, restored.existing) {
        let size = existing.bytes.map_or(String::new(), |bytes| format!(" ({})", units::bytes(bytes)));
        let others = match existing.connections {
            0 => String::new(),
            1 => "; 1 connection to it is closed".into(),
            n => format!("; {n} connections to it are closed"),
        };
        let text = format!("{}{size}: the old one is dropped{others}", existing.name);
        lines.push(ChangeLine { destructive: true, ..line(None, "replaces", text) });
    }
    let in_section =
        |post: bool| shape.entries.iter().filter(|entry| (entry.section != Section::PreData) == post).count() as u64;
    lines.push(line(None, "pre-data", units::counted(in_section(false), "object", "objects")));
    lines.push(line(None, "data", data(restored, bytes)));
    lines.push(line(None, "post-data", units::counted(in_section(true), "object", "objects")));
    if !spec.left_out.is_empty() {
        lines.push(line(
            None,
            "left out",
            format!("{} objects by include and exclude", units::count(spec.left_out.len() as u64)),
        ));
    }
    lines.push(line(None, "check", check(spec).into()));
    lines.push(line(None, "verify", verify(restored)));
    lines.push(line(None, "space", space(restored)));
    lines.push(line(None, "jobs", restored.jobs.to_string()));
    lines
}

fn owner_words(owner: &str) -> String {
    if owner.is_empty() { String::new() } else { format!("owner {owner}") }
}

fn locale(restored: &Restored) -> String {
    let properties = &restored.shape.catalog.database;
    properties.locale.clone().filter(|locale| !locale.is_empty()).unwrap_or_else(|| properties.collate.clone())
}

fn data(restored: &Restored, bytes: u64) -> String {
    let shape = restored.shape;
    let chunks: usize = shape.chunks.values().map(Vec::len).sum();
    let mut text = format!(
        "{} tables, {}, {} chunks",
        units::count(shape.tables.len() as u64),
        units::bytes(bytes),
        units::count(chunks as u64)
    );
    if shape.catalog.large_objects > 0 && restored.spec.left_out.is_empty() {
        text.push_str(&format!(", {} large objects", units::count(shape.catalog.large_objects)));
    }
    text
}

fn check(spec: &RestoreSpec) -> &'static str {
    match spec.check {
        CheckLevel::Quick => "quick: every object is there with its size, before anything is touched",
        CheckLevel::Full => "full: every byte is read and proven, before anything is touched",
    }
}

fn verify(restored: &Restored) -> String {
    let tables = restored.shape.tables.iter().filter(|table| !table.without_rows).count() as u64;
    match restored.verify {
        VerifyMode::None => "nothing: the result is not compared with the snapshot".into(),
        VerifyMode::Counts => format!("{} tables by row count", units::count(tables)),
        VerifyMode::Rows => format!("{} tables by row hash", units::count(tables)),
    }
}

/// Size on the target: the source's, when all of it is restored; else that of the tables' rows.
pub fn needed_bytes(restored: &Restored) -> u64 {
    match restored.spec.left_out.is_empty() {
        true => restored.input.chosen.header.totals.source_bytes,
        false => restored.shape.tables.iter().map(|table| table.bytes).sum(),
    }
}

fn space(restored: &Restored) -> String {
    let needed = units::bytes(needed_bytes(restored));
    match restored.server.free_bytes {
        Some(free) => format!("about {needed} needed, {} free", units::bytes(free)),
        None => format!("about {needed} needed, free space not known to the login"),
    }
}

fn line(kind: Option<ChangeKind>, label: &str, text: String) -> ChangeLine {
    ChangeLine { kind, label: label.into(), text, destructive: false }
}
