//! Plans of backups: each folder of `tests/data/plan` holds a config, a world that was seen, and the plan that
//! comes of them, as people read it. `DBB_UPDATE=1` rewrites the expectations; read the difference
//! before committing it. Also: the published schemas are those of the code.

use dbb::base::digest::RowSum;
use dbb::cli::view::{self, Style};
use dbb::config::load;
use dbb::error::{Error, Failure, code};
use dbb::model::address::Address;
use dbb::model::desired::{Desired, EngineKind};
use dbb::model::manifest::{Consistency, Header, Mode, Totals};
use dbb::model::observed::{DatabaseState, LoginRights, Observed, RepositoryState, ServerState};
use dbb::plan::BackupOptions;
use dbb::secret::files::RealFiles;
use indexmap::IndexMap;
use serde::Deserialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What was seen, and what the command line says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct World {
    now: String,
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    excludes: Vec<String>,
    #[serde(default)]
    asked: bool,
    servers: IndexMap<String, Server>,
    repositories: IndexMap<String, Repository>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    #[serde(default)]
    failure: Option<String>,
    #[serde(default)]
    no_tool: bool,
    #[serde(default)]
    blind_spots: Vec<String>,
    #[serde(default)]
    databases: IndexMap<String, Database>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Database {
    #[serde(default)]
    mib: Option<u64>,
    #[serde(default)]
    template: bool,
    #[serde(default)]
    closed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repository {
    #[serde(default)]
    failure: Option<String>,
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    free_mib: Option<u64>,
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    database: String,
    taken: String,
    #[serde(default)]
    seconds: i64,
    #[serde(default)]
    source_mib: u64,
    #[serde(default)]
    stored_mib: u64,
    #[serde(default)]
    shared_mib: u64,
}

fn failure(message: &str) -> Failure {
    Error::new(code::PG_CONNECT, message).fix("start it").failure()
}

fn server(seen: &Server) -> Result<ServerState, Failure> {
    if let Some(message) = &seen.failure {
        return Err(failure(message));
    }
    let databases = seen.databases.iter().map(|(name, database)| DatabaseState {
        name: name.clone(),
        bytes: database.mib.map(|mib| mib << 20),
        can_connect: !database.closed,
        is_template: database.template,
        ..DatabaseState::default()
    });
    Ok(ServerState {
        version: "15.18".into(),
        identity: "7400".into(),
        login: LoginRights { name: "dbb".into(), ..LoginRights::default() },
        databases: databases.collect(),
        dump_tool: (!seen.no_tool).then(|| "/usr/bin/pg_dump 15.18".into()),
        dump_tool_failure: seen.no_tool.then(|| {
            Error::new(code::PG_TOOL_MISSING, "no pg_dump for PostgreSQL 15 was found").fix("install it").failure()
        }),
        blind_spots: seen.blind_spots.clone(),
        ..ServerState::default()
    })
}

fn header(snapshot: &Snapshot) -> Header {
    let taken: jiff::Timestamp = snapshot.taken.parse().expect("a time");
    Header {
        id: taken.strftime("%Y%m%dT%H%M%SZ-00000000").to_string(),
        database: snapshot.database.clone(),
        source_database: snapshot.database.clone(),
        server: "pg".into(),
        engine: EngineKind::Postgres,
        server_version: "15.18".into(),
        run: "run".into(),
        taken,
        finished: taken.checked_add(jiff::SignedDuration::from_secs(snapshot.seconds)).expect("a time"),
        consistency: Consistency::Database,
        mode: Mode::Full,
        totals: Totals {
            sum: RowSum::default(),
            source_bytes: snapshot.source_mib << 20,
            stored_bytes: snapshot.stored_mib << 20,
            shared_bytes: snapshot.shared_mib << 20,
            ..Totals::default()
        },
        objects: Vec::new(),
    }
}

fn repository(seen: &Repository) -> Result<RepositoryState, Failure> {
    if let Some(message) = &seen.failure {
        return Err(failure(message));
    }
    Ok(RepositoryState {
        exists: !seen.missing,
        snapshots: seen.snapshots.iter().map(header).collect(),
        damaged: Vec::new(),
        free_bytes: seen.free_mib.map(|mib| mib << 20),
        encrypted: seen.encrypted,
    })
}

fn observed(world: &World, desired: &Desired) -> Observed {
    let seen = |name: &String| world.servers.get(name).map(server);
    Observed {
        now: world.now.parse().expect("a time"),
        servers: desired.servers.keys().filter_map(|name| Some((name.clone(), seen(name)?))).collect(),
        repositories: world.repositories.iter().map(|(name, seen)| (name.clone(), repository(seen))).collect(),
        took_ms: 1200,
    }
}

fn check(case: &Path) -> String {
    let loaded = load(&RealFiles, &case.join("dbb.yaml"));
    assert!(loaded.problems.is_empty(), "{}: {:?}", case.display(), loaded.problems);
    let mut desired = loaded.desired.expect("a config");
    for spec in desired.databases.values_mut() {
        // places name the file as it was given: here that depends on where the sources lie
        spec.place = spec.place.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let text = std::fs::read_to_string(case.join("world.yaml")).expect("a world");
    let world: World = serde_saphyr::from_str(&text).expect("a world");
    let addresses = |texts: &[String]| texts.iter().map(|text| Address(text.clone())).collect();
    let options = BackupOptions {
        targets: addresses(&world.targets),
        excludes: addresses(&world.excludes),
        now: world.asked,
        processors: 8,
        ..BackupOptions::default()
    };
    let style = Style { color: false, width: 100 };
    match dbb::plan::backup(&desired, &observed(&world, &desired), &options) {
        Err(error) => view::error::text(&error, &view::error::DiskSources, &style),
        Ok(plan) => {
            let text = view::plan::text(&plan, None, &style);
            let mut out = text.replacen(env!("CARGO_PKG_VERSION"), "VERSION", 1);
            for step in &plan.graph.steps {
                writeln!(out, "step {} order {}", step.id, step.order).expect("a string");
            }
            for fingerprint in &plan.fingerprints {
                writeln!(out, "seen {}: {}", fingerprint.resource, fingerprint.seen).expect("a string");
            }
            out
        }
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares with a file, or rewrites it.
fn compare(path: &Path, found: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("DBB_UPDATE").is_some() {
        std::fs::write(path, found).expect("an expectation that can be written");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected != found {
        wrong.push(format!("{}:\n--- expected\n{expected}\n--- found\n{found}", path.display()));
    }
}

#[test]
fn plans_are_as_expected() {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(here("tests/data/plan"))
        .expect("cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 15, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let found = check(&case);
        assert_eq!(found, check(&case), "{} is not stable", case.display());
        compare(&case.join("expect.txt"), &found, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn published_schemas_are_those_of_the_code() {
    let mut wrong = Vec::new();
    for (file, schema) in
        [("plan.schema.json", dbb::plan::schema::plan()), ("report.schema.json", dbb::plan::schema::report())]
    {
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        compare(&here("schemas").join(file), &text, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_plan_passes_its_own_schema() {
    let case = here("tests/data/plan/first");
    let desired = load(&RealFiles, &case.join("dbb.yaml")).desired.expect("a config");
    let text = std::fs::read_to_string(case.join("world.yaml")).expect("a world");
    let world: World = serde_saphyr::from_str(&text).expect("a world");
    let plan = dbb::plan::backup(&desired, &observed(&world, &desired), &BackupOptions::default()).expect("a plan");
    let plan = serde_json::to_value(&plan).expect("JSON");
    let validator = jsonschema::validator_for(&dbb::plan::schema::plan()).expect("a schema");
    let problems: Vec<String> = validator.iter_errors(&plan).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
}
