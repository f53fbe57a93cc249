//! What a snapshot says of a database: roles, properties, schema entries with
//! their dependencies, tables with their columns, sequences, large objects.
//! Engine-neutral where the graph needs it; what only the engine reads stays text.

use crate::base::digest::RowSum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;

/// The sealed body of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// The database and its properties.
    pub database: DatabaseProperties,
    /// Roles, in an order in which they can be created.
    pub roles: Vec<Role>,
    /// Memberships, grantors before those who depend on them.
    pub memberships: Vec<Membership>,
    /// `ALTER ROLE ALL SET` of the whole server, without a database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_settings: Vec<(String, String)>,
    /// Privileges on configuration parameters: the parameter, and what `roles` (or PUBLIC) may do with it. The
    /// grantor is empty when it is the server's first superuser, or no role of the snapshot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameter_grants: Vec<(String, Grant)>,
    /// Tablespaces in use.
    pub tablespaces: Vec<Tablespace>,
    /// Schema objects, in an order in which they can be created.
    pub entries: Vec<SchemaEntry>,
    /// Tables that hold rows of their own, in the order of `entries`.
    pub tables: Vec<Table>,
    /// Sequences and where they stand.
    pub sequences: Vec<SequenceState>,
    /// Extensions with the version in use at the source.
    pub extensions: Vec<Extension>,
    /// Collations in use with the version recorded at the source.
    pub collations: Vec<CollationVersion>,
    /// Pieces of data: where each lies in which object.
    pub chunks: Vec<Chunk>,
    /// Whether large objects were captured, and how many.
    pub large_objects: u64,
    /// What the capture could not see, in sentences.
    pub blind_spots: Vec<String>,
}

impl Catalog {
    /// The catalog without the entries `left_out` (ids), and without the extensions that they make.
    pub fn without(&self, left_out: &[u32]) -> Cow<'_, Catalog> {
        if left_out.is_empty() {
            return Cow::Borrowed(self);
        }
        let gone: HashSet<u32> = left_out.iter().copied().collect();
        let mut kept = self.clone();
        kept.entries.retain(|entry| !gone.contains(&entry.id));
        let lost = |name: &str| {
            self.entries.iter().any(|e| e.kind == EntryKind::Extension && e.name == name && gone.contains(&e.id))
        };
        kept.extensions.retain(|extension| !lost(&extension.name));
        Cow::Owned(kept)
    }
}

/// A database's properties, beyond its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseProperties {
    /// Real name.
    pub name: String,
    /// Owner.
    pub owner: String,
    /// Encoding, as the engine names it.
    pub encoding: String,
    /// `libc`, `icu`, `builtin`.
    pub locale_provider: String,
    /// LC_COLLATE.
    pub collate: String,
    /// LC_CTYPE.
    pub ctype: String,
    /// ICU or builtin locale.
    pub locale: Option<String>,
    /// ICU rules.
    pub icu_rules: Option<String>,
    /// Version of the default collation.
    pub collation_version: Option<String>,
    /// Default tablespace, when it is not the server's.
    pub tablespace: Option<String>,
    /// Connection limit; -1 is none.
    pub connection_limit: i32,
    /// Whether connections are allowed.
    pub allow_connections: bool,
    /// Whether it is a template.
    pub is_template: bool,
    /// Comment.
    pub comment: Option<String>,
    /// Grants; `None` is the engine's default.
    pub acl: Option<Vec<Grant>>,
    /// Settings for the database, and for roles in it.
    pub settings: Vec<Setting>,
    /// Security labels: provider and label.
    pub security_labels: Vec<(String, String)>,
}

/// One privilege given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who gave it.
    pub grantor: String,
    /// Who holds it; empty is PUBLIC.
    pub grantee: String,
    /// The privilege's SQL word.
    pub privilege: String,
    /// WITH GRANT OPTION.
    pub grantable: bool,
}

/// `ALTER DATABASE/ROLE ... SET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// For this role only; `None` is all.
    pub role: Option<String>,
    /// The parameter.
    pub name: String,
    /// Its value as the server keeps it.
    pub value: String,
}

/// A role.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Name.
    pub name: String,
    /// SUPERUSER
    pub superuser: bool,
    /// INHERIT
    pub inherit: bool,
    /// CREATEROLE
    pub create_role: bool,
    /// CREATEDB
    pub create_db: bool,
    /// LOGIN
    pub login: bool,
    /// REPLICATION
    pub replication: bool,
    /// BYPASSRLS
    pub bypass_rls: bool,
    /// CONNECTION LIMIT; -1 is none.
    pub connection_limit: i32,
    /// The password's hash, where it could be read. Never shown.
    pub password_hash: Option<String>,
    /// VALID UNTIL
    pub valid_until: Option<String>,
    /// Settings in every database.
    pub settings: Vec<(String, String)>,
    /// Comment.
    pub comment: Option<String>,
    /// Security labels: provider and label.
    pub security_labels: Vec<(String, String)>,
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Role").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `GRANT role TO member`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The role that is given.
    pub role: String,
    /// To whom.
    pub member: String,
    /// By whom.
    pub grantor: Option<String>,
    /// WITH ADMIN
    pub admin: bool,
    /// WITH INHERIT (16 and up).
    pub inherit: Option<bool>,
    /// WITH SET (16 and up).
    pub set: Option<bool>,
}

/// A tablespace in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tablespace {
    /// Name.
    pub name: String,
    /// Owner.
    pub owner: String,
    /// Directory at the source.
    pub location: String,
}

