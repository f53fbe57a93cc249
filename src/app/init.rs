//! Writes a commented starter config for the servers it is pointed at.

use crate::app::{App, registry};
use crate::base::{limits, units};
use crate::error::{Error, Result, code};
use crate::model::desired::{EngineKind, HostPort, RoleScope, ServerSpec, TlsMode, TlsSpec};
use crate::model::observed::ServerState;
use std::fmt::Write;

/// A server as the command line names it.
struct Pointed {
    name: String,
    host: String,
    port: u16,
    user: String,
}

/// Makes the text. A server that cannot be looked at is written down all the same, with what went wrong.
///
/// # Errors
/// `DBB-USAGE` for a server that is not written as it should be.
pub async fn write(app: &App, project: &str, servers: &[String], repository: &str) -> Result<String> {
    let pointed = servers.iter().map(|text| parse(text)).collect::<Result<Vec<_>>>()?;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# yaml-language-server: $schema=schemas/config.schema.json\n\
         # What dbb backs up, where to, and when. Check it: dbb validate. See what would happen: dbb plan.\n\
         version: 1\nproject: {}\n\n\
         defaults:\n  repository: main\n  compression: {{codec: zstd, level: 1}}\n  schedule: {{cron: \"0 2 * * *\", timezone: UTC}}   # daily at 02:00\n\n\
         # Where snapshots live. Not encrypted: put it where only its owner can read.\n\
         repositories:\n  main: {{type: local, path: {}}}\n\nservers:",
        yaml(project),
        yaml(repository)
    );
    let mut looked = Vec::new();
    for server in &pointed {
        let state = look(app, server).await;
        let _ = writeln!(
            out,
            "  {}:\n    engine: postgres\n    host: {}\n    port: {}\n    user: {}\n    # password: {{env: {}_PASSWORD}}      # or {{file: ...}}, {{command: [...]}}, or a line in ~/.pgpass",
            yaml_key(&server.name),
            yaml(&server.host),
            server.port,
            yaml(&server.user),
            server.name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
        );
        looked.push(state);
    }
    if pointed.is_empty() {
        let _ = writeln!(
            out,
            "  # my-server:\n  #   engine: postgres\n  #   host: db.internal\n  #   user: dbb\n  #   password: {{env: DB_PASSWORD}}\n  {{}}"
        );
    }
    let _ = writeln!(out, "\ndatabases:");
    let mut any = false;
    let mut taken: Vec<String> = Vec::new();
    for (server, state) in pointed.iter().zip(&looked) {
        match state {
            Ok(state) => {
                for database in state.databases.iter().filter(|d| !d.is_template && d.name != "postgres") {
                    any = true;
                    let size = database.bytes.map_or("size unknown".into(), units::bytes);
                    let key = match taken.contains(&database.name) {
                        true => format!("{}-{}", server.name, database.name),
                        false => database.name.clone(),
                    };
                    taken.push(database.name.clone());
                    let named =
                        if key == database.name { String::new() } else { format!(", name: {}", yaml(&database.name)) };
                    let _ = writeln!(out, "  {}: {{server: {}{named}}}   # {size}", yaml_key(&key), yaml(&server.name));
                }
            }
            Err(error) => {
                let _ = writeln!(
                    out,
                    "  # {} could not be looked at: {}",
                    one_line(&server.name),
                    one_line(&error.to_string())
                );
            }
        }
    }
    if !any {
        let first = pointed.first().map_or("my-server", |s| s.name.as_str());
        let _ = writeln!(
            out,
            "  # orders: {{server: {0}}}\n  # tenants: {{server: {0}, match: \"tenant_*\"}}   # every database of that name\n  {{}}",
            yaml(first)
        );
    }
    let _ = writeln!(out, "\n# Servers that restores may go to.\ntargets:");
    match pointed.first() {
        Some(_) => {
            let _ = writeln!(out, "  # staging: {{server: another-server, allow: [create]}}\n  {{}}");
        }
        None => {
            let _ = writeln!(out, "  {{}}");
        }
    }
    Ok(out)
}

fn parse(text: &str) -> Result<Pointed> {
    let wrong = || {
        Error::new(code::USAGE, format!("\"{text}\" does not name a server"))
            .fix("write [NAME=]postgres://USER@HOST[:PORT], or a directory with a socket")
    };
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) if !name.contains(['/', ':', '@']) => (Some(name), rest),
        _ => (None, text),
    };
    if rest.starts_with('/') {
        return Ok(Pointed {
            name: name.unwrap_or("local").into(),
            host: rest.into(),
            port: 5432,
            user: "postgres".into(),
        });
    }
    let rest = rest.strip_prefix("postgres://").or_else(|| rest.strip_prefix("postgresql://")).unwrap_or(rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    let (user, place) = rest.rsplit_once('@').unwrap_or(("postgres", rest));
    if user.contains(':') {
        return Err(Error::new(code::CONFIG_SECRET, "a password does not belong on a command line")
            .fix("leave it out; dbb reads ~/.pgpass, or set it in the config as {env: NAME}"));
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (place, 5432),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || user.is_empty() || host.contains(char::is_whitespace) {
        return Err(wrong());
    }
    Ok(Pointed { name: name.unwrap_or(host).into(), host: host.into(), port, user: user.into() })
}

async fn look(app: &App, server: &Pointed) -> Result<ServerState> {
    let spec = ServerSpec {
        name: server.name.clone(),
        engine: EngineKind::Postgres,
        at: HostPort { host: server.host.clone(), port: server.port },
        direct: None,
        user: server.user.clone(),
        password: None,
        tls: TlsSpec { mode: TlsMode::Prefer, ..TlsSpec::default() },
        maintenance_database: "postgres".into(),
        connect_timeout: limits::CONNECT_WAIT,
        statement_timeout: None,
        lock_timeout: limits::LOCK_WAIT,
        client_bin: None,
        roles: RoleScope::Closure,
        place: "the command line".into(),
    };
    registry::engine(app, spec.engine)?.observe(&spec).await
}

/// A YAML scalar that cannot be taken for anything else: JSON strings are YAML.
fn yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A key: plain where it is a plain word.
fn yaml_key(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "y" | "n"
        );
    if plain { text.to_owned() } else { yaml(text) }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
