//! Ctrl+C and SIGTERM.

use super::site::{
    APPLY, LIMIT, RESTORE, assert_nothing_unfinished, assert_restored, assert_whole, config_with_target, database,
    folder, runbook, server, snapshots, wait_for_copy,
};
use crate::support::{Cluster, Dbb, Signal, TcpProxy};

/// A database behind a slow network, and a folder to back it up and restore it in.
struct Slow {
    cluster: &'static Cluster,
    proxy: TcpProxy,
    name: String,
    dbb: Dbb,
}

impl Slow {
    fn new() -> Self {
        let cluster = Cluster::shared(15);
        let name = database(cluster, "interrupted", 40);
        let proxy = TcpProxy::start(cluster.port());
        let at = server(proxy.port());
        let dbb = folder(&config_with_target(&at, &[&name], "repo", &at));
        Self { cluster, proxy, name, dbb }
    }
}

#[test]
fn a_backup_that_is_interrupted_is_resumed() {
    let slow = Slow::new();
    for signal in [Signal::INT, Signal::TERM] {
        let dbb = folder(&slow.dbb.read("dbb.yaml"));
        slow.proxy.rate(8 << 20);
        let mut running = dbb.spawn(APPLY);
        wait_for_copy(slow.cluster, &slow.name, "COPY TO");
        running.signal(signal);
        running.wait_for("running steps end first", LIMIT);
        slow.proxy.rate(u64::MAX);
        running.wait(LIMIT).expect(75).says("dbb resume");
        assert_eq!(snapshots(&dbb), Vec::<String>::new());
        assert_nothing_unfinished(&dbb.path("repo"));
        dbb.run(&["resume"]).expect(0);
        assert_whole(&dbb, &dbb.path("repo"), &[&slow.name]);
    }
}

#[test]
fn a_restore_that_is_interrupted_is_resumed() {
    let slow = Slow::new();
    slow.dbb.run(APPLY).expect(0);
    let restored = slow.cluster.unused_name("restored");
    runbook(&slow.dbb, &slow.name, &restored);
    slow.proxy.rate(8 << 20);
    let mut running = slow.dbb.spawn(RESTORE);
    wait_for_copy(slow.cluster, &restored, "COPY FROM");
    running.signal(Signal::INT);
    running.wait_for("running steps end first", LIMIT);
    slow.proxy.rate(u64::MAX);
    running.wait(LIMIT).expect(75).says("dbb resume");
    slow.dbb.run(&["resume"]).expect(0).says("done before");
    assert_restored((slow.cluster, &slow.name), (slow.cluster, &restored));
}

#[test]
fn a_second_interrupt_stops_at_once() {
    let slow = Slow::new();
    slow.proxy.rate(8 << 20);
    let mut running = slow.dbb.spawn(APPLY);
    wait_for_copy(slow.cluster, &slow.name, "COPY TO");
    // what runs can never end now
    slow.proxy.stall(true);
    running.signal(Signal::INT);
    running.wait_for("running steps end first", LIMIT);
    running.signal(Signal::INT);
    running.wait(LIMIT).expect(75);
    assert_nothing_unfinished(&slow.dbb.path("repo"));
    slow.proxy.stall(false);
    slow.proxy.rate(u64::MAX);
    slow.dbb.run(&["resume"]).expect(0);
    assert_whole(&slow.dbb, &slow.dbb.path("repo"), &[&slow.name]);

    let restored = slow.cluster.unused_name("restored");
    runbook(&slow.dbb, &slow.name, &restored);
    slow.proxy.rate(8 << 20);
    let mut running = slow.dbb.spawn(RESTORE);
    wait_for_copy(slow.cluster, &restored, "COPY FROM");
    slow.proxy.stall(true);
    running.signal(Signal::INT);
    running.wait_for("running steps end first", LIMIT);
    running.signal(Signal::TERM);
    running.wait(LIMIT).expect(75);
    slow.proxy.stall(false);
    slow.proxy.rate(u64::MAX);
    slow.dbb.run(&["resume"]).expect(0);
    assert_restored((slow.cluster, &slow.name), (slow.cluster, &restored));
}
