//! What earlier runs did, read from their journals.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::Path;

use rivetos_fleet::model::StepId;

use crate::exit::Exit;
use crate::journal::{self, JournalEntry, JournalError, JournalLine, RunHeader};

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// Its name: when it began in Unix milliseconds, and its process.
    pub id: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub began_unix_ms: u64,
    /// When its last line was written.
    pub last_unix_ms: u64,
    /// What it was; absent when it was cut off while it wrote that.
    pub header: Option<RunHeader>,
    /// How it ended.
    pub end: RunEnd,
    /// What it began, in that order.
    pub steps: Vec<PastStep>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// It came to its end.
    Ended(Exit),
    /// It is at work.
    Running,
    /// It was killed or its machine went down.
    CutOff,
}

/// One step that a run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStep {
    /// Which one.
    pub id: StepId,
    /// When it began, in milliseconds since the Unix epoch.
    pub began_unix_ms: u64,
    /// How long it took; absent when nothing tells of its end.
    pub elapsed_ms: Option<u64>,
    /// How it ended.
    pub end: StepEnd,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnd {
    /// Done.
    Done,
    /// Failed.
    Failed {
        /// Why.
        message: String,
    },
    /// Nothing tells of it.
    Unknown,
}

/// The last `limit` runs whose journals are in the folder `runs`, newest first. A journal that
/// was cut off in the middle of a line is read up to there.
pub fn past_runs(runs: &Path, limit: usize) -> Result<Vec<PastRun>, JournalError> {
    let folder = |source| JournalError::Folder {
        path: runs.to_owned(),
        source,
    };
    let files = match journal::files(runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(folder)?,
    };
    files
        .iter()
        .rev()
        .take(limit)
        .map(|path| read(path).map_err(|source| unreadable(path, source)))
        .collect()
}

/// The run `id`, if its journal is still kept.
pub fn past_run(runs: &Path, id: &str) -> Result<Option<PastRun>, JournalError> {
    let path = runs.join(format!("{id}.jsonl"));
    // A name with a folder in it is no run's.
    if path.parent() != Some(runs) {
        return Ok(None);
    }
    match read(&path) {
        Ok(run) => Ok(Some(run)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(unreadable(&path, source)),
    }
}

fn unreadable(path: &Path, source: io::Error) -> JournalError {
    JournalError::Read {
        path: path.to_owned(),
        source,
    }
}

fn read(path: &Path) -> io::Result<PastRun> {
    let mut file = File::open(path)?;
    // Whoever is at work holds the lock; that is asked before the lines are read, so that an end
    // that comes in between is seen.
    let end = match file.try_lock_shared() {
        Ok(()) => RunEnd::CutOff,
        Err(TryLockError::WouldBlock) => RunEnd::Running,
        Err(TryLockError::Error(error)) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy();
    let began = id.split('-').next().and_then(|ms| ms.parse().ok());
    let mut run = PastRun {
        began_unix_ms: began.unwrap_or_default(),
        last_unix_ms: began.unwrap_or_default(),
        id: id.into_owned(),
        header: None,
        end,
        steps: Vec::new(),
    };
    for line in String::from_utf8_lossy(&bytes).lines() {
        // A torn line, or one that a newer program wrote, says nothing.
        let Ok(JournalLine { unix_ms, entry }) = serde_json::from_str(line) else {
            continue;
        };
        run.last_unix_ms = run.last_unix_ms.max(unix_ms);
        match entry {
            JournalEntry::Run(header) => run.header = Some(header),
            JournalEntry::Begin { step } => run.steps.push(PastStep {
                id: step,
                began_unix_ms: unix_ms,
                elapsed_ms: None,
                end: StepEnd::Unknown,
            }),
            JournalEntry::Done { step } => run.ended(&step, unix_ms, StepEnd::Done),
            JournalEntry::Failed { step, message } => {
                run.ended(&step, unix_ms, StepEnd::Failed { message });
            }
            JournalEntry::End { exit } => run.end = RunEnd::Ended(exit),
        }
    }
    Ok(run)
}

impl PastRun {
    fn ended(&mut self, id: &StepId, unix_ms: u64, end: StepEnd) {
        if let Some(step) = self.steps.iter_mut().rev().find(|step| step.id == *id) {
            step.elapsed_ms = Some(unix_ms.saturating_sub(step.began_unix_ms));
            step.end = end;
        }
    }
}
