//! The write-ahead log as a file, and what of it is on the disk.
//!
//! SQLite could sync it with every commit, but would do so while it keeps everybody else out. So it
//! writes, and whoever must know that something survives loss of power syncs afterwards. That is
//! the same: SQLite adds to the log in order, so a sync takes everything along that was written
//! before it, and what was moved from the log into the store was synced by SQLite first.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A sync that takes no longer than this may keep a thread waiting that others need.
const SHORT: Duration = Duration::from_millis(1);

/// The log of one store. It stays the same file for as long as the store is open.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    /// Commits until now that somebody may want to be on the disk.
    written: AtomicU64,
    /// Those of them that are.
    synced: AtomicU64,
    /// Whether the last sync took no longer than [`SHORT`].
    quick: AtomicBool,
    /// Whether a sync failed, and the log was not moved into the store since. The system may have dropped what it could not write, and the next
    /// sync would not tell.
    lost: AtomicBool,
    /// Held by whoever syncs: the system tells of a write that failed only once, to the first who asks.
    syncing: Mutex<()>,
}

impl Log {
    /// The log of the store at `path`, which SQLite has open.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut name = OsString::from(path);
        name.push("-wal");
        Ok(Self {
            file: File::open(PathBuf::from(name))?,
            written: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            quick: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            syncing: Mutex::default(),
        })
    }

    /// There is a commit that the last sync did not take along.
    pub(crate) fn grew(&self) {
        self.written.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether everything that [grew](Self::grew) is on the disk.
    pub(crate) fn is_synced(&self) -> bool {
        let synced = self.synced.load(Ordering::Acquire) >= self.written.load(Ordering::Acquire);
        synced && !self.lost.load(Ordering::Acquire)
    }

    /// Whether a sync will probably be short.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick.load(Ordering::Relaxed)
    }

    /// How many commits were synced.
    #[cfg(test)]
    pub(crate) fn syncs(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// As after a sync that failed.
    #[cfg(test)]
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// All that was written is in the store itself, on the disk.
    pub(crate) fn found(&self) {
        self.lost.store(false, Ordering::Release);
    }

    /// Returns when everything that was written until now is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let _one = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lost.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier write did not reach the disk"));
        }
        if self.is_synced() {
            return Ok(());
        }
        let written = self.written.load(Ordering::Acquire);
        let begun = Instant::now();
        let synced = self.file.sync_data();
        self.quick
            .store(begun.elapsed() <= SHORT, Ordering::Relaxed);
        if synced.is_err() {
            self.lost.store(true, Ordering::Release);
        } else {
            self.synced.fetch_max(written, Ordering::AcqRel);
        }
        synced
    }
}
