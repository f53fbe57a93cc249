//! The lock of a state directory: a lease with an owner that can be read, an
//! expiry and a token that only grows. It is renewed while its holder lives.

use crate::base::files;
use crate::error::{Error, Result, code};
use crate::journal::io_error;
use crate::port::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a lease holds without being renewed.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(30);
/// How long to wait for another process that reads or writes the lock: it takes milliseconds.
const GUARD_WAIT: Duration = Duration::from_secs(10);
const GUARD_PAUSE: Duration = Duration::from_millis(20);
/// Bytes of a lock file.
const LOCK_BYTES_MAX: u64 = 64 << 10;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    id: String,
    token: u64,
    owner: String,
    command: String,
    pid: u32,
    /// When the process was started, in the kernel's ticks: tells a reused pid apart.
    pid_started: u64,
    /// Which processes its pid is counted among: containers may share a host name.
    pid_namespace: String,
    acquired: Timestamp,
    expires: Timestamp,
}

/// The lock, held. Let go with `release`; a process that dies leaves it to be taken over.
pub struct StateLock {
    state_dir: PathBuf,
    lease: Lease,
    renewal: tokio::task::JoinHandle<()>,
    warnings: Vec<String>,
}

impl StateLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// `DBB-STATE-LOCKED` naming the holder, `DBB-STATE-DAMAGED`, `DBB-STORAGE-*`
    pub async fn acquire(state_dir: &Path, owner: &str, command: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        files::create_dir(state_dir).map_err(|e| io_error("created", state_dir, &e))?;
        let guard = Guard::take(state_dir)?;
        let now = clock.now();
        let mut warnings = Vec::new();
        let before = read(state_dir)?;
        if let Some(held) = &before {
            let neighbour = held.owner == owner && held.pid_namespace == pid_namespace();
            if neighbour && !lives(held) {
                warnings.push(format!("took over the lock of {} (pid {} is gone)", held.owner, held.pid));
            } else if !neighbour && held.expires < now {
                warnings.push(format!("took over the lock of {}, which expired at {}", held.owner, held.expires));
            } else {
                return Err(locked(held, now));
            }
        }
        let mut random = [0u8; 4];
        getrandom::fill(&mut random).map_err(|e| Error::bug("no randomness").cause(e.to_string()))?;
        let lease = Lease {
            id: hex::encode(random),
            token: before.map_or(1, |held| held.token + 1).max(last_token(state_dir) + 1),
            owner: owner.to_owned(),
            command: command.to_owned(),
            pid: std::process::id(),
            pid_started: pid_started(std::process::id()).unwrap_or(0),
            pid_namespace: pid_namespace(),
            acquired: now,
            expires: now + LEASE,
        };
        write(state_dir, &lease)?;
        let token = token_path(state_dir);
        files::write(&token, lease.token.to_string().as_bytes()).map_err(|e| io_error("written", &token, &e))?;
        drop(guard);
        let renewal = tokio::spawn(renew(state_dir.to_owned(), lease.clone(), clock));
        Ok(StateLock { state_dir: state_dir.to_owned(), lease, renewal, warnings })
    }

    /// What to know of how it was taken.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// Lets go.
    pub async fn release(self) {
        self.renewal.abort();
        if let Ok(_guard) = Guard::take(&self.state_dir)
            && let Ok(Some(held)) = read(&self.state_dir)
            && held.token == self.lease.token
        {
            // left in place it would only be taken over with a warning
            let _ = std::fs::remove_file(lock_path(&self.state_dir));
        }
    }
}

async fn renew(state_dir: PathBuf, lease: Lease, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let Ok(_guard) = Guard::take(&state_dir) else { continue };
        match read(&state_dir) {
            Ok(Some(held)) if held.token == lease.token => {
                let renewed = Lease { expires: clock.now() + LEASE, ..lease.clone() };
                if let Err(error) = write(&state_dir, &renewed) {
                    tracing::warn!(%error, "the state's lock could not be renewed");
                }
            }
            // broken or taken over: it is not ours to renew
            _ => return,
        }
    }
}

