//! Building a graph: steps and edges in any order, then one check that there is
//! no circle, and a sorted, inert result.

mod builder;
mod cycle;

pub use builder::{Builder, Node};
