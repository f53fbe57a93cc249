//! Servers, repositories and targets.

use super::references::{Names, exists};
use super::values::duration;
use super::{At, Context, secrets};
use crate::base::limits;
use crate::config::node::join;
use crate::config::raw::repository::RawRepository;
use crate::config::raw::server::{RawServer, RawTls};
use crate::config::raw::target::RawTarget;
use crate::error::{Error, code};
use crate::model::desired::{EngineKind, HostPort, RepositorySpec, ServerSpec, TargetSpec, TlsMode, TlsSpec};
use std::path::Path;

const PORT: u16 = 5432;

/// A server, or `None` when something of it is wrong (which has been said).
pub fn server(name: &str, raw: RawServer, at: &At<'_>, context: &mut Context<'_>) -> Option<ServerSpec> {
    let host = raw.host.as_deref().is_some_and(|host| check_host(host, &at.key("host"), context));
    let direct = raw.direct.and_then(|direct| {
        let at = at.key("direct").key("host");
        let host = direct.host?;
        check_host(&host, &at, context).then(|| HostPort { host, port: direct.port.unwrap_or(PORT) })
    });
    let password = secrets::secret(raw.password, &at.key("password"), context);
    let tls = tls(raw.tls.unwrap_or_default(), &at.key("tls"), context);
    let connect = duration(raw.connect_timeout.as_deref(), &at.key("connect_timeout"), context);
    let statement = duration(raw.statement_timeout.as_deref(), &at.key("statement_timeout"), context);
    let lock = duration(raw.lock_timeout.as_deref(), &at.key("lock_timeout"), context);
    let pointer = join("/servers", name);
    let fields = [
        ("engine", "engine"),
        ("at", "host"),
        ("direct", "direct"),
        ("user", "user"),
        ("tls", "tls"),
        ("connect_timeout", "connect_timeout"),
        ("statement_timeout", "statement_timeout"),
        ("lock_timeout", "lock_timeout"),
        ("maintenance_database", "maintenance_database"),
        ("client_bin", "client_bin"),
        ("roles", "roles"),
    ];
    for (field, key) in fields {
        context.origin_of(&pointer, field, &at.key(key));
    }
    let from = if password.is_some() { at.key("password").line() } else { "default: .pgpass".to_owned() };
    context.origin(join(&pointer, "password"), from);
    context.origin_of(&join(&pointer, "at"), "port", &at.key("port"));
    context.origin_of(&join(&pointer, "tls"), "mode", &at.key("tls").key("mode"));
    if !host {
        return None;
    }
    Some(ServerSpec {
        name: name.to_owned(),
        engine: raw.engine.unwrap_or(EngineKind::Postgres),
        at: HostPort { host: raw.host?, port: raw.port.unwrap_or(PORT) },
        direct,
        user: raw.user?,
        password,
        tls,
        maintenance_database: raw.maintenance_database.unwrap_or_else(|| "postgres".to_owned()),
        connect_timeout: connect.unwrap_or(limits::CONNECT_WAIT),
        statement_timeout: statement,
        lock_timeout: lock.unwrap_or(limits::LOCK_WAIT),
        client_bin: raw.client_bin.map(|path| at.key("client_bin").path(&path)),
        roles: raw.roles.unwrap_or_default(),
        place: at.line(),
    })
}

fn check_host(host: &str, at: &At<'_>, context: &mut Context<'_>) -> bool {
    let name = at.name();
    let value = |message: String, label: &str| at.error(code::CONFIG_VALUE, message, label);
    let problem: Error = if host.starts_with('/') {
        match host.contains('\0') || host.len() > 100 {
            true => value(format!("{name} cannot be a socket directory"), "not a directory")
                .fix("give the directory of the server's Unix socket, e.g. /var/run/postgresql"),
            false => return true,
        }
    } else if host.contains("://") || host.contains('@') {
        // may hold a password: pointed at by its key, and not repeated
        at.key_error(code::CONFIG_VALUE, format!("{name} must be a host name, not a URL"), "a URL")
            .fix("split it: the host under \"host\", the port under \"port\", the login under \"user\"")
            .fix("never put a password into the file: use password: {env: NAME}")
    } else if let Some((bare, port)) = host.rsplit_once(':')
        && !bare.contains(':')
        && port.parse::<u16>().is_ok()
    {
        value(format!("{name} must be a host name without a port"), "host and port in one")
            .fix(format!("write host: {bare} and port: {port}"))
    } else {
        let is_host = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
        match host.len() <= 253 && host.chars().all(is_host) && !host.starts_with('-') {
            true => return true,
            false => value(format!("\"{}\" is not a host name", crate::config::shape::short(host)), "not a host name")
                .fix("give one host name, address, or a socket directory that begins with /"),
        }
    };
    context.findings.problem(problem);
    false
}

