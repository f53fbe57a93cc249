use super::{at, failure};
use dbb::model::journal::RunOutcome;
use dbb::model::plan::PlanKind;
use dbb::model::report::*;

fn report(kind: PlanKind, outcome: RunOutcome, units: Vec<UnitReport>) -> Report {
    Report {
        format: "dbb-report".into(),
        version: 1,
        run: "20261120T030000Z-77aa".into(),
        project: "acme-prod".into(),
        kind,
        outcome,
        started: at("2026-11-20T03:00:00Z"),
        ended: at("2026-11-20T04:12:31Z"),
        resumed: 0,
        units,
        warnings: Vec::new(),
    }
}

fn unit(name: &str, status: UnitStatus, steps: [u64; 4], rows: u64, bytes: u64, seconds: f64) -> UnitReport {
    UnitReport {
        unit: name.into(),
        status,
        steps_done: steps[0],
        steps_failed: steps[1],
        steps_skipped: steps[2],
        steps_open: steps[3],
        bytes,
        stored_bytes: 0,
        rows,
        tables_verified: 0,
        snapshot: None,
        seconds,
        failures: Vec::new(),
        next: Vec::new(),
    }
}

fn orders() -> UnitReport {
    UnitReport {
        tables_verified: 87,
        ..unit("orders", UnitStatus::Succeeded, [4712, 0, 0, 0], 1_412_307_551, 212 << 30, 4260.0)
    }
}

pub fn restore() -> Report {
    let go_on = "then go on where it stopped: dbb resume 20261120T030000Z-77aa";
    let mut shop = unit("shop", UnitStatus::Failed, [318, 1, 40, 0], 88_120_004, 9 << 30, 131.0);
    shop.tables_verified = 11;
    shop.failures = vec![StepFailure {
        step: "restore.shop/constraint/public.items_sku_key".into(),
        failure: failure(
            "DBB-PG-SPACE",
            "the PostgreSQL server pg-staging:5432 is out of space",
            &["could not extend file \"base/16411/24592\": No space left on device (SQLSTATE 53100)"],
            &["make room on the server's data directory", "or give the index another tablespace"],
        ),
    }];
    shop.next = vec![
        "make room on the server's data directory".into(),
        "or give the index another tablespace".into(),
        go_on.into(),
    ];
    let mut wiki = unit("wiki", UnitStatus::Failed, [102, 9, 3, 0], 12_004, 4 << 20, 3.2);
    wiki.failures = (0..7)
        .map(|n| StepFailure {
            step: format!("restore.wiki/load/public.page_{n}/0"),
            failure: failure(
                "DBB-PG-QUERY",
                "PostgreSQL refused the rows of public.page",
                &["value too long for type character varying(10)"],
                &[],
            ),
        })
        .collect();
    wiki.next = vec![go_on.into()];
    let units = vec![
        unit("roles on pg-staging", UnitStatus::Succeeded, [14, 0, 0, 0], 0, 0, 0.3),
        orders(),
        shop,
        wiki,
        unit("reports", UnitStatus::Skipped, [0, 0, 77, 0], 0, 0, 0.0),
        unit("archive", UnitStatus::NotStarted, [0, 0, 0, 91], 0, 0, 0.0),
    ];
    let mut report = report(PlanKind::Restore, RunOutcome::Failed, units);
    report.resumed = 1;
    report.warnings = vec![
        "orders: collation \"de_DE.UTF-8\" has version 2.36 on the target and 2.31 at the source: indexes over text were built with the target's order".into(),
        "public.sessions was left without rows by the config".into(),
    ];
    report
}

pub fn backup() -> Report {
    let captured = |name: &str, rows, bytes, stored, seconds, snapshot: &str| UnitReport {
        stored_bytes: stored,
        snapshot: Some(snapshot.into()),
        ..unit(name, UnitStatus::Succeeded, [40, 0, 0, 0], rows, bytes, seconds)
    };
    report(
        PlanKind::Backup,
        RunOutcome::Succeeded,
        vec![
            captured("orders", 1_412_307_551, 212 << 30, 3 << 30, 840.0, "20261120T020000Z-5f3a9c01"),
            captured("shop", 17, 1200, 310, 0.4, "20261120T020000Z-0b1c2d3e"),
            captured("empty", 0, 0, 0, 0.2, "20261120T020000Z-aa00bb11"),
        ],
    )
}

pub fn interrupted() -> Report {
    let mut shop = unit("shop", UnitStatus::NotStarted, [12, 0, 0, 30], 90_000, 3 << 20, 2.0);
    shop.next = vec!["then go on where it stopped: dbb resume 20261120T030000Z-77aa".into()];
    report(PlanKind::Restore, RunOutcome::Interrupted, vec![orders(), shop])
}
