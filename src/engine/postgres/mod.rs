//! PostgreSQL, versions 12 to 18.

pub mod archive;
pub mod capture;
pub mod connect;
pub mod error;
pub mod observe;
pub mod preflight;
pub mod quote;
pub mod restore;
pub mod session;
pub mod sniff;
pub mod tls;
pub mod tools;

use crate::port::clock::Clock;
use crate::port::secret::SecretSource;
use std::path::PathBuf;
use std::sync::Arc;

/// PostgreSQL as an engine.
#[derive(Clone)]
pub struct Postgres {
    /// Where passwords come from.
    pub secrets: Arc<dyn SecretSource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// A private directory for pg_dump's archives and password files.
    pub scratch: PathBuf,
    /// Directories to look for client tools in: the search path of the environment.
    pub tools_path: Vec<PathBuf>,
}
