//! File work runs where blocking is fine.

use crate::error::{Error, Result};

/// Runs file work where blocking is fine.
///
/// # Errors
/// Those of `work`; `DBB-BUG` when it panics
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::bug("file work ended early").cause(error.to_string())))
}
