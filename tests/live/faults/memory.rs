//! Memory does not grow with what is captured.

use super::site::{LIMIT, assert_whole, config, database, folder, server};
use crate::support::process::until;
use crate::support::{Cluster, Dbb};

const MIB: u64 = 1 << 20;

/// Runs a command; the most memory it had in use at a time, in bytes.
#[track_caller]
fn peak(dbb: &Dbb, arguments: &[&str]) -> u64 {
    let mut running = dbb.spawn(arguments);
    let status = format!("/proc/{}/status", running.pid());
    let mut peak_kib = 0;
    // the kernel's own high-water mark: only what comes after the last look is missed
    until("the command to end", LIMIT, || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak_kib = mark.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0).max(peak_kib);
        !running.is_running()
    });
    running.wait(LIMIT).expect(0);
    peak_kib * 1024
}

#[test]
fn a_big_backup_takes_little_memory() {
    let cluster = Cluster::shared(15);
    let name = database(cluster, "heavy", 600);
    let dbb = folder(&config(&server(cluster.port()), &[&name], "repo"));
    let peak = peak(&dbb, &["apply", "--auto-approve", "--jobs", "4"]);
    assert!(peak < 256 * MIB, "{} MiB", peak / MIB);
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);
    cluster.drop_database(&name);
}

#[test]
fn a_huge_value_takes_its_own_size_and_little_more() {
    let cluster = Cluster::shared(15);
    let name = cluster.new_database("huge");
    cluster.psql(&name, "CREATE TABLE huge AS SELECT repeat('0123456789', 30 * 1024 * 1024) AS value;");
    let row = 300 * MIB;
    let dbb = folder(&config(&server(cluster.port()), &[&name], "repo"));
    let peak = peak(&dbb, &["apply", "--auto-approve", "--jobs", "4"]);
    assert!(peak < 256 * MIB + row, "{} MiB", peak / MIB);
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);
    cluster.drop_database(&name);
}
