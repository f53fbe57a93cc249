//! What was seen of the world.

use crate::error::Failure;
use crate::model::catalog::{Extension, Role};
use crate::model::manifest::Header;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// All that planning looks at.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Now.
    pub now: Timestamp,
    /// Servers by name; one that could not be looked at is a failure.
    pub servers: IndexMap<String, Result<ServerState, Failure>>,
    /// Headers of all snapshots by repository, newest last; one that could not be looked at is a failure.
    pub repositories: IndexMap<String, Result<RepositoryState, Failure>>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What was seen of a repository.
#[derive(Clone, Debug, Default)]
pub struct RepositoryState {
    /// False when nothing is there yet.
    pub exists: bool,
    /// Headers of all snapshots, oldest first.
    pub snapshots: Vec<Header>,
    /// Manifests that could not be read.
    pub damaged: Vec<Failure>,
    /// Free bytes, where the storage tells.
    pub free_bytes: Option<u64>,
    /// False when anyone who reads the storage reads the data.
    pub encrypted: bool,
}

/// What was seen of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerState {
    /// e.g. `15.18`
    pub version: String,
    /// Comparable: `150018`.
    pub version_number: u32,
    /// Unique to the server, as it tells (system identifier); empty where not readable.
    pub identity: String,
    /// True for a standby.
    pub standby: bool,
    /// The login.
    pub login: LoginRights,
    /// Databases, sorted by name.
    pub databases: Vec<DatabaseState>,
    /// Roles, sorted by name, without password hashes.
    pub roles: Vec<Role>,
    /// Tablespaces.
    pub tablespaces: Vec<String>,
    /// Extensions that could be created.
    pub available_extensions: Vec<Extension>,
    /// Locales the default provider knows: collation names.
    pub locales: Vec<String>,
    /// Locks that one transaction may take: `max_locks_per_transaction * (max_connections + max_prepared_transactions)`.
    pub locks_max: u64,
    /// Connections that are still free for this login.
    pub connections_free: u32,
    /// Path and version of the dump tool, when one is fit; else why not.
    pub dump_tool: Option<String>,
    /// Why there is no fit dump tool.
    pub dump_tool_failure: Option<Failure>,
    /// What a capture with this login cannot see, in sentences.
    pub blind_spots: Vec<String>,
    /// Free bytes where the server keeps its data, when it can be told.
    pub free_bytes: Option<u64>,
}

/// What the login may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRights {
    /// Its name.
    pub name: String,
    /// SUPERUSER
    pub superuser: bool,
    /// CREATEDB
    pub create_db: bool,
    /// CREATEROLE
    pub create_role: bool,
    /// May read all data.
    pub read_all_data: bool,
    /// BYPASSRLS
    pub bypass_rls: bool,
}

/// What was seen of a database from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseState {
    /// Real name.
    pub name: String,
    /// Owner.
    pub owner: String,
    /// Encoding.
    pub encoding: String,
    /// Bytes, when the login may know.
    pub bytes: Option<u64>,
    /// Whether the login may connect.
    pub can_connect: bool,
    /// Whether it is a template.
    pub is_template: bool,
    /// Number of other connections.
    pub connections: u32,
}
