//! `targets:`

use crate::model::desired::TargetRight;
use schemars::JsonSchema;
use serde::Deserialize;

/// A server that restores may go to, and what they may do there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTarget {
    /// Name of the server.
    #[schemars(required)]
    pub server: Option<String>,
    /// What is allowed there.
    #[schemars(required, length(min = 1))]
    pub allow: Option<Vec<TargetRight>>,
}
