//! Floor 4: where bytes are kept. One folder per kind of storage; beside them
//! the decorators, and the twins that tests use.

pub mod faulty;
pub mod key;
pub mod local;
pub mod memory;
pub mod read_only;
