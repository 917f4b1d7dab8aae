//! The files of the log: one a day, or several when a day has much to tell.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rivetos_types::time::Timestamp;

use super::AuditBounds;
use super::day::{date, day_of};
use super::entry::Entry;
use super::pack::pack_all;

/// The most files of one day; the last one takes the rest.
const DAY_FILES_MAX: u32 = 999;

pub(super) struct Files {
    folder: PathBuf,
    bounds: AuditBounds,
    open: Option<Open>,
}

/// How the names of files end that are not compressed.
const PLAIN: &str = ".jsonl";

/// Yesterday's files stay as they are: an entry of yesterday may still be on its way, also from
/// another process.
const PLAIN_DAYS: i64 = 1;

/// The file that entries are written to.
struct Open {
    day: i64,
    part: u32,
    bytes: u64,
    file: File,
}

impl Files {
    /// The files in `folder`, those of `at` opened and those that are too old gone.
    pub(super) fn open(folder: PathBuf, bounds: AuditBounds, at: Timestamp) -> io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let mut files = Self {
            folder,
            bounds,
            open: None,
        };
        let today = day_of(at);
        files.turn_to(today, 0)?;
        files.pack(today);
        Ok(files)
    }

    /// Writes a whole line with one call: a process that is killed leaves no half of one.
    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let day = day_of(entry.timestamp);
        match &self.open {
            // A clock that is set back does not bring back an old file.
            Some(open) if open.day >= day => {
                if open.bytes >= self.bounds.file_bytes_max && open.part < DAY_FILES_MAX {
                    self.turn_to(open.day, open.part + 1)?;
                }
            }
            Some(_) | None => {
                self.turn_to(day, 0)?;
                self.pack(day);
            }
        }
        let Some(open) = &mut self.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let written = open.file.write(&line)?;
        open.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        if written == line.len() {
            return Ok(());
        }
        // A full disk took a part of it; what follows starts on a line of its own.
        open.file
            .set_len(open.bytes - u64::try_from(written).unwrap_or(0))?;
        open.bytes -= u64::try_from(written).unwrap_or(0);
        Err(io::ErrorKind::StorageFull.into())
    }

    /// Goes on in the first file of the day, from `part` on, that is not full.
    fn turn_to(&mut self, day: i64, mut part: u32) -> io::Result<()> {
        self.open = None;
        loop {
            let path = self.folder.join(name(day, part));
            let mut options = OpenOptions::new();
            let file = options.create(true).append(true).mode(0o600).open(path)?;
            let bytes = file.metadata()?.len();
            if bytes < self.bounds.file_bytes_max || part >= DAY_FILES_MAX {
                self.open = Some(Open {
                    day,
                    part,
                    bytes,
                    file,
                });
                break;
            }
            part += 1;
        }
        self.retain(day)
    }

    /// Deletes what is too old, then the oldest until the rest is small enough. The file that is
    /// written to stays.
    fn retain(&self, today: i64) -> io::Result<()> {
        let oldest = date(today - self.bounds.days_max);
        let present = self.open.as_ref().map(|open| name(open.day, open.part));
        let mut files = self.list()?;
        files.retain(|(name, _)| Some(name) != present.as_ref());
        let mut bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        for (name, size) in files {
            if name < oldest || bytes > self.bounds.bytes_max {
                remove(&self.folder.join(&name))?;
                bytes -= size;
            }
        }
        Ok(())
    }

    /// Compresses the days that are over. No entry is lost when it fails.
    fn pack(&self, today: i64) {
        let yesterday = date(today - PLAIN_DAYS);
        let packed = self.list().and_then(|files| {
            let names = files.into_iter().map(|(name, _)| name);
            let names = names.filter(|name| *name < yesterday && name.ends_with(PLAIN));
            pack_all(names.map(|name| self.folder.join(name)).collect())
        });
        if let Err(error) = packed {
            tracing::warn!(%error, "the audit log stays as large as it is");
        }
    }

    /// Our files with their sizes, the oldest first.
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for file in std::fs::read_dir(&self.folder)? {
            let file = file?;
            let Ok(name) = file.file_name().into_string() else {
                continue;
            };
            if !is_ours(&name) {
                continue;
            }
            match file.metadata() {
                Ok(metadata) => files.push((name, metadata.len())),
                // It was compressed right now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        files.sort();
        Ok(files)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Names sort by their time.
fn name(day: i64, part: u32) -> String {
    let date = date(day);
    match part {
        0 => format!("{date}{PLAIN}"),
        part => format!("{date}.p{part:03}{PLAIN}"),
    }
}

/// Files of other names in the folder are not touched.
fn is_ours(name: &str) -> bool {
    let shape = name.get(..10).is_some_and(|date| {
        date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    });
    let end = name.get(10..).unwrap_or_default();
    let plain = [PLAIN, ".jsonl.gz", ".jsonl.gz.part"]
        .iter()
        .find_map(|kind| end.strip_suffix(kind));
    let part = plain.and_then(|part| part.strip_prefix(".p"));
    let numbered =
        part.is_some_and(|part| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()));
    shape && (plain == Some("") || numbered)
}
