//! Sessions on the target: opened when needed, kept while they are sound.

use crate::engine::postgres::connect::{self, Connection, Purpose};
use crate::engine::postgres::restore::progress::{self, Origin};
use crate::engine::postgres::{Postgres, quote, session};
use crate::error::{Error, Result, code};
use crate::model::desired::ServerSpec;
use crate::model::step::{RestoreSpec, StepId};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_postgres::SimpleQueryRow;

/// Where sessions of one restore come from.
pub struct Pool {
    engine: Postgres,
    server: ServerSpec,
    database: String,
    snapshot: String,
    lock_timeout_ms: u64,
    idle: Mutex<Vec<Connection>>,
    /// Steps whose marks were committed, as far as this process knows.
    is_in: Mutex<HashSet<StepId>>,
    /// Processes of our own sessions, so that leftovers of an earlier run can be told from them.
    own: Mutex<HashSet<i32>>,
    admin: tokio::sync::Mutex<Option<Connection>>,
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// For a restore. Opens nothing yet.
    pub fn new(engine: &Postgres, server: &ServerSpec, spec: &RestoreSpec) -> Self {
        Pool {
            engine: engine.clone(),
            server: server.clone(),
            database: spec.target_database.clone(),
            snapshot: spec.snapshot.clone(),
            lock_timeout_ms: spec.lock_timeout_ms,
            is_in: Mutex::default(),
            idle: Mutex::default(),
            own: Mutex::default(),
            admin: tokio::sync::Mutex::default(),
        }
    }

    /// The target database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// `server/database`, for messages.
    pub fn display(&self) -> String {
        format!("{}/{}", self.server.name, self.database)
    }

    /// A session on the target database.
    ///
    /// # Errors
    /// As `connect::open` and `check_marks`
    pub async fn take(&self) -> Result<Connection> {
        loop {
            let idle = guard(&self.idle).pop();
            match idle {
                Some(connection) if !connection.client.is_closed() => return Ok(connection),
                Some(dead) => {
                    guard(&self.own).remove(&dead.pid);
                }
                None => {
                    let connection = self.open(&self.database).await?;
                    self.check_marks(&connection).await?;
                    return Ok(connection);
                }
            }
        }
    }

    /// Notes that a step's mark was committed: from now on it must be there.
    pub fn is_in(&self, step: &StepId) {
        guard(&self.is_in).insert(step.clone());
    }

    /// A server that crashed and came back has lost its last commits, marks and effects together. No session
    /// outlives that: each new one looks whether what this process takes for done is still there.
    ///
    /// # Errors
    /// `DBB-RESTORE-STATE` when it is not.
    pub async fn check_marks(&self, connection: &Connection) -> Result<()> {
        let known: Vec<StepId> = guard(&self.is_in).iter().cloned().collect();
        if known.is_empty() {
            return Ok(());
        }
        let marked = progress::marked(connection, &known.iter().collect::<Vec<_>>()).await?;
        let lost = known.iter().filter(|step| !marked.contains_key(*step)).count();
        // at the very end the table goes, with all marks
        if lost == 0 || progress::origin(connection, &self.snapshot).await? != Origin::Ours {
            return Ok(());
        }
        Err(Error::new(
            code::RESTORE_STATE,
            format!("{lost} steps that were done are not in {} any more", self.display()),
        )
        .cause("the server crashed during the restore and came back without its last commits")
        .fix("Do what was lost again: dbb resume")
        .fix("Look into the server's log for why it crashed"))
    }

    /// Gives a session back that is outside of a transaction; anything else is simply dropped.
    pub fn give(&self, connection: Connection) {
        if !connection.client.is_closed() {
            guard(&self.idle).push(connection);
        }
    }

    /// Closes all idle sessions on the target database.
    pub fn clear(&self) {
        guard(&self.idle).clear();
    }

    async fn open(&self, database: &str) -> Result<Connection> {
        let opened = connect::open(&self.engine, &self.server, database, Purpose::Restore).await;
        let connection = match opened {
            // what the restored properties forbid to others holds for us only after the end
            Err(error)
                if error.code() == code::PG_DATABASE && error.message().contains("does not allow connections") =>
            {
                let sql = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", quote::identifier(database));
                self.admin(&sql, "opening the database for the restore").await?;
                connect::open(&self.engine, &self.server, database, Purpose::Restore).await?
            }
            other => other?,
        };
        let mut sql = format!("SET lock_timeout = {};", self.lock_timeout_ms);
        // indexes and foreign keys of a restore gain by it; a larger value of the server stays
        sql.push_str(
            "SELECT pg_catalog.set_config('maintenance_work_mem', '256MB', false) \
             WHERE pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')) < 268435456;",
        );
        connection.batch(&sql, format!("preparing a session on {}", self.display())).await?;
        guard(&self.own).insert(connection.pid);
        Ok(connection)
    }

