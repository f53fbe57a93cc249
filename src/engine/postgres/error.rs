//! The server's errors in dbb's words: SQLSTATE to code, cause, what to do.

use crate::error::{Code, Error, code};
use std::error::Error as _;
use std::fmt::Display;
use tokio_postgres::error::DbError;

/// Maps what tokio-postgres says; `context` is what was being done, e.g. `reading the roles of pg-main`.
pub fn map(error: tokio_postgres::Error, context: impl Display) -> Error {
    match error.as_db_error() {
        Some(server) => map_db(server, context),
        None => map_client(&error, context),
    }
}

/// The SQLSTATE of an error, when the server sent one.
pub fn sqlstate(error: &tokio_postgres::Error) -> Option<&str> {
    error.code().map(|state| state.code())
}

/// The server's message with its SQLSTATE, detail, hint and place: what a cause quotes.
pub fn quote(server: &DbError) -> String {
    let mut text = format!("{} (SQLSTATE {})", server.message(), server.code().code());
    for (label, part) in [("detail", server.detail()), ("hint", server.hint()), ("where", server.where_())] {
        if let Some(part) = part {
            text.push_str(&format!("; {label}: {part}"));
        }
    }
    text
}

/// Maps what the server said; `context` as for `map`.
pub fn map_db(server: &DbError, context: impl Display) -> Error {
    let state = server.code().code();
    let (code, what, fixes, transient) = classify(state, server.message());
    let mut error = Error::new(code, format!("{context}: {what}")).cause(quote(server));
    for fix in fixes {
        error = error.fix(*fix);
    }
    match transient {
        Some(transient) => error.transient(transient),
        None => error,
    }
}

type Class = (&'static Code, &'static str, &'static [&'static str], Option<bool>);

/// One row per SQLSTATE or class (PostgreSQL documentation, appendix A) that says more than "refused".
fn classify(state: &str, message: &str) -> Class {
    match state {
        "28P01" | "28000" => {
            (code::PG_AUTH, "PostgreSQL refused the login", &["Check the role, its password and pg_hba.conf"], None)
        }
        "3D000" => {
            (code::PG_DATABASE, "the database does not exist", &["Check the name: psql -l lists what is there"], None)
        }
        "57P01" | "57P02" | "57P03" | "57P05" | "08000" | "08003" | "08006" | "08P01" | "25P03" | "25P04" => (
            code::PG_LOST,
            "the server ended the connection",
            &[
                "Look into the server's log: it was stopped, restarted, or somebody ended this session",
                "Run the same command again, or dbb resume",
            ],
            None,
        ),
        "57P04" => (code::PG_LOST, "the database was dropped while it was in use", &[], Some(false)),
        "22021" | "22P05" => (
            code::PG_ENCODING,
            "text is not valid in the encoding",
            &["Read what the page of DBB-PG-ENCODING says of SQL_ASCII databases and of other encodings"],
            None,
        ),
        "53300" => (
            code::PG_CONNECT,
            "the server has no connection left",
            &["Lower jobs, or raise max_connections or the role's or database's CONNECTION LIMIT"],
            Some(true),
        ),
        "53100" => (
            code::PG_SPACE,
            "the server's disk is full",
            &["Free or add space on the server's data directory or tablespace, then dbb resume"],
            None,
        ),
        "53200" if message.contains("shared memory") => (
            code::PG_LOCK_TABLE,
            "the server's lock table is full",
            &["Raise max_locks_per_transaction in postgresql.conf and restart the server"],
            None,
        ),
        "53200" | "53000" | "53400" => (
            code::PG_SPACE,
            "the server is out of memory or another resource",
            &["Lower jobs or maintenance_work_mem, or give the server more memory"],
            None,
        ),
        "55P03" => (
            code::PG_LOCK,
            "a lock was not granted in time",
            &[
                "See who holds it: select * from pg_locks join pg_stat_activity using (pid)",
                "Raise lock_timeout, or run it when the table is quiet",
            ],
            None,
        ),
        "40P01" => {
            (code::PG_LOCK, "the server ended a deadlock", &["Run it again; if it repeats, lower jobs"], Some(true))
        }
        // two sessions updated one row of the server's catalog: it has no state of its own (heapam.c)
        "XX000" if message.starts_with("tuple concurrently") => {
            (code::PG_LOCK, "another session changed the same definition", &["Run it again"], Some(true))
        }
        "40001" => (
            code::PG_CONFLICT,
            "the server cancelled the statement because of a conflict",
            &[
                "On a standby, raise max_standby_streaming_delay or set hot_standby_feedback = on",
                "Or take the backup from the primary",
            ],
            None,
        ),
        "42501" if message.contains("row-level security") => (
            code::PG_RLS,
            "row-level security would hide rows",
            &["Log in as a superuser, or: ALTER ROLE ... BYPASSRLS"],
            None,
        ),
        "42501" => (
            code::PG_PRIVILEGE,
            "the role lacks a privilege",
            &[
                "Grant what the cause names to the role, or log in as a superuser",
                "Run dbb doctor: it lists all rights that are missing",
            ],
            None,
        ),
        "57014" if message.contains("recovery") => (
            code::PG_CONFLICT,
            "the standby cancelled the statement to go on replaying",
            &["Raise max_standby_streaming_delay or set hot_standby_feedback = on, or use the primary"],
            None,
        ),
        "57014" => (
            code::PG_TIMEOUT,
            "the statement took too long or was cancelled",
            &["Raise statement_timeout of the server in the config, or leave it out"],
            None,
        ),
        _ => (code::PG_QUERY, "PostgreSQL refused the statement", &[], None),
    }
}

fn map_client(error: &tokio_postgres::Error, context: impl Display) -> Error {
    let (code, what) = if error.is_closed() || is_io(error) {
        (code::PG_LOST, "the connection was lost")
    } else {
        (code::PG_QUERY, "the answer could not be used")
    };
    let mut mapped = Error::new(code, format!("{context}: {what}")).cause(chain(error));
    if code == code::PG_LOST {
        mapped = mapped.fix("Look into the server's log and at the network between; then run it again, or dbb resume");
    }
    mapped
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|source| source.is::<std::io::Error>())
}

/// An error and its sources, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_find_their_codes() {
        for (state, message, code, transient) in [
            ("28P01", "", code::PG_AUTH, false),
            ("55P03", "", code::PG_LOCK, true),
            ("40P01", "", code::PG_LOCK, true),
            ("XX000", "tuple concurrently updated", code::PG_LOCK, true),
            ("XX000", "cache lookup failed", code::PG_QUERY, false),
            ("40001", "canceling statement due to conflict with recovery", code::PG_CONFLICT, true),
            ("53200", "out of shared memory", code::PG_LOCK_TABLE, false),
            ("53200", "out of memory", code::PG_SPACE, false),
            ("42501", "query would be affected by row-level security policy for table \"t\"", code::PG_RLS, false),
            ("42P07", "relation exists", code::PG_QUERY, false),
            ("53300", "sorry, too many clients already", code::PG_CONNECT, true),
        ] {
            let (found, _, _, over) = classify(state, message);
            assert_eq!((found.name, over.unwrap_or(found.transient)), (code.name, transient), "{state}");
        }
    }
}
