//! Traps that are a course of events, not a content: others work on the
//! database while it is captured, or the login may not do everything.

use crate::refusals::{config, runbook};
use crate::support::{Cluster, Dbb, Options, process};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

fn fixture(cluster: &Cluster, name: &str) -> String {
    let database = cluster.new_database(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/fixtures").join(name).join("source.sql");
    cluster.psql_file(&database, &source);
    database
}

/// The 48th trap: money moves while it is captured; every restore must have all of it.
fn bank_transfer(major: u32) {
    let cluster = Cluster::shared(major);
    let database = fixture(cluster, "pg48_bank_transfer");
    let stop = Arc::new(AtomicBool::new(false));
    let moved = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (stop, moved, database) = (stop.clone(), moved.clone(), database.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // a transfer that meets another one's lock may be refused: it moved nothing
                    let calls = "CALL do_transfer();".repeat(5);
                    if Cluster::shared(major).try_query(&database, &calls).is_ok() {
                        moved.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let server = Dbb::server(cluster);
    let dbb = Dbb::with_config(&config(&server, &server, &database));
    for round in 0..3 {
        let before = moved.load(Ordering::Relaxed);
        process::until("money moves", SOON, || moved.load(Ordering::Relaxed) > before);
        dbb.run(&["apply", "--now", "--auto-approve"]).expect(0);
        assert!(moved.load(Ordering::Relaxed) > before, "nobody wrote during the capture");
        let target = cluster.unused_name(&format!("bank_{round}"));
        dbb.write("back.yaml", &runbook(&target, &database, ""));
        dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(0);
        let sum =
            cluster.query(&target, "SELECT (SELECT sum(balance) FROM account) + (SELECT sum(balance) FROM savings)");
        assert_eq!(sum.trim(), "1000000", "round {round}");
        let entries = cluster.query(
            &target,
            "SELECT coalesce(sum(delta), 0), count(*) = 2 * (SELECT count(*) FROM transfer),
             (SELECT count(*) FROM pg_largeobject_metadata) = (SELECT count(*) FROM transfer),
             (SELECT last_value FROM transfer_id_seq) >= (SELECT max(id) FROM transfer) FROM ledger",
        );
        assert_eq!(entries.trim(), "0|t|t|t", "round {round}");
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().expect("a writer ends");
    }
}

#[test]
fn pg48_bank_transfer_on_15() {
    bank_transfer(15);
}

#[test]
fn pg48_bank_transfer_on_18() {
    bank_transfer(18);
}

#[test]
fn pg43_a_lock_that_is_held_is_named_and_waited_for_no_longer_than_allowed() {
    let cluster = Cluster::shared(15);
    let database = cluster.new_database("locked");
    cluster.psql(&database, "CREATE TABLE held AS SELECT n FROM generate_series(1, 10) n");
    let holder = process::Running::spawn(
        cluster.client(15, "psql").env("PGDATABASE", &database).env("PGAPPNAME", "migration").args([
            "-X",
            "-c",
            "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)",
        ]),
    );
    let is_held = "SELECT count(*) FROM pg_locks WHERE relation = 'held'::regclass AND granted";
    process::until("the lock is held", SOON, || cluster.query(&database, is_held).trim() == "1");
    let server =
        format!("{{engine: postgres, host: 127.0.0.1, port: {}, user: postgres, lock_timeout: 1s}}", cluster.port());
    let dbb = Dbb::with_config(&config(&server, &server, &database));
    dbb.run(&["apply", "--auto-approve"]).expect(75).says("DBB-PG-LOCK").says("held");
    assert!(!dbb.path("repo/snapshots").exists());
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'migration'";
    cluster.psql(&database, end);
    drop(holder.wait(SOON));
    process::until("the lock is gone", SOON, || cluster.query(&database, is_held).trim() == "0");
    dbb.run(&["resume"]).expect(0);
}

#[test]
fn pg49_definitions_that_change_meanwhile_never_yield_an_empty_table() {
    let cluster = Cluster::shared(15);
    let database = cluster.new_database("changing");
    cluster.psql(&database, "CREATE TABLE keep AS SELECT n, repeat('x', 200) AS v FROM generate_series(1, 20000) n");
    let stop = Arc::new(AtomicBool::new(false));
    let changed = Arc::new(AtomicU64::new(0));
    let changer = {
        let (stop, changed, database) = (stop.clone(), changed.clone(), database.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let rewrite = "SET lock_timeout = '100ms'; ALTER TABLE keep ALTER n TYPE bigint; ALTER TABLE keep ALTER n TYPE int;
                     CREATE TABLE IF NOT EXISTS other (x int); DROP TABLE IF EXISTS other";
                if Cluster::shared(15).try_query(&database, rewrite).is_ok() {
                    changed.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    };
    let server = Dbb::server(cluster);
    let dbb = Dbb::with_config(&config(&server, &server, &database));
    process::until("definitions change", SOON, || changed.load(Ordering::Relaxed) > 2);
    let mut good = 0;
    for _ in 0..4 {
        let outcome = dbb.run(&["apply", "--now", "--auto-approve"]);
        match outcome.code {
            Some(0) => good += 1,
            _ => assert!(
                ["DBB-PG-DDL", "DBB-PG-LOCK", "DBB-PG-DUMP"].iter().any(|code| outcome.stdout.contains(code)),
                "{outcome}"
            ),
        }
    }
    stop.store(true, Ordering::Relaxed);
    changer.join().expect("it ends");
    dbb.run(&["apply", "--now", "--auto-approve"]).expect(0);
    let snapshots = dbb.run(&["snapshots", "--format", "json"]).expect(0).stdout;
    let snapshots: serde_json::Value = serde_json::from_str(&snapshots).expect("JSON");
    let snapshots = snapshots.as_array().expect("a list");
    assert_eq!(snapshots.len(), good + 1);
    for snapshot in snapshots {
        assert_eq!(snapshot["totals"]["sum"]["rows"], 20000, "a snapshot lost rows to a rewrite");
    }
}

#[test]
fn pg44_a_standby_can_be_captured() {
    let primary = Options::new(15).setting("wal_level", "replica").start();
    let database = primary.new_database("stood_by");
    primary
        .psql(&database, "CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n; CREATE UNLOGGED TABLE u (x int)");
    let standby = primary.standby();
    standby.wait_caught_up(&primary);
    let dbb = Dbb::with_config(&config(&Dbb::server(&standby), &Dbb::server(&primary), &database));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let target = primary.unused_name("stood_by");
    dbb.write("back.yaml", &runbook(&target, &database, ""));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(0);
    assert_eq!(primary.query(&target, "SELECT count(*) FROM t").trim(), "1000");
}

#[test]
fn pg33_a_login_with_few_rights_captures_and_says_what_it_cannot_see() {
    let cluster = Cluster::shared(15);
    let database = cluster.new_database("few_rights");
    let (login, owner) = (cluster.unused_name("reader"), cluster.unused_name("owner"));
    cluster.psql(
        &database,
        &format!(
            "CREATE ROLE {login} LOGIN; GRANT pg_read_all_data TO {login}; CREATE ROLE {owner} LOGIN PASSWORD 'hidden-from-readers';
             CREATE TABLE t AS SELECT n FROM generate_series(1, 300) n; ALTER TABLE t OWNER TO {owner};
             CREATE SEQUENCE s; SELECT nextval('s')"
        ),
    );
    let server = format!("{{engine: postgres, host: 127.0.0.1, port: {}, user: {login}}}", cluster.port());
    let dbb = Dbb::with_config(&config(&server, &Dbb::server(cluster), &database));
    dbb.run(&["plan"]).expect(0).says("password hash");
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let target = cluster.unused_name("few_rights");
    dbb.write("back.yaml", &runbook(&target, &database, ""));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(0);
    let found = cluster.query(
        &target,
        "SELECT count(*), (SELECT last_value FROM s), (SELECT tableowner FROM pg_tables WHERE tablename = 't') FROM t",
    );
    assert_eq!(found.trim(), format!("300|1|{owner}"));
}

#[test]
fn pg19_rows_that_a_policy_would_hide_are_an_error_not_a_gap() {
    let cluster = Cluster::shared(15);
    let database = cluster.new_database("filtered");
    let login = cluster.unused_name("filtered");
    cluster.psql(
        &database,
        &format!(
            "CREATE ROLE {login} LOGIN; GRANT pg_read_all_data TO {login};
             CREATE TABLE t AS SELECT n FROM generate_series(1, 10) n; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
             CREATE POLICY few ON t USING (n < 5)"
        ),
    );
    let server = format!("{{engine: postgres, host: 127.0.0.1, port: {}, user: {login}}}", cluster.port());
    let dbb = Dbb::with_config(&config(&server, &server, &database));
    dbb.run(&["apply", "--auto-approve"]).expect(77).says("DBB-PG-RLS").says("public.t");
    assert!(!dbb.path("repo/snapshots").exists());
}

#[test]
fn a_row_that_is_not_as_it_was_captured_fails_the_proof() {
    let cluster = Cluster::shared(15);
    let (dbb, database) = crate::refusals::backed_up(cluster, cluster);
    let mut dbb = Some(dbb);
    for records in 4..40u32 {
        let target = cluster.unused_name("tampered");
        let state = format!("state-{records}");
        let run = dbb.take().expect("it is put back").env("DBB_CRASH_AFTER_RECORDS", &records.to_string());
        run.write("back.yaml", &runbook(&target, &database, ""));
        let crashed = run.run(&["apply", "back.yaml", "--auto-approve", "--state-dir", &state]);
        assert_eq!(crashed.signal, Some(9), "{crashed}");
        let loaded = cluster.has_database(&target)
            && cluster.try_query(&target, "SELECT 1 FROM t LIMIT 1").is_ok_and(|rows| rows.trim() == "1");
        if loaded {
            // one letter of one row of 500, between the load and the proof
            cluster.psql(&target, "UPDATE t SET v = 'Row 77' WHERE id = 77");
            let run = run.env("DBB_CRASH_AFTER_RECORDS", "");
            run.run(&["resume", "--state-dir", &state]).expect(1).says("DBB-VERIFY-MISMATCH").says("public.t");
            return;
        }
        dbb = Some(run);
    }
    panic!("no crash came between the load and the proof");
}
