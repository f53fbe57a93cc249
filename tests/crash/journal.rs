//! Journals and plans of runs that were cut, damaged or changed before the run is resumed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::world::{Crash, Source, amounts, crash, files, run_folder};
use crate::support::Dbb;

const APPLY: &[&str] = &["apply", "--auto-approve", "--target", "database.small"];

/// A backup that was killed in its middle.
fn interrupted(source: &Source) -> Dbb {
    let dbb = source.config().folder(None);
    match crash(&dbb, 5, APPLY) {
        Crash::Killed => dbb,
        Crash::Ended(outcome) => panic!("no crash: {outcome}"),
    }
}

fn journal(dbb: &Dbb) -> PathBuf {
    run_folder(dbb).join("journal")
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder).into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("a file is readable"))).collect()
}

/// Resuming is refused for a reason that is told, and nothing is touched: neither the run nor the repository.
#[track_caller]
fn assert_refused(dbb: &Dbb, exit: i32, code: &str) {
    let before = (contents(&run_folder(dbb)), contents(&dbb.path("repo")));
    let outcome = dbb.run(&["resume"]).expect(exit).says(code);
    assert!(outcome.stderr.contains("fix"), "no help: {outcome}");
    assert!(before == (contents(&run_folder(dbb)), contents(&dbb.path("repo"))), "something was changed: {outcome}");
    assert_eq!(amounts(dbb), Vec::<serde_json::Value>::new());
}

#[test]
fn a_torn_last_line_is_cut_off_and_told() {
    let source = Source::new();
    let whole = source.config().folder(None);
    whole.run(APPLY).expect(0);
    for torn in [1, 40] {
        let dbb = interrupted(&source);
        let path = journal(&dbb);
        let mut text = std::fs::read(&path).unwrap();
        text.truncate(text.len() - torn);
        std::fs::write(&path, text).unwrap();
        dbb.run(&["resume"]).expect(0).says("torn by a crash");
        assert_eq!(amounts(&dbb), amounts(&whole));
    }
    let dbb = interrupted(&source);
    let path = journal(&dbb);
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"6 0123");
    std::fs::write(&path, text).unwrap();
    dbb.run(&["resume"]).expect(0).says("torn by a crash");
    assert_eq!(amounts(&dbb), amounts(&whole));
}

#[test]
fn a_damaged_journal_is_refused() {
    let source = Source::new();
    let dbb = interrupted(&source);
    let path = journal(&dbb);
    let good = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let flipped = good.replacen("steps_started", "steps_startee", 1);
    let without_second = [lines[0], &lines[2..].concat()].concat();
    let swapped = [lines[0], lines[2], lines[1], &lines[3..].concat()].concat();
    for bad in [flipped.as_str(), &without_second, &swapped, ""] {
        std::fs::write(&path, bad).unwrap();
        assert_refused(&dbb, 65, "DBB-JOURNAL-DAMAGED");
        // listing runs does not fail by it
        dbb.run(&["runs"]).expect(0).says("damaged");
    }
    std::fs::remove_file(&path).unwrap();
    assert_refused(&dbb, 65, "DBB-JOURNAL-DAMAGED");
    // put back, it is as good as before
    std::fs::write(&path, good).unwrap();
    dbb.run(&["resume"]).expect(0);
    assert_eq!(amounts(&dbb).len(), 1);
}

#[test]
fn an_edited_plan_of_a_run_is_refused() {
    let source = Source::new();
    let dbb = interrupted(&source);
    let path = run_folder(&dbb).join("plan.json");
    let plan = std::fs::read_to_string(&path).unwrap();
    let edited = plan.replacen(&source.small, &source.big, 1);
    assert_ne!(edited, plan);
    for bad in [edited.as_str(), &plan[..plan.len() / 2], ""] {
        std::fs::write(&path, bad).unwrap();
        assert_refused(&dbb, 64, "DBB-PLAN-TAMPERED");
    }
    std::fs::remove_file(&path).unwrap();
    assert_refused(&dbb, 65, "DBB-STATE-DAMAGED");
}
