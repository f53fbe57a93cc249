//! The writer of a journal: one thread that writes what has gathered and
//! syncs once for all of it; each caller waits for its own records.

use crate::error::{Error, Result, code};
use crate::journal::io_error;
use crate::journal::line::{Tip, encode};
use crate::model::journal::Record;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Called with the number of records so far after each has become durable.
pub type OnRecord = Arc<dyn Fn(u64) + Send + Sync>;

/// Callers that may wait at a time.
const QUEUE_MAX: usize = 256;

struct Request {
    records: Vec<Record>,
    done: oneshot::Sender<Result<()>>,
}

/// An open journal. No other process can open it meanwhile.
pub struct Journal {
    queue: mpsc::Sender<Request>,
}

impl Journal {
    /// Goes on writing `file` behind `tip`.
    pub(crate) fn start(file: File, path: PathBuf, tip: Tip, on_record: Option<OnRecord>) -> Result<Self> {
        lock(&file, &path)?;
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let writer = Writer { file, path, tip, on_record, broken: None };
        std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(requests))
            .map_err(|e| Error::bug("the journal's thread could not be started").cause(e.to_string()))?;
        Ok(Journal { queue })
    }

    /// Adds records; they are durable on return.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`; from then on nothing more can be added.
    pub async fn append(&self, records: Vec<Record>) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let gone = || Error::bug("the journal's writer is gone");
        self.queue.send(Request { records, done }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Keeps other processes from writing a journal; held as long as the file is open.
pub(crate) fn lock(file: &File, path: &Path) -> Result<()> {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Error::new(code::STATE_LOCKED, format!("another process writes {}", path.display()))
            .fix("wait for it to end: dbb runs")
    })
}

struct Writer {
    file: File,
    path: PathBuf,
    tip: Tip,
    on_record: Option<OnRecord>,
    broken: Option<Error>,
}

impl Writer {
    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut together = vec![first];
            while let Ok(more) = requests.try_recv() {
                together.push(more);
            }
            let before = self.tip.next;
            let result = match &self.broken {
                Some(error) => Err(error.clone()),
                None => self.write(&together),
            };
            if let Err(error) = &result {
                // what was written may be torn: anything behind it would be damage in the middle
                self.broken = Some(error.clone());
            } else if let Some(on_record) = &self.on_record {
                for number in before..self.tip.next {
                    on_record(number);
                }
            }
            for request in together {
                // a caller that was abandoned does not wait any more
                let _ = request.done.send(result.clone());
            }
        }
    }

    fn write(&mut self, together: &[Request]) -> Result<()> {
        let mut text = Vec::new();
        let mut tip = self.tip.clone();
        for record in together.iter().flat_map(|request| &request.records) {
            encode(&mut tip, record, &mut text)?;
        }
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_data())
            .map_err(|e| io_error("written", &self.path, &e).transient(false))?;
        self.tip = tip;
        Ok(())
    }
}
