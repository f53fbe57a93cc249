//! Breaks a lock that nobody holds any more.

use crate::app::App;
use crate::error::Result;
use crate::journal::lock;
use std::path::Path;

/// Breaks the lock `id` of a state directory; who did it and why is kept. Returns whose it was.
///
/// # Errors
/// `DBB-STATE-LOCKED` when the lock is another one; `DBB-STATE-DAMAGED`
pub async fn unlock(app: &App, state_dir: &Path, id: &str, reason: &str) -> Result<String> {
    lock::unlock(state_dir, id, reason, &app.environment.who, app.clock.now()).await
}
