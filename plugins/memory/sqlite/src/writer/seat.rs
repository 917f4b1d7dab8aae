//! The place at the connection: the thread and callers take it in turns.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rivetos_types::store::StoreError;

use super::batch::{Db, Left};
use super::job::{Access, Job};
use crate::log::Log;

/// The store's connection, and what waits for it.
pub(super) struct Seat {
    db: Mutex<Db>,
    pub(super) log: Log,
    /// Calls that go with the next transaction. Bounded as all calls are.
    waiting: Mutex<Vec<Box<dyn Job>>>,
    /// Those of them that were done, and how their transaction ended. Whoever did them answers
    /// when its own call is: what follows from that is more urgent.
    done: Mutex<Vec<Done>>,
    /// Calls that nobody has answered yet, those in `waiting` left out.
    calls: AtomicUsize,
}

type Done = (Box<dyn Job>, Result<(), StoreError>);

/// What became of a call that somebody tried to run at once.
pub(super) enum AtOnce {
    /// It ran; whether the log is long.
    Ran(Result<bool, StoreError>),
    /// Somebody else writes.
    Busy,
}

impl Seat {
    pub(super) fn new(db: Db, log: Log) -> Self {
        Self {
            db: Mutex::new(db),
            log,
            waiting: Mutex::default(),
            done: Mutex::default(),
            calls: AtomicUsize::new(0),
        }
    }

    /// Leaves a call to the next transaction.
    pub(super) fn put_off(&self, job: Box<dyn Job>) {
        self.waiting().push(job);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Box<dyn Job>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self) -> MutexGuard<'_, Vec<Done>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what was done beside another call, when it is dropped.
    pub(super) fn answers_after(&self) -> AnswersAfter<'_> {
        AnswersAfter(self)
    }

    /// Nothing in here is left half done by a panic: SQLite undoes a transaction that was begun.
    fn db(&self) -> MutexGuard<'_, Db> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call, and what waited, unless somebody else is at it.
    pub(super) fn write_at_once(&self, own: &mut dyn Job) -> AtOnce {
        let mut db = match self.db.try_lock() {
            Ok(db) => db,
            Err(TryLockError::Poisoned(db)) => db.into_inner(),
            Err(TryLockError::WouldBlock) => return AtOnce::Busy,
        };
        match db.begin_at_once() {
            Ok(true) => {}
            Ok(false) => return AtOnce::Busy,
            Err(error) => return AtOnce::Ran(Err(error)),
        }
        let mut waited = std::mem::take(&mut *self.waiting());
        let mut jobs: Vec<&mut dyn Job> = Vec::with_capacity(waited.len() + 1);
        for job in &mut waited {
            jobs.push(&mut **job);
        }
        jobs.push(own);
        let written = self.note(db.commit_together(&mut jobs));
        drop(db);
        let outcome = written.clone().map(|_| ());
        let done = waited.into_iter().map(|job| (job, outcome.clone()));
        self.done().extend(done);
        AtOnce::Ran(written)
    }

    /// Runs all calls of `batch`, and what waited, which is there too afterwards. Returns whether
    /// the log is long.
    pub(super) fn write_together(&self, batch: &mut Vec<Box<dyn Job>>) -> Result<bool, StoreError> {
        // They were asked for before.
        batch.splice(..0, self.waiting().drain(..));
        let runs = |job: &&mut Box<dyn Job>| job.access() != Access::Sync;
        let mut jobs: Vec<&mut dyn Job> = Vec::with_capacity(batch.len());
        for job in batch.iter_mut().filter(runs) {
            jobs.push(&mut **job);
        }
        if jobs.is_empty() {
            return Ok(false);
        }
        let mut db = self.db();
        db.begin(jobs.iter().any(|job| job.access().writes()))?;
        self.note(db.commit_together(&mut jobs))
    }

    fn note(&self, left: Result<Left, StoreError>) -> Result<bool, StoreError> {
        let left = left?;
        if left.grew {
            self.log.grew();
        }
        Ok(left.long)
    }

    /// Returns when everything that was written until now is on the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let Err(error) = self.log.sync() else {
            return Ok(());
        };
        tracing::error!(%error, "the log of the store was not synced; moving all of it");
        self.db().fold_all()?;
        self.log.found();
        self.log.sync().map_err(|error| not_synced(&error))
    }

    /// Moves the log into the store.
    pub(super) fn fold(&self) {
        if let Err(error) = self.db().fold() {
            tracing::warn!(%error, "the log of the store stays long");
        }
    }

    /// One call more, until it is dropped.
    pub(super) fn enter(&self) -> Counted<'_> {
        let beside = self.calls.fetch_add(1, Ordering::AcqRel);
        Counted { seat: self, beside }
    }
}

/// See [`Seat::answers_after`].
pub(super) struct AnswersAfter<'a>(&'a Seat);

impl Drop for AnswersAfter<'_> {
    fn drop(&mut self) {
        let done = std::mem::take(&mut *self.0.done());
        for (mut job, outcome) in done {
            job.answer(&outcome);
        }
    }
}

/// A call that nobody has answered yet.
pub(super) struct Counted<'a> {
    seat: &'a Seat,
    beside: usize,
}

impl Counted<'_> {
    /// How many others there were when it began.
    pub(super) fn beside(&self) -> usize {
        self.beside
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.seat.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

fn not_synced(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Failed {
            operation: "sync the store",
            cause: error.to_string(),
        },
    }
}
