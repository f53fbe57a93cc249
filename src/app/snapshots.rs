//! The catalog of snapshots.

use crate::app::find;
use crate::error::{Error, Result, code};
use crate::model::desired::Desired;

/// Snapshots, oldest first, of one database or repository if asked.
///
/// # Errors
/// `DBB-CONFIG-REFERENCE` for names that nothing has; `DBB-REPO-*`, `DBB-STORAGE-*`
pub async fn list(
    desired: &Desired,
    database: Option<&str>,
    repository: Option<&str>,
) -> Result<(Vec<find::Found>, Vec<Error>)> {
    if let Some(name) = repository
        && !desired.repositories.contains_key(name)
    {
        return Err(Error::new(code::CONFIG_REFERENCE, format!("there is no repository \"{name}\" in the config")));
    }
    let (mut found, damaged) = find::snapshots(desired).await?;
    if let Some(name) = database {
        let known = desired.databases.contains_key(name) || found.iter().any(|f| f.header.database == name);
        if !known {
            return Err(Error::new(
                code::CONFIG_REFERENCE,
                format!("there is no database \"{name}\", in the config or in a snapshot"),
            )
            .fix("list all: dbb snapshots"));
        }
        found.retain(|f| f.header.database == name);
    }
    if let Some(name) = repository {
        found.retain(|f| f.repository == name);
    }
    Ok((found, damaged))
}
