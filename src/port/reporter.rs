//! Who is told what happens.

use crate::model::event::Event;

/// Receives events; must not block for long.
pub trait Reporter: Send + Sync {
    /// Something happened.
    fn report(&self, event: Event);
}
