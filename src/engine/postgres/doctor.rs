//! `dbb doctor` for a PostgreSQL server: one line a topic. Changes nothing.

use crate::base::units;
use crate::engine::postgres::connect::{self, Connection, Purpose};
use crate::engine::postgres::observe::observe;
use crate::engine::postgres::{Postgres, tools};
use crate::error::{Error, code};
use crate::model::desired::{ServerSpec, TlsMode};
use crate::model::observed::ServerState;
use crate::port::engine::Check;

/// Locks that a capture takes besides those of its tables.
const LOCKS_SPARE: u64 = 64;
/// Fewer free connections than this are worth a warning.
const CONNECTIONS_WANTED: u32 = 8;

/// Looks at everything that a capture or restore will need.
pub async fn doctor(engine: &Postgres, server: &ServerSpec) -> Vec<Check> {
    let mut checks = Vec::new();
    let connection = match connect::open(engine, server, &server.maintenance_database, Purpose::Observe).await {
        Ok(connection) => connection,
        Err(error) => {
            let topic = if error.code() == code::PG_POOLER { "pooler" } else { "connection" };
            return vec![bad(topic, error)];
        }
    };
    let at = server.direct.as_ref().unwrap_or(&server.at);
    checks.push(good("connection", format!("{} as \"{}\"", connect::place(at, &connection.database), server.user)));
    checks.push(encryption(server, at.host.starts_with('/'), connection.encrypted));
    checks.push(pooler(engine, server).await);
    checks.push(match tools::find(engine, server, connection.major()).await {
        Ok(tool) => good("tools", format!("{} {}", tool.path.display(), tool.version)),
        Err(error) => bad("tools", error),
    });
    match observe(engine, server).await {
        Ok(state) => {
            checks.extend(of_state(server, &state));
            checks.push(locks(engine, server, &state).await);
        }
        Err(error) => checks.push(bad("server", error)),
    }
    checks.extend(settings(&connection).await);
    checks
}

fn good(topic: &str, finding: impl Into<String>) -> Check {
    Check { topic: topic.to_owned(), finding: finding.into(), failure: None, warning: false }
}

fn bad(topic: &str, error: Error) -> Check {
    Check {
        topic: topic.to_owned(),
        finding: error.message().to_owned(),
        failure: Some(error.failure()),
        warning: false,
    }
}

fn doubtful(topic: &str, error: Error) -> Check {
    Check { warning: true, ..bad(topic, error) }
}

fn encryption(server: &ServerSpec, socket: bool, encrypted: bool) -> Check {
    match (encrypted, socket) {
        (_, true) => good("encryption", "a Unix socket: nothing passes a network"),
        (true, _) if matches!(server.tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull) => {
            good("encryption", "encrypted, the server's certificate is checked")
        }
        (true, _) => doubtful(
            "encryption",
            Error::new(code::PG_TLS, "encrypted, but the server's certificate is not checked")
                .fix(format!("Set tls: {{mode: verify-full, ca: ...}} of servers.{}", server.name)),
        ),
        (false, _) => doubtful(
            "encryption",
            Error::new(code::PG_TLS, "not encrypted: data and password hashes pass in the clear").fix(format!(
                "Switch ssl on at the server, and set tls.mode of servers.{} to verify-full",
                server.name
            )),
        ),
    }
}

/// With a direct address, the other one may be a pooler, which is as it should be.
async fn pooler(engine: &Postgres, server: &ServerSpec) -> Check {
    if server.direct.is_none() {
        return good("pooler", "none: the process that answers is the one that was announced");
    }
    let front = ServerSpec { direct: None, ..server.clone() };
    match connect::open(engine, &front, &server.maintenance_database, Purpose::Observe).await {
        Err(error) if error.code() == code::PG_POOLER => good("pooler", "there is one; the direct address is used"),
        Err(error) => {
            good("pooler", format!("the direct address is used; the other one does not answer ({})", error.message()))
        }
        Ok(_) => good("pooler", "the direct address is used; the other one is no pooler either"),
    }
}

