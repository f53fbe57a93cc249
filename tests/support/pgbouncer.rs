//! PgBouncer in transaction mode before a cluster.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::cluster::{Cluster, free_port};
use super::guard::Guard;
use super::install;
use super::process::{self, Running};

/// Passes every database of the cluster on; logins are trusted.
pub struct PgBouncer {
    port: u16,
    running: Running,
    guard: Guard,
}

impl PgBouncer {
    /// `pool`: server connections per database and user.
    pub fn start(cluster: &Cluster, pool: u32) -> Self {
        let guard = Guard::over_new_dir("pgbouncer", |dir| {
            let mut stop = Command::new("sh");
            stop.args(["-c", r#"kill "$(cat "$1/pid")""#, "stop"]).arg(dir);
            stop
        });
        let port = free_port();
        let dir = guard.dir();
        let ini = ini(dir, port, cluster.port(), pool);
        write(&dir.join("users.txt"), "\"postgres\" \"\"\n");
        write(&dir.join("pgbouncer.ini"), &ini);
        let mut command = install::as_server(&program());
        let running = Running::spawn(command.arg("-q").arg(dir.join("pgbouncer.ini")));
        let mut bouncer = Self { port, running, guard };
        process::until("PgBouncer to listen", Duration::from_secs(30), || {
            assert!(bouncer.running.is_running(), "PgBouncer ended: {}", bouncer.running.output());
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        bouncer
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.guard.dir().join("log")).unwrap_or_default()
    }
}

fn ini(dir: &Path, port: u16, server_port: u16, pool: u32) -> String {
    let dir = dir.display();
    format!(
        "[databases]\n* = host=127.0.0.1 port={server_port}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = trust\nauth_file = {dir}/users.txt\nadmin_users = postgres\n\
         pool_mode = transaction\ndefault_pool_size = {pool}\nmax_client_conn = 50\n\
         ignore_startup_parameters = extra_float_digits,options\n\
         pidfile = {dir}/pid\nlogfile = {dir}/log\n"
    )
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a temporary folder is writable");
    install::give_to_server(path);
}

fn program() -> PathBuf {
    let candidates = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
    let found = candidates.iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("PgBouncer is not installed: run tests/servers/install.sh")
}
