//! Tests that need no server: cases that are folders of data, and the rules of the tree.

// Tests arrange the world that the product must not touch.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod config;
mod floors;
mod plan;
mod tree;
mod view;
