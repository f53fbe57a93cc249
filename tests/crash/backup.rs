//! Backups that are killed after each record of their journal, resumed, and compared with an undisturbed one.

use super::world::{Crash, Source, amounts, crash, files, has_ended, records, restore};
use crate::support::{Cluster, Dbb, Oracle};

const APPLY: &[&str] = &["apply", "--auto-approve", "--jobs", "2"];

/// Nothing of a crash is left, nothing is missing, nothing is there twice.
fn assert_whole(dbb: &Dbb, expected: &[serde_json::Value], after: &str) {
    assert_eq!(amounts(dbb), expected, "{after}");
    dbb.run(&["verify", "--level", "full"]).expect(0);
    dbb.run(&["plan", "--detailed-exitcode"]).expect(0);
    assert_eq!(files(&dbb.path("repo/tmp")), Vec::<std::path::PathBuf>::new(), "{after}");
    let named: u64 = expected.iter().filter_map(|one| one["objects"].as_u64()).sum();
    let stored = files(&dbb.path("repo/objects")).len() as u64;
    assert_eq!(stored, named, "objects that no snapshot names are left {after}");
}

/// Goes on until the run has succeeded; every fourth time the resume is killed on its way as well.
fn resume(dbb: &Dbb, crashed_after: u64) {
    if crashed_after % 4 == 2 && !has_ended(dbb) {
        let again = records(dbb) + 1 + crashed_after / 2;
        if let Crash::Ended(outcome) = crash(dbb, again, &["resume"]) {
            outcome.expect(0);
        }
    }
    if has_ended(dbb) {
        assert!(dbb.run(&["resume"]).expect(65).stderr.contains("DBB-RUN-NOTHING"));
    } else {
        dbb.run(&["resume"]).expect(0);
    }
    assert!(dbb.path(".dbb").join("runs").exists() && has_ended(dbb));
}

#[test]
fn a_backup_survives_a_kill_after_any_record() {
    let source = Source::new();
    let target = Cluster::shared(15);
    let config = source.config().target(target.port());
    let undisturbed = config.folder(None);
    undisturbed.run(APPLY).expect(0);
    let expected = amounts(&undisturbed);
    assert_eq!(expected.len(), 2);
    assert!(expected[0]["objects"].as_u64() >= Some(5), "the big table is not cut: {expected:?}");
    assert_whole(&undisturbed, &expected, "without a crash");

    let planned = records(&undisturbed);
    for record in 1.. {
        let dbb = config.folder(None);
        if let Crash::Ended(outcome) = crash(&dbb, record, APPLY) {
            outcome.expect(0);
            assert!(record >= planned, "no crash after record {record} of {planned}");
            break;
        }
        let after = format!("after a crash at record {record}");
        resume(&dbb, record);
        assert_whole(&dbb, &expected, &after);
        if record == planned / 2 {
            for (entry, name) in [("big", &source.big), ("small", &source.small)] {
                let restored = target.unused_name("restored");
                restore(&dbb, entry, name, &restored).expect(0);
                Oracle::new().assert_same((source.cluster, name), (target, &restored));
            }
        }
    }
}
