//! `dbb.yaml` and what it includes, through all three passes, all problems in one run.

use crate::base::limits;
use crate::config::check::{At, Context, databases, references, servers};
use crate::config::digest::digest;
use crate::config::document::{Document, Findings};
use crate::config::files::FileSource;
use crate::config::node::join;
use crate::config::raw::config::RawState;
use crate::config::raw::defaults::RawDefaults;
use crate::config::shape::{self, Shape};
use crate::config::{schema, unsupported, yaml};
use crate::error::{Error, code};
use crate::model::address::Address;
use crate::model::desired::Desired;
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// Files that one config may include.
const INCLUDED_FILES_MAX: usize = 1000;
/// Keys that only the main file has.
const MAIN_KEYS: [&str; 4] = ["project", "defaults", "include", "state"];

/// What came of loading a config.
#[derive(Debug)]
pub struct Loaded {
    /// The config, when there is no problem.
    pub desired: Option<Desired>,
    /// All problems of all files, in the order of the text.
    pub problems: Vec<Error>,
    /// What is worth a look.
    pub warnings: Vec<Error>,
}

/// Loads a config. `root` is the main file as the person named it.
pub fn load(files: &dyn FileSource, root: &Path) -> Loaded {
    let mut findings = Findings::default();
    let mut names = vec![root.display().to_string()];
    let documents = read_all(files, root, &mut names, &mut findings);
    let mut context = Context { findings, origins: IndexMap::new(), files };
    let desired = resolve(root, &documents, &mut context);
    let mut findings = context.findings;
    findings.sort(&names);
    let desired = desired.filter(|_| findings.problems.is_empty());
    if desired.is_none() && findings.problems.is_empty() {
        findings.problem(Error::bug("the config was refused without a reason"));
    }
    Loaded { desired, problems: findings.problems, warnings: findings.warnings }
}

/// What a missing or unreadable file is, in words.
pub fn unreadable(name: &str, what: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(code::CONFIG_MISSING, format!("there is no {what} {name}"))
            .fix("check the path and the directory that dbb runs in"),
        io::ErrorKind::FileTooLarge => {
            let limit = crate::base::units::bytes(limits::CONFIG_BYTES_MAX);
            Error::new(code::CONFIG_SYNTAX, format!("{name} is larger than {limit}"))
                .fix("check that it is the right file")
                .fix("split it into several and name them under \"include\"")
        }
        _ => Error::new(code::CONFIG_MISSING, format!("the {what} {name} cannot be read"))
            .cause(error.to_string())
            .fix(format!("make {name} a file that the user who runs dbb may read")),
    }
}

/// Reads, parses and checks the shape of the main file and all that it includes.
/// `names` grows by the files that are included, readable or not.
fn read_all(
    files: &dyn FileSource,
    root: &Path,
    names: &mut Vec<String>,
    findings: &mut Findings,
) -> Vec<(Document, Value)> {
    let shape_schema = schema::config();
    let shape = match schema::validator(&shape_schema) {
        Ok(validator) => Shape { schema: shape_schema, validator, unsupported: unsupported::CONFIG },
        Err(bug) => {
            findings.problem(bug);
            return Vec::new();
        }
    };
    let root_name = root.display().to_string();
    let absolute = files.absolute(root);
    let bytes = match files.read(root) {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.problem(
                unreadable(&root_name, "config", &error).fix("write one with \"dbb init\", or name it with --config"),
            );
            return Vec::new();
        }
    };
    let mut documents = Vec::new();
    let Some(main) = read_one(&root_name, &absolute, &bytes, &shape, findings) else { return documents };
    let included = includes(files, root, &absolute, &main, findings);
    documents.push(main);
    for (name, path) in included {
        names.push(name.clone());
        let document = match files.read(&path) {
            Ok(bytes) => read_one(&name, &path, &bytes, &shape, findings),
            Err(error) => {
                findings.problem(unreadable(&name, "included file", &error));
                None
            }
        };
        if let Some((document, json)) = document {
            main_keys(&document, findings);
            documents.push((document, json));
        }
    }
    documents
}

