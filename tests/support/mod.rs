//! Real servers, the built `dbb`, and judges that share no code with it.
//!
//! - [`Cluster`]: a throwaway PostgreSQL server, private or shared by the tests of a binary
//! - [`PgBouncer`]: a transaction pooler before one
//! - [`Oracle`]: says whether two databases are the same, by `pg_dump` and SQL alone
//! - [`Dbb`]: the program, run in a folder of its own under a time limit
//! - [`TcpProxy`]: a network that cuts, delays and refuses
//!
//! Everything panics with what to do when a server or tool is missing: no test is passed over.
//! Whatever was started ends with the test process, even one that was killed (see `guard.rs`).

// Each test binary compiles this module and uses a part of it.
#![allow(dead_code, unused_imports)]

pub mod cluster;
pub mod dbb;
pub mod guard;
pub mod install;
pub mod oracle;
pub mod pgbouncer;
pub mod process;
pub mod proxy;
pub mod psql;
pub mod standby;
pub mod tls;

pub use cluster::{Cluster, Options};
pub use dbb::Dbb;
pub use oracle::Oracle;
pub use pgbouncer::PgBouncer;
pub use process::{Outcome, Running};
pub use proxy::TcpProxy;
pub use rustix::process::Signal;
pub use tls::Authority;
