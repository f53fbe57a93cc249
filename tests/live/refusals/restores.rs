//! Restores that must not begin, and choices of what comes back.

use super::{backed_up, config, runbook};
use crate::support::{Cluster, Dbb};

#[test]
fn a_target_that_holds_data_is_left_alone() {
    let cluster = Cluster::shared(15);
    let (dbb, database) = backed_up(cluster, cluster);
    let target = cluster.new_database("holds_data");
    cluster.psql(&target, "CREATE TABLE precious AS SELECT 42 AS answer");
    dbb.write("back.yaml", &runbook(&target, &database, "existing: fail"));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(64).says("DBB-RESTORE-EXISTS");
    dbb.write("back.yaml", &runbook(&target, &database, "existing: replace"));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(77).says("DBB-RESTORE-ALLOW");
    assert_eq!(cluster.query(&target, "SELECT answer FROM precious").trim(), "42");
}

#[test]
fn a_restore_onto_an_older_server_is_refused() {
    let (new, old) = (Cluster::shared(18), Cluster::shared(15));
    let (dbb, database) = backed_up(new, old);
    let target = old.unused_name("older");
    dbb.write("back.yaml", &runbook(&target, &database, ""));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(64).says("DBB-RESTORE-VERSION");
    assert!(!old.has_database(&target));
}

#[test]
fn an_extension_that_the_target_lacks_is_found_first() {
    let (rich, poor) = (Cluster::shared(15), Cluster::shared(18));
    let database = rich.new_database("extended");
    rich.psql(&database, "CREATE EXTENSION hstore; CREATE TABLE t (h hstore)");
    let dbb = Dbb::with_config(&config(&Dbb::server(rich), &Dbb::server(poor), &database));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let target = poor.unused_name("extended");
    dbb.write("back.yaml", &runbook(&target, &database, ""));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(64).says("DBB-RESTORE-EXTENSION").says("hstore");
    assert!(!poor.has_database(&target));
}

#[test]
fn roles_that_are_missing_are_named_when_none_may_be_made() {
    let (from, to) = (Cluster::shared(15), Cluster::shared(18));
    let database = from.new_database("owned");
    let owner = from.unused_name("owner");
    from.psql(&database, &format!("CREATE ROLE {owner}; CREATE TABLE t (x int); ALTER TABLE t OWNER TO {owner}"));
    let dbb = Dbb::with_config(&config(&Dbb::server(from), &Dbb::server(to), &database));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let target = to.unused_name("owned");
    let none = runbook(&target, &database, "").replace("create_missing", "none");
    dbb.write("back.yaml", &none);
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(64).says("DBB-RESTORE-ROLES").says(&owner);
    let mapped = none.replace("mode: none", &format!("mode: none, map: {{{owner}: postgres}}"));
    dbb.write("back.yaml", &mapped);
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(0);
    assert_eq!(to.query(&target, "SELECT tableowner FROM pg_tables WHERE tablename = 't'").trim(), "postgres");
    assert_eq!(to.query("postgres", &format!("SELECT count(*) FROM pg_roles WHERE rolname = '{owner}'")).trim(), "0");
}

#[test]
fn a_selection_brings_what_it_needs_and_nothing_else() {
    let cluster = Cluster::shared(15);
    let database = cluster.new_database("chosen");
    cluster.psql(
        &database,
        "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TYPE b.mood AS ENUM ('calm', 'loud');
         CREATE TABLE b.other (id int PRIMARY KEY);
         CREATE TABLE a.kept (id serial PRIMARY KEY, m b.mood, o int REFERENCES b.other);
         CREATE TABLE a.left_out (x int);
         INSERT INTO b.other VALUES (1); INSERT INTO a.kept (m, o) VALUES ('loud', 1);
         CREATE INDEX kept_m ON a.kept (m); COMMENT ON TABLE a.kept IS 'stays'",
    );
    let dbb = Dbb::with_config(&config(&Dbb::server(cluster), &Dbb::server(cluster), &database));
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    let target = cluster.unused_name("chosen");
    dbb.write("back.yaml", &runbook(&target, &database, "include: {tables: [\"a.kep\"]}"));
    dbb.run(&["plan", "back.yaml"]).expect(64).says("DBB-RESTORE-SELECTION").says("a.kept");
    dbb.write("back.yaml", &runbook(&target, &database, "include: {tables: [\"a.kept\"]}"));
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(0);
    assert_eq!(cluster.query(&target, "SELECT id, m, o FROM a.kept").trim(), "1|loud|1");
    assert_eq!(cluster.query(&target, "SELECT count(*) FROM pg_indexes WHERE schemaname = 'a'").trim(), "2");
    assert_eq!(
        cluster.query(&target, "SELECT to_regclass('a.left_out') IS NULL AND to_regclass('b.other') IS NULL").trim(),
        "t"
    );
    assert_eq!(cluster.query(&target, "INSERT INTO a.kept (m) VALUES ('calm') RETURNING id").lines().next(), Some("2"));
}

#[test]
fn a_set_brings_every_database_of_a_server() {
    let from = Cluster::start(15);
    let to = Cluster::start(15);
    let names: Vec<String> = (0..3).map(|n| from.new_database(&format!("tenant_{n}"))).collect();
    for name in &names {
        from.psql(name, &format!("CREATE TABLE who AS SELECT '{name}'::text AS name"));
    }
    let yaml = config(&Dbb::server(&from), &Dbb::server(&to), "x")
        .replace("{one: {server: src, name: x}}", "{all: {server: src, match: \"*tenant*\"}}");
    let dbb = Dbb::with_config(&yaml);
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    dbb.run(&["runbook", "src", "--to", "dst"]).expect(0);
    let text = dbb.run(&["runbook", "src", "--to", "dst"]).expect(0).stdout;
    dbb.write("back.yaml", &text);
    dbb.run(&["apply", "back.yaml", "--auto-approve"]).expect(0);
    for name in &names {
        assert_eq!(to.query(name, "SELECT name FROM who").trim(), name.as_str());
    }
}
