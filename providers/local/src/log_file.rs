//! `agent.log`: what an agent wrote, bounded on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::stamp;

/// When the file is this long it becomes the older one, and the older one before it is dropped.
const FILE_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How long the last lines of an agent that ended may take to arrive. Something that the agent
/// left running may hold the pipe open for ever.
const LAST_LINES_MAX: Duration = Duration::from_secs(1);

/// The present log file of the agent in `folder`.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("agent.log")
}

/// The older log file.
pub(crate) fn older_path(folder: &Path) -> PathBuf {
    folder.join("agent.log.1")
}

/// Opens the log for appending.
pub(crate) fn open(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path(folder))
}

/// The writing end of an agent's log. A thread copies what comes through to the file, so that
/// the file can change under an agent that keeps writing.
#[derive(Debug)]
pub(crate) struct LogPipe {
    writer: PipeWriter,
    ended: oneshot::Receiver<()>,
}

impl LogPipe {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let file = LogFile::open(folder, FILE_BYTES_MAX)?;
        let (reader, writer) = io::pipe()?;
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                copy(reader, file);
                let _ = end.send(());
            })?;
        Ok(Self { writer, ended })
    }

    /// An end of the pipe for the agent to write to.
    pub(crate) fn stdio(&self) -> io::Result<Stdio> {
        self.writer.try_clone().map(Stdio::from)
    }

    /// A line of the supervisor's own.
    pub(crate) fn say(&mut self, text: &str) {
        // There is nobody else to tell that the log does not work.
        let _ = writeln!(self.writer, "{}  INFO supervisor: {text}", stamp::now());
    }

    /// Waits until the last lines are in the file.
    pub(crate) async fn close(self) {
        drop(self.writer);
        let _ = tokio::time::timeout(LAST_LINES_MAX, self.ended).await;
    }
}

fn copy(mut reader: PipeReader, mut file: LogFile) {
    let mut buffer = [0; 16 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            // A full disk costs lines; a full pipe would stop the agent.
            Ok(length) => drop(file.append(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

struct LogFile {
    folder: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl LogFile {
    fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = open(folder)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            folder: folder.to_owned(),
            file,
            bytes,
            bytes_max,
        })
    }

    /// Changes files only after whole lines, unless a line is as long as a file.
    fn append(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.bytes += chunk.len() as u64;
        let at_line_end = chunk.ends_with(b"\n");
        if self.bytes >= self.bytes_max && (at_line_end || self.bytes >= 2 * self.bytes_max) {
            fs::rename(path(&self.folder), older_path(&self.folder))?;
            self.file = open(&self.folder)?;
            self.bytes = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_hold_the_newest_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::open(folder.path(), 20).unwrap();
        for line in 0..10 {
            log.append(format!("line {line:03} ").as_bytes()).unwrap();
            log.append(b"end\n").unwrap();
        }
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(
            read(older_path(folder.path())),
            "line 008 end\nline 009 end\n"
        );
        assert_eq!(read(path(folder.path())), "");
    }

    #[tokio::test]
    async fn what_went_through_the_pipe_is_in_the_file_after_close() {
        let folder = tempfile::tempdir().unwrap();
        let mut pipe = LogPipe::open(folder.path()).unwrap();
        pipe.say("hello");
        pipe.close().await;
        let text = fs::read_to_string(path(folder.path())).unwrap();
        assert!(text.ends_with("  INFO supervisor: hello\n"), "{text}");
        assert!(stamp::parse(&text).is_some(), "{text}");
    }
}
