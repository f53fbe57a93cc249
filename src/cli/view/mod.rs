//! Views: data in, text out. Nothing here writes to a stream, asks for the
//! time or looks at the terminal; what differs is in [`Style`].
//!
//! *Invariant:* whatever comes from a database, a file or a server goes
//! through [`clean`] (or [`text::wrapped`], which does) before it is part of
//! an answer, so a name cannot drive the terminal.

mod clean;
pub mod csv;
pub mod error;
mod excerpt;
mod markdown;
mod notice;
pub mod plan;
pub mod report;
mod style;
pub mod table;
mod text;

pub use clean::clean;
pub use style::Style;
