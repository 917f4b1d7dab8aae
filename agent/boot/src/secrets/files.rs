//! Secrets in files: read again when the file changed.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rivetos_types::secret::Secret;

/// How long a file must have been as it is before its times tell it from the next one: some file
/// systems count in whole seconds, FAT in pairs of them.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// What was read; at most one for each secret that the configuration names.
#[derive(Default)]
pub(super) struct Files(Mutex<BTreeMap<PathBuf, Kept>>);

struct Kept {
    content: Secret<String>,
    stamp: Stamp,
}

impl Files {
    /// The present content of a file.
    pub(super) fn read(&self, path: &Path) -> io::Result<Secret<String>> {
        let content = self.present(path);
        if content.is_err() {
            // What is no longer there is no longer held.
            self.kept().remove(path);
        }
        content
    }

    fn present(&self, path: &Path) -> io::Result<Secret<String>> {
        // Before the content: what is written in between has another one.
        let stamp = Stamp::of(&std::fs::metadata(path)?);
        if let Some(kept) = self.kept().get(path)
            && kept.stamp == stamp
        {
            return Ok(kept.content.clone());
        }
        let settled = stamp.settled();
        let content = Secret::new(std::fs::read_to_string(path)?);
        let mut kept = self.kept();
        if settled {
            let content = content.clone();
            kept.insert(path.to_owned(), Kept { content, stamp });
        } else {
            kept.remove(path);
        }
        Ok(content)
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What changes with a file. The time of the last change is the system's own, while that of the
/// last modification can be set back by whoever copies a file.
#[derive(PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether another change would show.
    fn settled(&self) -> bool {
        let last = self.modified.max(self.changed).0;
        let last = UNIX_EPOCH + Duration::from_secs(u64::try_from(last).unwrap_or(0));
        // The part of a second that is left out makes it older than it is.
        let age = SystemTime::now().duration_since(last);
        age.is_ok_and(|age| age > SETTLED_AFTER + Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let files = Files::default();
        let read = || files.read(&path).map(|content| content.expose().clone());
        // Within one tick of the clock, of the same length.
        for content in ["one", "two", "six"] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read().unwrap(), content);
        }
        assert!(files.kept().is_empty(), "another change would not show");

        let keep = |content: &str| {
            let stamp = Stamp::of(&std::fs::metadata(&path).unwrap());
            let content = Secret::from(content);
            files.kept().insert(path.clone(), Kept { content, stamp });
        };
        keep("kept");
        assert_eq!(read().unwrap(), "kept");
        let other = folder.path().join("other");
        std::fs::write(&other, "ten").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(read().unwrap(), "ten");

        keep("kept");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(files.kept().is_empty());
    }

    #[test]
    fn a_file_is_kept_when_it_is_old_enough() {
        let second = |age: u64| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            (i64::try_from(now.as_secs() - age).unwrap(), 0)
        };
        let settled = |modified: u64, changed: u64| {
            let stamp = Stamp {
                file: (0, 0),
                bytes: 0,
                modified: second(modified),
                changed: second(changed),
            };
            stamp.settled()
        };
        assert!(settled(60, 60));
        assert!(!settled(60, 1));
        assert!(!settled(1, 60));
    }
}
