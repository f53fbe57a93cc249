//! The readable part of a manifest: what plan, retention, catalog, garbage
//! collection and key-less checks need.

use crate::base::digest::{Digest, RowSum};
use crate::model::desired::{Codec, EngineKind};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A snapshot's id: `20261120T020000Z-5f3a9c01`, sorts by time.
pub type SnapshotId = String;

/// The header of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// Id of the snapshot.
    pub id: SnapshotId,
    /// Name of the database's entry in the config.
    pub database: String,
    /// Real name of the database.
    pub source_database: String,
    /// Name of the server's entry in the config.
    pub server: String,
    /// What the server runs.
    pub engine: EngineKind,
    /// Version of the server, e.g. `15.18`.
    pub server_version: String,
    /// The run that made it; snapshots of one server and run are a set.
    pub run: String,
    /// When the capture's view of the database was taken.
    #[schemars(with = "String")]
    pub taken: Timestamp,
    /// When the manifest was made.
    #[schemars(with = "String")]
    pub finished: Timestamp,
    /// How consistent it is.
    pub consistency: Consistency,
    /// Which earlier objects could be shared.
    pub mode: Mode,
    /// What it amounts to.
    pub totals: Totals,
    /// Every object, in the order the body refers to them.
    pub objects: Vec<ObjectRef>,
}

/// How far a snapshot is one moment of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// One moment of the database.
    Database,
    /// One moment of the whole server.
    Instance,
    /// Each table is one moment.
    Table,
    /// None is promised.
    None,
}

/// Which earlier snapshots' objects may be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// None.
    Full,
    /// Any.
    Incremental,
}

/// What a snapshot amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Tables with rows of their own.
    pub tables: u64,
    /// Schema entries.
    pub entries: u64,
    /// Roles.
    pub roles: u64,
    /// Large objects.
    pub large_objects: u64,
    /// All rows.
    pub sum: RowSum,
    /// Plaintext bytes of all objects.
    pub bytes: u64,
    /// Stored bytes of all objects.
    pub stored_bytes: u64,
    /// Stored bytes of objects that were there before.
    pub shared_bytes: u64,
    /// Size of the database at the source, as the server tells it.
    pub source_bytes: u64,
}

/// An object that a snapshot consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRef {
    /// Keyed BLAKE3 of the plaintext: its name.
    pub id: Digest,
    /// How it is compressed.
    pub codec: Codec,
    /// Bytes of plaintext.
    pub bytes: u64,
    /// Bytes as stored.
    pub stored_bytes: u64,
    /// BLAKE3 of the stored bytes: checked without any key.
    pub stored_digest: Digest,
}
