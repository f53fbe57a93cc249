//! A hot standby that follows a cluster.

use std::time::Duration;

use super::cluster::Cluster;
use super::process;

const LIMIT: Duration = Duration::from_secs(120);

impl Cluster {
    /// A streaming hot standby of this cluster, made by pg_basebackup.
    pub fn standby(&self) -> Cluster {
        let standby = Cluster::new_dir(self.major);
        let mut command = super::install::as_server(&self.bin("pg_basebackup"));
        command.arg("--pgdata").arg(standby.data()).args(["--write-recovery-conf", "--wal-method=stream"]);
        command.args(["--no-sync", "--checkpoint=fast", "--username=postgres"]);
        command.arg("--host").arg(self.dir()).arg(format!("--port={}", self.port()));
        process::must(&mut command, LIMIT);
        standby.start_on_free_port();
        standby
    }

    /// Waits until this standby has replayed all that `primary` has written.
    #[track_caller]
    pub fn wait_caught_up(&self, primary: &Cluster) {
        let position = primary.query("postgres", "SELECT pg_current_wal_flush_lsn()");
        let reached = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
        process::until("the standby to catch up", LIMIT, || self.query("postgres", &reached) == "t");
    }
}
