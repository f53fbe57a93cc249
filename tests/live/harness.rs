//! The harness itself: a judge that calls everything equal would make every other test worthless.

use std::process::Command;
use std::time::Duration;

use crate::support::cluster::Options;
use crate::support::{Authority, Cluster, Oracle, PgBouncer, TcpProxy, install, process};

const LIMIT: Duration = Duration::from_secs(60);

const SAMPLE: &str = r#"
    CREATE SCHEMA app;
    CREATE TABLE app.item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL, price numeric(9,2));
    INSERT INTO app.item (item, price) SELECT 'item ' || n, n * 1.5 FROM generate_series(1, 500) n;
    CREATE TABLE app."odd "" name" ("a
b" int, CHECK ("a
b" > 0));
    CREATE TABLE app.nothing ();
    INSERT INTO app.nothing DEFAULT VALUES;
    CREATE TABLE app.part (day date, note text) PARTITION BY RANGE (day);
    CREATE TABLE app.part_2026 PARTITION OF app.part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO app.part VALUES ('2026-05-05', E'tab\t newline\n back\\slash');
    CREATE MATERIALIZED VIEW app.total AS SELECT sum(price) FROM app.item;
    CREATE MATERIALIZED VIEW app.later AS SELECT 1 AS one WITH NO DATA;
    SELECT lo_from_bytea(4711, '\x00ff');
    COMMENT ON LARGE OBJECT 4711 IS 'two bytes';
"#;

/// Copies a database with PostgreSQL's own tools.
fn copy(from: (&Cluster, &str), to: (&Cluster, &str)) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut dump = from.0.client(to.0.major, "pg_dump");
    dump.env("PGDATABASE", from.1).arg("-Fc").arg("-f").arg(file.path());
    process::must(&mut dump, LIMIT);
    let mut restore = to.0.client(to.0.major, "pg_restore");
    restore.args(["--exit-on-error", "--dbname", to.1]).arg(file.path());
    process::must(&mut restore, LIMIT);
}

fn sample(from: &Cluster, to: &Cluster) -> (String, String) {
    let (left, right) = (from.new_database("sample"), to.new_database("sample_copy"));
    from.psql(&left, SAMPLE);
    copy((from, &left), (to, &right));
    (left, right)
}

#[test]
fn harness_a_copy_is_the_same_across_versions() {
    for (from, to) in [(15, 15), (18, 18), (15, 18), (16, 18)] {
        let (from, to) = (Cluster::shared(from), Cluster::shared(to));
        let (left, right) = sample(from, to);
        Oracle::new().assert_same((from, &left), (to, &right));
        Oracle::new().by_root().assert_same((from, &left), (to, &right));
    }
}

#[test]
fn harness_a_reference_forgives_what_no_dump_keeps() {
    let cluster = Cluster::shared(18);
    let (left, right) = (cluster.new_database("inherit"), cluster.new_database("inherit_copy"));
    cluster.psql(
        &left,
        "CREATE TABLE base (id int); CREATE TABLE kid (extra text, id int); ALTER TABLE kid INHERIT base;
         INSERT INTO kid VALUES ('x', 1);",
    );
    copy((cluster, &left), (cluster, &right));
    assert!(Oracle::new().differences((cluster, &left), (cluster, &right)).is_some());
    Oracle::new().by_reference().assert_same((cluster, &left), (cluster, &right));
    cluster.psql(&right, "ALTER TABLE kid ADD n int;");
    assert!(Oracle::new().by_reference().differences((cluster, &left), (cluster, &right)).is_some());
}

