//! How many workers a run gets.

use crate::base::limits::JOBS_MAX;
use crate::model::desired::Profile;

/// Workers for `profile` on a machine with `processors`, unless `asked` says otherwise.
pub fn jobs(asked: Option<u32>, profile: Profile, processors: u32) -> u32 {
    let processors = processors.max(1);
    let jobs = asked.unwrap_or(match profile {
        Profile::Low => 1,
        Profile::Balanced => (processors / 2).max(2),
        Profile::High => processors,
        Profile::Ultra => processors.saturating_mul(2),
    });
    jobs.clamp(1, JOBS_MAX as u32)
}
