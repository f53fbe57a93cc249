//! The harness's own promise: nothing outlives a killed test process.

use std::process::Command;
use std::time::Duration;

use crate::support::process::{Running, until};
use crate::support::{Cluster, cluster::Options};

const LIMIT: Duration = Duration::from_secs(60);
const ROLE: &str = "DBB_HARNESS_ROLE";

/// Runs as a child of the next test, which kills it; by itself it has nothing to do.
#[test]
fn harness_victim() {
    if std::env::var(ROLE).is_ok() {
        let cluster = Cluster::start(18);
        println!("server {} in {} is up", cluster.postmaster(), cluster.dir().display());
        until("the end", Duration::from_secs(600), || false);
    }
}

#[test]
fn harness_a_killed_test_leaves_no_server() {
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "harness::harness_victim", "--nocapture"]).env(ROLE, "victim");
    let mut victim = Running::spawn(&mut victim);
    victim.wait_for("is up", LIMIT);
    let said = victim.output();
    let words: Vec<&str> = said[said.find("server ").unwrap()..].split(' ').collect();
    let (port_file, dir) = (format!("{}/data/postmaster.pid", words[3]), words[3]);
    assert!(std::path::Path::new(&port_file).exists(), "{said}");
    victim.kill();
    until("the folder of the server to be gone", LIMIT, || !std::path::Path::new(dir).exists());
}

#[test]
fn harness_a_durable_cluster_keeps_commits() {
    let cluster = Options::new(15).durable().start();
    assert_eq!(cluster.query("postgres", "SHOW fsync"), "on");
    cluster.psql("postgres", "CREATE TABLE t AS SELECT 1 AS x;");
    cluster.kill();
    cluster.start_again();
    assert_eq!(cluster.query("postgres", "SELECT x FROM t"), "1");
}
