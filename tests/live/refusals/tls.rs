//! TLS modes against a real server with certificates that the test makes.

use super::config;
use crate::support::{Authority, Cluster, Dbb};
use std::os::unix::fs::PermissionsExt;

fn run(cluster: &Cluster, host: &str, user: &str, tls: &str) -> crate::support::process::Outcome {
    let server = format!("{{engine: postgres, host: {host}, port: {}, user: {user}, tls: {tls}}}", cluster.port());
    Dbb::with_config(&config(&server, &server, "postgres")).run(&["plan"])
}

#[test]
fn every_mode_means_what_libpq_means_by_it() {
    let cluster = Cluster::start(15);
    let authority = Authority::new("dbb test authority");
    let stranger = Authority::new("somebody else");
    let ca = authority.path().display().to_string();
    let other = stranger.path().display().to_string();

    // without TLS at the server
    run(&cluster, "127.0.0.1", "postgres", "{mode: disable}").expect(0);
    run(&cluster, "127.0.0.1", "postgres", "{mode: prefer}").expect(0);
    run(&cluster, "127.0.0.1", "postgres", "{mode: require}").expect(69).says("DBB-PG-TLS");

    // with TLS, for 127.0.0.1 only
    cluster.enable_tls(&authority, &["127.0.0.1"]);
    cluster.set_hba(&["hostssl all all 127.0.0.1/32 trust", "local all all trust"]);
    run(&cluster, "127.0.0.1", "postgres", "{mode: disable}").expect(77).says("DBB-PG-AUTH");
    for mode in ["prefer", "require"] {
        run(&cluster, "127.0.0.1", "postgres", &format!("{{mode: {mode}}}")).expect(0);
    }
    for mode in ["verify-ca", "verify-full"] {
        run(&cluster, "127.0.0.1", "postgres", &format!("{{mode: {mode}, ca: \"{ca}\"}}")).expect(0);
        run(&cluster, "127.0.0.1", "postgres", &format!("{{mode: {mode}, ca: \"{other}\"}}"))
            .expect(69)
            .says("DBB-PG-TLS");
    }
    run(&cluster, "localhost", "postgres", &format!("{{mode: verify-ca, ca: \"{ca}\"}}")).expect(0);
    run(&cluster, "localhost", "postgres", &format!("{{mode: verify-full, ca: \"{ca}\"}}"))
        .expect(69)
        .says("DBB-PG-TLS");
}

#[test]
fn a_client_certificate_logs_in() {
    let cluster = Cluster::start(15);
    let authority = Authority::new("dbb test authority");
    cluster.enable_tls(&authority, &["127.0.0.1"]);
    cluster.psql("postgres", "CREATE ROLE certified LOGIN SUPERUSER");
    cluster.set_hba(&["hostssl all certified 127.0.0.1/32 cert", "local all all trust"]);
    let (certificate, key) = authority.issue(&["certified"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writable");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        path.display().to_string()
    };
    let (certificate, key) = (path("client.pem", &certificate), path("client.key", &key));
    let ca = authority.path().display().to_string();
    let with = format!("{{mode: verify-full, ca: \"{ca}\", cert: \"{certificate}\", key: \"{key}\"}}");
    let without = format!("{{mode: verify-full, ca: \"{ca}\"}}");
    let server = |tls: &str| {
        format!("{{engine: postgres, host: 127.0.0.1, port: {}, user: certified, tls: {tls}}}", cluster.port())
    };
    let dbb = Dbb::with_config(&config(&server(&with), &server(&with), "postgres"));
    // pg_dump has to log in by the certificate too
    dbb.run(&["apply", "--auto-approve"]).expect(0);
    run(&cluster, "127.0.0.1", "certified", &without).expect(77).says("DBB-PG-AUTH");
}

#[test]
fn a_unix_socket_needs_no_network() {
    let cluster = Cluster::start(15);
    let folder = cluster.query("postgres", "SHOW unix_socket_directories").trim().to_owned();
    run(&cluster, &folder, "postgres", "{mode: verify-full}").expect(0);
}
