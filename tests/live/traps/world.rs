//! One fixture on its source server, captured; restored to targets and judged there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::fixture::{Database, Fixture};
use crate::support::cluster::Cluster;
use crate::support::process::Outcome;
use crate::support::{Dbb, Oracle};

const RUN_LIMIT: Duration = Duration::from_secs(300);

/// A server that the fixtures of this process share: a source of its major, or the target of one pair.
/// The target of a pair begins without any role, and the same database is never restored to it twice.
fn server(major: u32, target_of: Option<u32>) -> &'static Cluster {
    static SERVERS: [OnceLock<Cluster>; 5] = [const { OnceLock::new() }; 5];
    let slot = match (target_of, major) {
        (None, 15) => 0,
        (None, 18) => 1,
        (Some(15), 15) => 2,
        (Some(15), 18) => 3,
        (Some(18), 18) => 4,
        pair => panic!("no server for {pair:?}"),
    };
    SERVERS[slot].get_or_init(|| Cluster::start(major))
}

pub struct World<'a> {
    fixture: &'a Fixture,
    source: &'static Cluster,
    dbb: Dbb,
    databases: Vec<Database>,
    captured: Outcome,
}

impl<'a> World<'a> {
    /// Builds the databases on the source and captures them all in one run.
    pub fn capture(fixture: &'a Fixture, major: u32, same_major: bool) -> Self {
        let source = server(major, None);
        fixture.install_extensions(source);
        let databases: Vec<Database> =
            fixture.databases(major).into_iter().filter(|database| database.fits_on(source)).collect();
        for database in &databases {
            if source.has_database(&database.name) {
                source.drop_database(&database.name);
            }
            database.create(source);
            for script in fixture.scripts(database, major, same_major) {
                source.psql_file(&database.name, &script);
            }
        }
        let (refused, databases): (Vec<_>, Vec<_>) =
            databases.into_iter().partition(|database| database.refused.is_some());
        for database in &refused {
            refuse(major, source, database);
        }
        let dbb = Dbb::with_config(&config(major, source, &databases)).limit(RUN_LIMIT);
        let captured = dbb.run(&["apply", "--auto-approve"]);
        Self { fixture, source, dbb, databases, captured }
    }

    /// What dbb said when it could not capture all of them.
    pub fn capture_failure(&self) -> Option<String> {
        (self.captured.code != Some(0)).then(|| self.captured.to_string())
    }

    /// What is wrong after a restore to a server of `major`; None when nothing is.
    pub fn restore_and_compare(&self, major: u32) -> Option<String> {
        let target = server(major, Some(self.source.major));
        self.fixture.install_extensions(target);
        let mut found = Vec::new();
        for (number, database) in self.databases.iter().enumerate() {
            if database.fits_on(target) {
                let restored = self.restore(number, target);
                found.extend(self.leaks(&restored));
                if restored.code != Some(0) {
                    found.push(restored.to_string());
                }
                if target.has_database(&database.name) {
                    found.extend(self.differences(database, target));
                    found.extend(self.wrong_answers(database, target));
                }
            }
        }
        found.extend(self.role_differences(target));
        found.extend(self.obeyed_commands(target));
        if self.fixture.rows_by_checks_only {
            self.databases.iter().for_each(|database| target.drop_database(&database.name));
        }
        (!found.is_empty()).then(|| found.join("\n"))
    }

    fn restore(&self, number: usize, target: &Cluster) -> Outcome {
        let runbook = format!(
            "kind: restore\nfrom: {{database: {}, at: latest}}\nto: {{target: to{}}}\nroles: {{mode: all}}\n\
             existing: fail\nverify: rows\njobs: 2\n",
            key(number),
            target.major
        );
        let name = format!("restore-{number}-{}.yaml", target.major);
        self.dbb.write(&name, &runbook);
        self.dbb.run(&["apply", &name, "--auto-approve"])
    }

    fn differences(&self, database: &Database, target: &Cluster) -> Option<String> {
        if self.fixture.rows_by_checks_only {
            return None;
        }
        let (left, right) = ((self.source, database.name.as_str()), (target, database.name.as_str()));
        let oracle = self.fixture.oracle(self.source.major, target.major);
        let found = said(|| oracle.differences(left, right));
        found.map(|what| format!("{:?} differs (-source +restored)\n{what}", database.name))
    }

