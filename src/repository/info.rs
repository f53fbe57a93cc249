//! The file that makes a place a repository: `dbb-repository.json`.

use crate::base::digest::Digest;
use crate::base::limits::REPOSITORY_FILE_BYTES_MAX;
use crate::error::{Error, Result, code};
use crate::port::storage::{Put, PutMode, Storage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Its key.
pub(super) const KEY: &str = "dbb-repository.json";
const FORMAT: &str = "dbb-repository";
const VERSION: u64 = 1;

/// What a repository says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryInfo {
    /// `dbb-repository`
    pub format: String,
    /// Version of the format: 1.
    pub version: u64,
    /// Random, so that a place can be told from a copy at the same path.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Key of the object ids of the tenant `plain`, which is not encrypted.
    pub id_key: Digest,
}

pub(super) async fn read(storage: &dyn Storage) -> Result<RepositoryInfo> {
    let place = storage.display();
    let Some(bytes) = storage.get(KEY, REPOSITORY_FILE_BYTES_MAX).await? else {
        if !storage.list("snapshots/").await?.is_empty() {
            return Err(lost(&place));
        }
        return Err(Error::new(code::REPO_MISSING, format!("there is no repository in {place}"))
            .cause(format!("{KEY} is not there"))
            .fix("Check the repository's path in the config, and that its file system is mounted.")
            .fix("If nothing was backed up to it yet: the first `dbb apply` of a backup makes it."));
    };
    let damaged = |cause: String| {
        Error::new(code::REPO_DAMAGED, format!("{KEY} in {place} cannot be read"))
            .cause(cause)
            .fix(format!("Put {KEY} back from a copy of the repository; no object is lost with it."))
            .fix("Without a copy: see \"The repository file is lost\" in docs/format.md.")
    };
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if value["format"] != FORMAT {
        return Err(Error::new(code::REPO_FOREIGN, format!("{place} holds a {KEY} that is not dbb's"))
            .cause(format!("its format is {}, not \"{FORMAT}\"", value["format"]))
            .fix("Choose another place for the repository."));
    }
    match value["version"].as_u64() {
        Some(VERSION) => serde_json::from_value(value).map_err(|error| damaged(error.to_string())),
        Some(newer) if newer > VERSION => Err(Error::new(
            code::REPO_NEWER,
            format!("the repository in {place} has format {newer}, this dbb knows {VERSION}"),
        )
        .fix("Use the version of dbb that wrote it, or a newer one.")),
        _ => Err(damaged(format!("its version is {}", value["version"]))),
    }
}

/// Whether a repository is there; nothing at all must be there for "no".
pub(super) async fn exists(storage: &dyn Storage) -> Result<bool> {
    let found = storage.size(KEY).await?.is_some();
    if found || !storage.occupied().await? {
        return Ok(found);
    }
    // somebody may have made it between the two looks
    if storage.size(KEY).await?.is_some() {
        return Ok(true);
    }
    let place = storage.display();
    if !storage.list("snapshots/").await?.is_empty() {
        return Err(lost(&place));
    }
    Err(Error::new(code::REPO_FOREIGN, format!("{place} is not empty and holds no repository"))
        .fix("Choose an empty place for the repository, or one that does not exist yet.")
        .fix(format!("See what is there: `ls -la {place}`.")))
}

/// Makes a repository where nothing is, unless somebody else just did.
pub(super) async fn init(storage: &dyn Storage, now: Timestamp) -> Result<()> {
    let (id, key) = (random::<16>()?, random::<32>()?);
    let info = RepositoryInfo {
        format: FORMAT.to_owned(),
        version: VERSION,
        id: hex::encode(id),
        created: now,
        id_key: Digest(key),
    };
    let mut bytes = serde_json::to_vec_pretty(&info).map_err(|error| Error::bug(error.to_string()))?;
    bytes.push(b'\n');
    match storage.put(KEY, bytes.into(), PutMode::Create).await? {
        Put::Stored | Put::Existed => Ok(()),
    }
}

fn lost(place: &str) -> Error {
    Error::new(code::REPO_DAMAGED, format!("{place} holds snapshots, but {KEY} is gone"))
        .cause("without it dbb does not know what the place is, and will not make a new repository over it")
        .fix(format!("Put {KEY} back from a copy of the repository."))
        .fix("Without a copy: see \"The repository file is lost\" in docs/format.md.")
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::bug("no random numbers").cause(error.to_string()))?;
    Ok(bytes)
}
