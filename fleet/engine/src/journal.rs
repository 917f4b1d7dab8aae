//! What a run began and how each step ended. For people and for a resumed rollout; the truth is
//! on the target.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use rivetos_fleet::model::StepId;

use crate::exit::Exit;
use crate::home::unix_ms;

/// How many runs are kept; older ones are removed when a new one begins.
pub const RUNS_KEPT_MAX: usize = 50;

/// The journal of one run: a file of JSON lines, `<unix ms>-<pid>.jsonl`.
#[derive(Debug)]
pub struct RunJournal {
    path: PathBuf,
    // Opened for appending, and every line is one write: lines of parallel steps never mix. Locked
    // as long as the run is at work, which is how readers tell it from one that was cut off.
    file: Arc<File>,
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// What happened.
    #[serde(rename = "line")]
    pub entry: JournalEntry,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum JournalEntry {
    /// The run began; always the first line.
    Run(RunHeader),
    /// A step is about to touch the target.
    Begin {
        /// Which one.
        step: StepId,
    },
    /// A step is done.
    Done {
        /// Which one.
        step: StepId,
    },
    /// A step failed.
    Failed {
        /// Which one.
        step: StepId,
        /// Why.
        message: String,
    },
    /// The run is over; always the last line. A run without it was cut off, or is still at work.
    End {
        /// How it ended as a whole.
        exit: Exit,
    },
}

/// What a run is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunHeader {
    /// For example `infra up`.
    pub operation: String,
    /// The person.
    pub who: String,
    /// Version of the program.
    pub tool: String,
    /// What it works on.
    pub targets: Vec<String>,
    /// How many steps its plan has.
    pub steps: usize,
}

/// Why a journal cannot be kept or read.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Its folder cannot be made or listed.
    #[error("the folder of run journals `{}` cannot be used", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be made or written.
    #[error("the run journal `{}` cannot be written", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("the run journal `{}` cannot be read", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RunJournal {
    /// Begins the journal of a run in the folder `runs` and removes what is older than the last
    /// [`RUNS_KEPT_MAX`] runs.
    pub fn begin(runs: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let folder = |source| JournalError::Folder {
            path: runs.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(runs)
            .map_err(folder)?;
        remove_old(runs).map_err(folder)?;
        let path = runs.join(format!("{:013}-{}.jsonl", unix_ms(), std::process::id()));
        let write = |source| JournalError::Write {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(write)?;
        file.lock().map_err(write)?;
        let journal = Self {
            path,
            file: Arc::new(file),
        };
        journal.append(JournalEntry::Run(header.clone()))?;
        Ok(journal)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the journal.
    pub async fn end(&self, exit: Exit) -> Result<(), JournalError> {
        self.record(JournalEntry::End { exit }).await
    }

    /// Writes one line; it is on the disk when the future is ready.
    pub(crate) async fn record(&self, entry: JournalEntry) -> Result<(), JournalError> {
        self.append(entry)?;
        let file = Arc::clone(&self.file);
        tokio::task::spawn_blocking(move || file.sync_data())
            .await
            .unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(|source| self.write_error(source))
    }

    fn append(&self, entry: JournalEntry) -> Result<(), JournalError> {
        let line = JournalLine {
            unix_ms: unix_ms(),
            entry,
        };
        let mut text = serde_json::to_string(&line).map_err(|e| self.write_error(e.into()))?;
        text.push('\n');
        (&*self.file)
            .write_all(text.as_bytes())
            .map_err(|source| self.write_error(source))
    }

    fn write_error(&self, source: io::Error) -> JournalError {
        JournalError::Write {
            path: self.path.clone(),
            source,
        }
    }
}

/// Leaves room for one more run.
fn remove_old(runs: &Path) -> io::Result<()> {
    let files = files(runs)?;
    let too_many = (files.len() + 1).saturating_sub(RUNS_KEPT_MAX);
    files.iter().take(too_many).try_for_each(fs::remove_file)
}

/// The journals in the folder, oldest first: names sort by time.
pub(crate) fn files(runs: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(runs)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