    fn wrong_answers(&self, database: &Database, target: &Cluster) -> Vec<String> {
        let checks = database.checks.iter().filter(|check| check.applies(self.source.major));
        let wrong = checks.filter_map(|check| {
            let answer = match target.try_query(&database.name, &check.sql) {
                Ok(answer) if check.sorted => sorted(&answer),
                Ok(answer) => answer,
                Err(error) => error,
            };
            (answer != check.expect)
                .then(|| format!("check {}\n--- expected\n{}\n--- found\n{answer}", check.sql, check.expect))
        });
        wrong.collect()
    }

    fn role_differences(&self, target: &Cluster) -> Option<String> {
        let names: Vec<&str> = self.fixture.roles.iter().map(String::as_str).collect();
        said(|| {
            Oracle::new().assert_same_roles(self.source, target, &names);
            None
        })
    }

    /// Secrets of the fixture that came out, in what was printed or in the plain files of the state.
    fn leaks(&self, restored: &Outcome) -> Vec<String> {
        let state = read_all(&self.dbb.path(".dbb"));
        let printed = [&self.captured, restored].map(|outcome| format!("{}{}", outcome.stdout, outcome.stderr));
        let places = [("what backup printed", &printed[0]), ("what restore printed", &printed[1]), ("state", &state)];
        let leaked = self.fixture.secrets.iter().flat_map(|secret| {
            places.iter().filter(|(_, text)| text.contains(secret.as_str())).map(move |(place, _)| (secret, place))
        });
        leaked.map(|(secret, place)| format!("the secret {secret:?} is in {place}")).collect()
    }

    fn obeyed_commands(&self, target: &Cluster) -> Vec<String> {
        let Some(canary) = &self.fixture.canary_file else { return Vec::new() };
        let folders = [self.dbb.dir().to_owned(), target.data(), "/".into()];
        let there = folders.iter().map(|folder| folder.join(canary)).filter(|path| path.exists());
        there.map(|path| format!("a command in the content ran: {} is there", path.display())).collect()
    }
}

/// Sees that a database is refused as its fixture says, and that nothing of it is stored.
fn refuse(major: u32, source: &Cluster, database: &Database) {
    let Some(refusal) = &database.refused else { return };
    let dbb = Dbb::with_config(&config(major, source, std::slice::from_ref(database))).limit(RUN_LIMIT);
    let outcome = dbb.run(&["apply", "--auto-approve"]);
    assert_ne!(outcome.code, Some(0), "{:?} is captured", database.name);
    for text in std::iter::once(&refusal.code).chain(&refusal.says) {
        assert!(outcome.stdout.contains(text), "{text} is not said of {:?}\n{outcome}", database.name);
    }
    let listed = dbb.run(&["snapshots"]);
    assert!(!listed.stdout.contains(&key(0)), "{:?} is stored\n{listed}", database.name);
}

fn key(number: usize) -> String {
    format!("unit{number}")
}

/// JSON, which is YAML: names of databases hold everything.
fn config(major: u32, source: &Cluster, databases: &[Database]) -> String {
    let server = |cluster: &Cluster| json!({"engine": "postgres", "host": "127.0.0.1", "port": cluster.port(), "user": "postgres"});
    let mut servers = Map::from_iter([("source".to_owned(), server(source))]);
    let mut targets = Map::new();
    for target in [15, 18].into_iter().filter(|target| *target >= major) {
        servers.insert(format!("server{target}"), server(self::server(target, Some(major))));
        let target_of = json!({"server": format!("server{target}"), "allow": ["create"]});
        targets.insert(format!("to{target}"), target_of);
    }
    let databases = databases.iter().enumerate();
    let databases: Map<String, Value> =
        databases.map(|(n, database)| (key(n), json!({"server": "source", "name": database.name}))).collect();
    json!({
        "version": 1, "project": "traps",
        "repositories": {"main": {"type": "local", "path": "./repo"}},
        "defaults": {"repository": "main"},
        "servers": servers, "databases": databases, "targets": targets,
    })
    .to_string()
}

/// What `look` found, or the panic of a judge that could not look.
fn said(look: impl FnOnce() -> Option<String>) -> Option<String> {
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Some(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    })
}

fn sorted(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The text of all files below a folder.
fn read_all(folder: &Path) -> String {
    let Ok(entries) = std::fs::read_dir(folder) else { return String::new() };
    let paths = entries.map(|entry| entry.expect("an entry is readable").path());
    let texts = paths.map(|path| match path.is_dir() {
        true => read_all(&path),
        false => String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned(),
    });
    texts.collect()
}
