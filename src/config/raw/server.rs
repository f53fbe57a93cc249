//! `servers:`

use super::secret::RawSecret;
use crate::model::desired::{EngineKind, RoleScope, TlsMode};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A database server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawServer {
    /// Which database system it runs.
    #[schemars(required)]
    pub engine: Option<EngineKind>,
    /// Host name, address, or the directory of its Unix socket (begins with a slash).
    #[schemars(required, length(min = 1))]
    pub host: Option<String>,
    /// Port; 5432 when absent.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Where it listens itself, when host and port belong to a pooler.
    pub direct: Option<RawAddress>,
    /// The role to log in as.
    #[schemars(required, length(min = 1))]
    pub user: Option<String>,
    /// Where its password comes from; .pgpass when absent.
    pub password: Option<RawSecret>,
    /// How the connection is encrypted and what is checked.
    pub tls: Option<RawTls>,
    /// Time to open a connection, e.g. 10s, the default.
    pub connect_timeout: Option<String>,
    /// Limit for one statement, e.g. 12h; none when absent.
    pub statement_timeout: Option<String>,
    /// Time to wait for a lock, e.g. 60s, the default.
    pub lock_timeout: Option<String>,
    /// The database to connect to for things of the whole server; postgres when absent.
    #[schemars(length(min = 1))]
    pub maintenance_database: Option<String>,
    /// Directory with the client tools (pg_dump) to use, instead of looking for them.
    pub client_bin: Option<PathBuf>,
    /// Which roles a snapshot carries: those its database needs, or all; "closure" when absent.
    pub roles: Option<RoleScope>,
}

/// Host and port.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAddress {
    /// Host name, address, or the directory of its Unix socket.
    #[schemars(required, length(min = 1))]
    pub host: Option<String>,
    /// Port; 5432 when absent.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
}

/// TLS of a connection.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// As in libpq's sslmode; "prefer" when absent.
    pub mode: Option<TlsMode>,
    /// PEM file with the authorities to trust, relative to this file; the system's when absent.
    pub ca: Option<PathBuf>,
    /// PEM file with the client's certificate, relative to this file.
    pub cert: Option<PathBuf>,
    /// PEM file with the client's private key, relative to this file.
    pub key: Option<PathBuf>,
}
