//! Child processes under a time limit: a hang fails the test, it does not block it.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

const POLL_EVERY: Duration = Duration::from_millis(3);

/// What a finished process left.
#[derive(Debug)]
pub struct Outcome {
    pub command: String,
    pub raw: Vec<u8>,
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub elapsed: Duration,
}

impl Outcome {
    /// Panics with everything the process said unless it ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert!(self.code == Some(code), "expected exit code {code} of {self}");
        self
    }

    /// Panics unless stdout or stderr contains `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(said, "expected {text:?} in the output of {self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, signal, elapsed, stdout, stderr, .. } = self;
        write!(f, "{command}\nexit code {code:?}, signal {signal:?}, after {elapsed:.1?}")?;
        write!(f, "\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// Runs `command` to its end; kills it and all its children, and panics, after `limit`.
#[track_caller]
pub fn run(command: &mut Command, limit: Duration) -> Outcome {
    Running::spawn(command).wait(limit)
}

/// Runs `command`, which must end with 0.
#[track_caller]
pub fn must(command: &mut Command, limit: Duration) -> Outcome {
    run(command, limit).expect(0)
}

/// Waits until `holds`; panics with `what` after `limit`.
#[track_caller]
pub fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for {what}");
        std::thread::sleep(POLL_EVERY);
    }
}

type Buffer = Arc<Mutex<Vec<u8>>>;

/// A process that goes on while the test does other things. Killed on drop, with its children.
pub struct Running {
    command: String,
    child: Child,
    started: Instant,
    out: (Buffer, Option<JoinHandle<()>>),
    err: (Buffer, Option<JoinHandle<()>>),
    ended: bool,
}

impl Running {
    #[track_caller]
    pub fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        let name = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let out = collect(child.stdout.take().expect("stdout is piped"));
        let err = collect(child.stderr.take().expect("stderr is piped"));
        Self { command: name, child, started: Instant::now(), out, err, ended: false }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the process alone, not to its children.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process(self.group(), signal);
    }

    /// kill -9 of the process alone: what a crash of it looks like to its children.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// What it has said so far on stdout and stderr.
    pub fn output(&self) -> String {
        let text = |buffer: &Buffer| String::from_utf8_lossy(&buffer.lock().unwrap()).into_owned();
        text(&self.out.0) + &text(&self.err.0)
    }

    /// Waits until its output contains `needle`; panics when it ends without, or after `limit`.
    #[track_caller]
    pub fn wait_for(&mut self, needle: &str, limit: Duration) {
        let what = format!("{needle:?} from {}", self.command);
        until(&what, limit, || {
            let found = self.output().contains(needle);
            let over = !found && matches!(self.child.try_wait(), Ok(Some(_)));
            assert!(!over || self.output().contains(needle), "ended without {what}: {}", self.output());
            found
        });
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    #[track_caller]
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break status;
            }
            if self.started.elapsed() > limit {
                self.kill_group();
                panic!("{} did not end within {limit:?}; it said:\n{}", self.command, self.output());
            }
            std::thread::sleep(POLL_EVERY);
        };
        self.outcome(status)
    }

    fn outcome(&mut self, status: ExitStatus) -> Outcome {
        let elapsed = self.started.elapsed();
        self.kill_group();
        let raw = finish(&mut self.out);
        let stderr = finish(&mut self.err);
        Outcome {
            command: std::mem::take(&mut self.command),
            stdout: String::from_utf8_lossy(&raw).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            raw,
            code: status.code(),
            signal: status.signal(),
            elapsed,
        }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32).expect("a pid is not zero")
    }

    /// Ends the children too: one that lives on would hold the pipes open and with them the test.
    fn kill_group(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            let _ = rustix::process::kill_process_group(self.group(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> (Buffer, Option<JoinHandle<()>>) {
    let buffer = Buffer::default();
    let shared = buffer.clone();
    let reader = std::thread::spawn(move || {
        let mut chunk = [0; 16384];
        while let Ok(n @ 1..) = stream.read(&mut chunk) {
            shared.lock().unwrap().extend_from_slice(&chunk[..n]);
        }
    });
    (buffer, Some(reader))
}

fn finish((buffer, reader): &mut (Buffer, Option<JoinHandle<()>>)) -> Vec<u8> {
    if let Some(reader) = reader.take() {
        let _ = reader.join();
    }
    std::mem::take(&mut buffer.lock().unwrap())
}
