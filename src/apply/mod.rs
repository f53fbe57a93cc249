//! Floor 5: carries a plan out. The scheduler decides, the executor runs
//! workers, one file per kind of step acts, the journal remembers.

mod capture;
mod check;
mod context;
mod executor;
pub mod report;
mod restore;
pub mod resume;
pub mod scheduler;

pub use context::{Context, World};
pub use executor::{Ended, Interrupt, execute};
