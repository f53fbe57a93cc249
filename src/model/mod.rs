//! Floor 1: inert data that every other floor speaks of. No I/O, no async,
//! no behaviour beyond what follows from the data alone.

pub mod address;
pub mod catalog;
pub mod desired;
pub mod event;
pub mod graph;
pub mod journal;
pub mod manifest;
pub mod observed;
pub mod plan;
pub mod report;
pub mod step;
