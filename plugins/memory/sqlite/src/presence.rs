//! Whether other processes have the store open.
//!
//! A lease that a dead process left would keep its turns waiting until it expires. Whoever finds
//! nobody else on the store may end all leases, because their owners are gone. The kernel ends
//! the lock of a process however it dies.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::Connection;

use crate::failure::Failure;

/// Being there; others see it until it is dropped.
pub(crate) struct Presence {
    _lock: File,
}

/// Announces this process at the store of `path`, and ends the leases of dead ones.
///
/// The lock is on a file of its own: SQLite's locks on the store's file would be lost with the
/// first handle to it that is closed.
pub(crate) fn announce(path: &Path, db: &Connection) -> Result<Presence, AnnounceError> {
    let mut name = OsString::from(path);
    name.push("-open");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(name)?;
    match file.try_lock() {
        Ok(()) => {
            db.execute(
                "UPDATE session SET lease_until = 0 WHERE lease_until > 0 AND owner IS NOT NULL",
                [],
            )?;
            file.unlock()?;
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    // Waits only for another process that is just doing the above.
    file.lock_shared()?;
    Ok(Presence { _lock: file })
}

/// Why the process could not announce itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnnounceError {
    #[error("the file of the lock: {0}")]
    File(#[from] std::io::Error),
    #[error("{0}")]
    Store(#[from] rusqlite::Error),
}

impl AnnounceError {
    pub(crate) fn during(self, operation: &'static str) -> rivetos_types::store::StoreError {
        match self {
            Self::File(error) => rivetos_types::store::StoreError::Failed {
                operation,
                cause: error.to_string(),
            },
            Self::Store(error) => Failure::from(error).during(operation),
        }
    }
}
