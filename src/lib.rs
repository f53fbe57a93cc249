//! dbb: declarative plan-and-apply backup and restore of databases.
//!
//! The house is cut in floors; a file imports only from floors below its own
//! (`docs/ARCHITECTURE.md` has the map, `tests/quick/floors.rs` the check).

pub mod app;
pub mod apply;
pub mod base;
pub mod cli;
pub mod codec;
pub mod config;
pub mod engine;
pub mod error;
pub mod journal;
pub mod model;
pub mod plan;
pub mod port;
pub mod repository;
pub mod secret;
pub mod storage;
