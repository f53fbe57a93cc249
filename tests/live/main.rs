//! Tests with real PostgreSQL servers. `tests/run.sh live [FILTER]` installs what they need first.

// Tests arrange the world that the product must not touch.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

#[path = "../support/mod.rs"]
mod support;

mod docs;
mod faults;
mod format;
mod harness;
mod refusals;
mod scenarios;
mod traps;
