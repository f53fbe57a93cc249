//! A backup that restores are rehearsed with.

use super::world::{Crash, Source, crash, has_ended, records, runbook};
use crate::support::{Cluster, Dbb, Options};

pub const APPLY: &[&str] = &["apply", "restore.yaml", "--auto-approve", "--jobs", "2"];

/// A source that was backed up once, and a server of the test's own to restore to.
pub struct Rehearsal {
    pub source: Source,
    pub target: Cluster,
    /// Where the backup ran; its repository is read by all restores.
    backup: Dbb,
    pub restored: String,
}

impl Rehearsal {
    pub fn new(options: Options) -> Self {
        let source = Source::new();
        let target = options.start();
        let backup = source.config().folder(None);
        backup.run(&["apply", "--auto-approve"]).expect(0);
        Self { source, target, backup, restored: "restored".into() }
    }

    /// A folder without any state, over the same repository, with a runbook that says `more` besides.
    pub fn folder(&self, entry: &str, more: &str) -> Dbb {
        let repository = self.backup.path("repo");
        let config = self.source.config().target(self.target.port());
        let dbb = config.folder(Some(repository.to_str().expect("a path is text")));
        runbook(&dbb, entry, self.name(entry), &self.restored, more);
        dbb
    }

    pub fn name(&self, entry: &str) -> &str {
        if entry == "big" { &self.source.big } else { &self.source.small }
    }

    /// The target as it was before the restore.
    pub fn clean(&self) {
        let (name, owner) = (&self.restored, &self.source.owner);
        self.target.psql("postgres", &format!("DROP DATABASE IF EXISTS {name}; DROP ROLE IF EXISTS {owner};"));
    }

    /// Goes on after a crash; now and then the resume is killed on its way as well.
    pub fn resume(&self, dbb: &Dbb, crashed_after: u64) {
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
