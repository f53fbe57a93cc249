//! One database of several fails.

use super::site::{LIMIT, config, config_with_target, folder, report, server, snapshots, status};
use crate::support::{Cluster, Dbb, Oracle};

/// Three databases; a login that may not read one table of the second.
struct Three {
    cluster: &'static Cluster,
    names: [String; 3],
    user: String,
}

impl Three {
    fn new() -> Self {
        let cluster = Cluster::shared(15);
        let names = ["one", "two", "three"].map(|hint| {
            let name = cluster.new_database(hint);
            cluster
                .psql(&name, &format!("CREATE TABLE t AS SELECT n, '{hint}' AS hint FROM generate_series(1, 1000) n;"));
            name
        });
        let user = cluster.unused_name("limited");
        cluster.psql("postgres", &format!("CREATE ROLE {user} LOGIN; GRANT pg_read_all_data TO {user};"));
        Self { cluster, names, user }
    }

    fn names(&self) -> [&str; 3] {
        self.names.each_ref().map(String::as_str)
    }

    /// A table that not even a reader of everything may read: its rows are hidden by a policy.
    fn hide(&self) {
        self.cluster.psql(
            &self.names[1],
            "CREATE TABLE hidden AS SELECT 1 AS x; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;",
        );
    }

    fn show(&self) {
        self.cluster.psql(&self.names[1], "DROP TABLE hidden;");
    }

    fn folder(&self) -> Dbb {
        let port = self.cluster.port();
        let limited = format!("{{engine: postgres, host: 127.0.0.1, port: {port}, user: {}}}", self.user);
        folder(&config(&limited, &self.names(), "repo"))
    }
}

#[test]
fn one_database_that_fails_does_not_stop_the_others() {
    let three = Three::new();
    let [one, two, last] = three.names();
    three.hide();
    let dbb = three.folder();
    let outcome = dbb.run(&["apply", "--auto-approve", "--format", "json"]).expect(1);
    let said = report(&outcome.stdout);
    assert_eq!((status(&said, one), status(&said, two), status(&said, last)), ("succeeded", "failed", "succeeded"));
    let failed = &said["units"].as_array().unwrap().iter().find(|unit| unit["unit"] == two).unwrap();
    assert_eq!(failed["failures"][0]["failure"]["code"], "DBB-PG-RLS", "{failed:#}");
    assert!(!failed["failures"][0]["failure"]["fixes"].as_array().unwrap().is_empty(), "{failed:#}");
    assert!(failed["next"].as_array().unwrap().iter().any(|next| next.as_str().unwrap().contains("dbb resume")));
    assert_eq!(snapshots(&dbb).len(), 2);
    // the cause is mended: only what is missing is captured
    three.show();
    let outcome = dbb.run(&["resume"]).expect(0);
    assert!(outcome.stdout.contains("3 succeeded"), "{outcome}");
    assert_eq!(snapshots(&dbb).len(), 3);
    dbb.run(&["verify", "--level", "full"]).expect(0);
}

#[test]
fn on_error_stop_starts_nothing_new() {
    let three = Three::new();
    three.hide();
    let dbb = three.folder();
    let outcome =
        dbb.run(&["apply", "--auto-approve", "--jobs", "1", "--on-error", "stop", "--format", "json"]).expect(1);
    let said = report(&outcome.stdout);
    let [one, two, last] = three.names();
    assert_eq!(status(&said, two), "failed");
    let ends = [status(&said, one), status(&said, last)];
    assert!(ends.contains(&"not_started"), "{said:#}");
    let well = ends.iter().filter(|status| **status == "succeeded").count();
    assert_eq!(snapshots(&dbb).len(), well);
    three.show();
    dbb.run(&["resume"]).expect(0);
    assert_eq!(snapshots(&dbb).len(), 3);
}

/// A set of three databases to restore, of which one exists on the target already.
fn set(more: &str) -> (Three, Cluster, Dbb) {
    let three = Three::new();
    let target = Cluster::start(15);
    let from = server(three.cluster.port());
    let dbb = folder(&config_with_target(&from, &three.names(), "repo", &server(target.port())));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    target.create_database(&three.names[1]);
    target.psql(&three.names[1], "CREATE TABLE precious AS SELECT 1 AS x;");
    dbb.write(
        "restore.yaml",
        &format!("kind: restore\nfrom: {{set: {{server: from}}}}\nto: {{target: there}}\n{more}"),
    );
    (three, target, dbb)
}

fn assert_others_restored(three: &Three, target: &Cluster) {
    for name in [&three.names[0], &three.names[2]] {
        Oracle::new().assert_same((three.cluster, name), (target, name));
    }
    assert_eq!(target.query(&three.names[1], "SELECT x FROM precious"), "1", "what was there was touched");
}

const RESTORE: &[&str] = &["apply", "restore.yaml", "--auto-approve"];

#[test]
fn a_set_is_restored_but_for_the_database_that_exists() {
    let (three, target, dbb) = set("");
    dbb.run(RESTORE).expect(1).says("DBB-RESTORE-EXISTS").says(&three.names[1]);
    assert_others_restored(&three, &target);
}

#[test]
fn enough_databases_are_enough_where_the_runbook_says_so() {
    let (three, target, dbb) = set("success: {at_least: 60%}\n");
    dbb.run(RESTORE).expect(0).says("DBB-RESTORE-EXISTS").says("2 succeeded, 1 failed");
    assert_others_restored(&three, &target);
    for name in [&three.names[0], &three.names[2]] {
        target.drop_database(name);
    }
    dbb.run(&["apply", "restore.yaml", "--auto-approve", "--require-all"]).expect(1);
    assert_others_restored(&three, &target);
    for name in [&three.names[0], &three.names[2]] {
        target.drop_database(name);
    }
    dbb.write("restore.yaml", &dbb.read("restore.yaml").replace("60%", "70%"));
    dbb.run(RESTORE).expect(1);
}

#[test]
fn a_success_rule_holds_for_failures_on_the_way() {
    let three = Three::new();
    let target = Cluster::start(15);
    let from = server(three.cluster.port());
    let dbb = folder(&config_with_target(&from, &three.names(), "repo", &server(target.port())));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let text = "kind: restore\nfrom: {set: {server: from}}\nto: {target: there}\ncheck: full\n";
    dbb.write("restore.yaml", &format!("{text}success: {{at_least: 60%}}\n"));
    // the second database's objects are damaged: found out before anything of it is touched
    let listed = dbb.run(&["snapshots", "--database", &three.names[1], "--format", "json"]).expect(0);
    let headers: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let id = headers[0]["objects"][0]["id"].as_str().unwrap().to_owned();
    let object = dbb.path(&format!("repo/objects/plain/{}/{id}", &id[..2]));
    std::fs::remove_file(&object).unwrap_or_else(|error| panic!("{}: {error}", object.display()));
    let arguments = ["apply", "restore.yaml", "--auto-approve", "--format", "json"];
    let said = report(&dbb.run(&arguments).expect(0).stdout);
    assert_eq!(said["outcome"], "partial", "{said:#}");
    assert!(!target.has_database(&three.names[1]));
    for name in [&three.names[0], &three.names[2]] {
        Oracle::new().assert_same((three.cluster, name), (&target, name));
        target.drop_database(name);
    }
    let said = dbb.spawn(&["apply", "restore.yaml", "--auto-approve", "--require-all"]).wait(LIMIT);
    said.expect(1).says("DBB-SNAPSHOT-DAMAGED");
}
