//! A throwaway PostgreSQL server on a free loopback port.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::guard::Guard;
use super::install;
use super::process;

const START_LIMIT: Duration = Duration::from_secs(90);
const STARTS_MAX: usize = 5;

/// How a cluster is made. Trusts every login from loopback, as superuser `postgres`, until `set_hba`.
#[derive(Clone)]
pub struct Options {
    pub(super) major: u32,
    initdb: Vec<String>,
    settings: Vec<(String, String)>,
    durable: bool,
}

impl Options {
    /// `major`: 15 (SSL, ICU, contrib), 16 or 18 (none of these).
    pub fn new(major: u32) -> Self {
        Self { major, initdb: Vec::new(), settings: Vec::new(), durable: false }
    }

    /// A line of postgresql.conf.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// An argument of initdb; a later one wins over the default `--encoding=UTF8 --locale=C.UTF-8`.
    pub fn initdb(mut self, argument: &str) -> Self {
        self.initdb.push(argument.into());
        self
    }

    /// Commits reach the disk, for tests that crash the server's machine in thought.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    pub fn start(self) -> Cluster {
        let cluster = Cluster::new_dir(self.major);
        cluster.initdb(&self.initdb);
        let mut conf = String::from(
            "listen_addresses = '127.0.0.1'\nmax_connections = 200\nwal_level = logical\n\
             max_prepared_transactions = 10\n",
        );
        if !self.durable {
            conf.push_str("fsync = off\nfull_page_writes = off\n");
        }
        cluster.append_conf(&conf);
        for (name, value) in &self.settings {
            cluster.set(name, value);
        }
        cluster.start_on_free_port();
        cluster
    }
}

/// Stopped and removed on drop, and also when the test process dies.
pub struct Cluster {
    pub major: u32,
    port: AtomicU32,
    guard: Guard,
}

impl Cluster {
    /// A private cluster with the default options.
    pub fn start(major: u32) -> Self {
        Options::new(major).start()
    }

