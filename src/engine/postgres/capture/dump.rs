//! Runs pg_dump in the capture's snapshot and reads its archive.

use crate::base::{files, limits};
use crate::engine::postgres::Postgres;
use crate::engine::postgres::archive::{self, Archive, Texts};
use crate::engine::postgres::tools::Tool;
use crate::error::{Error, Result, code};
use crate::model::desired::{ServerSpec, TlsMode};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// What one pg_dump is asked for.
pub struct Dump<'a> {
    /// The engine: scratch directory and secrets.
    pub engine: &'a Postgres,
    /// The server.
    pub server: &'a ServerSpec,
    /// The database.
    pub database: &'a str,
    /// The pg_dump.
    pub tool: &'a Tool,
    /// The exported snapshot.
    pub snapshot: &'a str,
    /// The encoding of names and definitions in the archive.
    pub encoding: &'a str,
    /// Tables, by schema and name, which pg_dump must not even lock.
    pub without: Vec<(String, String)>,
}

/// An archive and what pg_dump said beside.
pub struct Dumped {
    /// The archive.
    pub archive: Archive,
    /// Lines on stderr.
    pub warnings: Vec<String>,
}

/// Settings of databases and roles that would break a dump; PGOPTIONS come after those.
const OPTIONS: &[(&str, &str)] = &[
    ("role", "none"),
    ("search_path", ""),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "read committed"),
    ("row_security", "off"),
    ("standard_conforming_strings", "on"),
    ("quote_all_identifiers", "off"),
    ("bytea_output", "hex"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("xmloption", "content"),
    ("xmlbinary", "base64"),
    ("lc_monetary", "C"),
    ("jit", "off"),
];

/// Dumps the schema. The child is killed when this is dropped.
///
/// # Errors
/// `DBB-PG-DUMP`, `DBB-PG-ARCHIVE`, `DBB-PG-LOCK`, `DBB-PG-DDL`, `DBB-SECRET-*`
pub async fn run(dump: Dump<'_>) -> Result<Dumped> {
    // lives as long as the child: holds the password file
    let private = private_dir(dump.engine)?;
    let mut command = command(&dump, private.path()).await?;
    let spawn_failed = |error: std::io::Error| {
        Error::new(code::PG_DUMP, format!("{} could not be started", dump.tool.path.display())).cause(error.to_string())
    };
    let mut child = command.spawn().map_err(spawn_failed)?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::bug("pg_dump was started without pipes"));
    };
    let archive = read_limited(stdout, limits::ARCHIVE_BYTES_MAX);
    let said = read_said(stderr);
    let (archive, said, status) = tokio::join!(archive, said, child.wait());
    let status = status.map_err(spawn_failed)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    // first: past the limit, the pipe was closed, and the child failed only because of that
    let archive = archive.map_err(|error| {
        Error::new(code::PG_ARCHIVE, "pg_dump's archive could not be read").cause(error.to_string())
    })?;
    if !status.success() {
        return Err(failed(&dump, &said, &status.to_string()));
    }
    let archive = archive::parse(&archive, if dump.encoding == "SQL_ASCII" { Texts::Any } else { Texts::Utf8 })?;
    let warnings = said.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    Ok(Dumped { archive, warnings })
}

fn private_dir(engine: &Postgres) -> Result<tempfile::TempDir> {
    let failed = |error: std::io::Error| {
        Error::new(code::STORAGE_IO, format!("a private directory could not be made in {}", engine.scratch.display()))
            .cause(error.to_string())
    };
    files::create_dir(&engine.scratch).map_err(failed)?;
    tempfile::Builder::new().prefix("pg_dump-").tempdir_in(&engine.scratch).map_err(failed)
}

async fn command(dump: &Dump<'_>, private: &Path) -> Result<Command> {
    let server = dump.server;
    let at = server.direct.as_ref().unwrap_or(&server.at);
    let absent = private.join("absent");
    let passwords = match dump.engine.secrets.password(server, dump.database).await? {
        Some(password) => {
            let path = private.join("pgpass");
            let line = pass_line(&server.user, password.expose())?;
            let written = files::create_new(&path).and_then(|mut file| file.write_all(line.as_bytes()));
            written.map_err(|error| {
                Error::new(code::STORAGE_IO, "the password file for pg_dump could not be written")
                    .cause(error.to_string())
            })?;
            path
        }
        None => absent.clone(),
    };
    let mut command = Command::new(&dump.tool.path);
    command
        .args(["--format=custom", "--schema-only", "--no-password", "--compress=0"])
        .arg(format!("--encoding={}", dump.encoding))
        .arg(format!("--snapshot={}", dump.snapshot))
        .arg(format!("--lock-wait-timeout={}", server.lock_timeout.as_millis()));
    for (schema, name) in &dump.without {
        command.arg(format!("--exclude-table={}.{}", pattern(schema), pattern(name)));
    }
    // the name of the database goes by the environment, where it is never read as an option or a conninfo string
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("HOME", private)
        .env("PGHOST", &at.host)
        .env("PGPORT", at.port.to_string())
        .env("PGUSER", &server.user)
        .env("PGDATABASE", dump.database)
        .env("PGPASSFILE", passwords)
        .env("PGCONNECT_TIMEOUT", server.connect_timeout.as_secs().max(2).to_string())
        .env("PGAPPNAME", "dbb pg_dump")
        .env("PGGSSENCMODE", "disable")
        .env("PGOPTIONS", options())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    tls(&mut command, dump, &absent)?;
    Ok(command)
}

