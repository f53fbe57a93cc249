//! Where secrets come from.

use crate::base::secret::Secret;
use crate::error::Result;
use crate::model::desired::{SecretRef, ServerSpec};
use async_trait::async_trait;

/// Resolves references at the moment of use.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The value behind `reference`.
    ///
    /// # Errors
    /// `DBB-SECRET-MISSING`
    async fn resolve(&self, reference: &SecretRef) -> Result<Secret>;

    /// The password for a login: the server's own reference, else the engine's password file, else none.
    ///
    /// # Errors
    /// `DBB-SECRET-MISSING`
    async fn password(&self, server: &ServerSpec, database: &str) -> Result<Option<Secret>>;
}
