//! Connections that are cut or stall.

use super::site::{
    APPLY, LIMIT, RESTORE, assert_nothing_unfinished, assert_restored, assert_whole, config, config_with_target,
    database, folder, runbook, server, snapshots, wait_for_copy,
};
use crate::support::{Cluster, TcpProxy};

#[test]
fn a_backup_that_is_cut_once_is_tried_again() {
    let cluster = Cluster::shared(15);
    let name = database(cluster, "cut_once", 40);
    let proxy = TcpProxy::start(cluster.port());
    let dbb = folder(&config(&server(proxy.port()), &[&name], "repo"));
    proxy.cut_after(20 << 20, 1);
    dbb.run(APPLY).expect(0).says("retry");
    assert_eq!(proxy.cuts(), 1);
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);
}

#[test]
fn a_backup_that_is_cut_for_ever_fails_cleanly() {
    let cluster = Cluster::shared(15);
    let name = database(cluster, "cut_always", 40);
    let proxy = TcpProxy::start(cluster.port());
    let dbb = folder(&config(&server(proxy.port()), &[&name], "repo"));
    proxy.cut_after(8 << 20, u64::MAX);
    dbb.run(APPLY).expect(69).says("DBB-PG-LOST").says("next");
    assert!(proxy.cuts() > 1);
    assert_eq!(snapshots(&dbb), Vec::<String>::new());
    assert_nothing_unfinished(&dbb.path("repo"));
    proxy.cut_after(0, 0);
    dbb.run(&["resume"]).expect(0);
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);
}

#[test]
fn a_restore_that_is_cut_goes_on() {
    let (from, to) = (Cluster::shared(15), Cluster::shared(15));
    let name = database(from, "cut_load", 40);
    let proxy = TcpProxy::start(to.port());
    let dbb = folder(&config_with_target(&server(from.port()), &[&name], "repo", &server(proxy.port())));
    dbb.run(APPLY).expect(0);

    let restored = to.unused_name("restored");
    runbook(&dbb, &name, &restored);
    proxy.rate(8 << 20);
    let running = dbb.spawn(RESTORE);
    wait_for_copy(to, &restored, "COPY FROM");
    proxy.cut_now();
    proxy.rate(u64::MAX);
    running.wait(LIMIT).expect(0).says("retry");
    assert_restored((from, &name), (to, &restored));

    // now nobody answers any more: the run fails, and goes on when somebody does
    let restored = to.unused_name("restored");
    runbook(&dbb, &name, &restored);
    proxy.rate(8 << 20);
    let running = dbb.spawn(RESTORE);
    wait_for_copy(to, &restored, "COPY FROM");
    proxy.refuse(true);
    proxy.cut_now();
    running.wait(LIMIT).expect(69).says("DBB-PG-CONNECT").says("dbb resume");
    proxy.refuse(false);
    proxy.rate(u64::MAX);
    dbb.run(&["resume"]).expect(0);
    assert_restored((from, &name), (to, &restored));
}

#[test]
fn a_network_that_swallows_everything_does_not_hold_a_run_for_ever() {
    let cluster = Cluster::shared(15);
    let name = database(cluster, "stalled", 40);
    let proxy = TcpProxy::start(cluster.port());
    let dbb = folder(&config(&server(proxy.port()), &[&name], "repo"));
    let running = dbb.spawn(APPLY);
    proxy.wait_passed(20 << 20, LIMIT);
    proxy.stall(true);
    running.wait(LIMIT).expect(69).says("DBB-PG-");
    proxy.stall(false);
    proxy.cut_now();
    assert_eq!(snapshots(&dbb), Vec::<String>::new());
    dbb.run(&["resume"]).expect(0);
    assert_whole(&dbb, &dbb.path("repo"), &[&name]);
}
