//! Plans: what they change (nothing), when they are refused, and how they end.

use super::{backed_up, config, files, runbook};
use crate::support::{Cluster, Dbb};

#[test]
fn planning_changes_nothing_anywhere() {
    let cluster = Cluster::start(15);
    let database = cluster.new_database("planned");
    cluster.psql(&database, "CREATE TABLE t AS SELECT n FROM generate_series(1, 100) n");
    let dbb = Dbb::with_config(&config(&Dbb::server(&cluster), &Dbb::server(&cluster), &database));
    let before = (
        files(dbb.dir()),
        cluster.query(&database, "SELECT pg_current_wal_insert_lsn(), (SELECT count(*) FROM pg_class)"),
    );
    dbb.run(&["plan"]).expect(0).says("1 backup");
    dbb.run(&["graph"]).expect(0);
    dbb.run(&["doctor"]).expect(0);
    assert_eq!(before.0, files(dbb.dir()), "planning wrote a file");
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let target = cluster.unused_name("planned");
    dbb.write("back.yaml", &runbook(&target, &database, ""));
    let before = files(dbb.dir());
    let roles = cluster.query("postgres", "SELECT count(*), (SELECT count(*) FROM pg_database) FROM pg_roles");
    let wal = cluster.query("postgres", "SELECT pg_current_wal_insert_lsn()");
    dbb.run(&["plan", "back.yaml"]).expect(0).says("1 restore");
    dbb.run(&["plan"]).expect(0).says("No changes");
    for command in [
        &["snapshots"][..],
        &["show", "one"],
        &["ls", "one"],
        &["verify"],
        &["runs"],
        &["runbook", "one", "--to", "dst"],
    ] {
        dbb.run(command).expect(0);
    }
    assert_eq!(before, files(dbb.dir()), "planning or looking wrote a file");
    assert_eq!(roles, cluster.query("postgres", "SELECT count(*), (SELECT count(*) FROM pg_database) FROM pg_roles"));
    // a checkpoint or a vacuum of the server's own may write; dbb's sessions are read-only and write nothing
    let written = cluster.query("postgres", &format!("SELECT pg_current_wal_insert_lsn() - '{wal}'::pg_lsn"));
    assert!(written.trim().parse::<u64>().expect("a number") < 100_000, "{written} bytes of WAL while planning");
}

#[test]
fn exit_codes_tell_changes_apart() {
    let cluster = Cluster::shared(15);
    let database = cluster.new_database("exits");
    cluster.psql(&database, "CREATE TABLE t (x int)");
    let yaml = config(&Dbb::server(cluster), &Dbb::server(cluster), &database).replace("[create]", "[create, replace]");
    let dbb = Dbb::with_config(&yaml);
    dbb.run(&["plan", "--detailed-exitcode"]).expect(10);
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    dbb.run(&["plan", "--detailed-exitcode"]).expect(0).says("No changes");
    dbb.run(&["plan", "--now", "--detailed-exitcode"]).expect(10);
    let target = cluster.new_database("exits_target");
    dbb.write("back.yaml", &runbook(&target, &database, "existing: replace"));
    dbb.run(&["plan", "back.yaml", "--detailed-exitcode"]).expect(11).says("replace");
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(0);
    assert_eq!(cluster.query(&target, "SELECT count(*) FROM t").trim(), "0");
}

#[test]
fn a_saved_plan_is_applied_once_and_only_as_it_was() {
    let cluster = Cluster::shared(15);
    let (dbb, _) = backed_up(cluster, cluster);
    dbb.run(&["plan", "--now", "-o", "p.json"]).expect(0).says("Saved");
    let text = dbb.read("p.json");
    dbb.write("edited.json", &text.replacen("\"jobs\":", "\"jobs\": 1, \"was\":", 1));
    dbb.run(&["apply", "edited.json"]).expect(64).says("DBB-PLAN-");
    dbb.write("edited.json", &text.replacen("refusals", "refusal5", 1));
    dbb.run(&["apply", "edited.json"]).expect(64).says("DBB-PLAN-TAMPERED");
    dbb.write("garbage.json", "{\"plan\": 1}");
    dbb.run(&["apply", "garbage.json"]).expect(64).says("DBB-PLAN-FORMAT");
    dbb.run(&["apply", "nowhere.json"]).expect(65).says("DBB-PLAN-MISSING");
    dbb.run(&["apply", "p.json"]).expect(0);
    // the snapshot that it made moved the world that it was made in
    dbb.run(&["apply", "p.json"]).expect(64).says("DBB-PLAN-STALE").says("database.one");
    dbb.run(&["plan", "--now", "-o", "p.json"]).expect(0);
    let yaml = dbb.read("dbb.yaml");
    dbb.write(
        "dbb.yaml",
        &yaml.replace("defaults: {repository: main}", "defaults: {repository: main, on_error: stop}"),
    );
    dbb.run(&["apply", "p.json"]).expect(64).says("DBB-PLAN-STALE");
}

#[test]
fn apply_without_a_terminal_never_asks() {
    let cluster = Cluster::shared(15);
    let dbb = Dbb::with_config(&config(&Dbb::server(cluster), &Dbb::server(cluster), "postgres"));
    dbb.run(&["apply"]).expect(2).says("DBB-USAGE").says("--auto-approve");
    assert!(!dbb.path("repo").exists() && !dbb.path(".dbb").exists());
}

#[test]
fn what_is_not_there_is_missing() {
    let cluster = Cluster::shared(15);
    let (dbb, _) = backed_up(cluster, cluster);
    dbb.run(&["resume", "20010101"]).expect(65).says("DBB-RUN-UNKNOWN");
    dbb.run(&["resume"]).expect(65).says("DBB-RUN-NOTHING");
    dbb.run(&["show", "nothing-like-it"]).expect(65).says("DBB-SNAPSHOT-UNKNOWN");
    dbb.run(&["cat", "one", "public.tt"]).expect(65).says("DBB-SNAPSHOT-UNKNOWN").says("public.t");
    dbb.run(&["plan", "--target", "database.on"]).expect(64).says("DBB-PLAN-ADDRESS").says("database.one");
    dbb.run(&["-c", "nowhere.yaml", "plan"]).expect(65).says("DBB-CONFIG-MISSING");
    dbb.run(&["plan", "nowhere.yaml"]).expect(65).says("DBB-CONFIG-MISSING");
    dbb.run(&["explain", "DBB-PG-AUHT"]).expect(2).says("DBB-PG-AUTH");
    dbb.run(&["frobnicate"]).expect(2);
}

#[test]
fn databases_that_no_entry_covers_are_listed() {
    let cluster = Cluster::start(15);
    let covered = cluster.new_database("covered");
    let forgotten = cluster.new_database("forgotten");
    let dbb = Dbb::with_config(&config(&Dbb::server(&cluster), &Dbb::server(&cluster), &covered));
    dbb.run(&["plan"]).expect(0).says(&forgotten);
}
