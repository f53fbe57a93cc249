//! A config, a repository and databases to fail with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::process::until;
use crate::support::{Cluster, Dbb, Oracle};

/// No command of these tests takes longer, however busy the machine is.
pub const LIMIT: Duration = Duration::from_secs(300);

pub const APPLY: &[&str] = &["apply", "--auto-approve", "--jobs", "2"];
pub const RESTORE: &[&str] = &["apply", "restore.yaml", "--auto-approve", "--jobs", "2"];

/// A server of the config that gives up soon.
pub fn server(port: u16) -> String {
    format!("{{engine: postgres, host: 127.0.0.1, port: {port}, user: postgres, connect_timeout: 1s}}")
}

/// Backups of databases of one server: entries are named as the databases.
pub fn config(server: &str, databases: &[&str], repository: &str) -> String {
    let mut text = format!(
        "version: 1\nproject: faults\ndefaults: {{repository: main}}\n\
         repositories:\n  main: {{type: local, path: {repository}}}\nservers:\n  from: {server}\ndatabases:\n"
    );
    for name in databases {
        text.push_str(&format!("  {name}: {{server: from}}\n"));
    }
    text
}

/// The same with a target `there` on another server.
pub fn config_with_target(from: &str, databases: &[&str], repository: &str, to: &str) -> String {
    let text = config(from, databases, repository);
    text.replace("servers:\n", &format!("servers:\n  to: {to}\n"))
        + "targets:\n  there: {server: to, allow: [create, drop, replace]}\n"
}

pub fn folder(config: &str) -> Dbb {
    Dbb::with_config(config).limit(LIMIT)
}

/// A database with a table of about so many megabytes in chunks, a small one and a large object.
pub fn database(cluster: &Cluster, hint: &str, megabytes: u32) -> String {
    let name = cluster.new_database(hint);
    cluster.psql(
        &name,
        &format!(
            "CREATE TABLE filler (id int PRIMARY KEY, pad text);
             INSERT INTO filler SELECT n, repeat(md5(n::text), 31) FROM generate_series(1, {megabytes} * 960) n;
             CREATE TABLE note AS SELECT n AS id, 'note ' || n AS note FROM generate_series(1, 100) n;
             SELECT lo_from_bytea(0, 'large');
             VACUUM ANALYZE;"
        ),
    );
    name
}

/// Snapshots of a repository, as the database names of their headers.
pub fn snapshots(dbb: &Dbb) -> Vec<String> {
    let listed = dbb.run(&["snapshots", "--format", "json"]).expect(0);
    let headers: Vec<serde_json::Value> = serde_json::from_str(&listed.stdout).expect("headers are JSON");
    let mut names: Vec<String> = headers.iter().map(|header| header["database"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Snapshots exist for these databases, once each, and are whole; nothing half-written is left.
#[track_caller]
pub fn assert_whole(dbb: &Dbb, repository: &Path, databases: &[&str]) {
    let mut expected: Vec<&str> = databases.to_vec();
    expected.sort_unstable();
    assert_eq!(snapshots(dbb), expected);
    dbb.run(&["verify", "--level", "full"]).expect(0);
    assert_nothing_unfinished(repository);
}

#[track_caller]
pub fn assert_nothing_unfinished(repository: &Path) {
    let left: std::io::Result<Vec<PathBuf>> =
        std::fs::read_dir(repository.join("tmp")).map(|dir| dir.flatten().map(|file| file.path()).collect());
    assert_eq!(left.unwrap_or_default(), Vec::<PathBuf>::new(), "half-written files are left");
}

/// A runbook for the newest snapshot of `database` into `name`.
pub fn runbook(dbb: &Dbb, database: &str, name: &str) {
    let text = format!(
        "kind: restore\nfrom: {{database: {database}}}\nto: {{target: there, rename: {{{database}: {name}}}}}\n"
    );
    dbb.write("restore.yaml", &text);
}

#[track_caller]
pub fn assert_restored(from: (&Cluster, &str), to: (&Cluster, &str)) {
    Oracle::new().assert_same(from, to);
    let left = to.0.query(to.1, "SELECT count(*) FROM pg_namespace WHERE nspname = 'dbb_restore'");
    assert_eq!(left, "0");
}

/// Waits until a COPY has moved bytes in a database: `COPY FROM` or `COPY TO`.
#[track_caller]
pub fn wait_for_copy(cluster: &Cluster, database: &str, command: &str) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_progress_copy WHERE datname = '{database}' AND command = '{command}' \
         AND bytes_processed > 1000000"
    );
    until(command, LIMIT, || cluster.query("postgres", &sql) != "0");
}

/// The report that a command printed as JSON.
#[track_caller]
pub fn report(stdout: &str) -> serde_json::Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("not a report: {error}\n{stdout}"))
}

/// How a unit of a report ended.
pub fn status<'a>(report: &'a serde_json::Value, unit: &str) -> &'a str {
    let units = report["units"].as_array().expect("a report has units");
    let found = units.iter().find(|one| one["unit"] == unit);
    found.unwrap_or_else(|| panic!("no unit {unit} in {report:#}"))["status"].as_str().expect("a status is text")
}
