//! What was done, and what was not allowed, for whoever asks later.
//!
//! One JSON object a line. [`AuditLog::note`] never waits: an entry goes into a queue of bounded
//! length, and one thread writes it. What does not fit, or cannot be written, is counted, and the
//! agent's health says so until entries are written again.

mod day;
mod entry;
mod files;
mod pack;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};

use tokio::sync::oneshot;

pub(crate) use entry::{AuditEvent, Entry, Verdict};
use files::Files;

use crate::application::lock;
use crate::clock::now;

/// The most entries that wait for the disk.
const QUEUE_ENTRIES_MAX: usize = 1024;

/// The longest time that [`AuditLog::flush`] waits.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct AuditBounds {
    /// The size after which a file is followed by another one of the same day.
    pub file_bytes_max: u64,
    /// How long files are kept, in days.
    pub days_max: i64,
    /// The most that all files together may take; the oldest goes first.
    pub bytes_max: u64,
}

impl Default for AuditBounds {
    fn default() -> Self {
        Self {
            file_bytes_max: 16 * 1024 * 1024,
            days_max: 90,
            bytes_max: 256 * 1024 * 1024,
        }
    }
}

/// The log. Clones write to the same one.
#[derive(Clone)]
pub struct AuditLog(Arc<Shared>);

struct Shared {
    queue: SyncSender<Job>,
    state: Arc<WriterState>,
}

#[derive(Default)]
struct WriterState {
    lost: AtomicU64,
    trouble: Mutex<Option<String>>,
}

enum Job {
    Write(Box<Entry>),
    /// Answered when everything before it was written or counted as lost.
    Flush(oneshot::Sender<()>),
}

impl AuditLog {
    /// The log in `folder`, which is made when it is not there.
    pub fn open(folder: &Path, bounds: AuditBounds) -> io::Result<Self> {
        let files = Files::open(folder.to_owned(), bounds, now())?;
        let (queue, jobs) = sync_channel(QUEUE_ENTRIES_MAX);
        let state = Arc::new(WriterState::default());
        let shared = Arc::clone(&state);
        thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write_all(&jobs, files, &shared))?;
        Ok(Self(Arc::new(Shared { queue, state })))
    }

    /// Takes an entry; never waits.
    pub(crate) fn note(&self, entry: Entry) {
        if self.0.queue.try_send(Job::Write(Box::new(entry))).is_err() {
            self.0.state.lose("the queue of the audit log is full");
        }
    }

    /// Returns when everything before is written, or after 2 s.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.0.queue.try_send(Job::Flush(done)).is_ok() {
            // Whoever ends does not wait for a disk that hangs.
            let _ = tokio::time::timeout(FLUSH_WAIT, written).await;
        }
    }

    /// Entries that are not in the log.
    pub(crate) fn lost(&self) -> u64 {
        self.0.state.lost.load(Ordering::Relaxed)
    }

    /// Why entries are being lost; `None` when they are not.
    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.0.state.trouble).clone()
    }
}

impl WriterState {
    fn lose(&self, why: &str) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        let mut trouble = lock(&self.trouble);
        if trouble.is_none() {
            tracing::error!(why, "audit entries are being lost");
            *trouble = Some(why.to_owned());
        }
    }
}

/// Runs until the last handle is gone.
fn write_all(jobs: &Receiver<Job>, mut files: Files, state: &WriterState) {
    for job in jobs {
        match job {
            Job::Write(entry) => match files.append(&entry) {
                Ok(()) => *lock(&state.trouble) = None,
                Err(error) => state.lose(&format!("the audit log cannot be written: {error}")),
            },
            // Nobody waits any more when the time was over.
            Job::Flush(done) => drop(done.send(())),
        }
    }
}
