//! The surroundings of the process, read once at the start.

use std::path::PathBuf;

/// What dbb knows of where it runs.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Directories of the search path.
    pub path: Vec<PathBuf>,
    /// Who runs it: `user@host`.
    pub who: String,
    /// A folder for temporary files.
    pub temp: PathBuf,
    /// Kill the process after this many journal records: for crash tests.
    pub crash_after_records: Option<u64>,
}

impl Environment {
    /// Reads it. The one place besides `secret/` that looks at environment variables.
    #[allow(clippy::disallowed_methods)]
    pub fn read() -> Self {
        let path = std::env::var_os("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default();
        let user = std::env::var("USER")
            .or_else(|_| std::env::var("LOGNAME"))
            .unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Environment {
            path,
            who: format!("{user}@{host}"),
            temp: std::env::temp_dir(),
            crash_after_records: std::env::var("DBB_CRASH_AFTER_RECORDS").ok().and_then(|n| n.parse().ok()),
        }
    }
}