fn read_one(
    name: &str,
    absolute: &Path,
    bytes: &[u8],
    shape: &Shape,
    findings: &mut Findings,
) -> Option<(Document, Value)> {
    let (root, problems) = yaml::parse(name, bytes);
    findings.problems.extend(problems);
    let dir = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    let document = Document { name: name.to_owned(), dir, root: root? };
    if is_runbook(&document) {
        findings.problem(
            document
                .key_error(code::CONFIG_SCHEMA, "/kind", format!("{name} is a runbook, not a config"), "a runbook")
                .fix(format!("name the config with --config, and give {name} to plan or apply as the runbook")),
        );
        return None;
    }
    let json = shape::check(shape, &document, findings);
    Some((document, json))
}

/// True for a file that is meant as a runbook.
pub fn is_runbook(document: &Document) -> bool {
    document.root.entry("kind").is_some() && references::SECTIONS.iter().all(|key| document.root.entry(key).is_none())
}

fn main_keys(document: &Document, findings: &mut Findings) {
    for key in MAIN_KEYS {
        if document.root.entry(key).is_some() {
            let message = format!("\"{key}\" belongs into the main file, not into one that is included");
            findings.problem(
                document
                    .key_error(code::CONFIG_VALUE, &join("", key), message, "not here")
                    .fix("move it to the main file"),
            );
        }
    }
}

/// The files that the main file includes: as people read their names, and where they are.
fn includes(
    files: &dyn FileSource,
    root: &Path,
    absolute: &Path,
    (document, json): &(Document, Value),
    findings: &mut Findings,
) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let mut seen = HashSet::from([absolute.to_owned()]);
    for (index, pattern) in json["include"].as_array().into_iter().flatten().enumerate() {
        let Some(pattern) = pattern.as_str() else { continue };
        let at = At { document, pointer: format!("/include/{index}") };
        let full = at.path(Path::new(pattern)).display().to_string();
        let has_wildcard = pattern.contains(['*', '?', '[', '{']);
        match files.glob(&full) {
            Ok(paths) if paths.is_empty() && !has_wildcard => findings.problem(
                at.error(code::CONFIG_MISSING, format!("there is no file {pattern} to include"), "no such file")
                    .fix(format!("check the path: it starts from {}", document.dir.display())),
            ),
            Ok(paths) if paths.is_empty() => findings.warning(
                at.error(code::CONFIG_VALUE, format!("{pattern} includes no file"), "matches nothing")
                    .fix(format!("check the pattern: it starts from {}", document.dir.display())),
            ),
            Ok(paths) => {
                for path in paths {
                    if seen.insert(path.clone()) {
                        found.push((shown(root, &document.dir, &path), path));
                    }
                }
            }
            Err(error) => findings.problem(
                at.error(code::CONFIG_VALUE, format!("{pattern} cannot be included"), "here")
                    .cause(error.to_string())
                    .fix("use a path or a pattern like conf.d/*.yaml"),
            ),
        }
    }
    if found.len() > INCLUDED_FILES_MAX {
        findings.problem(
            document
                .error(code::CONFIG_VALUE, "/include", format!("{} files are included", found.len()), "too many")
                .fix(format!("name patterns that match at most {INCLUDED_FILES_MAX} files")),
        );
        found.truncate(INCLUDED_FILES_MAX);
    }
    found
}

