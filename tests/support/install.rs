//! Where `tests/servers/install.sh` put the programs, by the rule it states.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder that holds `pg15/bin`, `pg16/bin` and `pg18/bin`.
pub fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(cache) = set("DBB_TEST_CACHE") {
        return cache.into();
    }
    if is_root() {
        return "/var/cache/dbb-test".into();
    }
    let home = || PathBuf::from(set("HOME").expect("HOME is set")).join(".cache");
    set("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("dbb-test")
}

/// The folder of the programs of PostgreSQL `major`.
pub fn bin_dir(major: u32) -> PathBuf {
    let dir = cache().join(format!("pg{major}/bin"));
    let probe = dir.join("postgres");
    assert!(
        probe.exists(),
        "PostgreSQL {major} for tests is not installed ({} is missing): run tests/servers/install.sh",
        probe.display()
    );
    dir
}

/// A program of PostgreSQL `major`, as `bin(18, "pg_dump")`.
pub fn bin(major: u32, program: &str) -> PathBuf {
    bin_dir(major).join(program)
}

/// Makes the extension whose control file and scripts are in `dir` available to servers of `major`.
/// It stays installed: use a name that no real extension has.
pub fn add_extension(major: u32, dir: &Path) {
    let said = Command::new(bin(major, "pg_config")).arg("--sharedir").output().expect("pg_config runs");
    let share = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()).join("extension");
    for entry in std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let from = entry.expect("a folder can be listed").path();
        // Written aside and renamed: another test process may install or read the same file now.
        let to = share.join(from.file_name().expect("a file has a name"));
        let aside = to.with_extension(format!("new{}", std::process::id()));
        let copied = std::fs::copy(&from, &aside).and_then(|_| std::fs::rename(&aside, &to));
        copied.unwrap_or_else(|error| panic!("install {}: {error}: only root may, mostly", to.display()));
    }
}

pub fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// User and group that servers run as when the tests are root: servers refuse root.
pub fn server_ids() -> Option<(u32, u32)> {
    static IDS: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *IDS.get_or_init(|| {
        if !is_root() {
            return None;
        }
        let users = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
        let line = users.lines().find(|line| line.starts_with("postgres:"));
        let line = line.expect("there is a user postgres: run tests/servers/install.sh");
        let id = |field: usize| line.split(':').nth(field).and_then(|id| id.parse().ok());
        Some((id(2).expect("user id"), id(3).expect("group id")))
    })
}

/// `program`, to be run as the user that servers run as.
pub fn as_server(program: &Path) -> Command {
    let mut command = match server_ids() {
        None => Command::new(program),
        Some(_) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
            command.arg(program);
            command
        }
    };
    clean(&mut command);
    command.current_dir("/");
    command
}

/// Takes the variables away by which a caller's shell would redirect PostgreSQL's programs.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
}

/// Gives a file or folder to the user that servers run as.
pub fn give_to_server(path: &Path) {
    if let Some((user, group)) = server_ids() {
        std::os::unix::fs::chown(path, Some(user), Some(group))
            .unwrap_or_else(|error| panic!("chown {}: {error}", path.display()));
    }
}
