//! Servers that are restarted in the middle of a run.

use super::site::{
    APPLY, LIMIT, RESTORE, assert_restored, assert_whole, config_with_target, database, folder, runbook, server,
    wait_for_copy,
};
use crate::support::{Cluster, Dbb, Outcome, TcpProxy};

/// The run went well by itself, or says that it can be resumed, and that goes well.
#[track_caller]
fn ends_well(dbb: &Dbb, outcome: Outcome) {
    assert!(outcome.stderr.contains("retry"), "the restart was not noticed: {outcome}");
    if outcome.code != Some(0) {
        outcome.expect(69).says("dbb resume");
        dbb.run(&["resume"]).expect(0);
    }
}

#[test]
fn a_server_that_is_restarted_does_not_spoil_a_run() {
    let cluster = Cluster::start(15);
    let name = database(&cluster, "restarted", 40);
    let proxy = TcpProxy::start(cluster.port());
    let at = server(proxy.port());
    let dbb = folder(&config_with_target(&at, &[&name], "repo", &at));
    proxy.rate(8 << 20);
    let running = dbb.spawn(APPLY);
    wait_for_copy(&cluster, &name, "COPY TO");
    cluster.restart();
    proxy.rate(u64::MAX);
    ends_well(&dbb, running.wait(LIMIT));
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);

    let restored = cluster.unused_name("restored");
    runbook(&dbb, &name, &restored);
    proxy.rate(8 << 20);
    let running = dbb.spawn(RESTORE);
    wait_for_copy(&cluster, &restored, "COPY FROM");
    cluster.restart();
    proxy.rate(u64::MAX);
    ends_well(&dbb, running.wait(LIMIT));
    assert_restored((&cluster, &name), (&cluster, &restored));
}
