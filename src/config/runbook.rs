//! The runbook of a restore, through the same three passes.

use crate::base::limits;
use crate::config::check::values::{duration, globs, identifier, table_globs};
use crate::config::check::{At, Context, references};
use crate::config::document::{Document, Findings};
use crate::config::files::FileSource;
use crate::config::load::unreadable;
use crate::config::raw::runbook::{RawFrom, RawRunbook, RawSelection, RawTo};
use crate::config::shape::{self, Shape, short};
use crate::config::{schema, unsupported, yaml};
use crate::error::{Error, code};
use crate::model::desired::{
    DatabaseSelect, Desired, Existing, RestoreSource, RolePolicy, Runbook, Selection, SnapshotAt, SuccessRule,
    TargetRight,
};
use indexmap::IndexMap;
use std::path::Path;

/// Where a runbook comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A file, as the person named it.
    File(&'a Path),
    /// Text that was read from standard input; its name is `-`.
    Text(&'a str),
}

/// Loads a runbook. All problems come at once; there is a runbook when there is none.
pub fn load_runbook(files: &dyn FileSource, source: Source<'_>, desired: &Desired) -> (Option<Runbook>, Vec<Error>) {
    let (name, bytes) = match source {
        Source::Text(text) => ("-".to_owned(), text.as_bytes().to_vec()),
        Source::File(path) => {
            let name = path.display().to_string();
            match files.read(path) {
                Ok(bytes) => (name, bytes),
                Err(error) => {
                    let problem = unreadable(&name, "runbook", &error)
                        .fix("print one with \"dbb runbook DATABASE --to TARGET\" and save it");
                    return (None, vec![problem]);
                }
            }
        }
    };
    let mut findings = Findings::default();
    let runbook = resolve(&name, &bytes, files, desired, &mut findings);
    findings.sort(&[name]);
    match runbook {
        Some(runbook) if findings.problems.is_empty() => (Some(runbook), Vec::new()),
        None if findings.problems.is_empty() => (None, vec![Error::bug("the runbook was refused without a reason")]),
        _ => (None, findings.problems),
    }
}

fn resolve(
    name: &str,
    bytes: &[u8],
    files: &dyn FileSource,
    desired: &Desired,
    findings: &mut Findings,
) -> Option<Runbook> {
    let (root, problems) = yaml::parse(name, bytes);
    findings.problems.extend(problems);
    let document = Document { name: name.to_owned(), dir: files.absolute(Path::new(".")), root: root? };
    if document.root.entry("kind").is_none()
        && let Some(key) = references::SECTIONS.iter().find(|key| document.root.entry(key).is_some())
    {
        findings.problem(
            document
                .key_error(
                    code::CONFIG_SCHEMA,
                    &format!("/{key}"),
                    format!("{name} is a config, not a runbook"),
                    "a config",
                )
                .fix("print a runbook with \"dbb runbook DATABASE --to TARGET\""),
        );
        return None;
    }
    let shape_schema = schema::runbook();
    let shape = match schema::validator(&shape_schema) {
        Ok(validator) => Shape { schema: shape_schema, validator, unsupported: unsupported::RUNBOOK },
        Err(bug) => {
            findings.problem(bug);
            return None;
        }
    };
    let json = shape::check(&shape, &document, findings);
    if !json.is_object() {
        return None;
    }
    let mut context = Context { findings: std::mem::take(findings), origins: IndexMap::new(), files };
    let at = At { document: &document, pointer: String::new() };
    let runbook = context.typed::<RawRunbook>(&json, &at).and_then(|raw| build(name, raw, &at, desired, &mut context));
    *findings = context.findings;
    runbook
}

fn build(name: &str, raw: RawRunbook, at: &At<'_>, desired: &Desired, context: &mut Context<'_>) -> Option<Runbook> {
    let stem = Path::new(name).file_stem().map_or("restore".into(), |stem| stem.to_string_lossy());
    let stem = if name == "-" { "restore".to_owned() } else { stem.into_owned() };
    let from = raw.from.and_then(|raw| source(raw, &at.key("from"), desired, context));
    let existing = raw.existing.unwrap_or_default();
    let to = raw.to.unwrap_or_default();
    let target = target(to.target.as_deref(), existing, at, desired, context);
    let rename = rename(to, from.as_ref(), &at.key("to").key("rename"), desired, context);
    let roles = raw.roles.unwrap_or_default();
    let map = roles.map.unwrap_or_default();
    let map_at = at.key("roles").key("map");
    for (role, new) in &map {
        identifier(new, "role", &map_at.key(role), context);
    }
    let include = selection(raw.include, &at.key("include"), context);
    let exclude = selection(raw.exclude, &at.key("exclude"), context);
    let lock_timeout = duration(raw.lock_timeout.as_deref(), &at.key("lock_timeout"), context);
    let on_error = raw.on_error.unwrap_or_default();
    let at_least = raw.success.as_ref().and_then(|success| success.at_least.clone());
    let success = success(raw.require_all, at_least, at, context);
    Some(Runbook {
        name: raw.name.unwrap_or(stem),
        file: name.to_owned(),
        from: from?,
        target: target?,
        rename,
        roles: RolePolicy { mode: roles.mode.unwrap_or_default(), map },
        existing,
        include,
        exclude,
        jobs: raw.jobs,
        lock_timeout: lock_timeout.unwrap_or(limits::LOCK_WAIT),
        check: raw.check,
        on_error: on_error.mode.unwrap_or_default(),
        retries: on_error.retries.unwrap_or(limits::STEP_TRIES_MAX - 1),
        verify: raw.verify.unwrap_or_default(),
        success: success?,
    })
}

fn source(raw: RawFrom, at: &At<'_>, desired: &Desired, context: &mut Context<'_>) -> Option<RestoreSource> {
    match (raw.database, raw.set) {
        (Some(name), None) => {
            let at_time = instant(raw.at.as_deref(), true, &at.key("at"), context);
            let found = database_exists(&name, &at.key("database"), desired, context);
            found.then_some(RestoreSource::Database { name, at: at_time? })
        }
        (None, Some(set)) => {
            if raw.at.is_some() {
                let problem = at
                    .key("at")
                    .key_error(code::CONFIG_VALUE, "from.at belongs to a database, not to a set", "not here")
                    .fix("write it inside: set: {server: NAME, at: TIME}");
                context.findings.problem(problem);
            }
            let set_at = at.key("set");
            let at_time = instant(set.at.as_deref(), false, &set_at.key("at"), context);
            let server = set.server?;
            let names = desired.servers.keys().map(|name| (name.clone(), 0)).collect();
            let found = references::exists(&server, "server", &names, &set_at.key("server"), context);
            found.then_some(RestoreSource::Set { server, at: at_time? })
        }
        (Some(_), Some(_)) => {
            let problem = at
                .key("set")
                .key_error(code::CONFIG_VALUE, "from has both \"database\" and \"set\"", "one too many")
                .spot(at.document.key_spot(&at.key("database").pointer, "the other"))
                .fix("keep \"database\" for one database, or \"set\" for all of a server");
            context.findings.problem(problem);
            None
        }
        (None, None) => {
            let is_written = |key: &str| at.document.root.find(&at.key(key).pointer).is_some();
            if !is_written("database") && !is_written("set") {
                let problem = at
                    .key_error(code::CONFIG_SCHEMA, "from names neither a database nor a set", "of what?")
                    .fix("write from: {database: NAME, at: latest}")
                    .fix("write from: {set: {server: NAME, at: latest}} for all databases of a server");
                context.findings.problem(problem);
            }
            None
        }
    }
}

/// A database's entry, or a real database that a pattern of the config stands for.
fn database_exists(name: &str, at: &At<'_>, desired: &Desired, context: &mut Context<'_>) -> bool {
    let by_pattern = desired.databases.values().any(|database| match &database.select {
        DatabaseSelect::Matching(pattern) => {
            globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
        }
        DatabaseSelect::Named(_) => false,
    });
    if by_pattern {
        return true;
    }
    let is_named = |name: &&String| {
        desired.databases.get(*name).is_some_and(|database| matches!(database.select, DatabaseSelect::Named(_)))
    };
    let names = desired.databases.keys().filter(is_named).map(|name| (name.clone(), 0)).collect();
    references::exists(name, "database", &names, at, context)
}

fn instant(text: Option<&str>, with_id: bool, at: &At<'_>, context: &mut Context<'_>) -> Option<SnapshotAt> {
    let text = text.unwrap_or("latest").trim();
    if text == "latest" {
        return Some(SnapshotAt::Latest);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(SnapshotAt::Time(time));
    }
    if let Ok(zoned) = text.parse::<jiff::Zoned>() {
        return Some(SnapshotAt::Time(zoned.timestamp()));
    }
    let is_id = text.len() <= 64
        && text.split_once('-').is_some_and(|(time, tail)| {
            time.len() == 16
                && time.ends_with('Z')
                && !tail.is_empty()
                && tail.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    if is_id && with_id {
        return Some(SnapshotAt::Id(text.to_owned()));
    }
    let name = at.name();
    let problem = if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
        at.error(code::CONFIG_VALUE, format!("{name} has no time zone"), "which zone?")
            .fix(format!("add the offset from UTC: {civil}+01:00, or {civil}Z for UTC"))
    } else if is_id {
        at.error(code::CONFIG_VALUE, format!("{name} is one snapshot, not a set"), "a snapshot's id")
            .fix("write from: {database: NAME, at: ID} for one snapshot, or a time for a set")
    } else {
        let error = at
            .error(code::CONFIG_VALUE, format!("\"{}\" is not a point in time", short(text)), "not a time")
            .fix("write latest, or a time with its zone: 2026-11-20T02:00:00+01:00");
        if with_id { error.fix("write the id of a snapshot as \"dbb snapshots\" shows it") } else { error }
    };
    context.findings.problem(problem);
    None
}

fn target(
    name: Option<&str>,
    existing: Existing,
    at: &At<'_>,
    desired: &Desired,
    context: &mut Context<'_>,
) -> Option<String> {
    let name = name?;
    let key = at.key("to").key("target");
    let names = desired.targets.keys().map(|name| (name.clone(), 0)).collect();
    if !references::exists(name, "target", &names, &key, context) {
        return None;
    }
    let target = desired.targets.get(name)?;
    let wanted = match existing {
        Existing::Fail => (TargetRight::Create, "create", key),
        Existing::Replace => (TargetRight::Replace, "replace", at.key("existing")),
    };
    let (right, word, key) = wanted;
    if !target.allow.contains(&right) {
        let problem = key
            .error(code::RESTORE_ALLOW, format!("the target {name} does not allow to {word} databases"), "not allowed")
            .fix(format!("add \"{word}\" to its \"allow\" ({})", target.place))
            .fix("restore to another target");
        context.findings.problem(problem);
    }
    Some(name.to_owned())
}

fn rename(
    to: RawTo,
    from: Option<&RestoreSource>,
    at: &At<'_>,
    desired: &Desired,
    context: &mut Context<'_>,
) -> IndexMap<String, String> {
    let map = to.rename.unwrap_or_default();
    let mut taken: IndexMap<&String, &String> = IndexMap::new();
    for (old, new) in &map {
        let key = at.key(old);
        if !identifier(new, "database", &key, context) {
            continue;
        }
        if let Some(other) = taken.insert(new, old) {
            let problem = key
                .error(code::CONFIG_VALUE, format!("{other} and {old} would both become {new}"), "taken")
                .fix("give each a name of its own");
            context.findings.problem(problem);
        }
        if let Some(RestoreSource::Database { name, .. }) = from
            && let Some(DatabaseSelect::Named(real)) = desired.databases.get(name).map(|database| &database.select)
            && real != old
        {
            let problem = key
                .key_error(code::CONFIG_REFERENCE, format!("{} is not what is restored", short(old)), "not restored")
                .fix(format!("write {real}: {new}"));
            context.findings.problem(problem);
        }
    }
    map
}

fn selection(raw: Option<RawSelection>, at: &At<'_>, context: &mut Context<'_>) -> Selection {
    let raw = raw.unwrap_or_default();
    Selection {
        schemas: globs(raw.schemas, &at.key("schemas"), context),
        tables: table_globs(raw.tables, &at.key("tables"), context),
    }
}

fn success(
    require_all: Option<bool>,
    at_least: Option<String>,
    at: &At<'_>,
    context: &mut Context<'_>,
) -> Option<SuccessRule> {
    let problem = match (require_all, at_least) {
        (Some(true) | None, None) => return Some(SuccessRule::RequireAll),
        (Some(false), None) => at
            .key("require_all")
            .error(code::CONFIG_VALUE, "require_all: false does not say what is enough", "how many then?")
            .fix("write success: {at_least: 80%} instead"),
        (Some(true), Some(_)) => at
            .key("require_all")
            .key_error(code::CONFIG_VALUE, "require_all and success exclude each other", "one too many")
            .spot(at.document.key_spot("/success", "the other"))
            .fix("keep one of them"),
        (_, Some(text)) => {
            let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<u8>().ok());
            match percent {
                Some(percent @ 1..=100) => return Some(SuccessRule::AtLeastPercent(percent)),
                _ => at
                    .key("success")
                    .key("at_least")
                    .error(code::CONFIG_VALUE, format!("\"{}\" is not a share", short(&text)), "not a share")
                    .fix("write a share from 1% to 100%, e.g. 80%"),
            }
        }
    };
    context.findings.problem(problem);
    None
}
