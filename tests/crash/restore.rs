//! Restores that are killed after each record of their journal, resumed, and compared with the source.

use super::world::{Crash, Source, crash, has_ended, records, runbook};
use crate::support::{Cluster, Dbb, Options, Oracle};

const APPLY: &[&str] = &["apply", "restore.yaml", "--auto-approve", "--jobs", "2"];

/// A source that was backed up once, and a server of the test's own to restore to.
struct Rehearsal {
    source: Source,
    target: Cluster,
    /// Where the backup ran; its repository is read by all restores.
    backup: Dbb,
    restored: String,
}

impl Rehearsal {
    fn new(options: Options) -> Self {
        let source = Source::new();
        let target = options.start();
        let backup = source.config().folder(None);
        backup.run(&["apply", "--auto-approve"]).expect(0);
        Self { source, target, backup, restored: "restored".into() }
    }

    /// A folder without any state, over the same repository.
    fn folder(&self, entry: &str) -> Dbb {
        let repository = self.backup.path("repo");
        let config = self.source.config().target(self.target.port());
        let dbb = config.folder(Some(repository.to_str().expect("a path is text")));
        runbook(&dbb, entry, self.name(entry), &self.restored, "");
        dbb
    }

    fn name(&self, entry: &str) -> &str {
        if entry == "big" { &self.source.big } else { &self.source.small }
    }

    /// The target as it was before the restore.
    fn clean(&self) {
        let (name, owner) = (&self.restored, &self.source.owner);
        self.target.psql("postgres", &format!("DROP DATABASE IF EXISTS {name}; DROP ROLE IF EXISTS {owner};"));
    }

    /// Goes on after a crash; now and then the resume is killed on its way as well.
    fn resume(&self, dbb: &Dbb, crashed_after: u64) {
        if crashed_after % 5 == 2 && !has_ended(dbb) {
            let again = records(dbb) + 1 + crashed_after / 3;
            if let Crash::Ended(outcome) = crash(dbb, again, &["resume"]) {
                outcome.expect(0);
            }
        }
        if !has_ended(dbb) {
            dbb.run(&["resume"]).expect(0);
        }
    }
}

#[test]
fn a_restore_survives_a_kill_after_any_record() {
    let rehearsal = Rehearsal::new(Options::new(15));
    let (source, target) = (&rehearsal.source, &rehearsal.target);
    let oracle = Oracle::new();
    let before = oracle.portrait((source.cluster, &source.small));
    let mut planned = 0;
    for record in 0.. {
        rehearsal.clean();
        let dbb = rehearsal.folder("small");
        if record == 0 {
            dbb.run(APPLY).expect(0);
            planned = records(&dbb);
        } else if let Crash::Ended(outcome) = crash(&dbb, record, APPLY) {
            outcome.expect(0);
            // how many steps share a record depends on who is quick
            assert!(record > planned * 3 / 4, "no crash after record {record} of {planned}");
            break;
        } else {
            rehearsal.resume(&dbb, record);
        }
        if let Some(differences) = oracle.differences_since(&before, (target, &rehearsal.restored)) {
            panic!("after a crash at record {record} of about {planned}:\n{differences}");
        }
        oracle.assert_same_roles(source.cluster, target, &[&source.owner]);
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dbb_restore'";
        assert_eq!(target.query(&rehearsal.restored, left), "0", "after a crash at record {record}");
    }
    println!("{planned} records");
}