    /// The cluster of this major that all tests of the process share: make databases with
    /// [`Cluster::new_database`], give roles names of the test's own, and change no setting.
    pub fn shared(major: u32) -> &'static Self {
        static SHARED: [OnceLock<Cluster>; 3] = [const { OnceLock::new() }; 3];
        let slot = match major {
            15 => 0,
            16 => 1,
            18 => 2,
            _ => panic!("no PostgreSQL {major} for tests: 15, 16 or 18"),
        };
        SHARED[slot].get_or_init(|| Self::start(major))
    }

    pub(super) fn new_dir(major: u32) -> Self {
        let guard = Guard::over_new_dir(&format!("pg{major}"), |dir| {
            let mut stop = install::as_server(&install::bin(major, "pg_ctl"));
            stop.args(["stop", "-s", "-w", "-t", "30", "-m", "immediate", "-D"]).arg(dir.join("data"));
            stop
        });
        Self { major, port: AtomicU32::new(0), guard }
    }

    fn initdb(&self, arguments: &[String]) {
        let mut initdb = install::as_server(&self.bin("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--no-sync", "--no-instructions"]);
        initdb.args(["--encoding=UTF8", "--locale=C.UTF-8"]).args(arguments);
        process::must(initdb.arg("-D").arg(self.data()), START_LIMIT);
    }

    /// Another process may take the port between our look and the start: then the next one.
    pub(super) fn start_on_free_port(&self) {
        for _ in 0..STARTS_MAX {
            let port = free_port();
            self.port.store(port.into(), Ordering::Relaxed);
            self.append_conf(&format!("port = {port}\nunix_socket_directories = '{}'\n", self.dir().display()));
            let outcome = process::run(&mut self.pg_ctl_start(), START_LIMIT);
            if outcome.code == Some(0) {
                return;
            }
            let log = self.log();
            assert!(log.contains("Address already in use"), "PostgreSQL does not start: {outcome}\n{log}");
        }
        panic!("no free port in {STARTS_MAX} tries");
    }

    fn pg_ctl_start(&self) -> Command {
        let mut command = install::as_server(&self.bin("pg_ctl"));
        command.args(["start", "-s", "-w", "-t", "60", "-D"]).arg(self.data()).arg("-l").arg(self.log_path());
        command
    }

    /// Starts a stopped or killed server again, on the same port.
    pub fn start_again(&self) {
        let outcome = process::run(&mut self.pg_ctl_start(), START_LIMIT);
        assert!(outcome.code == Some(0), "PostgreSQL does not start again: {outcome}\n{}", self.log());
    }

    /// Stops the server: `mode` is `smart`, `fast` or `immediate`.
    pub fn stop(&self, mode: &str) {
        let mut command = install::as_server(&self.bin("pg_ctl"));
        command.args(["stop", "-s", "-w", "-t", "60", "-m", mode, "-D"]).arg(self.data());
        process::must(&mut command, START_LIMIT);
    }

    /// An orderly restart; connections are cut.
    pub fn restart(&self) {
        self.stop("fast");
        self.start_again();
    }

    /// kill -9 of the postmaster and of all its processes.
    pub fn kill(&self) {
        let postmaster = self.postmaster();
        send(postmaster, Signal::STOP);
        let mut pids = children(postmaster);
        pids.push(postmaster);
        pids.iter().for_each(|&pid| send(pid, Signal::KILL));
        process::until("the killed server to be gone", START_LIMIT, || !pids.iter().copied().any(is_alive));
        // Until somebody collects the dead postmaster, the next one takes it for a running one.
        for lock in [self.data().join("postmaster.pid"), self.dir().join(format!(".s.PGSQL.{}.lock", self.port()))] {
            std::fs::remove_file(&lock).unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
        }
    }

    pub fn postmaster(&self) -> i32 {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("the server runs");
        text.lines().next().and_then(|pid| pid.trim().parse().ok()).expect("postmaster.pid starts with a pid")
    }

    pub fn reload(&self) {
        let mut command = install::as_server(&self.bin("pg_ctl"));
        process::must(command.args(["reload", "-s", "-D"]).arg(self.data()), START_LIMIT);
    }

    /// Appends a setting to postgresql.conf; the server sees it after `reload` or `restart`.
    pub fn set(&self, name: &str, value: &str) {
        self.append_conf(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    }

    /// Replaces pg_hba.conf by `lines` and reloads. The Unix socket stays open to the harness.
    pub fn set_hba(&self, lines: &[&str]) {
        let mut text = String::from("local all postgres trust\nlocal replication postgres trust\n");
        for line in lines {
            writeln!(text, "{line}").expect("a string takes all");
        }
        std::fs::write(self.data().join("pg_hba.conf"), text).expect("pg_hba.conf is writable");
        self.reload();
        let loaded = "select count(*) from pg_hba_file_rules";
        let lines = (lines.len() + 2).to_string();
        process::until("pg_hba.conf to be read", START_LIMIT, || self.query("postgres", loaded) == lines);
    }

    pub(super) fn append_conf(&self, text: &str) {
        use std::io::Write;
        let path = self.data().join("postgresql.conf");
        let file = std::fs::OpenOptions::new().append(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("postgresql.conf is writable");
    }

    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed) as u16
    }

    /// The folder of the cluster: socket, log and `data/`.
    pub fn dir(&self) -> &Path {
        self.guard.dir()
    }

    pub fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.dir().join("log")
    }

    /// All that the server has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A program of the server's own major.
    pub fn bin(&self, program: &str) -> PathBuf {
        install::bin(self.major, program)
    }

    /// A libpq connection string over TCP.
    pub fn conninfo(&self, database: &str) -> String {
        let database = database.replace('\\', "\\\\").replace('\'', "\\'");
        format!("host=127.0.0.1 port={} user=postgres dbname='{database}'", self.port())
    }
}

impl Drop for Cluster {
    /// The log of a failed test's server is the first thing one looks for.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.lines().rev().take(15).collect::<Vec<_>>();
            eprintln!("--- last lines of the log of PostgreSQL {} on {}", self.major, self.port());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn send(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a pid is not zero");
    let _ = rustix::process::kill_process(pid, signal);
}

/// Neither gone nor a zombie.
fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

fn children(parent: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