/// What kind of thing an entry is: what the graph needs to order it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Anything that comes before data and has no kind of its own here: schema, type, function, operator ...
    Definition,
    /// An extension.
    Extension,
    /// A table, foreign tables and partition roots included.
    Table,
    /// ALTER TABLE ... ATTACH PARTITION.
    TableAttach,
    /// A view.
    View,
    /// A materialized view, created without rows.
    MaterializedView,
    /// A sequence, its ownership included.
    Sequence,
    /// A column default or identity.
    Default,
    /// An index.
    Index,
    /// ALTER INDEX ... ATTACH PARTITION.
    IndexAttach,
    /// A primary key, unique or exclusion constraint.
    Constraint,
    /// A check constraint added after the data.
    CheckConstraint,
    /// A foreign key.
    ForeignKey,
    /// A trigger.
    Trigger,
    /// A rewrite rule.
    Rule,
    /// A row security policy, or row security switched on.
    Policy,
    /// Extended statistics.
    Statistics,
    /// A publication or a table in it.
    Publication,
    /// A subscription.
    Subscription,
    /// Privileges of one object.
    Acl,
    /// Default privileges.
    DefaultAcl,
    /// A comment.
    Comment,
    /// A security label.
    SecurityLabel,
    /// An event trigger.
    EventTrigger,
    /// Anything that comes after the data and has no kind of its own here.
    PostData,
}

/// When an entry is due, relative to the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Before rows.
    PreData,
    /// After rows.
    PostData,
    /// After everything: privileges, refreshes, event triggers.
    Final,
}

/// A schema object as the source defines it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaEntry {
    /// Unique in the catalog.
    pub id: u32,
    /// For the graph.
    pub kind: EntryKind,
    /// When it is due.
    pub section: Section,
    /// The engine's own word for it, e.g. `FK CONSTRAINT`.
    pub what: String,
    /// Schema, empty when it has none.
    pub schema: String,
    /// Name, as the engine tags it.
    pub name: String,
    /// Owner, when it has one.
    pub owner: Option<String>,
    /// Ids of the entries that must exist before it.
    pub depends: Vec<u32>,
    /// The table, matview or index owner that it belongs to: an entry id.
    pub table: Option<u32>,
    /// The statements that make it, as one text.
    pub definition: String,
    /// The statements that drop it: names it exactly.
    pub drop: String,
    /// Tablespace, empty for the default.
    pub tablespace: String,
    /// Table access method, empty for the default.
    pub access_method: String,
    /// For an index-backed constraint: the definition of its index, when it can be built apart.
    pub index_definition: Option<String>,
    /// For a materialized view: whether it held rows.
    pub populated: bool,
}

impl SchemaEntry {
    /// `schema.name`, for people.
    pub fn display(&self) -> String {
        if self.schema.is_empty() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }
}

/// A table that holds rows of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Unique in the catalog; chunks name it.
    pub id: u32,
    /// The entry that makes it; `None` for an extension's configuration table.
    pub entry: Option<u32>,
    /// For an extension's configuration table: the extension's name.
    pub extension: Option<String>,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Columns that rows carry, in their order in the chunks (generated columns are not in it).
    pub columns: Vec<String>,
    /// The partition root's table entry, when it is a leaf.
    pub root: Option<u32>,
    /// True when rows must go through the root wherever they are loaded (hash of an enum).
    pub through_root: bool,
    /// True when rows must go through the root on a target of another encoding, collation or version.
    pub through_root_elsewhere: bool,
    /// Loads after the others: a check or generated column calls functions that may read other tables.
    pub late: bool,
    /// Selects the rows that belong to the snapshot (extension configuration): SQL that begins with `WHERE`.
    pub filter: Option<String>,
    /// Bytes on the source's disk, without indexes.
    pub bytes: u64,
    /// Left without rows by the config.
    pub without_rows: bool,
    /// All rows of all its chunks.
    pub sum: RowSum,
}

impl Table {
    /// `schema.name`, for people.
    pub fn display(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// Where a sequence stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceState {
    /// The entry that makes it; `None` for an extension's.
    pub entry: Option<u32>,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `last_value`
    pub last_value: i64,
    /// `is_called`
    pub is_called: bool,
}

/// An extension in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Name.
    pub name: String,
    /// Version at the source.
    pub version: String,
    /// Schema.
    pub schema: String,
}

/// A collation's recorded version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollationVersion {
    /// `schema.name`
    pub name: String,
    /// Provider.
    pub provider: String,
    /// The locale it means.
    pub locale: String,
    /// The version recorded at the source.
    pub version: Option<String>,
}

/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChunkContent {
    /// Rows of a table.
    Rows {
        /// The table's id.
        table: u32,
    },
    /// Large objects: metadata, one line each, as COPY text of five columns: `oid`, `owner` (a role's name),
    /// `grants` (a JSON array of `Grant`; `\N` is the engine's default), `comment`, `labels` (a JSON array
    /// of `[provider, label]`; `\N` is none).
    LargeObjectInfo,
    /// Large objects: contents in slices, as COPY text of three columns: `oid`, slice number from 0
    /// (of `LARGE_OBJECT_SLICE_BYTES`), bytes. An empty large object has one empty slice.
    LargeObjectData,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowFormat {
    /// The engine's text form: stable over versions, one line a row.
    #[default]
    Text,
    /// The engine's binary form, for what text cannot hold.
    Binary,
}

/// A piece of data: a range of an object's plaintext.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Index of the object in the manifest's header.
    pub object: u32,
    /// First byte in the object's plaintext.
    pub offset: u64,
    /// Bytes of plaintext.
    pub bytes: u64,
    /// What it holds.
    pub content: ChunkContent,
    /// How.
    pub format: RowFormat,
    /// Its rows.
    pub sum: RowSum,
}
