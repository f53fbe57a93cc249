//! One suite per port, run against every adapter of it.

// Tests arrange the world that the product must not touch.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod proof;
mod repository;
mod sample;
mod storage;
