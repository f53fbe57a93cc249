//! Floor 2: what the inside needs of the outside, as traits.

pub mod clock;
pub mod engine;
pub mod reporter;
pub mod secret;
pub mod snapshots;
pub mod storage;
