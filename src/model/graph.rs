//! The graph as inert data.

use crate::model::step::{Step, StepId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Steps and what must come before what. Both sorted, so equal graphs are equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Graph {
    /// Nodes, sorted by id.
    pub steps: Vec<Step>,
    /// Edges, sorted.
    pub edges: Vec<Edge>,
}

/// `before` must be done before `after` starts; if it fails, `after` is skipped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// This first.
    pub before: StepId,
    /// Then this.
    pub after: StepId,
    /// True when `after` only waits for the end of `before`, whether it went well or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whatever: bool,
}
