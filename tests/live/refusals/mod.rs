//! Bad input and a bad world: each ends with its own code, exit status and
//! page, changes nothing and loses nothing.

mod connections;
mod plans;
mod repository;
mod restores;
mod tls;

use crate::support::{Cluster, Dbb};
use std::collections::BTreeMap;
use std::path::Path;

/// A config with one database of one server, and a target.
pub fn config(source: &str, target: &str, database: &str) -> String {
    format!(
        "version: 1\nproject: refusals\nrepositories: {{main: {{type: local, path: ./repo}}}}\n\
         defaults: {{repository: main}}\nservers:\n  src: {source}\n  dst: {target}\n\
         databases: {{one: {{server: src, name: {database}}}}}\n\
         targets: {{dst: {{server: dst, allow: [create]}}}}\n"
    )
}

/// A runbook for that database.
pub fn runbook(rename: &str, database: &str, more: &str) -> String {
    format!(
        "kind: restore\nname: back\nfrom: {{database: one, at: latest}}\n\
         to: {{target: dst, rename: {{{database}: {rename}}}}}\nroles: {{mode: create_missing}}\nverify: rows\n{more}\n"
    )
}

/// A database with a few rows, and a folder whose config backs it up to `target`.
pub fn backed_up(source: &Cluster, target: &Cluster) -> (Dbb, String) {
    let database = source.new_database("refused");
    source.psql(&database, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 500) n");
    let dbb = Dbb::with_config(&config(&Dbb::server(source), &Dbb::server(target), &database));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    (dbb, database)
}

/// Every file below `dir` with its bytes: two of these are equal when nothing was written.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.insert(path.display().to_string(), std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    all
}
