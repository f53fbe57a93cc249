//! Floor 5: carries a plan out. The scheduler decides, one file per step kind acts.

pub mod scheduler;
