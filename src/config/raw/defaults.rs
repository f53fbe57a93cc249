//! `defaults:` and the parts that databases share with it.

use crate::model::desired::{Codec, OnError, Profile};
use schemars::JsonSchema;
use serde::Deserialize;

/// What holds for every database that does not say otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDefaults {
    /// Name of the repository that snapshots go to.
    pub repository: Option<String>,
    /// How snapshots are compressed; zstd level 3 when absent.
    pub compression: Option<RawCompression>,
    /// When databases are backed up; only by hand when absent.
    pub schedule: Option<RawSchedule>,
    /// How much of the machine a run may take; "balanced" when absent.
    pub profile: Option<Profile>,
    /// What happens to the rest of a run when something fails; "continue" when absent.
    pub on_error: Option<OnError>,
}

/// How snapshots are compressed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCompression {
    /// The codec.
    #[schemars(required)]
    pub codec: Option<Codec>,
    /// Its level: zstd 1 to 22, gzip 1 to 9, xz 0 to 9; the others have none.
    pub level: Option<i32>,
}

/// When a backup is due.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSchedule {
    /// Five fields: minute, hour, day of month, month, day of week, e.g. "0 2 * * *".
    #[schemars(required)]
    pub cron: Option<String>,
    /// IANA time zone, e.g. Europe/Berlin; UTC when absent.
    pub timezone: Option<String>,
}
