//! Floor 4: what a run leaves on disk. One folder a run: the plan, the
//! journal, the report. The journal is append-only, one self-checking line a
//! record, each chained to the one before, synced before the caller goes on.

mod line;
pub mod lock;
mod runs;
mod writer;

pub use line::{Recovered, recover};
pub use runs::{Opened, Runs};
pub use writer::{Journal, OnRecord};

use crate::error::{Code, Error, code};
use std::io;
use std::path::Path;

/// An operating system's error on a file of the state.
pub(crate) fn io_error(doing: &str, path: &Path, error: &io::Error) -> Error {
    let code: &'static Code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => code::STORAGE_FULL,
        io::ErrorKind::PermissionDenied => code::STORAGE_DENIED,
        io::ErrorKind::ReadOnlyFilesystem => code::STORAGE_READ_ONLY,
        _ => code::STORAGE_IO,
    };
    Error::new(code, format!("{} could not be {doing}", path.display()))
        .cause(error.to_string())
        .fix("make room or give access there, or choose another place: --state-dir DIR")
}
