//! What the config asks for, with every default and reference resolved.
//! Secrets stay references until the moment of use.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The whole config, resolved.
#[derive(Clone, Debug, Serialize)]
pub struct Desired {
    /// `project:`
    pub project: String,
    /// The file it was read from, as the person named it.
    pub file: PathBuf,
    /// Where state lives: `.dbb` beside the config file.
    pub state_dir: PathBuf,
    /// BLAKE3 of the resolved config in canonical form: what a saved plan is checked against.
    pub digest: String,
    /// `repositories:` by name.
    pub repositories: IndexMap<String, RepositorySpec>,
    /// `servers:` by name.
    pub servers: IndexMap<String, ServerSpec>,
    /// `databases:` by name; one with `match` stands for several real databases.
    pub databases: IndexMap<String, DatabaseSpec>,
    /// `targets:` by name.
    pub targets: IndexMap<String, TargetSpec>,
    /// `defaults.on_error`
    pub on_error: OnError,
    /// `defaults.profile`
    pub profile: Profile,
    /// Where each address is defined: `file:line`, for the plan.
    pub places: IndexMap<String, String>,
    /// Where each resolved value came from, by JSON pointer into this structure: `dbb.yaml:12`,
    /// `defaults (dbb.yaml:5)` or `default`; for `dbb validate --resolved`.
    #[serde(skip)]
    pub origins: IndexMap<String, String>,
}

/// A place where snapshots live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RepositorySpec {
    /// A directory, absolute.
    Local {
        /// The directory.
        path: PathBuf,
    },
}

/// Where a secret comes from. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a trailing newline is not part of the secret.
    File(PathBuf),
    /// The first line that a command prints; argv, no shell.
    Command(Vec<String>),
    /// Asked for on the terminal, once a run; the text is the prompt.
    Prompt(String),
}

/// Which database system a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// PostgreSQL
    Postgres,
}

/// How a connection is encrypted and what is checked; the meanings are libpq's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Never encrypted.
    Disable,
    /// Encrypted when the server can; nothing is checked.
    #[default]
    Prefer,
    /// Encrypted or refused; nothing is checked.
    Require,
    /// As `require`, and the certificate must come from a trusted authority.
    VerifyCa,
    /// As `verify-ca`, and it must be for this host.
    VerifyFull,
}

/// TLS of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsSpec {
    /// The mode.
    pub mode: TlsMode,
    /// PEM file with the trusted authorities; the system's store when absent.
    pub ca: Option<PathBuf>,
    /// PEM file with the client's certificate chain.
    pub cert: Option<PathBuf>,
    /// PEM file with the client's private key.
    pub key: Option<PathBuf>,
}

/// Host and port, or a directory with a Unix socket (a host that begins with `/`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct HostPort {
    /// Host name, address, or socket directory.
    pub host: String,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
}

/// A server, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerSpec {
    /// Its name in the config.
    pub name: String,
    /// What it runs.
    pub engine: EngineKind,
    /// Where it listens.
    pub at: HostPort,
    /// Where it listens behind a pooler.
    pub direct: Option<HostPort>,
    /// The role to log in as.
    pub user: String,
    /// Its password; `None` looks into `.pgpass`, then goes without.
    pub password: Option<SecretRef>,
    /// TLS.
    pub tls: TlsSpec,
    /// The database to connect to for things of the whole server.
    pub maintenance_database: String,
    /// Time to open a connection.
    pub connect_timeout: Duration,
    /// Limit for one statement; `None` is none (captures of big tables take long).
    pub statement_timeout: Option<Duration>,
    /// Limit for a lock.
    pub lock_timeout: Duration,
    /// Directory with the client tools to use, instead of looking for them.
    pub client_bin: Option<PathBuf>,
    /// Which roles a snapshot carries.
    pub roles: RoleScope,
    /// Where it is defined: `file:line`.
    pub place: String,
}

/// Which roles a snapshot of a database carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleScope {
    /// Those that the database needs: owners, grantees, grantors, members.
    #[default]
    Closure,
    /// Every role of the server.
    All,
}

/// A database to back up, or a pattern of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseSpec {
    /// Its name in the config.
    pub name: String,
    /// The server's name.
    pub server: String,
    /// The repository's name.
    pub repository: String,
    /// Which real databases it means.
    pub select: DatabaseSelect,
    /// When it is due.
    pub schedule: Option<Schedule>,
    /// How objects are compressed.
    pub compression: Compression,
    /// What is left out.
    pub exclude: Exclude,
    /// Where it is defined: `file:line`.
    pub place: String,
}

/// Which real databases an entry means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseSelect {
    /// This one.
    Named(String),
    /// All whose names match the glob; each becomes an entry of its real name.
    Matching(String),
}

