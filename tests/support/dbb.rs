//! The built program, run in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cluster::Cluster;
use super::install;
use super::process::{Outcome, Running};

const RUN_LIMIT: Duration = Duration::from_secs(120);

/// A folder to run `dbb` in, with an environment that holds nothing of the caller's.
pub struct Dbb {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
    limit: Duration,
}

impl Dbb {
    /// An empty folder.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("dbb-run-").tempdir().expect("a temporary folder can be made");
        Self { dir, env: Vec::new(), limit: RUN_LIMIT }
    }

    /// A folder with this text as `dbb.yaml`.
    pub fn with_config(yaml: &str) -> Self {
        let dbb = Self::new();
        dbb.write("dbb.yaml", yaml);
        dbb
    }

    /// A server of the config, as the value of `servers.NAME`, on one line.
    pub fn server(cluster: &Cluster) -> String {
        Self::server_at(cluster.port())
    }

    /// As `server`, for a pooler's or a proxy's port.
    pub fn server_at(port: u16) -> String {
        format!("{{engine: postgres, host: 127.0.0.1, port: {port}, user: postgres}}")
    }

    /// Writes a file of the folder; folders on the way are made.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        std::fs::write(&path, text).expect("the folder is writable");
        path
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A variable that every later run sees.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How long a run may take before it is killed and the test fails; 120 s unless told.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The command, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dbb"));
        command.args(arguments).current_dir(self.dir()).env_clear();
        command.env("HOME", self.dir()).env("LANG", "C.UTF-8").env("PATH", path());
        for name in ["LLVM_PROFILE_FILE", "RUST_BACKTRACE", "TMPDIR", "DBB_TEST_CACHE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end; the exit code is for the test to judge: `.expect(0)`.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.spawn(arguments).wait(self.limit)
    }

    /// Starts a run to be watched, signalled or killed.
    #[track_caller]
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        Running::spawn(&mut self.command(arguments))
    }
}

/// Programs of 18 come first: they read servers of every major the tests have.
fn path() -> std::ffi::OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let dirs = [install::cache().join("pg18/bin"), install::cache().join("pg15/bin")];
    std::env::join_paths(dirs.into_iter().chain(std::env::split_paths(&rest))).expect("no colon in a folder's name")
}
