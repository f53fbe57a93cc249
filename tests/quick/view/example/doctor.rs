use super::failure;
use dbb::app::doctor::Section;
use dbb::error::Failure;
use dbb::port::engine::Check;

fn check(topic: &str, finding: &str, failure: Option<Failure>, warning: bool) -> Check {
    Check { topic: topic.into(), finding: finding.into(), failure, warning }
}

pub fn sections() -> Vec<Section> {
    let old = failure(
        "DBB-PG-TOOL-OLD",
        "pg_dump 14.10 is older than the server (15.18)",
        &["found at /usr/bin/pg_dump"],
        &["install pg_dump 15 or newer", "or say where it is: client_bin in the server's entry"],
    );
    let plain = failure(
        "DBB-UNENCRYPTED",
        "whoever reads the repository reads the data",
        &[],
        &["put the repository where only its owner can read"],
    );
    vec![
        Section {
            address: "server.pg-main".into(),
            place: "pg-main.internal:5432".into(),
            checks: vec![
                check("login", "dbb, PostgreSQL 15.18", None, false),
                check(
                    "rights",
                    "superuser: sees everything, and may restore everything that a snapshot holds, other roles' passwords included",
                    None,
                    false,
                ),
                check("tools", "pg_dump 14.10 is older than the server (15.18)", Some(old), false),
            ],
        },
        Section {
            address: "server.pg-staging".into(),
            place: "pg-staging.internal:5432".into(),
            checks: vec![check("login", "dbb, PostgreSQL 17.2", None, false)],
        },
        Section {
            address: "repository.main".into(),
            place: "/srv/backup".into(),
            checks: vec![check("space", "501 GiB free", None, false), check("encryption", "none", Some(plain), true)],
        },
    ]
}