/// Breaks the lock `id`; who did it and why is added to `unlocks.log`. Returns whose it was.
///
/// # Errors
/// `DBB-STATE-LOCKED` when the lock has another id, `DBB-RUN-NOTHING` when there is none
pub async fn unlock(state_dir: &Path, id: &str, reason: &str, by: &str, now: Timestamp) -> Result<String> {
    if !state_dir.is_dir() {
        return Err(nothing(state_dir));
    }
    let _guard = Guard::take(state_dir)?;
    let Some(held) = read(state_dir)? else { return Err(nothing(state_dir)) };
    if held.id != id {
        return Err(locked(&held, now).cause(format!("\"{}\" is not its id", id.escape_debug())));
    }
    let path = state_dir.join("unlocks.log");
    let entry = serde_json::json!({"at": now, "by": by, "reason": reason, "lock": held});
    let file = match OpenOptions::new().append(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => files::create_new(&path),
        other => other,
    };
    file.and_then(|mut file| {
        file.write_all(format!("{entry}\n").as_bytes())?;
        file.sync_all()
    })
    .map_err(|e| io_error("written", &path, &e))?;
    let path = lock_path(state_dir);
    std::fs::remove_file(&path).map_err(|e| io_error("removed", &path, &e))?;
    Ok(format!("{} (pid {}, {})", held.owner, held.pid, held.command))
}

fn nothing(state_dir: &Path) -> Error {
    Error::new(code::RUN_NOTHING, format!("{} is not locked", state_dir.display()))
}

fn locked(held: &Lease, now: Timestamp) -> Error {
    let seconds = now.duration_since(held.acquired).as_secs().max(0);
    let age = crate::base::units::duration(Duration::from_secs(seconds.unsigned_abs()));
    Error::new(code::STATE_LOCKED, format!("another run holds the lock {}", held.id))
        .cause(format!("{} (pid {}) has run \"dbb {}\" for {age}", held.owner, held.pid, held.command))
        .fix("wait for it to end, then run this again: dbb runs")
        .fix(format!("if it is surely gone: dbb unlock {} --reason \"...\"", held.id))
}

fn lock_path(state_dir: &Path) -> PathBuf {
    state_dir.join("lock")
}

fn token_path(state_dir: &Path) -> PathBuf {
    state_dir.join("lock.token")
}

fn last_token(state_dir: &Path) -> u64 {
    files::read(&token_path(state_dir), LOCK_BYTES_MAX)
        .ok()
        .and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok())
        .unwrap_or(0)
}

fn read(state_dir: &Path) -> Result<Option<Lease>> {
    let path = lock_path(state_dir);
    let text = match files::read(&path, LOCK_BYTES_MAX) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", &path, &error)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|e| {
        Error::new(code::STATE_DAMAGED, format!("the lock {} cannot be understood", path.display()))
            .cause(e.to_string())
            .fix("make sure that no other dbb uses this state directory, then remove the file")
    })
}

fn write(state_dir: &Path, lease: &Lease) -> Result<()> {
    let path = lock_path(state_dir);
    let text = serde_json::to_vec_pretty(lease).map_err(|e| Error::bug(e.to_string()))?;
    files::write(&path, &text).map_err(|e| io_error("written", &path, &e))
}

/// Whether the holder's process lives. Only asked of holders on this host.
fn lives(held: &Lease) -> bool {
    pid_started(held.pid).is_some_and(|started| started == held.pid_started)
}

fn pid_namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").map(|link| link.display().to_string()).unwrap_or_default()
}

/// When a process was started: field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)).
fn pid_started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the command's name may hold anything: fields are counted behind its last parenthesis
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Keeps two processes from reading and writing the lock at the same moment.
struct Guard {
    _file: File,
}

impl Guard {
    fn take(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join("lock.guard");
        let file = match files::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(&path),
            other => other,
        };
        let file = file.map_err(|e| io_error("opened", &path, &e))?;
        let begun = std::time::Instant::now();
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Guard { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < GUARD_WAIT => std::thread::sleep(GUARD_PAUSE),
                Err(error) => return Err(io_error("locked", &path, &error.into())),
            }
        }
    }
}
