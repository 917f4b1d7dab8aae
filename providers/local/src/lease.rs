//! The fleet's lock on this host: a file that the system locks for a process, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rivetos_fleet::port::{Applied, FleetLock, Holder, LeaseId, LockError};

use crate::LocalProvider;

/// The lock that this run took; given back when it is dropped.
#[derive(Debug)]
pub struct LeaseToken(#[expect(dead_code, reason = "open is all that it must be")] File);

/// How often, and after which pause, a file is read again whose holder is about to write itself
/// into it.
const READS_MAX: usize = 100;
const READ_PAUSE: Duration = Duration::from_millis(10);

/// Whether the system gave the file to us.
enum Asked {
    Ours(File),
    Theirs(Holder),
}

impl FleetLock for LocalProvider {
    type Token = LeaseToken;

    async fn acquire(&self, holder: &Holder) -> Result<LeaseToken, LockError> {
        let path = self.lock_path();
        let mut file = match ask(&path).await? {
            Asked::Ours(file) => file,
            Asked::Theirs(holder) => {
                return Err(LockError::Held {
                    holder: Box::new(holder),
                });
            }
        };
        write_holder(&mut file, holder).map_err(|error| failed(&path, &error))?;
        Ok(LeaseToken(file))
    }

    /// The system knows by itself whether the holder is alive.
    async fn renew(&self, _token: &LeaseToken, _holder: &Holder) -> Result<(), LockError> {
        Ok(())
    }

    async fn release(&self, token: LeaseToken) -> Result<(), LockError> {
        drop(token);
        Ok(())
    }

    async fn holder(&self) -> Result<Option<Holder>, LockError> {
        Ok(match ask(&self.lock_path()).await? {
            Asked::Ours(_) => None,
            Asked::Theirs(holder) => Some(holder),
        })
    }

    /// Nobody can take this lock from a process that lives.
    async fn break_lock(&self, _id: &LeaseId) -> Result<Applied, LockError> {
        match self.holder().await? {
            None => Ok(Applied::AlreadySo),
            Some(holder) => Err(LockError::Held {
                holder: Box::new(holder),
            }),
        }
    }
}

impl LocalProvider {
    fn lock_path(&self) -> PathBuf {
        self.settings().home.join("lock")
    }
}

async fn ask(path: &Path) -> Result<Asked, LockError> {
    for _ in 0..READS_MAX {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path);
        let mut file = opened.map_err(|error| failed(path, &error))?;
        match file.try_lock() {
            Ok(()) => return Ok(Asked::Ours(file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(path, &error)),
        }
        if let Some(holder) = read_holder(&mut file) {
            // That the file is locked is the newest sign of life.
            let beat_unix_ms = unix_ms();
            return Ok(Asked::Theirs(Holder {
                beat_unix_ms,
                ..holder
            }));
        }
        tokio::time::sleep(READ_PAUSE).await;
    }
    Err(failed(
        path,
        &io::Error::other("its holder does not say who it is"),
    ))
}

fn failed(path: &Path, error: &io::Error) -> LockError {
    LockError::Failed {
        message: format!("the lock file `{}` cannot be used: {error}", path.display()),
        hint: (error.kind() == io::ErrorKind::StorageFull)
            .then(|| "make room on the disk, then run this again".to_owned()),
    }
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_holder(file: &mut File, holder: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(holder)?.as_bytes())
}
