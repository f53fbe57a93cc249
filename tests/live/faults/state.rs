//! Two runs at once over one state directory.

use super::site::{APPLY, LIMIT, assert_whole, config, database, folder, server, wait_for_copy};
use crate::support::{Cluster, TcpProxy};

#[test]
fn a_second_run_is_told_who_holds_the_lock() {
    let cluster = Cluster::shared(15);
    let name = database(cluster, "locked", 40);
    let proxy = TcpProxy::start(cluster.port());
    let text = config(&server(proxy.port()), &[&name], "repo");
    let dbb = folder(&text);
    proxy.rate(8 << 20);
    let first = dbb.spawn(APPLY);
    wait_for_copy(cluster, &name, "COPY TO");

    let pid = format!("pid {}", first.pid());
    let refused = dbb.run(APPLY).expect(75).says("DBB-STATE-LOCKED").says(&pid).says("dbb unlock");
    dbb.run(&["resume"]).expect(75).says("DBB-STATE-LOCKED").says(&pid);
    // looking is allowed
    dbb.run(&["runs"]).expect(0);
    dbb.run(&["plan"]).expect(0);
    let after = refused.stderr.split_once("dbb unlock ").expect("the fix names the lock").1;
    let id = after.split_whitespace().next().expect("the lock has an id");
    dbb.run(&["unlock", "not-the-id", "--reason", "a test"]).expect(75).says("DBB-STATE-LOCKED");

    // its owner dies without letting go
    proxy.stall(true);
    first.kill();
    assert_eq!(first.wait(LIMIT).signal, Some(9));
    proxy.stall(false);
    proxy.rate(u64::MAX);
    dbb.run(&["unlock", id, "--reason", "its owner was killed"]).expect(0).says(&pid);
    assert!(dbb.read(".dbb/unlocks.log").contains("its owner was killed"));
    dbb.run(&["unlock", id, "--reason", "again"]).expect(65);
    dbb.run(&["resume"]).expect(0);
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);
}

#[test]
fn the_lock_of_a_dead_run_is_taken_over() {
    let cluster = Cluster::shared(15);
    let name = database(cluster, "abandoned", 1);
    let dbb = folder(&config(&server(cluster.port()), &[&name], "repo"));
    let mut command = dbb.command(APPLY);
    command.env("DBB_CRASH_AFTER_RECORDS", "3");
    assert_eq!(crate::support::process::run(&mut command, LIMIT).signal, Some(9));
    dbb.run(&["resume"]).expect(0).says("took over the lock");
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);
}
