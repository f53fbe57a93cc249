//! Addresses: how a person names a thing of the config, e.g. `database.orders`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `<kind>.<name>`, e.g. `database.orders`, `server.pg-main`, `repository.main`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Address(pub String);

impl Address {
    /// `database.<name>`
    pub fn database(name: &str) -> Self {
        Address(format!("database.{name}"))
    }
    /// `server.<name>`
    pub fn server(name: &str) -> Self {
        Address(format!("server.{name}"))
    }
    /// `repository.<name>`
    pub fn repository(name: &str) -> Self {
        Address(format!("repository.{name}"))
    }
    /// `target.<name>`
    pub fn target(name: &str) -> Self {
        Address(format!("target.{name}"))
    }
    /// The part behind the first dot.
    pub fn name(&self) -> &str {
        self.0.split_once('.').map_or(self.0.as_str(), |(_, name)| name)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