fn tls(raw: RawTls, at: &At<'_>, context: &mut Context<'_>) -> TlsSpec {
    let mode = raw.mode.unwrap_or_default();
    for (one, other, given) in [("cert", "key", raw.cert.is_some()), ("key", "cert", raw.key.is_some())] {
        let other_given = if other == "key" { raw.key.is_some() } else { raw.cert.is_some() };
        if given && !other_given {
            let problem = at
                .key(one)
                .key_error(code::CONFIG_VALUE, format!("{} has \"{one}\" without \"{other}\"", at.name()), "alone")
                .fix(format!("add \"{other}:\", or remove \"{one}:\""));
            context.findings.problem(problem);
        }
    }
    if raw.ca.is_some() && !matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull) {
        let warning = at
            .key("ca")
            .key_error(
                code::CONFIG_VALUE,
                format!("{}.ca is not used: this mode does not check the server's certificate", at.name()),
                "not used",
            )
            .fix("write mode: verify-full");
        context.findings.warning(warning);
    }
    let resolve = |path: Option<std::path::PathBuf>| path.map(|path| at.path(&path));
    let key = resolve(raw.key);
    if let Some(key) = &key {
        secrets::permissions(key, &at.key("key"), context);
    }
    TlsSpec { mode, ca: resolve(raw.ca), cert: resolve(raw.cert), key }
}

/// A repository.
pub fn repository(name: &str, raw: RawRepository, at: &At<'_>, context: &mut Context<'_>) -> Option<RepositorySpec> {
    let path = raw.path?;
    if path.as_os_str().is_empty() || path.to_string_lossy().starts_with('~') {
        let problem = at
            .key("path")
            .error(code::CONFIG_VALUE, format!("{} is not a directory", at.key("path").name()), "not a directory")
            .fix("write the path from the root, or relative to this file: ~ and variables are not expanded");
        context.findings.problem(problem);
        return None;
    }
    raw.r#type?;
    context.origin_of(&join("/repositories", name), "type", &at.key("type"));
    context.origin_of(&join("/repositories", name), "path", &at.key("path"));
    Some(RepositorySpec::Local { path: at.path(&path) })
}

/// Says so when two repositories are the same directory.
pub fn distinct<'a>(found: &[(At<'a>, RepositorySpec)], context: &mut Context<'_>) {
    for (index, (at, RepositorySpec::Local { path })) in found.iter().enumerate() {
        let same = |other: &&(At<'a>, RepositorySpec)| {
            let RepositorySpec::Local { path: other } = &other.1;
            let path: &Path = path;
            other == path
        };
        if let Some((first, _)) = found[..index].iter().find(same) {
            let problem = at
                .key("path")
                .error(
                    code::CONFIG_VALUE,
                    format!("{} and {} are the same directory", first.name(), at.name()),
                    "used before",
                )
                .spot(first.document.key_spot(&first.key("path").pointer, "first used here"))
                .fix("keep one of them, or give each a directory of its own");
            context.findings.problem(problem);
        }
    }
}

/// A target.
pub fn target(
    name: &str,
    raw: RawTarget,
    servers: &Names,
    at: &At<'_>,
    context: &mut Context<'_>,
) -> Option<TargetSpec> {
    let server = raw.server?;
    let found = exists(&server, "server", servers, &at.key("server"), context);
    let pointer = join("/targets", name);
    context.origin_of(&pointer, "server", &at.key("server"));
    context.origin_of(&pointer, "allow", &at.key("allow"));
    let mut allow = Vec::new();
    for right in raw.allow? {
        if !allow.contains(&right) {
            allow.push(right);
        }
    }
    found.then(|| TargetSpec { name: name.to_owned(), server, allow, place: at.line() })
}
