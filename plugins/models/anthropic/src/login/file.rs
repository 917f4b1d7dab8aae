//! The token file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rivetos_types::secret::Secret;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{LoginError, Tokens, Verb};

/// Only the owner reads and writes.
pub(super) const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// The file as it is written.
#[derive(Serialize, Deserialize)]
struct Stored {
    access_token: String,
    refresh_token: String,
    /// Milliseconds since 1970.
    expires_at_ms: u64,
}

pub(super) fn read(path: &Path) -> Result<Tokens, LoginError> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LoginError::NotLoggedIn(path.to_owned()),
        _ => failed(path, Verb::Read, error),
    })?;
    parsed(path, &text)
}

/// The tokens that `text`, the content of the file at `path`, holds.
pub(super) fn parsed(path: &Path, text: &str) -> Result<Tokens, LoginError> {
    let stored: Stored =
        serde_json::from_str(text).map_err(|_| LoginError::NotTokens(path.to_owned()))?;
    let expires_at = UNIX_EPOCH.checked_add(Duration::from_millis(stored.expires_at_ms));
    Ok(Tokens {
        access: Secret::new(stored.access_token),
        refresh: Secret::new(stored.refresh_token),
        expires_at: expires_at.ok_or_else(|| LoginError::NotTokens(path.to_owned()))?,
    })
}

pub(super) fn make_folder(path: &Path) -> Result<(), LoginError> {
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    let made = builder.recursive(true).mode(PRIVATE_FOLDER).create(folder);
    made.map_err(|error| failed(path, Verb::Written, error))
}

/// Keeps other processes from renewing the same tokens, until it is dropped.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) async fn take(path: &Path) -> Result<Self, LoginError> {
        let locked = beside(path, ".lock");
        let taken = spawn_blocking(move || {
            let mut options = OpenOptions::new();
            let options = options.create(true).append(true).mode(PRIVATE);
            let file = options.open(locked)?;
            file.lock().map(|()| file)
        });
        let taken = taken.await.map_err(|_| LoginError::Stopped)?;
        let file = taken.map_err(|error| failed(path, Verb::Locked, error))?;
        Ok(Self { _file: file })
    }
}

/// A new token file beside the old one, empty yet. Only who holds the [`Lock`] makes one.
pub(super) struct Draft {
    /// Where it is to be, and where it is.
    path: PathBuf,
    beside: PathBuf,
    file: File,
}

impl Draft {
    pub(super) fn new(path: &Path) -> Result<Self, LoginError> {
        let beside = beside(path, ".new");
        let failed = |error| failed(path, Verb::Written, error);
        // What an attempt that was killed has left behind; it may have had other rights.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(PRIVATE)
            .open(&beside);
        Ok(Self {
            path: path.to_owned(),
            beside,
            file: file.map_err(failed)?,
        })
    }

    /// Puts it in the place of the old file, tokens and all.
    pub(super) fn keep(mut self, tokens: &Tokens) -> Result<(), LoginError> {
        let written = self.write(tokens);
        written.map_err(|error| failed(&self.path, Verb::Written, error))
    }

    fn write(&mut self, tokens: &Tokens) -> io::Result<()> {
        let since = tokens.expires_at.duration_since(UNIX_EPOCH);
        let expires_at_ms = since.unwrap_or_default().as_millis();
        let stored = Stored {
            access_token: tokens.access.expose().clone(),
            refresh_token: tokens.refresh.expose().clone(),
            expires_at_ms: u64::try_from(expires_at_ms).unwrap_or(u64::MAX),
        };
        let text = Secret::new(serde_json::to_string(&stored)?);
        self.file.write_all(text.expose().as_bytes())?;
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        match self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already when it was kept.
        drop(fs::remove_file(&self.beside));
    }
}

pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

pub(super) fn failed(path: &Path, verb: Verb, source: io::Error) -> LoginError {
    LoginError::File {
        path: path.to_owned(),
        verb,
        source,
    }
}
