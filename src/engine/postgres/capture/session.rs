//! The session that captures a part: a worker with the imported snapshot, or the holder
//! itself when somebody waits to alter the table.

use crate::engine::postgres::capture::copy::Rowed;
use crate::engine::postgres::capture::{View, ended, lost};
use crate::engine::postgres::connect::{self, Connection, Purpose};
use crate::engine::postgres::quote;
use crate::error::{Error, Result, code};
use tokio::sync::MutexGuard;

/// How long a worker waits for its lock before the holder reads the table: a lock that is not had by
/// then is one behind a waiting ACCESS EXCLUSIVE, which itself waits for the holder.
const WORKER_LOCK_WAIT_MS: u64 = 2000;

/// A session inside the capture's snapshot.
pub(super) enum Session<'a> {
    /// One of many.
    Worker(Box<Connection>),
    /// The one that has all locks already.
    Holder(MutexGuard<'a, Connection>),
}

impl Session<'_> {
    pub fn connection(&self) -> &Connection {
        match self {
            Session::Worker(connection) => connection,
            Session::Holder(connection) => connection,
        }
    }

    /// After a failure: the holder goes back to where it was; a worker is closed.
    pub async fn abandon(self) {
        if let Session::Holder(connection) = self {
            // when this fails the view is gone, which the next use of it says better
            let _ = connection.batch("ROLLBACK TO SAVEPOINT dbb_part", "leaving a part").await;
        }
    }
}

impl View {
    /// A session in the snapshot, with locks on `tables`.
    pub(super) async fn session(&self, tables: &[&Rowed]) -> Result<Session<'_>> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let worker = match idle {
            Some(worker) => worker,
            None => self.connect().await?,
        };
        let mut sql = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {};",
            quote::literal(&self.snapshot)
        );
        if tables.is_empty() {
            // large objects are found by their oids, whose order the statement gives
            sql.push_str("SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on;");
        } else {
            let listed: Vec<String> =
                tables.iter().map(|table| format!("ONLY {}", quote::qualified(&table.schema, &table.name))).collect();
            sql.push_str(&format!(
                "SET LOCAL lock_timeout = {}; LOCK TABLE {} IN ACCESS SHARE MODE; SET LOCAL lock_timeout = {};",
                WORKER_LOCK_WAIT_MS.min(millis(self.server.lock_timeout)),
                listed.join(", "),
                millis(self.server.lock_timeout)
            ));
        }
        match worker.batch(&sql, "importing the capture's snapshot").await {
            Ok(()) => Ok(Session::Worker(Box::new(worker))),
            Err(error) if error.code() == code::PG_LOCK => {
                drop(worker);
                let holder = self.holder.lock().await;
                holder.batch("SAVEPOINT dbb_part", "reading a table that somebody waits to alter").await?;
                Ok(Session::Holder(holder))
            }
            Err(error) => {
                // the holder knows better why there is no snapshot to import
                let farewell = self.holder.try_lock().ok().and_then(|holder| holder.farewell());
                Err(farewell.map_or_else(|| gone(error), ended))
            }
        }
    }

    /// Ends a part that went well.
    pub(super) async fn end(&self, session: Session<'_>) -> Result<()> {
        match session {
            Session::Worker(worker) => {
                // in a failed transaction the SELECT fails, where COMMIT alone would quietly roll back
                worker.batch("SELECT 1; COMMIT", "ending a part of the capture").await?;
                if let Ok(mut idle) = self.idle.lock() {
                    idle.push(*worker);
                }
            }
            Session::Holder(holder) => {
                holder.batch("RELEASE SAVEPOINT dbb_part", "ending a part of the capture").await?;
            }
        }
        Ok(())
    }

    async fn connect(&self) -> Result<Connection> {
        let worker = connect::open(&self.engine, &self.server, &self.database, Purpose::Capture).await?;
        worker.batch(STABLE_PLANS, "preparing a worker session").await?;
        Ok(worker)
    }
}

/// Rows in the order of the heap, by block range where one is given.
pub(super) const STABLE_PLANS: &str = "SET max_parallel_workers_per_gather = 0; SET enable_seqscan = on; SET enable_tidscan = on; \
     SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off";

/// A limit for `lock_timeout`, where 0 would mean none.
fn millis(wait: std::time::Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).clamp(1, i32::MAX as u64)
}

/// The snapshot that is to be imported does not exist any more.
fn gone(error: Error) -> Error {
    let says_so = |cause: &String| cause.contains("SNAPSHOT") || cause.contains("snapshot");
    if error.code() == code::PG_QUERY && error.causes().iter().any(says_so) {
        return lost(&error.causes().join("; "));
    }
    if error.causes().iter().any(|cause| cause.contains("42P01") || cause.contains("3F000")) {
        return Error::new(code::PG_DDL, "a table was dropped or renamed during the capture")
            .cause(error.causes().join("; "))
            .fix("Run the backup again when no migration is under way");
    }
    error
}
