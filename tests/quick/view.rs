//! What a person reads, held against files: `tests/data/view/NAME.txt`.
//! `DBB_UPDATE=1` writes them anew; look at each with your own eyes then.

mod example;

use dbb::cli::view::{self, Style, error::Sources};
use dbb::error::{Error, code};
use dbb::model::desired::CheckLevel;
use std::path::Path;

const PLAIN: Style = Style { color: false, width: 100 };
const COLOR: Style = Style { color: true, width: 100 };

/// Compares `text` with the file of that name.
fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/view").join(name);
    if std::env::var_os("DBB_UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} is now (DBB_UPDATE=1 keeps it):\n{text}\nand was:\n{expected}");
    let blanks = text.lines().find(|line| line.ends_with(' '));
    assert_eq!(blanks, None, "a line ends with blanks");
}

struct OneFile(&'static str);

impl Sources for OneFile {
    fn read(&self, file: &str) -> Option<String> {
        (file == "dbb.yaml").then(|| self.0.to_owned())
    }
}

#[test]
fn a_plan_of_backups() {
    let plan = example::plan::backup();
    let saved = Some(("pr.plan", "9f3c5d2e77aa01b2c3d4e5f60718293a4b5c6d7e8f9001122334455667788990"));
    check("plan-backup.txt", &view::plan::text(&plan, saved, &PLAIN));
    check("plan-backup-color.txt", &view::plan::text(&plan, saved, &COLOR));
    check("plan-backup-narrow.txt", &view::plan::text(&plan, None, &Style { color: false, width: 60 }));
    check("plan-backup.md", &view::plan::markdown(&plan));
}

#[test]
fn a_plan_of_a_restore() {
    check("plan-restore.txt", &view::plan::text(&example::plan::restore(), None, &PLAIN));
    check("plan-restore.md", &view::plan::markdown(&example::plan::restore()));
}

#[test]
fn a_plan_without_changes() {
    check("plan-nothing.txt", &view::plan::text(&example::plan::nothing(3), None, &PLAIN));
    check("plan-nothing-many.txt", &view::plan::text(&example::plan::nothing(50), None, &PLAIN));
    check("plan-blocked.txt", &view::plan::text(&example::plan::blocked(), None, &PLAIN));
}

#[test]
fn names_from_a_database_cannot_drive_the_terminal_or_the_comment() {
    let plan = example::plan::hostile();
    check("plan-hostile.txt", &view::plan::text(&plan, None, &PLAIN));
    check("plan-hostile.md", &view::plan::markdown(&plan));
}

#[test]
fn a_report() {
    check("report-restore.txt", &view::report::text(&example::report::restore(), &PLAIN));
    check("report-restore-color.txt", &view::report::text(&example::report::restore(), &COLOR));
    check("report-backup.txt", &view::report::text(&example::report::backup(), &PLAIN));
    check("report-interrupted.txt", &view::report::text(&example::report::interrupted(), &PLAIN));
}

#[test]
fn an_error() {
    let error = Error::new(code::PG_AUTH, "PostgreSQL refused the login of \"dbb\" on db01:5432/orders")
        .cause("password authentication failed (SQLSTATE 28P01)")
        .fix("the password comes from {env: ORDERS_PW} (dbb.yaml:17): is it the right one?")
        .fix("pg_hba.conf must allow this host, user and method")
        .fix("try: psql -h db01 -p 5432 -U dbb -d orders");
    check("error.txt", &view::error::text(&error, &OneFile(""), &PLAIN));
    check("error-color.txt", &view::error::text(&error, &OneFile(""), &COLOR));
    let error = Error::new(code::PG_DUMP, "pg_dump ended with status 1")
        .cause("pg_dump: error: query failed: ERROR:  permission denied for table \"a\u{1b}[31m\"\npg_dump: detail: Query was: LOCK TABLE public.\"a\u{1b}[31m\" IN ACCESS SHARE MODE")
        .fix("grant the role what it lacks: GRANT SELECT ON ALL TABLES IN SCHEMA public TO dbb");
    check("error-tool.txt", &view::error::text(&error, &OneFile(""), &PLAIN));
}

#[test]
fn an_error_in_a_file() {
    let error = example::spot::reference();
    check("error-spot.txt", &view::error::text(&error, &OneFile(example::spot::YAML), &PLAIN));
    check("error-spot-color.txt", &view::error::text(&error, &OneFile(example::spot::YAML), &COLOR));
    // the file moved on since: no excerpt, but the place
    check("error-spot-moved.txt", &view::error::text(&error, &OneFile("version: 1\n"), &PLAIN));
}

#[test]
fn a_secret_in_a_file_is_not_quoted() {
    let text = view::error::text(&example::spot::secret(), &OneFile(example::spot::YAML), &PLAIN);
    assert!(!text.contains("hunter2"), "{text}");
    check("error-secret.txt", &text);
}

#[test]
fn a_warning() {
    let warning = Error::new(code::UNENCRYPTED, "repository \"main\" is not encrypted")
        .cause("whoever reads the repository reads the data")
        .fix("put the repository where only its owner can read");
    let mut text = view::error::warning(&warning, &PLAIN);
    text.push_str(&view::error::warning_line(None, "a warning of a step\nin two lines", &PLAIN));
    check("warning.txt", &text);
}

#[test]
fn the_catalog() {
    let found = example::catalog::found();
    check("snapshots.txt", &view::snapshots::text(&found, example::at("2026-11-21T08:30:00Z"), &PLAIN));
    check("snapshots-none.txt", &view::snapshots::text(&[], example::at("2026-11-21T08:30:00Z"), &PLAIN));
    let (header, catalog) = example::catalog::snapshot();
    check("show-snapshot.txt", &view::show::snapshot("main", &header, &catalog, &PLAIN));
    check("ls.txt", &view::ls::text(&header, &example::catalog::lines(), &PLAIN));
    check("ls-none.txt", &view::ls::text(&header, &[], &PLAIN));
}

#[test]
fn runs() {
    let runs = example::runs::lines();
    check("runs.txt", &view::runs::text(&runs, &PLAIN));
    check("runs-none.txt", &view::runs::text(&[], &PLAIN));
    check("show-run.txt", &view::show::run(&runs[1], Some(&example::report::restore()), &PLAIN));
    check("show-run-open.txt", &view::show::run(&runs[3], None, &PLAIN));
}

#[test]
fn verification() {
    let verified = example::catalog::verified();
    check("verify.txt", &view::verify::text(&verified, CheckLevel::Full, &PLAIN));
    check("verify-whole.txt", &view::verify::text(&verified[..1], CheckLevel::Quick, &PLAIN));
}

#[test]
fn the_doctor() {
    check("doctor.txt", &view::doctor::text(&example::doctor::sections(), &PLAIN));
    check("doctor-color.txt", &view::doctor::text(&example::doctor::sections(), &COLOR));
    check("doctor-well.txt", &view::doctor::text(&example::doctor::sections()[1..2], &PLAIN));
}
