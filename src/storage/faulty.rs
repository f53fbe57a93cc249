//! A storage that fails when told to: the faulty twin for tests.

use crate::error::{Code, Error, Result};
use crate::port::storage::{Download, Entry, Put, PutMode, Storage, StorageCapabilities, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// An operation that can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `put`
    Put,
    /// `upload`
    Upload,
    /// `write` of an upload
    Write,
    /// `publish` of an upload
    Publish,
    /// `get`
    Get,
    /// `open`
    Open,
    /// `read` of a download
    Read,
    /// `size`
    Size,
    /// `list`
    List,
    /// `delete`
    Delete,
    /// `sync`
    Sync,
}

/// How it goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// With an error of this code; nothing is done.
    Fail(&'static Code),
    /// With an error of this code, though it was done: the answer got lost.
    FailAfter(&'static Code),
    /// `Read` only: the download ends here as if it were complete.
    Truncate,
}

/// One planned fault.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which operation.
    pub operation: Operation,
    /// Which call of it, from 1, counted over the whole storage.
    pub nth: u64,
    /// How.
    pub how: How,
}

/// Passes everything on, except what the faults say.
pub struct Faulty {
    inner: Arc<dyn Storage>,
    faults: Arc<Faults>,
}

struct Faults {
    planned: Vec<Fault>,
    calls: Mutex<Vec<Operation>>,
}

impl Faulty {
    /// `inner` with `faults`.
    pub fn new(inner: Arc<dyn Storage>, faults: Vec<Fault>) -> Self {
        Faulty { inner, faults: Arc::new(Faults { planned: faults, calls: Mutex::default() }) }
    }

    /// All calls so far, in order: what tests of orders of operations look at.
    pub fn calls(&self) -> Vec<Operation> {
        self.faults.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Faults {
    /// Counts a call; the fault that is planned for it.
    fn next(&self, operation: Operation) -> Option<How> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(operation);
        let nth = calls.iter().filter(|call| **call == operation).count() as u64;
        self.planned.iter().find(|fault| fault.operation == operation && fault.nth == nth).map(|fault| fault.how)
    }

    async fn around<T>(&self, operation: Operation, call: impl Future<Output = Result<T>>) -> Result<T> {
        let error = |code| Error::new(code, format!("planned fault of {operation:?}"));
        match self.next(operation) {
            Some(How::Fail(code)) => Err(error(code)),
            Some(How::FailAfter(code)) => {
                call.await?;
                Err(error(code))
            }
            Some(How::Truncate) | None => call.await,
        }
    }
}

#[async_trait]
impl Storage for Faulty {
    fn capabilities(&self) -> StorageCapabilities {
        self.inner.capabilities()
    }

    fn display(&self) -> String {
        self.inner.display()
    }

    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        self.faults.around(Operation::Put, self.inner.put(key, bytes, mode)).await
    }

    async fn upload(&self) -> Result<Box<dyn Upload>> {
        let inner = self.faults.around(Operation::Upload, self.inner.upload()).await?;
        Ok(Box::new(FaultyUpload { inner, faults: self.faults.clone() }))
    }

    async fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Bytes>> {
        self.faults.around(Operation::Get, self.inner.get(key, bytes_max)).await
    }

    async fn open(&self, key: &str) -> Result<Option<Box<dyn Download>>> {
        let inner = self.faults.around(Operation::Open, self.inner.open(key)).await?;
        let faults = self.faults.clone();
        Ok(inner.map(|inner| Box::new(FaultyDownload { inner, faults, ended: false }) as Box<dyn Download>))
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        self.faults.around(Operation::Size, self.inner.size(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.faults.around(Operation::List, self.inner.list(prefix)).await
    }

    async fn occupied(&self) -> Result<bool> {
        self.inner.occupied().await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.faults.around(Operation::Delete, self.inner.delete(key)).await
    }

    async fn sync(&self) -> Result<()> {
        self.faults.around(Operation::Sync, self.inner.sync()).await
    }

    async fn free_bytes(&self) -> Result<Option<u64>> {
        self.inner.free_bytes().await
    }
}

struct FaultyUpload {
    inner: Box<dyn Upload>,
    faults: Arc<Faults>,
}

#[async_trait]
impl Upload for FaultyUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let faults = self.faults.clone();
        faults.around(Operation::Write, self.inner.write(bytes)).await
    }

    async fn publish(self: Box<Self>, key: &str) -> Result<Put> {
        let FaultyUpload { inner, faults } = *self;
        faults.around(Operation::Publish, inner.publish(key)).await
    }
}

struct FaultyDownload {
    inner: Box<dyn Download>,
    faults: Arc<Faults>,
    ended: bool,
}

#[async_trait]
impl Download for FaultyDownload {
    async fn read(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        match self.faults.next(Operation::Read) {
            Some(How::Fail(code) | How::FailAfter(code)) => Err(Error::new(code, "planned fault of Read")),
            Some(How::Truncate) => {
                self.ended = true;
                Ok(None)
            }
            None => self.inner.read().await,
        }
    }
}
