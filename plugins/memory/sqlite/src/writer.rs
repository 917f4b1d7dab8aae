//! The thread that owns the connection, and group commit.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rivetos_types::store::{Durability, StoreError};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::failure::Failure;

/// Calls that may wait before callers have to.
const QUEUE_JOBS_MAX: usize = 256;

/// Calls that share one transaction.
const BATCH_JOBS_MAX: usize = 64;

/// The longest wait of a call that need not be done at once.
const SOON: Duration = Duration::from_millis(20);

/// What callers get when the thread is gone, which only a panic in it can bring about.
const GONE: &str = "the store's thread has ended";

/// Handle of the thread. Dropping it waits until the last job is committed.
pub(crate) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    /// Bounds `jobs`.
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

/// What a call does to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write(Durability),
    /// It survives `kill -9` once it is committed, which may be a moment later.
    WriteSoon,
}

impl Access {
    fn durability(self) -> Option<Durability> {
        match self {
            Self::Read => None,
            Self::Write(durability) => Some(durability),
            Self::WriteSoon => Some(Durability::ProcessCrash),
        }
    }
}

impl Writer {
    pub(crate) fn start(db: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || run(db, &queue))?;
        Ok(Self {
            jobs: Some(jobs),
            room: Arc::new(Semaphore::new(QUEUE_JOBS_MAX)),
            thread: Some(thread),
        })
    }

    /// Runs `work` inside a transaction. `durability` is `None` for work that only reads.
    pub(crate) async fn call<T, F>(
        &self,
        operation: &'static str,
        durability: Option<Durability>,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let access = durability.map_or(Access::Read, Access::Write);
        self.ask(operation, access, work).await
    }

    /// Runs `work` together with the next call that writes, or alone after [`SOON`].
    pub(crate) async fn call_soon<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.ask(operation, Access::WriteSoon, work).await
    }

    async fn ask<T, F>(
        &self,
        operation: &'static str,
        access: Access,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let gone = || StoreError::Failed {
            operation,
            cause: GONE.into(),
        };
        let room = Arc::clone(&self.room).acquire_owned().await;
        let (answer, result) = oneshot::channel();
        let call = Call {
            operation,
            access,
            work: Some(work),
            result: None,
            answer: Some(answer),
            _room: room.map_err(|_| gone())?,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Box::new(call)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by its hook already.
            let _ = thread.join();
        }
    }
}

trait Job: Send {
    fn access(&self) -> Access;
    /// Does the work; what failed must be undone.
    fn run(&mut self, db: &Connection) -> Result<(), StoreError>;
    /// Tells the caller, once it is known how the transaction ended.
    fn answer(&mut self, transaction: &Result<(), StoreError>);
}

struct Call<T, F> {
    operation: &'static str,
    access: Access,
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    answer: Option<oneshot::Sender<Result<T, StoreError>>>,
    _room: OwnedSemaphorePermit,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn access(&self) -> Access {
        self.access
    }

    fn run(&mut self, db: &Connection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let result = work(db).map_err(|failure| failure.during(self.operation));
        let outcome = result.as_ref().map(|_| ()).map_err(StoreError::clone);
        self.result = Some(result);
        outcome
    }

    fn answer(&mut self, transaction: &Result<(), StoreError>) {
        let result = match (self.result.take(), transaction) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(shared)) => Err(shared.clone()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => return,
        };
        if let Some(answer) = self.answer.take() {
            // Nobody listens when the caller's future was dropped; the work is done all the same.
            let _ = answer.send(result);
        }
    }
}

fn run(db: Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut synchronous = None;
    let mut batch = Vec::with_capacity(BATCH_JOBS_MAX);
    while fill(queue, &mut batch) {
        let outcome = commit_together(&db, &mut batch, &mut synchronous);
        for job in &mut batch {
            job.answer(&outcome);
        }
        batch.clear();
    }
    // Closing folds the write-ahead log into the file, so the next start has nothing to recover.
    drop(db);
}

/// Waits for work, and takes what else there is. Calls that need not be done at once do not make a
/// batch before their time is over. Returns `false` when nothing will come any more.
fn fill(queue: &Receiver<Box<dyn Job>>, batch: &mut Vec<Box<dyn Job>>) -> bool {
    let Ok(first) = queue.recv() else {
        return false;
    };
    let until = Instant::now() + SOON;
    batch.push(first);
    while batch.len() < BATCH_JOBS_MAX {
        if let Ok(job) = queue.try_recv() {
            batch.push(job);
            continue;
        }
        if batch.iter().any(|job| job.access() != Access::WriteSoon) {
            break;
        }
        match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(job) => batch.push(job),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    true
}

/// Runs all jobs in one transaction. A job that fails is undone alone; an error of the
/// transaction itself undoes all of them.
fn commit_together(
    db: &Connection,
    jobs: &mut [Box<dyn Job>],
    synchronous: &mut Option<Durability>,
) -> Result<(), StoreError> {
    let accesses = jobs.iter().map(|job| job.access());
    let durability = accesses.filter_map(Access::durability).max();
    if let Some(wanted) = durability
        && durability != *synchronous
    {
        execute(
            db,
            match wanted {
                Durability::PowerLoss => "PRAGMA synchronous = FULL",
                Durability::ProcessCrash => "PRAGMA synchronous = NORMAL",
            },
        )?;
        *synchronous = durability;
    }
    // Readers need no lock against another process.
    execute(
        db,
        if durability.is_some() {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        },
    )?;
    let done = run_each(db, jobs).and_then(|()| execute(db, "COMMIT"));
    if done.is_err() && !db.is_autocommit() {
        execute(db, "ROLLBACK")?;
    }
    done
}

fn run_each(db: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    // The transaction itself is what undoes a job that is alone in it.
    if let [job] = jobs {
        return job.run(db);
    }
    for job in jobs {
        execute(db, "SAVEPOINT job")?;
        if let Err(error) = job.run(db) {
            // Some errors, a full disk for one, undo the whole transaction, not only the job.
            if db.is_autocommit() {
                return Err(error);
            }
            execute(db, "ROLLBACK TO job")?;
        }
        execute(db, "RELEASE job")?;
    }
    Ok(())
}

fn execute(db: &Connection, sql: &str) -> Result<(), StoreError> {
    let run = || db.prepare_cached(sql)?.execute([]);
    run()
        .map(|_| ())
        .map_err(|error| Failure::from(error).during("write the store"))
}

#[cfg(test)]
mod tests;
