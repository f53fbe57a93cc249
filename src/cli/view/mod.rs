//! Views: data in, text out. Nothing here writes to a stream, asks for the
//! time or looks at the terminal; what differs is in [`Style`].
//!
//! *Invariant:* whatever comes from a database, a file or a server goes
//! through [`clean`] (or what wraps text, which does) before it is part of
//! an answer, so a name cannot drive the terminal.

mod clean;
pub mod csv;
pub mod doctor;
pub mod error;
mod excerpt;
pub mod ls;
mod markdown;
mod notice;
pub mod plan;
pub mod report;
pub mod runs;
pub mod show;
pub mod snapshots;
mod style;
pub mod table;
mod text;
pub mod verify;

pub use clean::clean;
pub use style::Style;
