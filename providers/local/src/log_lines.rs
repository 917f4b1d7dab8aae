//! Reads an agent's log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rivetos_fleet::port::{Follow, LogOptions};

use crate::{log_file, stamp};

/// Between two looks at whether there is more.
const FOLLOW_POLL: Duration = Duration::from_millis(200);
/// Longer lines are cut into pieces of this size.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// The lines of one agent's log, oldest first.
#[derive(Debug)]
pub(crate) struct Reader {
    folder: PathBuf,
    follow: Follow,
    since: Since,
    /// Lines that are read already.
    ready: VecDeque<String>,
    file: Option<BufReader<File>>,
    /// The beginning of a line of which the end is not written yet.
    partial: Vec<u8>,
}

impl Reader {
    /// Opens the log and reads what is there, as far as `options` wants it.
    pub(crate) fn open(folder: &Path, options: LogOptions) -> io::Result<Self> {
        let mut reader = Self {
            folder: folder.to_owned(),
            follow: options.follow,
            since: Since {
                moment: options.since_unix_s,
                passing: options.since_unix_s.is_none(),
            },
            ready: VecDeque::new(),
            file: open(&log_file::older_path(folder))?,
            partial: Vec::new(),
        };
        let tail = options.tail.unwrap_or(usize::MAX);
        reader.read_present(tail)?;
        reader.file = open(&log_file::path(folder))?;
        reader.read_present(tail)?;
        if reader.follow == Follow::No && !reader.partial.is_empty() {
            reader.end_line();
            reader.keep_last(tail);
        }
        Ok(reader)
    }

    /// The next line; `None` at the end of a log that is not followed.
    pub(crate) async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            if self.follow == Follow::No {
                return Ok(None);
            }
            if !self.read_line()? && !self.reopen_if_another()? {
                tokio::time::sleep(FOLLOW_POLL).await;
            }
        }
    }

    fn read_present(&mut self, tail: usize) -> io::Result<()> {
        while self.read_line()? {
            self.keep_last(tail);
        }
        Ok(())
    }

    fn keep_last(&mut self, tail: usize) {
        while self.ready.len() > tail {
            self.ready.pop_front();
        }
    }

    /// Whether anything was there to read.
    fn read_line(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        let length = io::Read::take(file, LINE_BYTES_MAX).read_until(b'\n', &mut self.partial)?;
        let is_long = self.partial.len() as u64 >= LINE_BYTES_MAX;
        if self.partial.ends_with(b"\n") || is_long {
            self.end_line();
        }
        Ok(length > 0)
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.partial);
        let line = line.strip_suffix('\n').unwrap_or(&line);
        if self.since.passes(line) {
            self.ready.push_back(line.to_owned());
        }
        self.partial.clear();
    }

    /// Goes on to the present file when the one that was read became the older one.
    fn reopen_if_another(&mut self) -> io::Result<bool> {
        let Some(present) = open(&log_file::path(&self.folder))? else {
            return Ok(false);
        };
        let identity = |file: &BufReader<File>| -> io::Result<(u64, u64)> {
            let metadata = file.get_ref().metadata()?;
            Ok((metadata.dev(), metadata.ino()))
        };
        if let Some(file) = &self.file
            && identity(file)? == identity(&present)?
        {
            return Ok(false);
        }
        // Lines written between the last read and the change of files.
        while self.read_line()? {}
        self.file = Some(present);
        Ok(true)
    }
}

/// The last line of an agent's log, if there is any.
pub(crate) fn last_line(folder: &Path) -> Option<String> {
    let options = LogOptions {
        tail: Some(1),
        ..LogOptions::default()
    };
    Reader::open(folder, options).ok()?.ready.pop_back()
}

/// Passes lines from a moment on. A line without a moment belongs to the one before it.
#[derive(Debug)]
struct Since {
    moment: Option<i64>,
    passing: bool,
}

impl Since {
    fn passes(&mut self, line: &str) -> bool {
        if let (Some(since), Some(written)) = (self.moment, stamp::parse(line)) {
            self.passing = written >= since;
        }
        self.passing
    }
}

fn open(path: &Path) -> io::Result<Option<BufReader<File>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            log_file::older_path(folder.path()),
            "1970-01-01T00:00:01Z one\nmore of one\n",
        )
        .unwrap();
        fs::write(
            log_file::path(folder.path()),
            "1970-01-01T00:00:02Z two\n1970-01-01T00:00:03Z three\nmore of three",
        )
        .unwrap();
        folder
    }

    #[track_caller]
    fn check(options: LogOptions, expected: &[&str]) {
        let folder = folder();
        let reader = Reader::open(folder.path(), options).unwrap();
        assert_eq!(reader.ready, expected);
    }

    #[test]
    fn tail_and_since_cut_across_both_files() {
        let (one, two) = ("1970-01-01T00:00:01Z one", "1970-01-01T00:00:02Z two");
        let three = ["1970-01-01T00:00:03Z three", "more of three"];
        let all = LogOptions::default();
        check(all, &[one, "more of one", two, three[0], three[1]]);
        check(
            LogOptions {
                tail: Some(4),
                ..all
            },
            &["more of one", two, three[0], three[1]],
        );
        check(
            LogOptions {
                tail: Some(0),
                ..all
            },
            &[],
        );
        check(
            LogOptions {
                since_unix_s: Some(2),
                ..all
            },
            &[two, three[0], three[1]],
        );
        check(
            LogOptions {
                since_unix_s: Some(3),
                ..all
            },
            &three,
        );
        check(
            LogOptions {
                since_unix_s: Some(4),
                ..all
            },
            &[],
        );
    }

    #[tokio::test]
    async fn following_goes_on_across_a_change_of_files() {
        let folder = folder();
        let options = LogOptions {
            tail: Some(1),
            follow: Follow::Yes,
            ..LogOptions::default()
        };
        let mut reader = Reader::open(folder.path(), options).unwrap();
        let mut next = async || reader.next().await.unwrap().unwrap();
        assert_eq!(next().await, "1970-01-01T00:00:03Z three");
        let mut file = log_file::open(folder.path()).unwrap();
        file.write_all(b" and its end\n").unwrap();
        fs::rename(
            log_file::path(folder.path()),
            log_file::older_path(folder.path()),
        )
        .unwrap();
        file.write_all(b"late\n").unwrap();
        log_file::open(folder.path())
            .unwrap()
            .write_all(b"new\n")
            .unwrap();
        assert_eq!(next().await, "more of three and its end");
        assert_eq!(next().await, "late");
        assert_eq!(next().await, "new");
    }
}
