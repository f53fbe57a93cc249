//! Opening and proving objects of a repository.

use super::{Repository, names, prove};
use crate::error::{Error, Result};
use crate::model::manifest::ObjectRef;
use crate::port::storage::Download;
use bytes::Bytes;
use std::ops::ControlFlow;
use tokio::runtime::Handle;

impl Repository {
    /// Opens an object that must be there.
    pub(super) async fn open_object(&self, object: &ObjectRef) -> Result<Box<dyn Download>> {
        let key = names::object(&object.id);
        let download = self.storage.open(&key).await?;
        download.ok_or_else(|| prove::missing(object, &key, &self.storage.display()))
    }

    /// Reads all of an object and proves it; `take` gets its plaintext in order, on a thread where
    /// blocking is fine.
    ///
    /// # Errors
    /// `DBB-SNAPSHOT-DAMAGED`, `DBB-STORAGE-*`
    pub(super) async fn prove_object(
        &self,
        object: &ObjectRef,
        mut take: impl FnMut(Bytes) + Send + 'static,
    ) -> Result<()> {
        let download = self.open_object(object).await?;
        let (info, object, handle) = (self.info.clone(), object.clone(), Handle::current());
        let read = move || {
            let mut all = |piece| {
                take(piece);
                ControlFlow::Continue(())
            };
            prove::read_proven(download, &handle, &object, &info.id_key, &mut all).map(|_| ())
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|error| Err(Error::bug("reading an object ended early").cause(error.to_string())))
    }
}
