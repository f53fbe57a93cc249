//! The runs of a state directory: `<state>/runs/<run>/{plan.json,journal,report.json}`.

use crate::base::{files, limits};
use crate::error::{Error, Result, code};
use crate::journal::io_error;
use crate::journal::line::{Tip, encode, recover};
use crate::journal::writer::{self, Journal, OnRecord};
use crate::model::journal::Record;
use jiff::Timestamp;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a journal.
const JOURNAL_BYTES_MAX: u64 = 4 << 30;

/// The runs of a state directory.
#[derive(Clone, Debug)]
pub struct Runs {
    folder: PathBuf,
}

/// A run that is gone on with.
pub struct Opened {
    /// Its journal, for more.
    pub journal: Journal,
    /// What it holds.
    pub records: Vec<Record>,
    /// The plan, as it was written.
    pub plan: Vec<u8>,
    /// What to know: a torn tail that was cut off.
    pub warning: Option<String>,
}

impl Runs {
    /// Those of `state_dir`; nothing is touched yet.
    pub fn new(state_dir: &Path) -> Self {
        Runs { folder: state_dir.join("runs") }
    }

    /// The folder of a run.
    pub fn folder(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Ids of all runs, oldest first.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`; a directory that is not there yet has no runs.
    pub fn list(&self) -> Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("read", &self.folder, &error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| io_error("read", &self.folder, &e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !name.starts_with('.') {
                ids.push(name);
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Begins a run: its folder appears whole, with the plan and the first record in it.
    ///
    /// # Errors
    /// `DBB-STORAGE-*`; then there is no run.
    pub async fn create(
        &self,
        now: Timestamp,
        plan: &[u8],
        first: Record,
        on_record: Option<OnRecord>,
    ) -> Result<(String, Journal)> {
        let mut random = [0u8; 2];
        getrandom::fill(&mut random).map_err(|e| Error::bug("no randomness").cause(e.to_string()))?;
        let id = format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), hex::encode(random));
        let making = self.folder.join(format!(".new-{id}"));
        let folder = self.folder(&id);
        let mut tip = Tip::default();
        let mut line = Vec::new();
        encode(&mut tip, &first, &mut line)?;
        files::create_dir(&making).map_err(|e| io_error("created", &making, &e))?;
        let made = files::write(&making.join("plan.json"), plan)
            .and_then(|()| files::write(&making.join("journal"), &line))
            .and_then(|()| std::fs::rename(&making, &folder))
            .and_then(|()| files::sync_dir(&self.folder));
        if let Err(error) = made {
            let _ = std::fs::remove_dir_all(&making);
            return Err(io_error("written", &making, &error));
        }
        if let Some(on_record) = &on_record {
            on_record(1);
        }
        let path = folder.join("journal");
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| io_error("opened", &path, &e))?;
        Ok((id, Journal::start(file, path, tip, on_record)?))
    }

    fn journal_bytes(&self, id: &str) -> Result<Vec<u8>> {
        let path = self.folder(id).join("journal");
        files::read(&path, JOURNAL_BYTES_MAX).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::new(code::JOURNAL_DAMAGED, format!("run {id} has no journal"))
                .cause(format!("{} is not there", path.display()))
                .fix("put the file back from a copy of the state directory")
                .fix("or start a new run: dbb plan shows what is due"),
            _ => io_error("read", &path, &e),
        })
    }

    /// The records of a run, without touching it.
    ///
    /// # Errors
    /// `DBB-JOURNAL-DAMAGED`, `DBB-STORAGE-*`
    pub fn read(&self, id: &str) -> Result<Vec<Record>> {
        recover(&self.journal_bytes(id)?).map(|found| found.records).map_err(|e| e.context(format!("run {id}")))
    }

    /// The plan of a run, as it was written.
    ///
    /// # Errors
    /// `DBB-STATE-DAMAGED`
    pub fn plan(&self, id: &str) -> Result<Vec<u8>> {
        let path = self.folder(id).join("plan.json");
        files::read(&path, limits::MANIFEST_BYTES_MAX).map_err(|e| {
            Error::new(code::STATE_DAMAGED, format!("the plan of run {id} cannot be read"))
                .cause(format!("{}: {e}", path.display()))
                .fix("put the file back from a copy of the state directory")
                .fix("or start a new run: dbb plan shows what is due")
        })
    }

    /// Opens a run to go on with it. A torn tail is cut off.
    ///
    /// # Errors
    /// `DBB-JOURNAL-DAMAGED`, `DBB-STATE-DAMAGED`, `DBB-STATE-LOCKED` when another process writes it, `DBB-STORAGE-*`
    pub async fn open(&self, id: &str, on_record: Option<OnRecord>) -> Result<Opened> {
        let plan = self.plan(id)?;
        let path = self.folder(id).join("journal");
        if !path.exists() {
            self.journal_bytes(id)?;
        }
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| io_error("opened", &path, &e))?;
        // locked before it is read: a tail that another process is writing is not torn
        writer::lock(&file, &path)?;
        let bytes = self.journal_bytes(id)?;
        let found = recover(&bytes).map_err(|e| e.context(format!("run {id}")))?;
        let mut warning = None;
        if found.bytes < bytes.len() {
            let torn = bytes.len() - found.bytes;
            warning = Some(format!("the last {torn} bytes of run {id}'s journal were torn by a crash and are cut off"));
            file.set_len(found.bytes as u64)
                .and_then(|()| file.sync_all())
                .map_err(|e| io_error("repaired", &path, &e))?;
        }
        let journal = Journal::start(file, path, found.tip, on_record)?;
        Ok(Opened { journal, records: found.records, plan, warning })
    }
}