    /// Runs statements outside of the target database; one at a time.
    ///
    /// # Errors
    /// As the server says; `doing` is what was being done.
    pub async fn admin(&self, sql: &str, doing: &str) -> Result<()> {
        let mut slot = self.admin.lock().await;
        let connection = self.ready(&mut slot).await?;
        let result = connection.batch(sql, format!("{doing} on {}", self.server.name)).await;
        if result.is_err() {
            recover(&mut slot).await;
        }
        result
    }

    /// Runs a query outside of the target database.
    ///
    /// # Errors
    /// As the server says; `doing` is what was being done.
    pub async fn admin_rows(&self, sql: &str, doing: &str) -> Result<Vec<SimpleQueryRow>> {
        let mut slot = self.admin.lock().await;
        let connection = self.ready(&mut slot).await?;
        let result = connection.rows(sql, format!("{doing} on {}", self.server.name)).await;
        if result.is_err() {
            recover(&mut slot).await;
        }
        result
    }

    /// The session for things of the whole server, held until the guard is dropped.
    ///
    /// # Errors
    /// As `connect::open`
    pub async fn admin_session(&self) -> Result<AdminSession<'_>> {
        let mut slot = self.admin.lock().await;
        self.ready(&mut slot).await?;
        Ok(AdminSession(slot))
    }

    async fn ready<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a Connection> {
        if slot.as_ref().is_none_or(|connection| connection.client.is_closed()) {
            let other = if self.server.maintenance_database == self.database {
                "template1"
            } else {
                &self.server.maintenance_database
            };
            let connection = connect::open(&self.engine, &self.server, other, Purpose::Restore).await?;
            let mut sql = format!("SET lock_timeout = {};", self.lock_timeout_ms);
            if connection.superuser {
                sql.push_str(QUIET_LOG);
            }
            connection.batch(&sql, format!("preparing a session on {}", self.server.name)).await?;
            *slot = Some(connection);
        }
        slot.as_ref().ok_or_else(|| Error::bug("the session for the server is gone"))
    }

    /// Ends sessions that an interrupted run of dbb left on the target database: what they still do
    /// would come into our way. Returns how many there were.
    ///
    /// # Errors
    /// As the server says.
    pub async fn end_leftovers(&self) -> Result<usize> {
        let own: Vec<String> = guard(&self.own).iter().map(ToString::to_string).collect();
        let leftovers = format!(
            "from pg_catalog.pg_stat_activity where datname = {} and application_name = {} and usename = current_user and pid <> all ({}::int[])",
            quote::literal(&self.database),
            quote::literal(session::APPLICATION_NAME_RESTORE),
            quote::literal(&format!("{{{}}}", own.join(","))),
        );
        let ended = self
            .admin_rows(&format!("select pg_catalog.pg_terminate_backend(pid) {leftovers}"), "ending leftover sessions")
            .await?
            .len();
        // a session that was told to end may take a moment: its locks and its last commit matter
        for _ in 0..if ended > 0 { 100 } else { 0 } {
            let rows = self.admin_rows(&format!("select 1 {leftovers}"), "waiting for leftover sessions").await?;
            if rows.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Ok(ended)
    }
}

/// Password hashes must reach neither the server's log nor its statistics.
const QUIET_LOG: &str = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_duration = off; \
     SET log_min_error_statement = 'panic'; SET log_transaction_sample_rate = 0; SET track_activities = off; \
     SET pg_stat_statements.track_utility = off; SET pgaudit.log = 'none';";

async fn recover(slot: &mut Option<Connection>) {
    let sound = match slot {
        Some(connection) => connection.client.batch_execute("ROLLBACK").await.is_ok(),
        None => false,
    };
    if !sound {
        *slot = None;
    }
}

/// The session for things of the whole server, held.
pub struct AdminSession<'a>(tokio::sync::MutexGuard<'a, Option<Connection>>);

impl AdminSession<'_> {
    /// The session.
    ///
    /// # Errors
    /// `DBB-PG-LOST` when it is gone.
    pub fn connection(&self) -> Result<&Connection> {
        self.0.as_ref().ok_or_else(|| Error::new(code::PG_LOST, "the session for the server is gone"))
    }

    /// Makes it sound again after an error within a transaction.
    pub async fn recover(&mut self) {
        recover(&mut self.0).await;
    }
}