/// Changes and their undoing; `DB` stands for the database.
const CHANGES: &[(&str, &str)] = &[
    ("UPDATE app.item SET item = 'x' WHERE id = 250", "UPDATE app.item SET item = 'item 250' WHERE id = 250"),
    ("DELETE FROM app.item WHERE id = 2", "INSERT INTO app.item OVERRIDING SYSTEM VALUE VALUES (2, 'item 2', 3)"),
    ("INSERT INTO app.nothing DEFAULT VALUES", "TRUNCATE app.nothing; INSERT INTO app.nothing DEFAULT VALUES"),
    ("UPDATE app.part SET note = NULL", r"UPDATE app.part SET note = E'tab\t newline\n back\\slash'"),
    ("SELECT setval('app.item_id_seq', 500, false)", "SELECT setval('app.item_id_seq', 500, true)"),
    ("ALTER TABLE app.item ADD CONSTRAINT c CHECK (price > 0) NOT VALID", "ALTER TABLE app.item DROP CONSTRAINT c"),
    ("REFRESH MATERIALIZED VIEW app.later", "REFRESH MATERIALIZED VIEW app.later WITH NO DATA"),
    (r"SELECT lo_put(4711, 0, '\x01')", r"SELECT lo_put(4711, 0, '\x00')"),
    ("COMMENT ON LARGE OBJECT 4711 IS 'x'", "COMMENT ON LARGE OBJECT 4711 IS 'two bytes'"),
    ("GRANT SELECT ON app.item TO PUBLIC", "REVOKE SELECT ON app.item FROM PUBLIC"),
    ("ALTER DATABASE DB SET work_mem = '5MB'", "ALTER DATABASE DB RESET work_mem"),
    ("ALTER DATABASE DB CONNECTION LIMIT 5", "ALTER DATABASE DB CONNECTION LIMIT -1"),
    ("REVOKE TEMPORARY ON DATABASE DB FROM PUBLIC", "GRANT TEMPORARY ON DATABASE DB TO PUBLIC"),
    ("COMMENT ON DATABASE DB IS 'x'", "COMMENT ON DATABASE DB IS NULL"),
];

#[test]
fn harness_every_change_is_seen() {
    let cluster = Cluster::shared(18);
    let (_, copy) = sample(cluster, cluster);
    let before = Oracle::new().portrait((cluster, &copy));
    for (change, back) in CHANGES {
        let sql = |text: &str| format!("{};", text.replace("DB", &copy));
        cluster.psql(&copy, &sql(change));
        let seen = Oracle::new().differences_since(&before, (cluster, &copy));
        assert!(seen.is_some(), "not seen: {change}");
        cluster.psql(&copy, &sql(back));
        let left_over = Oracle::new().differences_since(&before, (cluster, &copy));
        assert_eq!(left_over, None, "after {back}");
    }
}

