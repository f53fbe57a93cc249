use super::{at, failure};
use dbb::app::runs::RunLine;
use dbb::model::journal::RunOutcome;
use dbb::model::plan::PlanKind;

pub fn lines() -> Vec<RunLine> {
    let line = |id: &str, kind, outcome, done, steps, resumed, units: &[&str]| RunLine {
        id: id.into(),
        started: Some(at("2026-11-20T03:00:00.123Z")),
        kind: Some(kind),
        outcome,
        done,
        steps,
        resumed,
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
        failure: None,
    };
    let many = ["orders", "reports", "shop", "tenant_1", "tenant_2", "wiki"];
    vec![
        line("20261119T020000Z-0001", PlanKind::Backup, Some(RunOutcome::Succeeded), 1234, 1234, 0, &many),
        line("20261120T030000Z-77aa", PlanKind::Restore, Some(RunOutcome::Failed), 5146, 5276, 1, &["orders", "shop"]),
        RunLine {
            started: None,
            kind: None,
            units: Vec::new(),
            failure: Some(failure(
                "DBB-JOURNAL-DAMAGED",
                "the journal of run 20261120T040000Z-dead is damaged at record 17",
                &["the record's digest does not match"],
                &[],
            )),
            ..line("20261120T040000Z-dead", PlanKind::Backup, None, 0, 0, 0, &[])
        },
        line("20261121T020000Z-0002", PlanKind::Backup, None, 12, 40, 0, &["orders"]),
    ]
}