fn of_state(server: &ServerSpec, state: &ServerState) -> Vec<Check> {
    let role = if state.standby { "standby" } else { "primary" };
    let mut checks = vec![good("version", format!("PostgreSQL {}, {role}", state.version))];
    let login = &state.login;
    let mut rights: Vec<&str> = Vec::new();
    for (has, word) in [
        (login.superuser, "superuser"),
        (login.create_db, "CREATEDB"),
        (login.create_role, "CREATEROLE"),
        (login.read_all_data, "reads all data"),
        (login.bypass_rls, "BYPASSRLS"),
    ] {
        if has {
            rights.push(word);
        }
    }
    let rights = if rights.is_empty() { "no special rights".to_owned() } else { rights.join(", ") };
    checks.push(good("rights", format!("\"{}\": {rights}", login.name)));
    for spot in &state.blind_spots {
        let error = Error::new(code::PG_PRIVILEGE, spot.clone())
            .fix(format!("Give \"{}\" what is missing, or log in as a superuser", login.name));
        checks.push(doubtful("rights", error));
    }
    let may_restore = login.superuser || (login.create_db && login.create_role);
    if !may_restore && !state.standby {
        let error = Error::new(
            code::RESTORE_RIGHTS,
            format!("\"{}\" may capture, but not restore whole databases here", login.name),
        )
        .fix(format!("For restores: ALTER ROLE \"{}\" CREATEDB CREATEROLE, or a superuser", login.name));
        checks.push(doubtful("rights", error));
    }
    let free = state.connections_free;
    checks.push(if free >= CONNECTIONS_WANTED {
        good("connections", format!("{free} free"))
    } else {
        let error = Error::new(code::PG_CONNECT, format!("only {free} connections are free on {}", server.name))
            .fix("Lower jobs, or raise max_connections");
        doubtful("connections", error)
    });
    if let Some(bytes) = state.free_bytes {
        checks.push(good("space", format!("{} free where the server keeps its data", units::bytes(bytes))));
    }
    let closed: Vec<&str> = state
        .databases
        .iter()
        .filter(|database| !database.can_connect && !database.is_template)
        .map(|database| database.name.as_str())
        .collect();
    if !closed.is_empty() {
        let error =
            Error::new(code::PG_PRIVILEGE, format!("\"{}\" may not connect to {}", login.name, closed.join(", ")))
                .fix("GRANT CONNECT ON DATABASE ... TO the login, if these are to be captured");
        checks.push(doubtful("databases", error));
    }
    checks
}

/// A capture locks every table; the lock table must hold them all.
async fn locks(engine: &Postgres, server: &ServerSpec, state: &ServerState) -> Check {
    let mut most: (u64, String) = (0, String::new());
    for database in state.databases.iter().filter(|database| database.can_connect && !database.is_template) {
        let Ok(connection) = connect::open(engine, server, &database.name, Purpose::Observe).await else { continue };
        let sql = "select pg_catalog.count(*) from pg_catalog.pg_class where relkind in ('r', 'p', 'S', 'v', 'm', 'f') and oid >= 16384";
        let Ok(rows) = connection.rows(sql, "counting relations").await else { continue };
        let relations = rows.first().and_then(|row| row.get(0)).and_then(|count| count.parse().ok()).unwrap_or(0);
        most = most.max((relations, database.name.clone()));
    }
    let (relations, name) = most;
    let room = state.locks_max;
    if room > 0 && relations + LOCKS_SPARE > room {
        let error = Error::new(
            code::PG_LOCK_TABLE,
            format!("database {name} has {relations} relations, the lock table room for {room}"),
        )
        .fix("Raise max_locks_per_transaction in postgresql.conf and restart the server");
        return bad("locks", error);
    }
    good("locks", format!("room for {room}, {relations} relations in the largest database"))
}

/// Settings of the server that make restores slow or unsafe.
async fn settings(connection: &Connection) -> Vec<Check> {
    let sql = "select pg_catalog.current_setting('fsync'), pg_catalog.current_setting('full_page_writes'), \
               pg_catalog.current_setting('data_checksums')";
    let Ok(rows) = connection.rows(sql, "reading settings").await else { return Vec::new() };
    let Some(row) = rows.first() else { return Vec::new() };
    let mut checks = Vec::new();
    for (at, name) in ["fsync", "full_page_writes"].iter().enumerate() {
        if row.get(at) == Some("off") {
            let error = Error::new(code::PG_SPACE, format!("{name} is off: a power cut may damage what was restored"))
                .fix(format!("Set {name} = on in postgresql.conf"));
            checks.push(doubtful("durability", error));
        }
    }
    let checksums = row.get(2).unwrap_or_default();
    checks.push(good("durability", format!("data checksums {checksums}")));
    checks
}
