//! A network between a client and a server that misbehaves on command.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::process;

const NEVER: u64 = u64::MAX;
const CHUNK_BYTES: usize = 16 * 1024;

/// Forwards loopback connections to a loopback port. All faults may be changed at any time.
pub struct TcpProxy {
    port: u16,
    faults: Arc<Faults>,
}

struct Faults {
    budget: Mutex<Budget>,
    cuts_done: AtomicU64,
    refusing: AtomicBool,
    stalled: AtomicBool,
    latency_us: AtomicU64,
    rate_bytes_per_s: AtomicU64,
    passed_bytes: AtomicU64,
    accepted: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    over: AtomicBool,
}

/// Server bytes that may pass before all open connections are cut, and how often that happens.
struct Budget {
    left_bytes: u64,
    every_bytes: u64,
    cuts_left: u64,
}

impl TcpProxy {
    pub fn start(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let faults = Arc::new(Faults {
            budget: Mutex::new(Budget { left_bytes: NEVER, every_bytes: NEVER, cuts_left: 0 }),
            cuts_done: AtomicU64::new(0),
            refusing: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            latency_us: AtomicU64::new(0),
            rate_bytes_per_s: AtomicU64::new(NEVER),
            passed_bytes: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            open: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let shared = faults.clone();
        std::thread::spawn(move || accept(&listener, server_port, &shared));
        Self { port, faults }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections once the server has sent `bytes` more, `times` times over.
    pub fn cut_after(&self, bytes: u64, times: u64) {
        let left_bytes = if times == 0 { NEVER } else { bytes };
        *self.faults.budget.lock().unwrap() = Budget { left_bytes, every_bytes: bytes, cuts_left: times };
    }

    /// Cuts every open connection now.
    pub fn cut_now(&self) {
        self.faults.cut();
    }

    /// Turns new connections away at once, or no longer.
    pub fn refuse(&self, refusing: bool) {
        self.faults.refusing.store(refusing, Ordering::SeqCst);
    }

    /// Passes nothing on and closes nothing, as a network that swallows packets; or no longer.
    pub fn stall(&self, stalled: bool) {
        self.faults.stalled.store(stalled, Ordering::SeqCst);
    }

    /// Holds every piece back for this long, in each direction.
    pub fn latency(&self, latency: Duration) {
        self.faults.latency_us.store(latency.as_micros() as u64, Ordering::SeqCst);
    }

    /// Lets each connection and direction pass this many bytes a second.
    pub fn rate(&self, bytes_per_s: u64) {
        self.faults.rate_bytes_per_s.store(bytes_per_s, Ordering::SeqCst);
    }

    /// How often connections were cut so far.
    pub fn cuts(&self) -> u64 {
        self.faults.cuts_done.load(Ordering::SeqCst)
    }

    /// Connections taken so far.
    pub fn accepted(&self) -> u64 {
        self.faults.accepted.load(Ordering::SeqCst)
    }

    /// Bytes that came from the server so far.
    pub fn passed_bytes(&self) -> u64 {
        self.faults.passed_bytes.load(Ordering::SeqCst)
    }

    /// Waits until the server has sent this many bytes.
    #[track_caller]
    pub fn wait_passed(&self, bytes: u64, limit: Duration) {
        process::until("bytes to pass the proxy", limit, || self.passed_bytes() >= bytes);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.faults.over.store(true, Ordering::SeqCst);
        self.faults.cut();
        // Wakes the accepting thread, which then ends.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Faults {
    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many of `bytes` from the server may pass; fewer than all: the caller has to cut.
    fn spend(&self, bytes: u64) -> u64 {
        self.passed_bytes.fetch_add(bytes, Ordering::SeqCst);
        let mut budget = self.budget.lock().unwrap();
        if budget.left_bytes == NEVER || budget.left_bytes >= bytes {
            if budget.left_bytes != NEVER {
                budget.left_bytes -= bytes;
            }
            return bytes;
        }
        let passing = budget.left_bytes;
        budget.cuts_left -= 1;
        budget.left_bytes = if budget.cuts_left == 0 { NEVER } else { budget.every_bytes };
        self.cuts_done.fetch_add(1, Ordering::SeqCst);
        passing
    }

    fn hold_back(&self, bytes: usize) {
        let latency = Duration::from_micros(self.latency_us.load(Ordering::SeqCst));
        let rate = self.rate_bytes_per_s.load(Ordering::SeqCst);
        let transfer = Duration::from_secs_f64(bytes as f64 / rate as f64);
        std::thread::sleep(latency + transfer);
        while self.stalled.load(Ordering::SeqCst) && !self.over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn accept(listener: &TcpListener, server_port: u16, faults: &Arc<Faults>) {
    for client in listener.incoming().flatten() {
        if faults.over.load(Ordering::SeqCst) {
            return;
        }
        faults.accepted.fetch_add(1, Ordering::SeqCst);
        if !faults.refusing.load(Ordering::SeqCst) {
            // A failure drops the client, which sees a closed connection.
            let _ = connect(client, server_port, faults);
        }
    }
}

fn connect(client: TcpStream, server_port: u16, faults: &Arc<Faults>) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server_port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    faults.open.lock().unwrap().extend([client.try_clone()?, server.try_clone()?]);
    let (client_too, server_too, faults_too) = (client.try_clone()?, server.try_clone()?, faults.clone());
    let faults = faults.clone();
    std::thread::spawn(move || pump(client_too, server_too, &faults_too, false));
    std::thread::spawn(move || pump(server, client, &faults, true));
    Ok(())
}

fn pump(mut from: TcpStream, mut to: TcpStream, faults: &Faults, from_server: bool) {
    let mut chunk = [0; CHUNK_BYTES];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        faults.hold_back(n);
        let passing = if from_server { faults.spend(n as u64) as usize } else { n };
        if to.write_all(&chunk[..passing]).is_err() {
            break;
        }
        if passing < n {
            faults.cut();
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
