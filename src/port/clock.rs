//! Time.

use jiff::Timestamp;

/// Where time comes from; tests bring their own.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
