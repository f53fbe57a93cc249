//! Speaking SQL to a cluster through its own psql, over the Unix socket.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::cluster::Cluster;
use super::install;
use super::process::{self, Outcome};

const SQL_LIMIT: Duration = Duration::from_secs(300);

/// Wins over settings of the database, which tests bend on purpose.
const PLAIN_SESSION: &str = "-c role=none -c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0 \
    -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off \
    -c default_transaction_deferrable=off -c session_replication_role=origin -c row_security=on \
    -c check_function_bodies=on -c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=postgres \
    -c extra_float_digits=3 -c bytea_output=hex -c xmloption=content -c array_nulls=on \
    -c standard_conforming_strings=on -c quote_all_identifiers=off";
/// What only servers from 17 on know.
const PLAIN_SESSION_17: &str = " -c transaction_timeout=0";

impl Cluster {
    /// A client program of `major` pointed at this cluster: the database is still to be named.
    pub fn client(&self, major: u32, program: &str) -> Command {
        let mut command = Command::new(install::bin(major, program));
        install::clean(&mut command);
        command.env("PGHOST", self.dir()).env("PGPORT", self.port().to_string());
        let newer = if self.major >= 17 { PLAIN_SESSION_17 } else { "" };
        command.env("PGUSER", "postgres").env("PGCLIENTENCODING", "UTF8");
        command.env("PGOPTIONS", format!("{PLAIN_SESSION}{newer}"));
        command.current_dir("/");
        command
    }

    fn psql_command(&self, database: &str) -> Command {
        let mut psql = self.client(self.major, "psql");
        psql.env("PGDATABASE", database).args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        psql
    }

    /// Runs statements, in autocommit. Panics with the server's message when one fails.
    #[track_caller]
    pub fn psql(&self, database: &str, sql: &str) {
        let script = self.script(sql);
        self.psql_file(database, script.path());
    }

    /// Runs a file of statements and meta-commands, in autocommit.
    #[track_caller]
    pub fn psql_file(&self, database: &str, path: &Path) {
        let path = path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        process::must(self.psql_command(database).arg("-f").arg(path), SQL_LIMIT);
    }

    /// The answer of a query: rows by newline, columns by `|`, NULL empty.
    #[track_caller]
    pub fn query(&self, database: &str, sql: &str) -> String {
        self.try_query(database, sql).unwrap_or_else(|error| panic!("{error}\nin {sql}"))
    }

    /// As `query`; the error is what psql said.
    pub fn try_query(&self, database: &str, sql: &str) -> Result<String, String> {
        let script = self.script(sql);
        let mut psql = self.psql_command(database);
        let outcome = process::run(psql.arg("-At").arg("-f").arg(script.path()), SQL_LIMIT);
        answer(outcome)
    }

    /// SQL goes by file: an argument has a size limit, and psql reads `-c` by other rules.
    fn script(&self, sql: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(file.path(), sql).expect("a temporary file is writable");
        file
    }

    #[track_caller]
    pub fn create_database(&self, name: &str) {
        self.psql("postgres", &format!("CREATE DATABASE {} TEMPLATE template0;", quoted(name)));
    }

    /// A new database whose name starts with `hint` and is used by no other test of this process.
    #[track_caller]
    pub fn new_database(&self, hint: &str) -> String {
        let name = self.unused_name(hint);
        self.create_database(&name);
        name
    }

    /// A name that no other test of this process uses, for a database to be restored or a role.
    pub fn unused_name(&self, hint: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        format!("{hint}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Also a template, and one with subscriptions, which are not asked to tell their publishers.
    #[track_caller]
    pub fn drop_database(&self, name: &str) {
        let subscriptions = "SELECT format('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I \
            SET (slot_name = NONE); DROP SUBSCRIPTION %1$I;', subname) FROM pg_subscription s \
            JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()";
        self.psql(name, &self.query(name, subscriptions));
        self.psql("postgres", &format!("ALTER DATABASE {} IS_TEMPLATE false;", quoted(name)));
        self.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE);", quoted(name)));
    }

    pub fn has_database(&self, name: &str) -> bool {
        let name = name.replace('\'', "''");
        self.query("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")) == "1"
    }
}

/// A name as an SQL identifier.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn answer(outcome: Outcome) -> Result<String, String> {
    match outcome.code {
        Some(0) => Ok(outcome.stdout.strip_suffix('\n').unwrap_or(&outcome.stdout).to_owned()),
        _ => Err(outcome.stderr),
    }
}
