//! Floor 4: the repository's format over a storage (`docs/format.md`).
//! Objects first, synced, then the manifest: putting it is the commit point of a snapshot.

mod find;
mod info;
mod manifest;
mod names;
mod object;
mod prove;
mod sink;
mod source;
mod verify;

pub use find::Headers;
pub use info::RepositoryInfo;
pub use verify::Damage;

use crate::error::Result;
use crate::model::catalog::Catalog;
use crate::model::desired::Compression;
use crate::model::manifest::{Header, ObjectRef};
use crate::port::snapshots::{ObjectStore, SnapshotSource};
use crate::port::storage::Storage;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// An opened repository. Clones share what is known of it.
#[derive(Clone)]
pub struct Repository {
    storage: Arc<dyn Storage>,
    info: Arc<RepositoryInfo>,
    known: Arc<Known>,
}

/// Objects that manifests name: stored whole and for good, so a new snapshot may name them too.
#[derive(Default)]
struct Known {
    loaded: OnceCell<()>,
    objects: Mutex<HashMap<crate::base::digest::Digest, ObjectRef>>,
}

impl Repository {
    /// True when there is a repository in `storage`, false when nothing is there: then one can be made.
    ///
    /// # Errors
    /// `DBB-REPO-DAMAGED` when its file is lost, `DBB-REPO-FOREIGN` when something else is there, `DBB-STORAGE-*`
    pub async fn exists(storage: &Arc<dyn Storage>) -> Result<bool> {
        info::exists(&**storage).await
    }

    /// Opens the repository in `storage`.
    ///
    /// # Errors
    /// `DBB-REPO-MISSING`, `DBB-REPO-FOREIGN`, `DBB-REPO-NEWER`, `DBB-REPO-DAMAGED`, `DBB-STORAGE-*`
    pub async fn open(storage: Arc<dyn Storage>) -> Result<Self> {
        let info = info::read(&*storage).await?;
        Ok(Repository { storage, info: Arc::new(info), known: Arc::default() })
    }

    /// Opens the repository in `storage`; makes one where nothing is. Of two that come at once, one makes it.
    ///
    /// # Errors
    /// As `open`, without `DBB-REPO-MISSING`
    pub async fn open_or_init(storage: Arc<dyn Storage>, now: Timestamp) -> Result<Self> {
        if !Repository::exists(&storage).await? {
            info::init(&*storage, now).await?;
        }
        Repository::open(storage).await
    }

    /// What the repository says of itself.
    pub fn info(&self) -> &RepositoryInfo {
        &self.info
    }

    /// The storage below.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Somewhere to put plaintext while it is captured. Objects that a manifest names already are not stored again.
    pub fn object_store(&self, compression: Compression) -> Arc<dyn ObjectStore> {
        Arc::new(sink::Store { repository: self.clone(), compression })
    }

    /// Commits a snapshot: syncs all objects stored so far, then puts the manifest, which must be new.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED` when header and catalog contradict each other or the id is taken, `DBB-STORAGE-*`
    pub async fn put_manifest(&self, header: &Header, catalog: &Catalog) -> Result<()> {
        manifest::check(header, catalog)?;
        let key = names::manifest(&header.database, &header.id);
        let bytes = manifest::encode(header, catalog, self.info.id_key)?;
        self.storage.sync().await?;
        manifest::put(&*self.storage, &key, bytes).await?;
        let mut known = self.known.lock();
        known.extend(header.objects.iter().map(|object| (object.id, object.clone())));
        Ok(())
    }

    /// The sealed part of a snapshot's manifest, checked against its header.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-UNKNOWN`, `DBB-SNAPSHOT-DAMAGED`, `DBB-STORAGE-*`
    pub async fn catalog(&self, header: &Header) -> Result<Catalog> {
        let key = names::manifest(&header.database, &header.id);
        manifest::read_catalog(&*self.storage, &key, &self.info.id_key, header).await
    }

    /// Opens a snapshot for restoring.
    ///
    /// # Errors
    /// As `catalog`
    pub async fn open_snapshot(&self, header: &Header) -> Result<Arc<dyn SnapshotSource>> {
        let catalog = self.catalog(header).await?;
        Ok(Arc::new(source::Source::new(self.clone(), header.clone(), catalog)))
    }

    /// Loads once which objects the manifests name.
    async fn load_known(&self) -> Result<()> {
        let load = || async {
            let (headers, _) = self.headers().await?;
            let objects = headers.into_iter().flat_map(|header| header.objects);
            self.known.lock().extend(objects.map(|object| (object.id, object)));
            Ok(())
        };
        self.known.loaded.get_or_try_init(load).await.map(|_| ())
    }
}

impl Known {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<crate::base::digest::Digest, ObjectRef>> {
        self.objects.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
