//! What the fleet half keeps on the operator's machine: a key and journals.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

use rivetos_fleet::{FleetId, FleetKey};

const KEY_BYTES: usize = 32;

/// The folder of one fleet, `<root>/fleets/<fleet>`, mode 0700.
///
/// Nothing in it is needed to find or to change the fleet: losing it loses the key (hashes of
/// secrets then compare as unknown) and the journals of past runs.
#[derive(Debug, Clone)]
pub struct FleetHome {
    folder: PathBuf,
}

impl FleetHome {
    /// Opens the folder of `fleet` below `root`, making it first where it is missing.
    pub fn open(root: &Path, fleet: &FleetId) -> Result<Self, HomeError> {
        let folder = root.join("fleets").join(fleet.as_str());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| HomeError::Folder {
                path: folder.clone(),
                source,
            })?;
        Ok(Self { folder })
    }

    /// The folder; absolute when the root was.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where [`crate::RunJournal`]s are kept.
    pub fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// The fleet's key: keys the hashes of secrets. Made from randomness at the first call.
    pub fn key(&self) -> Result<FleetKey, HomeError> {
        let path = self.folder.join("key");
        match read_key(&path) {
            Err(HomeError::ReadKey { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                make_key(&path).map_err(|source| HomeError::MakeKey {
                    path: path.clone(),
                    source,
                })?;
                read_key(&path)
            }
            other => other,
        }
    }
}

/// Why the fleet's folder is of no use.
#[derive(Debug, Error)]
pub enum HomeError {
    /// It can be neither found nor made.
    #[error("the folder `{}` cannot be made", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key is there and cannot be read.
    #[error("the fleet's key `{}` cannot be read", path.display())]
    ReadKey {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key cannot be made.
    #[error("the fleet's key `{}` cannot be made", path.display())]
    MakeKey {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key has another length than keys have.
    #[error("the fleet's key `{}` is damaged; remove it and the next run makes a new one", path.display())]
    DamagedKey {
        /// Which one.
        path: PathBuf,
    },
}

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn read_key(path: &Path) -> Result<FleetKey, HomeError> {
    let bytes = fs::read(path).map_err(|source| HomeError::ReadKey {
        path: path.to_owned(),
        source,
    })?;
    let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| HomeError::DamagedKey {
        path: path.to_owned(),
    })?;
    Ok(FleetKey::new(key))
}

/// Writes a whole new key beside `path` and links it there, so that nobody ever reads half a key
/// and, of two processes that do this at once, the first one's key stays.
fn make_key(path: &Path) -> io::Result<()> {
    let mut key = [0_u8; KEY_BYTES];
    let mut name = [0_u8; 8];
    for random in [key.as_mut_slice(), &mut name] {
        getrandom::fill(random).map_err(|error| io::Error::other(error.to_string()))?;
    }
    let draft = path.with_extension(format!("{:016x}.tmp", u64::from_le_bytes(name)));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let made = file
        .write_all(&key)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
