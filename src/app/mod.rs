//! Floor 6: use cases, one file each. They return data; nothing here prints.
//! `registry` is the only file that names concrete adapters.

pub mod apply;
pub mod cat;
pub mod doctor;
pub mod environment;
pub mod find;
pub mod graph;
pub mod init;
pub mod load;
pub mod ls;
pub mod observe;
pub mod plan;
pub mod registry;
pub mod resume;
pub mod runbook;
pub mod runs;
pub mod show;
pub mod snapshots;
pub mod unlock;
pub mod verify;

use crate::error::Error;
use crate::port::clock::Clock;
use crate::port::reporter::Reporter;
use crate::port::secret::SecretSource;
use std::sync::Arc;

/// Everything that went wrong, when that may be several things at once.
pub type Problems = Vec<Error>;

/// What every use case works with.
#[derive(Clone)]
pub struct App {
    /// The surroundings of the process, read once.
    pub environment: environment::Environment,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// Who is told what happens.
    pub reporter: Arc<dyn Reporter>,
}
