//! The connection, and what is done with it: transactions, and moving the log into the store.

use std::time::Duration;

use rivetos_types::store::StoreError;
use rusqlite::{Connection, ErrorCode};

use super::job::{Access, Job};
use crate::failure::Failure;

/// How long a transaction waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The log is moved into the store when it has so many pages more than were moved,
const LOG_PAGES_MAX: i64 = 1000;
/// which is looked at once in so many transactions.
const LOOK_AFTER: u32 = 8;

pub(super) struct Db {
    connection: Connection,
    /// As SQLite counts the commits of others
    /// (<https://sqlite.org/pragma.html#pragma_data_version>).
    version: Option<i64>,
    /// Transactions that wrote since the length of the log was looked at.
    unseen: u32,
}

/// What a batch left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Something that was written must reach the disk; or somebody else wrote it, who knows when.
    pub(super) grew: bool,
    /// The log is long.
    pub(super) long: bool,
}

impl Db {
    pub(super) fn new(connection: Connection) -> Result<Self, StoreError> {
        let db = Self {
            connection,
            version: None,
            unseen: 0,
        };
        // It would be done by whoever happens to write the last page.
        db.pragma("PRAGMA wal_autocheckpoint = 0", |_| Ok(()))?;
        // Who needs the disk syncs the log.
        let normal = db.connection.execute_batch("PRAGMA synchronous = NORMAL");
        normal.map_err(|error| Failure::from(error).during("open the store"))?;
        db.wait_for_others(BUSY_TIMEOUT)?;
        Ok(db)
    }

    /// Begins a transaction that writes; `false` if another process does so.
    pub(super) fn begin_at_once(&self) -> Result<bool, StoreError> {
        self.wait_for_others(Duration::ZERO)?;
        let begun = self.run("BEGIN IMMEDIATE");
        self.wait_for_others(BUSY_TIMEOUT)?;
        match begun {
            Ok(()) => Ok(true),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
            Err(error) => Err(Failure::from(error).during("write the store")),
        }
    }

    /// Begins the transaction of a batch.
    pub(super) fn begin(&self, writes: bool) -> Result<(), StoreError> {
        // Readers need no lock against another process.
        self.execute(if writes { "BEGIN IMMEDIATE" } else { "BEGIN" })
    }

    /// Runs all jobs in the transaction that was begun. A job that fails is undone alone; an error
    /// of the transaction itself undoes all of them.
    pub(super) fn commit_together(
        &mut self,
        jobs: &mut [&mut dyn Job],
    ) -> Result<Left, StoreError> {
        let has = |wanted: fn(Access) -> bool| {
            let mut jobs = jobs.iter();
            move || jobs.any(|job| wanted(job.access()))
        };
        let writes = has(Access::writes)();
        let must_reach_disk = has(Access::must_reach_disk)();
        let reads = has(|access| access == Access::Read)();
        let changed = if reads { self.changed() } else { Ok(false) };
        let done = changed.and_then(|changed| {
            self.run_each(jobs)?;
            self.execute("COMMIT")?;
            Ok(changed)
        });
        if done.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        Ok(Left {
            grew: done? || must_reach_disk,
            long: writes && self.log_is_long(),
        })
    }

    fn run_each(&self, jobs: &mut [&mut dyn Job]) -> Result<(), StoreError> {
        // The transaction itself is what undoes a job that is alone in it.
        if let [job] = jobs {
            return job.run(&self.connection);
        }
        for job in jobs {
            self.execute("SAVEPOINT job")?;
            if let Err(error) = job.run(&self.connection) {
                // Some errors, a full disk for one, undo the whole transaction, not only the job.
                if self.connection.is_autocommit() {
                    return Err(error);
                }
                self.execute("ROLLBACK TO job")?;
            }
            self.execute("RELEASE job")?;
        }
        Ok(())
    }

    /// Whether another connection wrote since the last time.
    fn changed(&mut self) -> Result<bool, StoreError> {
        let version = self.pragma("PRAGMA data_version", |row| row.get(0))?;
        Ok(self.version.replace(version) != Some(version))
    }

    /// Whether there are many pages in the log that are not in the store.
    fn log_is_long(&mut self) -> bool {
        self.unseen += 1;
        if self.unseen < LOOK_AFTER {
            return false;
        }
        self.unseen = 0;
        let pages = self.pragma("PRAGMA wal_checkpoint(NOOP)", |row| {
            Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)
        });
        pages.is_ok_and(|pages| pages >= LOG_PAGES_MAX)
    }

    /// Moves the log into the store, as far as nobody reads what is older.
    pub(super) fn fold(&self) -> Result<(), StoreError> {
        self.pragma("PRAGMA wal_checkpoint(PASSIVE)", |_| Ok(()))
    }

    /// Moves all of the log into the store, and makes the store be on the disk.
    pub(super) fn fold_all(&self) -> Result<(), StoreError> {
        let busy = self.pragma("PRAGMA wal_checkpoint(TRUNCATE)", |row| row.get(0))?;
        if busy {
            return Err(StoreError::Failed {
                operation: "sync the store",
                cause: "a write did not reach the disk".to_owned(),
            });
        }
        Ok(())
    }

    fn wait_for_others(&self, timeout: Duration) -> Result<(), StoreError> {
        let set = self.connection.busy_timeout(timeout);
        set.map_err(|error| Failure::from(error).during("write the store"))
    }

    fn pragma<T>(
        &self,
        sql: &str,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let ask = || self.connection.prepare_cached(sql)?.query_row([], read);
        ask().map_err(|error| Failure::from(error).during("write the store"))
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute([]).map(|_| ())
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.run(sql)
            .map_err(|error| Failure::from(error).during("write the store"))
    }
}
