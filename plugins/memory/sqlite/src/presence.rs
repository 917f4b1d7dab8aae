//! Which processes have the store open, and which of them died.
//!
//! A lease that a dead process left would keep its turns waiting until it expires. So everybody
//! who opens the store locks a file that has the name of its leases; the kernel ends the lock
//! however the process dies, and whoever sees it ends the leases.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior, params};

use crate::failure::Failure;

/// What the name of a file begins with until it is locked. Nobody looks at it before.
const UNLOCKED: &str = "new-";

/// Being there; others see it until it is dropped.
pub(crate) struct Presence {
    name: String,
    folder: PathBuf,
    _lock: File,
}

/// Somebody who is gone. Nobody else sees the same while this is kept.
pub(crate) struct Dead {
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Presence {
    /// Announces this process at the store of `path`, and ends the leases of dead ones.
    ///
    /// The locks are on files of their own: SQLite's locks on the store's file would be lost with
    /// the first handle to it that is closed.
    pub(crate) fn announce(path: &Path, db: &mut Connection) -> Result<Self, AnnounceError> {
        let mut folder = OsString::from(path);
        folder.push("-owners");
        let folder = PathBuf::from(folder);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let name = format!("{:032x}", u128::from_ne_bytes(random()?));
        let unlocked = folder.join(format!("{UNLOCKED}{name}"));
        let lock = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&unlocked)?;
        lock.try_lock()?;
        std::fs::rename(&unlocked, folder.join(&name))?;
        let presence = Self {
            name,
            folder,
            _lock: lock,
        };
        presence.end_leases_of_nobody(db)?;
        Ok(presence)
    }

    /// What leases of this process are called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Those who died and whose leases nobody has ended yet.
    pub(crate) fn dead(&self) -> io::Result<Vec<Dead>> {
        let mut dead = Vec::new();
        for name in self.others()? {
            let path = self.folder.join(&name);
            let lock = match OpenOptions::new().write(true).open(&path) {
                Ok(lock) => lock,
                // Somebody else ended its leases just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match lock.try_lock() {
                Ok(()) => dead.push(Dead {
                    name,
                    path,
                    _lock: lock,
                }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(dead)
    }

    fn others(&self) -> io::Result<Vec<String>> {
        let mut others = Vec::new();
        for entry in self.folder.read_dir()? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != self.name && !name.starts_with(UNLOCKED) {
                others.push(name);
            }
        }
        Ok(others)
    }

    /// Ends the leases of everybody who is not there, whether a file tells of it or not.
    fn end_leases_of_nobody(&self, db: &mut Connection) -> Result<(), AnnounceError> {
        // Nobody can claim meanwhile, and whoever claimed before has its file.
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let dead = self.dead()?;
        let mut there = self.others()?;
        there.retain(|name| dead.iter().all(|dead| dead.name != *name));
        let there = format!("{there:?}");
        step.execute(
            "UPDATE session SET lease_until = 0 WHERE lease_until > 0 AND owner IS NOT NULL
             AND owner NOT IN (SELECT value FROM json_each(?1))",
            [there],
        )?;
        step.commit()?;
        dead.iter().try_for_each(Dead::forget)?;
        Ok(())
    }
}

impl Dead {
    /// Ends its leases.
    pub(crate) fn end_leases(&self, db: &Connection) -> Result<(), Failure> {
        db.prepare_cached(
            "UPDATE session SET lease_until = 0 WHERE lease_until > 0 AND owner = ?1",
        )?
        .execute(params![self.name])?;
        Ok(())
    }

    /// Its leases are over; nobody needs to see it any more.
    pub(crate) fn forget(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn random() -> io::Result<[u8; 16]> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(random)
}

/// Why the process could not announce itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnnounceError {
    #[error("the file of the lock: {0}")]
    File(#[from] io::Error),
    #[error("the lock: {0}")]
    Lock(#[from] TryLockError),
    #[error("{0}")]
    Store(#[from] rusqlite::Error),
}

impl AnnounceError {
    pub(crate) fn during(self, operation: &'static str) -> rivetos_types::store::StoreError {
        match self {
            Self::File(_) | Self::Lock(_) => rivetos_types::store::StoreError::Failed {
                operation,
                cause: self.to_string(),
            },
            Self::Store(error) => Failure::from(error).during(operation),
        }
    }
}
