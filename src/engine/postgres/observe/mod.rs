//! Looks at a server.

mod server;

pub use server::observe;
