//! Databases and the defaults they fall back on.

use super::references::{self, Names, exists};
use super::values::{compression, glob, identifier, schedule, table_globs};
use super::{At, Context};
use crate::config::node::join;
use crate::config::raw::database::RawDatabase;
use crate::config::raw::defaults::RawDefaults;
use crate::config::suggest::listed;
use crate::error::code;
use crate::model::desired::{
    Compression, DatabaseSelect, DatabaseSpec, Exclude, HostPort, OnError, Profile, Schedule, ServerSpec,
};
use indexmap::IndexMap;

/// `defaults:`, resolved, with where each stands.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The repository's name.
    pub repository: Option<(String, String)>,
    /// True when a repository is named, be it the right one or not: a wrong name is one problem, not one a database.
    pub names_repository: bool,
    /// Compression.
    pub compression: Option<(Compression, String)>,
    /// Schedule.
    pub schedule: Option<(Schedule, String)>,
    /// Profile.
    pub profile: Profile,
    /// What happens to the rest when something fails.
    pub on_error: OnError,
}

/// Resolves `defaults:`.
pub fn defaults(raw: RawDefaults, repositories: &Names, at: &At<'_>, context: &mut Context<'_>) -> Defaults {
    let from = |key: &str| format!("defaults ({})", at.key(key).line());
    for (field, key) in [("profile", "profile"), ("on_error", "on_error")] {
        context.origin_of("", field, &at.key(key));
    }
    let names_repository = raw.repository.is_some();
    let repository =
        raw.repository.filter(|name| exists(name, "repository", repositories, &at.key("repository"), context));
    Defaults {
        names_repository,
        repository: repository.map(|name| (name, from("repository"))),
        compression: compression(raw.compression, &at.key("compression"), context)
            .map(|found| (found, from("compression"))),
        schedule: schedule(raw.schedule, &at.key("schedule"), context).map(|found| (found, from("schedule"))),
        profile: raw.profile.unwrap_or_default(),
        on_error: raw.on_error.unwrap_or_default(),
    }
}

