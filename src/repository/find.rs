//! Finding snapshots.

use super::{Repository, manifest, names};
use crate::base::limits::STORAGE_READS_MAX;
use crate::error::{Error, Result, code};
use crate::model::manifest::Header;
use futures_util::{StreamExt, TryStreamExt, stream};

/// Headers, oldest first, and manifests that could not be understood, each as its error: their
/// objects may be needed, so while there are any nothing is deleted.
pub type Headers = (Vec<Header>, Vec<Error>);

impl Repository {
    /// All headers, oldest first, and what is damaged.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`; what is damaged is told apart and does not hide the rest
    pub async fn headers(&self) -> Result<Headers> {
        self.headers_below(names::SNAPSHOTS).await
    }

    /// The headers of one database, oldest first, and what is damaged.
    ///
    /// # Errors
    /// As `headers`
    pub async fn headers_of(&self, database: &str) -> Result<Headers> {
        self.headers_below(&names::of_database(database)).await
    }

    async fn headers_below(&self, prefix: &str) -> Result<Headers> {
        let entries = self.storage.list(prefix).await?;
        let read = |key: String| async move {
            match manifest::read_header(&*self.storage, &key, &self.info.id_key).await {
                // removed since it was listed
                Ok(None) => Ok(None),
                Ok(Some(header)) => Ok(Some(Ok(header))),
                Err(error) if is_damage(&error) => Ok(Some(Err(error))),
                Err(error) => Err(error),
            }
        };
        let read: Vec<_> = stream::iter(entries.into_iter().map(|entry| read(entry.key)))
            .buffered(STORAGE_READS_MAX)
            .try_collect()
            .await?;
        let (mut headers, mut damaged) = (Vec::new(), Vec::new());
        for header in read.into_iter().flatten() {
            match header {
                Ok(header) => headers.push(header),
                Err(error) => damaged.push(error),
            }
        }
        headers.sort_by(|a: &Header, b: &Header| (a.taken, &a.id).cmp(&(b.taken, &b.id)));
        Ok((headers, damaged))
    }

    /// The header of one snapshot.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-UNKNOWN`, `DBB-SNAPSHOT-DAMAGED`, `DBB-STORAGE-*`
    pub async fn header(&self, database: &str, id: &str) -> Result<Header> {
        let key = names::manifest(database, id);
        manifest::read_header(&*self.storage, &key, &self.info.id_key)
            .await?
            .ok_or_else(|| unknown(&format!("{id} of {database}")))
    }

    /// The snapshot whose id is `text` or begins with it; only one must do.
    ///
    /// # Errors
    /// As `header`
    pub async fn find(&self, text: &str) -> Result<Header> {
        let entries = self.storage.list(names::SNAPSHOTS).await?;
        let id = |key: &str| key.rsplit_once('/').map_or_else(String::new, |(_, id)| id.to_owned());
        let exact = entries.iter().filter(|entry| id(&entry.key) == text).count();
        let fits = |key: &str| if exact > 0 { id(key) == text } else { !text.is_empty() && id(key).starts_with(text) };
        let keys: Vec<String> = entries.into_iter().map(|entry| entry.key).filter(|key| fits(key)).collect();
        match &keys[..] {
            [] => Err(unknown(text)),
            [key] => manifest::read_header(&*self.storage, key, &self.info.id_key).await?.ok_or_else(|| unknown(text)),
            several => {
                let list: Vec<&str> =
                    several.iter().take(5).map(|key| key.strip_prefix(names::SNAPSHOTS).unwrap_or(key)).collect();
                Err(Error::new(code::SNAPSHOT_UNKNOWN, format!("\"{text}\" could be {} snapshots", several.len()))
                    .cause(format!("among them {}", list.join(", ")))
                    .fix("Give more of the id."))
            }
        }
    }
}

/// Damage of one manifest, as opposed to a storage that cannot be read at all.
fn is_damage(error: &Error) -> bool {
    [code::SNAPSHOT_DAMAGED, code::REPO_NEWER].contains(&error.code())
}

fn unknown(what: &str) -> Error {
    Error::new(code::SNAPSHOT_UNKNOWN, format!("there is no snapshot {what}"))
        .fix("List what is there: `dbb snapshots`.")
}