#[test]
fn harness_a_difference_is_readable() {
    let cluster = Cluster::shared(15);
    let (left, right) = sample(cluster, cluster);
    cluster.psql(&right, "UPDATE app.item SET price = 0 WHERE id = 7; DROP TABLE app.nothing;");
    let said = Oracle::new().differences((cluster, &left), (cluster, &right)).unwrap();
    for part in
        ["-CREATE TABLE app.nothing", "500 rows", "-(7,\"item 7\",10.50)", "+(7,\"item 7\",0.00)", "no such table"]
    {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    Oracle::new().skip_schema("app").assert_same((cluster, &left), (cluster, &right));
}

#[test]
fn harness_roles_are_compared() {
    let (from, to) = (Cluster::shared(15), Cluster::shared(18));
    let (owner, member) = (from.unused_name("owner"), from.unused_name("member"));
    let roles = format!(
        "CREATE ROLE {owner} CREATEDB; CREATE ROLE {member} LOGIN CONNECTION LIMIT 3; GRANT {owner} TO {member};"
    );
    from.psql("postgres", &roles);
    to.psql("postgres", &roles);
    let names = [owner.as_str(), member.as_str()];
    Oracle::new().assert_same_roles(from, to, &names);
    for change in ["SET search_path = x", "PASSWORD 'p'", "CONNECTION LIMIT 4"] {
        to.psql("postgres", &format!("ALTER ROLE {member} {change};"));
        let compared = std::panic::catch_unwind(|| Oracle::new().assert_same_roles(from, to, &names));
        assert!(compared.is_err(), "not seen: {change}");
        to.psql(
            "postgres",
            &format!("ALTER ROLE {member} RESET ALL; ALTER ROLE {member} PASSWORD NULL CONNECTION LIMIT 3;"),
        );
    }
    Oracle::new().assert_same_roles(from, to, &names);
}

#[test]
fn harness_a_cluster_ends_with_its_owner() {
    let cluster = Options::new(18).initdb("--encoding=LATIN1").initdb("--locale=C").setting("work_mem", "5MB").start();
    assert_eq!(cluster.query("template1", "SHOW server_encoding"), "LATIN1");
    assert_eq!(cluster.query("template1", "SHOW work_mem"), "5MB");
    cluster.restart();
    cluster.kill();
    assert!(cluster.try_query("postgres", "SELECT 1").is_err());
    cluster.start_again();
    let (port, dir) = (cluster.port(), cluster.dir().to_owned());
    drop(cluster);
    assert!(!dir.exists(), "the folder is still there");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the server still listens");
}

#[test]
fn harness_a_standby_follows() {
    let primary = Cluster::start(15);
    let standby = primary.standby();
    primary.psql("postgres", "CREATE TABLE t AS SELECT 1 AS x;");
    standby.wait_caught_up(&primary);
    assert_eq!(standby.query("postgres", "SELECT x, pg_is_in_recovery() FROM t"), "1|t");
    Oracle::new().assert_same((&primary, "postgres"), (&standby, "postgres"));
}

#[test]
fn harness_ssl_and_logins_are_real() {
    let cluster = Cluster::start(15);
    let authority = Authority::new("test authority");
    cluster.enable_tls(&authority, &["127.0.0.1"]);
    cluster.psql("postgres", "ALTER ROLE postgres PASSWORD 'right';");
    cluster.set_hba(&["hostssl all all 127.0.0.1/32 scram-sha-256"]);
    let login = |mode: &str, ca: &Authority, password: &str| {
        let mut psql = Command::new(cluster.bin("psql"));
        install::clean(&mut psql);
        psql.env("PGPASSWORD", password).env("PGSSLROOTCERT", ca.path()).env("PGSSLMODE", mode);
        process::run(psql.args(["-X", "-At", "-c", "SELECT 1", &cluster.conninfo("postgres")]), LIMIT)
    };
    login("verify-full", &authority, "right").expect(0).says("1");
    login("verify-full", &authority, "wrong").expect(2).says("password authentication failed");
    login("verify-full", &Authority::new("stranger"), "right").expect(2).says("certificate verify failed");
    login("disable", &authority, "right").expect(2).says("no pg_hba.conf entry");
}

/// Asks for a large answer over TCP, through whatever listens on `port`.
fn ask(port: u16) -> process::Outcome {
    let mut psql = Command::new(install::bin(15, "psql"));
    install::clean(&mut psql);
    let target = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
    process::run(psql.args(["-X", "-At", "-c", "SELECT repeat('x', 1000000)", &target]), LIMIT)
}

#[test]
fn harness_a_pooler_serves() {
    let pooler = PgBouncer::start(Cluster::shared(15), 2);
    assert_eq!(ask(pooler.port()).expect(0).stdout.len(), 1_000_001);
    assert!(pooler.log().contains("C-"), "{}", pooler.log());
}

#[test]
fn harness_a_proxy_cuts_and_recovers() {
    let proxy = TcpProxy::start(Cluster::shared(15).port());
    assert_eq!(ask(proxy.port()).expect(0).stdout.len(), 1_000_001);
    proxy.cut_after(500_000, 1);
    assert_ne!(ask(proxy.port()).code, Some(0));
    assert_eq!(proxy.cuts(), 1);
    ask(proxy.port()).expect(0);
    proxy.refuse(true);
    assert_ne!(ask(proxy.port()).code, Some(0));
    proxy.refuse(false);
    proxy.latency(Duration::from_millis(20));
    assert!(ask(proxy.port()).expect(0).elapsed > Duration::from_millis(60));
}

#[test]
fn harness_a_hanging_child_is_killed() {
    let waited = std::panic::catch_unwind(|| {
        let mut hanging = Command::new("sh");
        process::run(hanging.args(["-c", "echo started; sleep 1000 & wait"]), Duration::from_millis(300))
    });
    let said = *waited.unwrap_err().downcast::<String>().unwrap();
    assert!(said.contains("did not end within") && said.contains("started"), "{said}");
}