/// A database, or `None` when something of it is wrong (which has been said).
pub fn database(
    name: &str,
    raw: RawDatabase,
    defaults: &Defaults,
    servers: &Names,
    repositories: &Names,
    at: &At<'_>,
    context: &mut Context<'_>,
) -> Option<DatabaseSpec> {
    let pointer = join("/databases", name);
    let server = raw.server.filter(|server| exists(server, "server", servers, &at.key("server"), context));
    context.origin_of(&pointer, "server", &at.key("server"));
    let repository = repository(raw.repository, defaults, repositories, &pointer, at, context);
    let select = select(name, raw.name, raw.r#match, at, context);
    let has_name = at.document.root.find(&at.key("name").pointer).is_some();
    let has_match = at.document.root.find(&at.key("match").pointer).is_some();
    let origin = match (has_name, has_match) {
        (true, _) => at.key("name").line(),
        (_, true) => at.key("match").line(),
        _ => at.line(),
    };
    context.origin(join(&pointer, "select"), origin);

    let own = schedule(raw.schedule, &at.key("schedule"), context);
    let schedule = inherit(own, &defaults.schedule, "schedule", &pointer, at, context);
    let own = compression(raw.compression, &at.key("compression"), context);
    let compression = inherit(own, &defaults.compression, "compression", &pointer, at, context).unwrap_or_default();
    let exclude = raw.exclude.unwrap_or_default();
    let exclude_at = at.key("exclude");
    let exclude = Exclude {
        tables: table_globs(exclude.tables, &exclude_at.key("tables"), context),
        data: table_globs(exclude.data, &exclude_at.key("data"), context),
    };
    context.origin_of(&pointer, "exclude", &exclude_at);
    Some(DatabaseSpec {
        name: name.to_owned(),
        server: server?,
        repository: repository?,
        select: select?,
        schedule,
        compression,
        exclude,
        place: at.line(),
    })
}

/// The database's own value, else the one of `defaults:`; notes which.
fn inherit<T: Clone>(
    own: Option<T>,
    default: &Option<(T, String)>,
    field: &str,
    pointer: &str,
    at: &At<'_>,
    context: &mut Context<'_>,
) -> Option<T> {
    let (value, from) = match (own, default) {
        (Some(value), _) => (Some(value), at.key(field).line()),
        (None, Some((value, from))) => (Some(value.clone()), from.clone()),
        (None, None) => (None, "default".to_owned()),
    };
    context.origin(join(pointer, field), from);
    value
}

fn repository(
    own: Option<String>,
    defaults: &Defaults,
    repositories: &Names,
    pointer: &str,
    at: &At<'_>,
    context: &mut Context<'_>,
) -> Option<String> {
    let key = at.key("repository");
    let is_written = at.document.root.find(&key.pointer).is_some();
    if let Some(name) = own {
        context.origin(join(pointer, "repository"), key.line());
        return exists(&name, "repository", repositories, &key, context).then_some(name);
    }
    if let Some((name, from)) = &defaults.repository {
        context.origin(join(pointer, "repository"), from.clone());
        return Some(name.clone());
    }
    if !is_written && !defaults.names_repository {
        let problem = at
            .key_error(code::CONFIG_REFERENCE, format!("{} has no repository", at.name()), "no repository")
            .fix("name one for all databases under defaults.repository, or one here");
        context.findings.problem(match repositories.is_empty() {
            true => problem.fix("define one under repositories: {type: local, path: DIRECTORY}"),
            false => problem.fix(format!("use one of: {}", listed(repositories.keys().map(String::as_str)))),
        });
    }
    None
}

fn select(
    entry: &str,
    name: Option<String>,
    pattern: Option<String>,
    at: &At<'_>,
    context: &mut Context<'_>,
) -> Option<DatabaseSelect> {
    match (name, pattern) {
        (Some(_), Some(_)) => {
            let problem = at
                .key("match")
                .key_error(code::CONFIG_VALUE, format!("{} has both \"name\" and \"match\"", at.name()), "one too many")
                .spot(at.document.key_spot(&at.key("name").pointer, "the other"))
                .fix("keep \"name\" for one database, or \"match\" for all that fit a pattern");
            context.findings.problem(problem);
            None
        }
        (None, Some(pattern)) => glob(&pattern, &at.key("match"), context).then_some(DatabaseSelect::Matching(pattern)),
        (Some(name), None) => {
            identifier(&name, "database", &at.key("name"), context).then_some(DatabaseSelect::Named(name))
        }
        // a name that cannot be an entry's has been refused already
        (None, None) if entry.is_empty() || entry.len() > references::NAME_BYTES_MAX => None,
        (None, None) => identifier(entry, "database", at, context).then(|| DatabaseSelect::Named(entry.to_owned())),
    }
}

/// Says so when two entries mean the same real database.
pub fn distinct(found: &[(At<'_>, DatabaseSpec)], servers: &IndexMap<String, ServerSpec>, context: &mut Context<'_>) {
    let mut seen: IndexMap<(HostPort, DatabaseSelect), &At<'_>> = IndexMap::new();
    for (at, database) in found {
        let Some(server) = servers.get(&database.server) else { continue };
        let key = (server.at.clone(), database.select.clone());
        if let Some(first) = seen.get(&key) {
            let what = match &database.select {
                DatabaseSelect::Named(name) => format!("the same database: {name} on {}", server.name),
                DatabaseSelect::Matching(pattern) => format!("the same databases: {pattern} on {}", server.name),
            };
            let problem = at
                .key_error(
                    code::CONFIG_VALUE,
                    format!("{} and {} are {what}", first.name(), at.name()),
                    "the same again",
                )
                .spot(first.document.key_spot(&first.pointer, "first named here"))
                .fix("keep one of them");
            context.findings.problem(problem);
        } else {
            seen.insert(key, at);
        }
    }
}
