//! Floor 4: database systems. Engines do not know each other.

pub mod postgres;