/// What a capture leaves out. Patterns are globs over `schema.table`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exclude {
    /// Tables left out whole.
    pub tables: Vec<String>,
    /// Tables captured without rows.
    pub data: Vec<String>,
}

/// When a backup is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// Five-field cron expression.
    pub cron: String,
    /// IANA time zone.
    pub timezone: String,
}

/// A compression codec of the repository format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Zstandard, RFC 8878, with content checksums.
    #[default]
    Zstd,
    /// gzip, RFC 1952.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// xz.
    Xz,
    /// Stored as it is.
    None,
}

/// Codec and level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compression {
    /// The codec.
    pub codec: Codec,
    /// Its level; the codec's default when absent.
    pub level: Option<i32>,
}

impl Default for Compression {
    fn default() -> Self {
        Compression { codec: Codec::Zstd, level: Some(1) }
    }
}

/// What a target may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetRight {
    /// Creating databases.
    Create,
    /// Dropping databases that dbb made.
    Drop,
    /// Replacing databases that exist.
    Replace,
}

/// A server that restores may go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetSpec {
    /// Its name in the config.
    pub name: String,
    /// The server's name.
    pub server: String,
    /// What is allowed.
    pub allow: Vec<TargetRight>,
    /// Where it is defined: `file:line`.
    pub place: String,
}

/// What to do with the rest when something fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Go on with all that does not depend on it.
    #[default]
    Continue,
    /// Start nothing new.
    Stop,
}

/// How much of the machine a run may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// One job.
    Low,
    /// Half the processors, at least two jobs.
    #[default]
    Balanced,
    /// One job per processor.
    High,
    /// Two jobs per processor.
    Ultra,
}

/// A restore, as the runbook asks for it, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Runbook {
    /// `name:`
    pub name: String,
    /// The file it was read from, as the person named it.
    pub file: String,
    /// What is restored.
    pub from: RestoreSource,
    /// The target's name.
    pub target: String,
    /// Real database names on the target, by the snapshot's.
    pub rename: IndexMap<String, String>,
    /// Roles.
    pub roles: RolePolicy,
    /// What happens to a database that exists.
    pub existing: Existing,
    /// Only these; everything when empty.
    pub include: Selection,
    /// Without these.
    pub exclude: Selection,
    /// Workers; the profile decides when absent.
    pub jobs: Option<usize>,
    /// Limit for a lock.
    pub lock_timeout: Duration,
    /// How far objects are checked before anything is touched; by size when absent.
    pub check: Option<CheckLevel>,
    /// What to do with the rest when something fails.
    pub on_error: OnError,
    /// Tries after the first, of a step that failed for a transient reason.
    pub retries: u32,
    /// How the result is proven.
    pub verify: VerifyMode,
    /// When the run as a whole counts as done.
    pub success: SuccessRule,
}

/// When a run with failed databases counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuccessRule {
    /// Every database.
    RequireAll,
    /// At least this share of the databases, in percent.
    AtLeastPercent(u8),
}

/// Which snapshots a restore takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoreSource {
    /// One database's.
    Database {
        /// The entry's name.
        name: String,
        /// Which one.
        at: SnapshotAt,
    },
    /// All of one server's.
    Set {
        /// The server's name.
        server: String,
        /// Which one.
        at: SnapshotAt,
    },
}

/// Which snapshot in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotAt {
    /// The newest.
    Latest,
    /// The newest at or before this instant.
    Time(#[schemars(with = "String")] jiff::Timestamp),
    /// This one.
    Id(String),
}

/// Roles in a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolePolicy {
    /// Which are made or changed.
    pub mode: RoleMode,
    /// Names on the target, by the snapshot's.
    pub map: IndexMap<String, String>,
}

/// Which roles a restore makes or changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleMode {
    /// Missing ones are created, others made equal to the snapshot's; so are settings for all roles of the server
    /// (`ALTER ROLE ALL SET`), and what PUBLIC may do with configuration parameters.
    All,
    /// Missing ones are created, others left alone.
    #[default]
    CreateMissing,
    /// None is touched; all that are needed must exist.
    None,
}

/// What happens to a target database that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// The restore is refused.
    #[default]
    Fail,
    /// It is dropped first.
    Replace,
}

/// Schemas and tables by glob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// Globs over schema names.
    pub schemas: Vec<String>,
    /// Globs over `schema.table`.
    pub tables: Vec<String>,
}

impl Selection {
    /// True when it names nothing.
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty() && self.tables.is_empty()
    }
}

/// How far objects are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// Manifest, presence and sizes.
    Quick,
    /// Every byte.
    Full,
}

/// How a restore is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifyMode {
    /// Not at all.
    None,
    /// Row counts are compared.
    Counts,
    /// Every row is read back and the tables' hashes compared.
    #[default]
    Rows,
}