fn shown(root: &Path, dir: &Path, path: &Path) -> String {
    match path.strip_prefix(dir) {
        Ok(relative) => root.parent().unwrap_or(Path::new("")).join(relative).display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

/// The third pass over all documents together.
fn resolve(root: &Path, documents: &[(Document, Value)], context: &mut Context<'_>) -> Option<Desired> {
    let (main, main_json) = documents.first()?;
    let trees: Vec<&Document> = documents.iter().map(|(document, _)| document).collect();
    let [repository_names, server_names, _, _] = references::SECTIONS.map(|s| references::collect(s, &trees, context));
    let top = At { document: main, pointer: String::new() };
    if main.root.entry("project").is_none() && matches!(main.root.value, crate::config::node::Value::Map(_)) {
        let problem = top
            .error(code::CONFIG_SCHEMA, "the file has no \"project\"", "\"project\" is missing")
            .fix("add a line with the name of the whole: project: my-company");
        context.findings.problem(problem);
    }

    let at = top.key("defaults");
    let raw: RawDefaults = match main_json.get("defaults") {
        Some(_) => context.typed(main_json, &at).unwrap_or_default(),
        None => RawDefaults::default(),
    };
    let mut defaults = databases::defaults(raw, &repository_names, &at, context);
    // defaults of a wrong shape have been refused: that they name no repository is not known
    defaults.names_repository |= main.root.entry("defaults").is_some() && main_json.get("defaults").is_none();

    let repositories =
        each("repositories", documents, context, |name, raw, at, context| servers::repository(name, raw, at, context));
    servers::distinct(
        &repositories.iter().map(|(_, at, spec)| (at.clone(), spec.clone())).collect::<Vec<_>>(),
        context,
    );
    let servers = each("servers", documents, context, |name, raw, at, context| servers::server(name, raw, at, context));
    let databases = each("databases", documents, context, |name, raw, at, context| {
        databases::database(name, raw, &defaults, &server_names, &repository_names, at, context)
    });
    let targets = each("targets", documents, context, |name, raw, at, context| {
        servers::target(name, raw, &server_names, at, context)
    });

    let mut places = IndexMap::new();
    let mut note = |address: Address, at: &At<'_>| {
        places.insert(address.0, at.line());
    };
    repositories.iter().for_each(|(name, at, _)| note(Address::repository(name), at));
    servers.iter().for_each(|(name, at, _)| note(Address::server(name), at));
    databases.iter().for_each(|(name, at, _)| note(Address::database(name), at));
    targets.iter().for_each(|(name, at, _)| note(Address::target(name), at));

    let state = top.key("state");
    let state_dir = match main_json.get("state") {
        Some(_) => context.typed::<RawState>(main_json, &state).and_then(|raw| raw.path),
        None => None,
    };
    context.origin_of("", "state_dir", &state);
    context.origin_of("", "project", &top.key("project"));
    let servers = plain(servers);
    let pairs: Vec<_> = databases.iter().map(|(_, at, spec)| (at.clone(), spec.clone())).collect();
    databases::distinct(&pairs, &servers, context);
    let mut desired = Desired {
        project: main_json["project"].as_str()?.to_owned(),
        file: root.to_owned(),
        state_dir: top.path(&state_dir.unwrap_or_else(|| PathBuf::from(".dbb"))),
        digest: String::new(),
        repositories: plain(repositories),
        servers,
        databases: plain(databases),
        targets: plain(targets),
        on_error: defaults.on_error,
        profile: defaults.profile,
        places,
        origins: std::mem::take(&mut context.origins),
    };
    desired.digest = digest(&desired);
    Some(desired)
}

type Entries<'a, T> = Vec<(String, At<'a>, T)>;

fn plain<T>(entries: Entries<'_, T>) -> IndexMap<String, T> {
    entries.into_iter().map(|(name, _, spec)| (name, spec)).collect()
}

/// Checks every entry of a section over all documents; those with problems are left out.
fn each<'a, R: DeserializeOwned, T>(
    section: &str,
    documents: &'a [(Document, Value)],
    context: &mut Context<'_>,
    mut check: impl FnMut(&str, R, &At<'a>, &mut Context<'_>) -> Option<T>,
) -> Entries<'a, T> {
    let mut found = Vec::new();
    for (document, json) in documents {
        for name in json[section].as_object().into_iter().flat_map(|entries| entries.keys()) {
            let at = At { document, pointer: join(&join("", section), name) };
            if let Some(raw) = context.typed::<R>(json, &at)
                && let Some(spec) = check(name, raw, &at, context)
            {
                found.push((name.clone(), at, spec));
            }
        }
    }
    found
}
