//! Ends what a test started, however the test ends.
//!
//! A guard is a shell that waits for the end of its standard input, whose other end only the test
//! process holds. When that closes, by drop, panic, exit or `kill -9`, the shell stops the server
//! and removes its folder. It ignores the terminal's signals, which reach a whole foreground group.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::install;

const SCRIPT: &str = r#"
trap '' INT TERM HUP
dir=$1; shift
read -r _
"$@"
rm -rf "$dir"
"#;

pub struct Guard {
    shell: Child,
    dir: PathBuf,
}

impl Guard {
    /// A new folder, readable by servers, and a guard over it that runs `stop(folder)` at the end.
    pub fn over_new_dir(name: &str, stop: impl FnOnce(&Path) -> Command) -> Self {
        let dir = tempfile::Builder::new().prefix(&format!("dbb-{name}-")).tempdir();
        let dir = dir.expect("a temporary folder can be made");
        let stop = stop(dir.path());
        let dir = dir.keep();
        install::give_to_server(&dir);
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "guard"]).arg(&dir).arg(stop.get_program()).args(stop.get_args());
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.process_group(0).current_dir("/");
        Self { shell: shell.spawn().expect("sh starts"), dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
