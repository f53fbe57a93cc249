//! Runs that are killed or cut in the middle, then resumed. `tests/run.sh crash` runs these alone.

// Tests arrange the world that the product must not touch.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod harness;
mod journal;
mod rehearsal;
mod restore;
mod server;
mod world;