/// The same TLS as dbb's own connections; libpq's default files in a home directory play no part.
fn tls(command: &mut Command, dump: &Dump<'_>, absent: &Path) -> Result<()> {
    let tls = &dump.server.tls;
    let mode = match tls.mode {
        TlsMode::Disable => "disable",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    };
    command.env("PGSSLMODE", mode);
    let verifies = matches!(tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    match &tls.ca {
        Some(ca) if verifies => command.env("PGSSLROOTCERT", ca),
        // libpq knows the system's authorities since 16, with verify-full only
        None if tls.mode == TlsMode::VerifyFull && dump.tool.major >= 16 => command.env("PGSSLROOTCERT", "system"),
        None if verifies => {
            return Err(Error::new(
                code::PG_TLS,
                format!("pg_dump {} cannot check the server by the system's authorities", dump.tool.version),
            )
            .cause(format!("tls.mode of servers.{} is {mode} and tls.ca is not set", dump.server.name))
            .fix(format!("Set tls.ca of servers.{} to a PEM file with the trusted authorities", dump.server.name))
            .fix("Or use tls.mode: verify-full together with a pg_dump of version 16 or newer"));
        }
        _ => command.env("PGSSLROOTCERT", absent),
    };
    command.env("PGSSLCERT", tls.cert.as_deref().unwrap_or(absent));
    command.env("PGSSLKEY", tls.key.as_deref().unwrap_or(absent));
    command.env("PGSSLCRL", absent);
    Ok(())
}

/// PGOPTIONS: blanks inside a value are escaped by backslashes.
fn options() -> String {
    let mut text = String::new();
    for (name, value) in OPTIONS {
        text.push_str(&format!(" -c {name}={}", value.replace(' ', "\\ ")));
    }
    text.trim_start().to_owned()
}

/// One line of libpq's password file.
fn pass_line(user: &str, password: &str) -> Result<zeroize::Zeroizing<String>> {
    if user.contains(['\n', '\r']) || password.contains(['\n', '\r']) {
        return Err(Error::new(
            code::PG_DUMP,
            "the user or password holds a line break, which pg_dump cannot be given",
        )
        .fix("Use a password without line breaks"));
    }
    let escape = |text: &str| zeroize::Zeroizing::new(text.replace('\\', "\\\\").replace(':', "\\:"));
    Ok(zeroize::Zeroizing::new(format!("*:*:*:{}:{}\n", *escape(user), *escape(password))))
}

/// A name as a pattern that matches nothing else: quoted, so that no character is special.
fn pattern(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn read_limited(stream: impl AsyncRead + Unpin, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(bytes_max + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > bytes_max {
        return Err(std::io::Error::other(format!("it is larger than {}", crate::base::units::bytes(bytes_max))));
    }
    Ok(bytes)
}

/// Reads stderr to its end, so that the child never waits, and keeps its beginning.
async fn read_said(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = [0u8; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        let room = limits::CHILD_STDERR_BYTES_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..count.min(room)]);
    }
    kept
}

/// pg_dump's own words, sorted into codes by what a person has to do.
fn failed(dump: &Dump<'_>, said: &str, status: &str) -> Error {
    let quoted = said.trim().lines().take(12).collect::<Vec<_>>().join("\n");
    let what = format!("pg_dump {} failed on database \"{}\"", dump.tool.version, dump.database);
    if said.contains("lock timeout") || said.contains("LOCK TABLE") && said.contains("timeout") {
        return Error::new(code::PG_LOCK, what)
            .cause(quoted)
            .fix("Run the backup again when no one changes tables, or raise lock_timeout of the server");
    }
    let moved = ["cache lookup failed", "could not open relation with OID", "does not exist", "schema with OID"];
    if moved.iter().any(|sign| said.contains(sign)) && !said.contains("database \"") {
        return Error::new(code::PG_DDL, what)
            .cause(quoted)
            .fix("Run the backup again: something was dropped or altered while its definition was read");
    }
    if said.contains("out of shared memory") {
        return Error::new(code::PG_LOCK_TABLE, what)
            .cause(quoted)
            .fix("Raise max_locks_per_transaction in postgresql.conf and restart the server");
    }
    if said.contains("permission denied") {
        return Error::new(code::PG_PRIVILEGE, what)
            .cause(quoted)
            .fix("Grant what the cause names; on PostgreSQL 14 and newer GRANT pg_read_all_data covers all tables");
    }
    let quoted = if quoted.is_empty() { "it said nothing on stderr".to_owned() } else { quoted };
    Error::new(code::PG_DUMP, what)
        .cause(quoted)
        .cause(status.to_owned())
        .fix("Run `dbb doctor`: it checks tools, login and rights")
        .fix(format!(
            "Try it by hand: {} --schema-only -h {} -p {} -U {} DATABASE",
            dump.tool.path.display(),
            dump.server.at.host,
            dump.server.at.port,
            dump.server.user
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_escaped_as_libpq_reads_them() {
        assert_eq!(*pass_line("a:b", "p\\:w").unwrap(), "*:*:*:a\\:b:p\\\\\\:w\n");
        assert!(pass_line("a", "two\nlines").is_err());
    }

    #[test]
    fn options_survive_the_servers_splitting() {
        let options = options();
        assert!(options.starts_with("-c role=none -c search_path= -c "), "{options}");
        assert!(options.contains("default_transaction_isolation=read\\ committed"));
    }

    #[tokio::test]
    async fn a_stream_past_its_limit_is_refused() {
        assert!(read_limited(&b"12345"[..], 4).await.is_err());
        assert_eq!(read_limited(&b"1234"[..], 4).await.unwrap(), b"1234");
    }
}
