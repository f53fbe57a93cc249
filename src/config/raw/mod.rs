//! The YAML as it is written: one file a section. Every field is optional in Rust, so that what
//! is right is still checked where something else is wrong; what must be there is said by the
//! schema (`#[schemars(required)]`). Docs of fields are what editors show.

pub mod config;
pub mod database;
pub mod defaults;
pub mod repository;
pub mod runbook;
pub mod secret;
pub mod server;
pub mod target;

use schemars::{Schema, SchemaGenerator, json_schema};

/// Schema of `version:`, the only one there is.
pub(crate) fn version_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": 1})
}
