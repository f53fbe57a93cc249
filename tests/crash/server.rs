//! The target's server is killed in the middle of a restore: its last commits are lost.

use std::path::Path;
use std::time::Duration;

use super::rehearsal::{APPLY, Rehearsal};
use super::world::{Crash, crash, has_ended, records, run_folder};
use crate::support::process::until;
use crate::support::{Dbb, Options, Oracle};

const LIMIT: Duration = Duration::from_secs(300);

/// A server that keeps asynchronous commits to itself as long as it can, so that a kill really loses them.
fn forgetful() -> Options {
    let options = Options::new(15).durable().setting("wal_writer_delay", "10s");
    options.setting("wal_writer_flush_after", "1GB").setting("wal_buffers", "64MB").setting("max_wal_size", "4GB")
}

/// Steps that the journal says are done and that leave a mark.
fn journalled(folder: &Path) -> usize {
    let text = std::fs::read_to_string(folder.join("journal")).expect("a run has a journal");
    let mut steps = 0;
    for line in text.lines() {
        let json = line.splitn(3, ' ').nth(2).expect("a record is number, chain, JSON");
        let record: serde_json::Value = serde_json::from_str(json).expect("a record is JSON");
        if record["record"] == "steps_succeeded" {
            let ids = record["steps"].as_array().expect("steps are listed");
            let marked = |id: &str| ["/load/", "/index/", "/table/", "/acl/"].iter().any(|kind| id.contains(kind));
            steps += ids.iter().filter(|id| marked(id[0].as_str().unwrap_or_default())).count();
        }
    }
    steps
}

fn marks(rehearsal: &Rehearsal) -> usize {
    let kinds = "SELECT count(*) FROM dbb_restore.done WHERE step ~ '/(load|index|table|acl)/'";
    let answer = rehearsal.target.try_query(&rehearsal.restored, kinds);
    answer.ok().and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn resume_to_the_end(dbb: &Dbb) {
    for _ in 0..4 {
        if dbb.run(&["resume"]).code == Some(0) {
            return;
        }
    }
    dbb.run(&["resume"]).expect(0);
}

#[test]
fn a_restore_goes_on_after_program_and_server_were_killed() {
    let rehearsal = Rehearsal::new(forgetful());
    let (source, target) = (&rehearsal.source, &rehearsal.target);
    let oracle = Oracle::new();
    let before = oracle.portrait((source.cluster, &source.small));
    let mut lost = 0;
    for record in (5..).step_by(7) {
        rehearsal.clean();
        let dbb = rehearsal.folder("small", "verify: none\n");
        if let Crash::Ended(outcome) = crash(&dbb, record, APPLY) {
            outcome.expect(0);
            break;
        }
        target.kill();
        target.start_again();
        lost += journalled(&run_folder(&dbb)).saturating_sub(marks(&rehearsal));
        if !has_ended(&dbb) {
            dbb.run(&["resume"]).expect(0);
        }
        if let Some(differences) = oracle.differences_since(&before, (target, &rehearsal.restored)) {
            panic!("after a crash at record {record}:\n{differences}");
        }
        oracle.assert_same_roles(source.cluster, target, &[&source.owner]);
    }
    assert!(lost > 0, "no commit was ever lost: the test proves nothing");
}

#[test]
fn a_restore_does_not_believe_a_server_that_came_back() {
    let rehearsal = Rehearsal::new(forgetful());
    let (source, target) = (&rehearsal.source, &rehearsal.target);
    let before = Oracle::new().portrait((source.cluster, &source.big));
    for record in [12, 18, 22] {
        rehearsal.clean();
        let dbb = rehearsal.folder("big", "verify: none\n");
        let mut running = dbb.spawn(APPLY);
        running.wait_for("run 2", LIMIT);
        until("the restore to come so far", LIMIT, || records(&dbb) >= record || !running.is_running());
        target.kill();
        target.start_again();
        // nothing to see, or something lost: then it must have said so
        let outcome = running.wait(LIMIT);
        if outcome.code != Some(0) {
            resume_to_the_end(&dbb);
        }
        if let Some(differences) = Oracle::new().differences_since(&before, (target, &rehearsal.restored)) {
            panic!("the server was killed at record {record}\n{outcome}\n{differences}");
        }
    }
}
