//! Servers that are not there, not what they should be, or do not let one in.

use super::config;
use crate::support::{Cluster, Dbb, Options, PgBouncer, install};

fn planned(server: &str, database: &str) -> Dbb {
    Dbb::with_config(&config(server, server, database))
}

#[test]
fn an_unreachable_server_is_unavailable() {
    let dbb = planned(&Dbb::server_at(1), "postgres");
    dbb.run(&["plan"]).expect(69).says("DBB-PG-CONNECT").says("pg_isready");
    dbb.run(&["apply", "--auto-approve"]).expect(69).says("DBB-PG-CONNECT");
    assert!(!dbb.path("repo").exists(), "nothing was written");
}

#[test]
fn something_that_is_no_postgresql_does_not_hold_one_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2p1\r\n");
        }
    });
    let server = format!("{{engine: postgres, host: 127.0.0.1, port: {port}, user: u, connect_timeout: 2s}}");
    planned(&server, "postgres").run(&["plan"]).expect(69).says("DBB-PG-");
}

#[test]
fn a_silent_port_ends_at_the_time_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = format!("{{engine: postgres, host: 127.0.0.1, port: {port}, user: u, connect_timeout: 1s}}");
    planned(&server, "postgres").run(&["plan"]).expect(69).says("DBB-PG-");
    drop(listener);
}

#[test]
fn a_wrong_password_is_refused_and_never_shown() {
    let cluster = Cluster::start(15);
    cluster.psql("postgres", "CREATE ROLE backup LOGIN SUPERUSER PASSWORD 'right-horse-battery'");
    cluster.set_hba(&[
        "host all backup 127.0.0.1/32 scram-sha-256",
        "host all all 127.0.0.1/32 trust",
        "local all all trust",
    ]);
    let server =
        format!("{{engine: postgres, host: 127.0.0.1, port: {}, user: backup, password: {{env: PW}}}}", cluster.port());
    let wrong = planned(&server, "postgres").env("PW", "wrong-staple-secret");
    let outcome = wrong.run(&["plan"]).expect(77).says("DBB-PG-AUTH").says("{env: PW}");
    for secret in ["wrong-staple-secret", "right-horse-battery"] {
        assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret));
    }
    let none = planned(&server, "postgres");
    none.run(&["plan"]).expect(69).says("DBB-SECRET-MISSING").says("PW");
    let right = planned(&server, "postgres").env("PW", "right-horse-battery");
    right.run(&["apply", "--auto-approve"]).expect(0);
    for (name, bytes) in super::files(right.dir()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("right-horse-battery"), "{name} holds the password");
    }
}

#[test]
fn a_password_file_is_looked_into() {
    let cluster = Cluster::start(15);
    cluster.psql("postgres", "CREATE ROLE backup LOGIN SUPERUSER PASSWORD 'from:the\\file'");
    cluster.set_hba(&[
        "host all backup 127.0.0.1/32 scram-sha-256",
        "host all all 127.0.0.1/32 trust",
        "local all all trust",
    ]);
    let server = format!("{{engine: postgres, host: 127.0.0.1, port: {}, user: backup}}", cluster.port());
    let dbb = planned(&server, "postgres");
    let path = dbb.write(".pgpass", &format!("127.0.0.1:{}:*:backup:from\\:the\\\\file\n", cluster.port()));
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
    dbb.run(&["apply", "--auto-approve"]).expect(0);
}

#[test]
fn a_database_that_is_not_there_is_missing() {
    let cluster = Cluster::shared(15);
    planned(&Dbb::server(cluster), "no_such_database")
        .run(&["plan"])
        .expect(65)
        .says("DBB-PG-DATABASE")
        .says("no_such_database");
}

#[test]
fn a_pooler_is_recognised_and_gone_around() {
    let cluster = Cluster::start(15);
    let pooler = PgBouncer::start(&cluster, 4);
    let database = cluster.new_database("pooled");
    cluster.psql(&database, "CREATE TABLE t AS SELECT n FROM generate_series(1, 100) n");
    let through = planned(&Dbb::server_at(pooler.port()), &database);
    through.run(&["apply", "--auto-approve"]).expect(69).says("DBB-PG-POOLER").says("direct");
    let server = format!(
        "{{engine: postgres, host: 127.0.0.1, port: {}, user: postgres, direct: {{host: 127.0.0.1, port: {}}}}}",
        pooler.port(),
        cluster.port()
    );
    planned(&server, &database).run(&["apply", "--auto-approve"]).expect(0).says("succeeded");
}

#[test]
fn a_missing_or_older_pg_dump_is_named_before_anything_starts() {
    let cluster = Cluster::shared(18);
    let database = cluster.new_database("tools");
    let with_tools = |dir: &str| {
        format!(
            "{{engine: postgres, host: 127.0.0.1, port: {}, user: postgres, client_bin: \"{dir}\"}}",
            cluster.port()
        )
    };
    let none = tempfile::tempdir().expect("a folder");
    let missing = planned(&with_tools(&none.path().display().to_string()), &database);
    missing.run(&["plan"]).expect(65).says("DBB-PG-TOOL-MISSING");
    let old = install::cache().join("pg15/bin").display().to_string();
    let older = planned(&with_tools(&old), &database);
    older.run(&["plan"]).expect(65).says("DBB-PG-TOOL-OLD").says("18");
    older.run(&["doctor"]).expect(65).says("DBB-PG-TOOL-OLD");
    assert!(!older.path("repo").exists());
}

#[test]
fn a_lock_table_that_is_too_small_is_told_beforehand() {
    let cluster = Options::new(15).setting("max_locks_per_transaction", "10").setting("max_connections", "12").start();
    let database = cluster.new_database("many");
    for range in ["1, 80", "81, 160", "161, 240", "241, 320"] {
        cluster.psql(
            &database,
            &format!(
                "DO $$ BEGIN FOR n IN {} LOOP EXECUTE format('CREATE TABLE t%s (x int)', n); END LOOP; END $$",
                range.replace(", ", "..")
            ),
        );
    }
    let dbb = planned(&Dbb::server(&cluster), &database);
    dbb.run(&["apply", "--auto-approve"]).expect(69).says("DBB-PG-LOCK-TABLE").says("max_locks_per_transaction");
    assert!(dbb.run(&["snapshots"]).expect(0).stdout.contains("0 snapshots") || !dbb.path("repo/snapshots").exists());
}
